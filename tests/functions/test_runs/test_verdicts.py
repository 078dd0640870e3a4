"""What an answer of a run on examples is worth: exactly, by field, by rule and by the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from functions import batches
from functions.models import Batch, BatchItem, Function
from functions.test_runs.verdicts import (
    FAILED,
    GONE,
    JUDGING,
    OPEN,
    PASSED,
    UNJUDGED,
    UNSENT,
    WRONG,
    compared,
    results_of,
    totals_of,
)
from opperweb.accounts.models import Project
from tests.functions.examples_running import in_order, make_run
from tests.functions.replaying import bad, good, make_function
from traces.evaluation_models import Evaluation
from traces.models import Span

RIGHT = {"answer": "right"}


@pytest.fixture
def function(project: Project, monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setattr(batches.batch_job, "delay", lambda _: None)
    return make_function(project, model="rehearsal/echo")


@pytest.fixture
def verdicts(function: Function) -> Callable[..., list[str]]:
    def of(examples: list[dict[str, Any]], **values: Any) -> list[str]:
        return [result.verdict for result in in_order(make_run(function, examples, **values))]

    return of


@pytest.mark.parametrize(
    ("expected", "output", "only", "said"),
    [
        ({"a": 1, "b": " x "}, {"b": "x", "a": 1, "c": 3}, (), {"a": True, "b": True}),
        ({"a": 1, "b": 2}, {"a": 1.0}, (), {"a": True, "b": False}),
        ({"a": True}, {"a": 1}, (), {"a": False}),
        ({"a": None}, {}, (), {"a": False}),
        ({"a": {"x": [1, 2]}}, {"a": {"x": [2, 1]}}, (), {"a": False}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ("a",), {"a": True}),
        # Of another schema: none of the fields that count is there, so all are.
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ("z",), {"a": True, "b": False}),
        ({"a": 1}, "no object", (), {"a": False}),
        ("yes", " yes\n", (), {"": True}),
        ({}, {}, (), {"": True}),
        (None, None, (), {"": True}),
    ],
)
def test_each_field_of_the_right_answer_is_looked_at(
    expected: Any, output: Any, only: tuple[str, ...], said: dict[str, bool]
) -> None:
    assert compared(expected, output, only) == said


def test_an_exact_answer_may_have_its_fields_in_another_order_and_no_others(
    function: Function, verdicts: Callable[..., list[str]]
) -> None:
    expected = {"answer": "right", "sure": True}
    answers: list[dict[str, Any]] = [
        {"sure": True, "answer": " right "},
        {**expected, "more": 1},
        {"answer": "right", "sure": 1},
    ]
    examples = [{"expected": expected, "got": good(answer)} for answer in answers]
    assert verdicts(examples) == [PASSED, WRONG, WRONG]
    assert verdicts(examples, checks=["fields"]) == [PASSED, PASSED, WRONG]
    assert verdicts(examples, checks=["fields"], fields=["answer"]) == [PASSED, PASSED, PASSED]


def test_a_call_without_an_answer_fails_and_one_to_come_has_no_verdict(verdicts: Callable[..., list[str]]) -> None:
    examples = [{"got": got} for got in (bad(), "refused", "queued", "running", "cancelled")]
    assert verdicts(examples, checks=["ai"]) == [FAILED, FAILED, OPEN, OPEN, UNSENT]


def test_rules_are_those_of_the_time_it_began_and_see_output_and_input(function: Function) -> None:
    rules = [
        {"kind": "contains", "path": "answer", "text": "right"},
        {"kind": "equals_input", "path": "id", "input_path": "id"},
    ]
    answers = [{"answer": "right", "id": 1}, {"answer": "left", "id": 1}, {"answer": "right", "id": 2}]
    examples = [{"input": {"id": 1}, "expected": answer, "got": good(answer)} for answer in answers]
    results = in_order(make_run(function, examples, checks=["rules"], rules=rules))
    assert [result.verdict for result in results] == [PASSED, WRONG, WRONG]
    assert [[outcome.passed for outcome in result.rules] for result in results] == [
        [True, True], [False, True], [True, False],
    ]  # fmt: skip


def test_the_judge_is_waited_for_unless_another_check_has_said_no(verdicts: Callable[..., list[str]]) -> None:
    right, wrong = good(RIGHT), good({"answer": "wrong"})
    examples = [
        {"got": right, "ai": 90},
        {"got": right, "ai": 20},
        {"got": right, "ai": "queued"},
        {"got": right, "ai": "skipped"},
        {"got": right, "ai": "failed"},
        {"got": right},
        {"got": wrong, "ai": "running"},
    ]
    assert verdicts(examples, checks=["exact", "ai"]) == [PASSED, WRONG, JUDGING, UNJUDGED, UNJUDGED, UNJUDGED, WRONG]
    assert verdicts(examples, checks=["exact"]) == [PASSED] * 6 + [WRONG]


def test_the_newest_judgement_counts_and_repeats_do_not(function: Function) -> None:
    made = make_run(function, [{"got": good(RIGHT), "ai": 20}], checks=["ai"])
    [first] = Evaluation.objects.all()
    facts: dict[str, Any] = {"project": made.project, "span": first.span}
    Evaluation.objects.create(**facts, state="done", score=10, is_correct=False, is_repeat=True)
    Evaluation.objects.create(**facts, state="done", score=95, is_correct=True)
    Evaluation.objects.create(**facts, state="failed", reason="no")
    [result] = results_of(made)
    assert result.judgement is not None
    assert (result.verdict, result.judgement.score) == (PASSED, 95)


def test_what_is_kept_no_longer_is_neither_right_nor_wrong(function: Function) -> None:
    made = make_run(function, [{"got": good(RIGHT)}, {"got": good(RIGHT)}])
    BatchItem.objects.filter(number=0).update(span=None)
    assert [result.verdict for result in in_order(made)] == [GONE, PASSED]
    Batch.objects.all().delete()
    made.refresh_from_db()
    assert [result.verdict for result in in_order(made)] == [UNSENT, UNSENT]


def test_a_long_answer_is_compared_to_its_last_letter(function: Function, verdicts: Callable[..., list[str]]) -> None:
    long = {"answer": "x" * 30_000}
    examples = [
        {"expected": long, "got": good(long)},
        {"expected": long, "got": good({"answer": "x" * 29_999 + "y"})},
    ]
    assert verdicts(examples, checks=["exact", "fields"]) == [PASSED, WRONG]


def test_failures_come_first_and_totals_count_every_verdict(function: Function) -> None:
    expected = {"answer": "right", "sure": True}
    rules = [{"kind": "contains", "path": "answer", "text": "right"}]
    examples: list[dict[str, Any]] = [
        {"expected": expected, "got": good(expected), "ai": 90},
        {"expected": expected, "got": good({"answer": "wrong", "sure": True}), "ai": 30},
        {"got": "queued"},
        {"got": bad()},
    ]
    made = make_run(function, examples, checks=["fields"], rules=rules)
    results = results_of(made)
    assert [result.number for result in results] == [3, 1, 2, 0]
    totals = totals_of(made, results)
    assert (totals.passed, totals.judged, totals.is_over) == (1, 3, False)
    assert (totals.exact, totals.answered) == (1, 2)
    assert totals.fields == {"answer": (2, 1), "sure": (2, 2)}
    assert list(totals.rules.values()) == [(2, 1)]
    assert (sorted(totals.scores), totals.good, totals.rated) == ([30, 90], 1, 2)


def test_many_examples_are_read_in_as_many_queries_as_few(function: Function) -> None:
    def asked(count: int) -> int:
        made = make_run(function, [{"got": good(RIGHT), "ai": 90}] * count, checks=["exact", "ai"])
        with CaptureQueriesContext(connection) as queries:
            assert len(results_of(made)) == count
        return len(queries)

    assert asked(2) == asked(9) <= 4
    assert Span.objects.count() == 11
