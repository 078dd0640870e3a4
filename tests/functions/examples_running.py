"""Runs on examples made for tests: begun and worked off on the spot, or straight in the database."""

from __future__ import annotations

import uuid
from typing import Any

from functions import drafts
from functions.models import BatchItem, Function, Replay, TestItem, TestRun
from functions.test_runs import running as test_runs
from functions.test_runs.running import Measure
from functions.test_runs.verdicts import Result, results_of
from functions.trials.inputs import find
from opperweb.accounts.models import User
from tests.functions.replaying import make_batch, plan_of, work_off
from traces.evaluation_models import Evaluation
from traces.models import Origin
from traces.preview import preview


def begin(function: Function, *checks: str, user: User | None = None, **values: Any) -> TestRun:
    """Begin a run of the newest revision, or of `after`, judged by these checks."""
    measure = Measure(checks or ("exact",), values.pop("fields", ()), values.pop("threshold", None))
    plan = plan_of(function, source=Replay.Source.DATASET, **values)
    return test_runs.start(plan, find(plan), measure, user=user)


def run(function: Function, *checks: str, **values: Any) -> TestRun:
    """Begin a run and do all of it."""
    begun = begin(function, *checks, **values)
    work_off(begun.batch_id)
    return TestRun.objects.select_related("batch").get(pk=begun.pk)


def in_order(run: TestRun) -> list[Result]:
    return sorted(results_of(run), key=lambda result: result.number)


def make_run(function: Function, examples: list[dict[str, Any]], **values: Any) -> TestRun:
    """Make a run of examples: `{"input": …, "expected": …, "got": …}`; `got` may be what `good` and `bad` return.

    `got` may also be the state of an example that has no call: queued, running, refused, cancelled. `ai` is the state
    of its evaluation, or its score.
    """
    revision = values.pop("revision", None) or function.revisions.latest("number")
    inputs = [example.get("input", f"question {number}") for number, example in enumerate(examples)]
    got = [(given, example["got"]) for given, example in zip(inputs, examples, strict=True)]
    batch = make_batch(revision, got, Origin.TEST)
    made = TestRun.objects.create(
        project=function.project,
        function=function,
        revision=revision,
        definition=drafts.definition_of(revision),
        batch=batch,
        example_count=len(examples),
        **{"checks": ["exact"], **values},
    )
    items = batch.items.select_related("span").order_by("number")
    for item, given, example in zip(items, inputs, examples, strict=True):
        _add(made, item, given, example)
    return made


def _add(made: TestRun, item: BatchItem, given: Any, example: dict[str, Any]) -> None:
    expected = example.get("expected", {"answer": "right"})
    TestItem.objects.create(
        run=made, number=item.number, example_id=uuid.uuid4(), input_preview=preview(given), expected=expected
    )
    ai = example.get("ai")
    if item.span is not None and ai is not None:
        facts = {"state": ai} if isinstance(ai, str) else {"state": "done", "score": ai, "is_correct": ai >= 50}
        Evaluation.objects.create(project=made.project, span=item.span, **facts)
