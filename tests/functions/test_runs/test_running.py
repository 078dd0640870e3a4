"""A run on examples from its first call to its last verdict: what is run, shown, judged, kept and left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from functions import batches, definitions, revising
from functions.evaluations import judge
from functions.examples import dataset
from functions.figures import ProjectFigures, last_hours
from functions.models import BatchItem, DatasetExample, EvaluationPolicy, Function, TestItem, TestRun
from functions.models.function import definitions_changed
from functions.test_runs import running as test_runs
from functions.test_runs.verdicts import FAILED, PASSED, WRONG, results_of, totals_of
from functions.trials.running import NothingToRun
from opperweb.accounts.models import Project, User
from tests.functions.evaluations.test_judge import VERDICT
from tests.functions.examples_running import begin, in_order, make_run, run
from tests.functions.replaying import VALUES, bad, good, make_draft, make_function, recorded, revision_of, work_off
from traces.models import Origin, Span

pytestmark = pytest.mark.django_db(transaction=True)
RIGHT = {"answer": "right"}


@pytest.fixture
def function(project: Project, use_upstream: Callable[[], None], sent: list[str]) -> Function:
    use_upstream()
    return make_function(project)


def add(function: Function, *pairs: tuple[Any, str], **values: Any) -> None:
    for given, answer in pairs:
        dataset.add(function, {"input": given, "output": {"answer": answer}, **values})


def settled(made: TestRun) -> TestRun:
    test_runs.settle(made, totals_of(made, results_of(made)))
    return TestRun.objects.select_related("batch").get(pk=made.pk)


# --- running ----------------------------------------------------------------------------------------------------------


def test_every_example_is_asked_and_held_against_its_right_answer(
    function: Function, upstream: Any, alice: User, sent: list[str]
) -> None:
    add(function, ("one", "1"), ("two", "2"))
    dataset.add(function, {"input": "three", "output": {"answer": "?"}, "expected": {"answer": "3"}})
    upstream.script("echo", {"answer": "3"}, {"answer": "two"}, {"answer": "1"})
    made = run(function, "exact", at_once=1, threshold=60, user=alice)
    assert sent == [str(made.batch_id)]
    assert [(result.input, result.expected, result.verdict) for result in in_order(made)] == [
        ("three", {"answer": "3"}, PASSED),
        ("two", {"answer": "2"}, WRONG),
        ("one", {"answer": "1"}, PASSED),
    ]
    made = settled(made)
    assert (made.passed_count, made.judged_count, made.percent, made.is_enough) == (2, 3, 66, True)
    assert (made.created_by, made.revision, made.example_count) == (alice, revision_of(function), 3)


def test_the_example_under_test_is_not_in_its_own_prompt(function: Function, upstream: Any) -> None:
    for word in ("red", "green", "blue", "grey"):
        add(function, (f"the colour {word}", f"secret {word}"))
    run(function, at_once=1)
    prompts = [request.body.decode() for request in upstream.requests]
    assert len(prompts) == 4
    for prompt, own in zip(prompts, ("grey", "blue", "green", "red"), strict=True):
        assert f"secret {own}" not in prompt
        assert sum(f"secret {word}" in prompt for word in ("red", "green", "blue", "grey")) == 3
    assert DatasetExample.objects.count() == 4


def test_an_older_revision_and_a_draft_are_run_as_they_are(function: Function, upstream: Any, alice: User) -> None:
    add(function, ("one", "1"))
    revising.save(function, {"instructions": "Second."})
    first = revision_of(function)
    old = run(function, after_revision=first, after=VALUES)
    draft = make_draft(function, alice, instructions="Of the draft.")
    tried = run(function, after=draft.definition, is_draft=True)
    prompts = [request.body.decode() for request in upstream.requests]
    assert "Answer." in prompts[0]
    assert "Second." not in prompts[0]
    assert "Of the draft." in prompts[1]
    assert (old.revision, old.is_draft, tried.is_draft) == (first, False, True)
    assert function.revisions.count() == 2


def test_the_spans_are_marked_and_no_live_figure_counts_them(function: Function, project: Project) -> None:
    add(function, ("one", "1"))
    recorded(function, "live", started_at=timezone.now())

    def counted() -> int:
        return int(ProjectFigures(project, last_hours(24, timezone.now())).totals["facts"].calls)

    assert counted() == 1
    made = run(function)
    span = Span.objects.get(origin=Origin.TEST)
    assert (span.tags, span.revision_number) == ({"test": str(made.pk)}, 1)
    assert counted() == 1


def test_a_kept_answer_is_no_answer_of_a_run(function: Function, upstream: Any) -> None:
    revising.save(function, {"configuration": {"invocation.cache.ttl": 3600}})
    add(function, ("one", "1"))
    run(function)
    run(function)
    assert len(upstream.requests) == 2


def test_a_call_that_fails_is_a_failed_example(function: Function) -> None:
    revising.save(function, {"model": "fake/fail-400"})
    add(function, ("one", "1"))
    [result] = results_of(run(function))
    assert result.verdict == FAILED
    assert result.side.error


def test_a_changed_or_deleted_example_leaves_a_run_as_it_was(function: Function) -> None:
    add(function, ("one", "1"))
    made = begin(function)
    DatasetExample.objects.all().delete()
    work_off(made.batch_id)
    [result] = results_of(made)
    assert (result.input, result.expected) == ("one", {"answer": "1"})


def test_without_examples_that_fit_there_is_nothing_to_run(function: Function) -> None:
    dataset.add(function, {"input": "misfit", "output": "no object"})
    with pytest.raises(NothingToRun):
        begin(function)
    assert not TestRun.objects.exists()


def test_one_that_is_cancelled_keeps_what_is_done_and_proves_nothing(function: Function) -> None:
    add(function, ("one", "1"), ("two", "2"))
    made = begin(function, threshold=1)
    assert test_runs.cancel(made) == 2
    made = settled(TestRun.objects.select_related("batch").get(pk=made.pk))
    assert (made.is_settled, made.judged_count, made.percent, made.is_enough) == (True, 0, None, None)
    assert TestItem.objects.filter(run=made).count() == 2


# --- judged -----------------------------------------------------------------------------------------------------------


def test_the_judge_looks_at_every_answer_whatever_the_sample(function: Function, upstream: Any, settings: Any) -> None:
    settings.EVALUATION_MODEL = "fake/judge"
    EvaluationPolicy.objects.create(
        function=function,
        sampling="one_in",
        one_in=1_000_000,
        rules=[{"kind": "contains", "path": "answer", "text": "right"}, {"kind": "present", "path": "x", "on": False}],
    )
    definitions_changed(function.project)
    definitions.forget()
    add(function, ("one", "right"), ("two", "right"))
    upstream.script("echo", RIGHT, RIGHT)
    upstream.script("judge", VERDICT, {**VERDICT, "correct": False, "score": 30})
    made = run(function, "exact", "rules", "ai", at_once=1)
    assert len(made.rules) == 1
    assert {result.verdict for result in results_of(made)} == {"judging"}
    assert not settled(made).is_settled
    async_to_sync(judge.work_off)()
    assert sorted(result.verdict for result in results_of(made)) == [PASSED, WRONG]
    made = settled(made)
    assert (made.is_settled, made.percent) == (True, 50)


# --- kept -------------------------------------------------------------------------------------------------------------


def test_as_many_as_must_pass_is_enough_and_a_hair_less_is_not(function: Function) -> None:
    examples = [{"got": good(RIGHT)}] * 53 + [{"got": bad()}] * 3
    made = settled(make_run(function, examples, threshold=95))
    # 94.6 %
    assert (made.percent, made.is_enough) == (94, False)
    TestRun.objects.update(threshold=94)
    made.refresh_from_db()
    assert made.is_enough is True


def test_inputs_that_are_run_again_take_the_verdict_back(function: Function) -> None:
    made = settled(make_run(function, [{"got": good(RIGHT)}, {"got": bad()}], threshold=60))
    assert made.is_enough is False
    assert made.batch is not None
    batches.run_again(made.batch)
    made = TestRun.objects.select_related("batch").get(pk=made.pk)
    assert (made.is_settled, made.percent, made.is_enough) == (False, None, None)


def test_counts_outlive_the_calls(function: Function) -> None:
    made = settled(make_run(function, [{"got": good(RIGHT)}, {"got": bad()}]))
    BatchItem.objects.update(span=None)
    made = settled(made)
    assert (made.passed_count, made.judged_count) == (1, 2)


def test_the_newest_run_of_each_revision_is_found_and_settled(function: Function) -> None:
    first = revision_of(function)
    make_run(function, [{"got": bad()}])
    newest = make_run(function, [{"got": good(RIGHT)}], threshold=90)
    make_run(function, [{"got": bad()}], is_draft=True)
    revising.save(function, {"instructions": "Second."})
    second = revision_of(function, 2)
    found = test_runs.newest_runs(function, [first, second])
    assert list(found) == [1]
    assert (found[1], found[1].percent, found[1].is_enough) == (newest, 100, True)
