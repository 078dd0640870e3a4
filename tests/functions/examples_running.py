"""Runs on examples made for tests: begun and worked off on the spot, or straight in the database."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from functions import replays, test_runs
from functions.models import Batch, BatchInput, BatchItem, Function, Replay, TestItem, TestRun
from functions.replay_inputs import find
from functions.test_runs import Measure
from functions.test_verdicts import Result, results_of
from opperweb.accounts.models import User
from tests.functions.replaying import plan_of, recorded, work_off
from traces.evaluation_models import Evaluation
from traces.models import Origin, Status
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
    states = [_state(example["got"]) for example in examples]
    is_over = not {"queued", "running"} & set(states)
    batch = Batch.objects.create(
        project=function.project,
        function=function,
        revision=revision,
        name=function.name,
        origin=Origin.TEST,
        state=Batch.State.DONE if is_over else Batch.State.RUNNING,
        total_count=len(examples),
        done_count=states.count("done"),
        failed_count=states.count("failed"),
        started_at=timezone.now() - timedelta(seconds=20),
        ended_at=timezone.now() if is_over else None,
        cost_usd=Decimal("0.0142"),
    )
    made = TestRun.objects.create(
        project=function.project,
        function=function,
        revision=revision,
        definition=replays.fields_of(revision),
        batch=batch,
        example_count=len(examples),
        **{"checks": ["exact"], **values},
    )
    for number, (example, state) in enumerate(zip(examples, states, strict=True)):
        _add(made, revision, number, example, state)
    return made


def _add(made: TestRun, revision: Any, number: int, example: dict[str, Any], state: str) -> None:
    assert made.batch is not None
    got, given = example["got"], example.get("input", f"question {number}")
    span = None
    if isinstance(got, dict):
        values = {**got, "origin": Origin.TEST, "revision": revision}
        span = recorded(made.function, given, **values)
    error = span.error_message if span is not None else "the input does not fit" if state == "refused" else ""
    item = BatchItem.objects.create(batch=made.batch, number=number, state=state, span=span, error_message=error)
    BatchInput.objects.create(item=item, input=given)
    expected = example.get("expected", {"answer": "right"})
    TestItem.objects.create(
        run=made, number=number, example_id=uuid.uuid4(), input_preview=preview(given), expected=expected
    )
    ai = example.get("ai")
    if span is not None and ai is not None:
        facts = {"state": ai} if isinstance(ai, str) else {"state": "done", "score": ai, "is_correct": ai >= 50}
        Evaluation.objects.create(project=made.project, span=span, **facts)


def _state(got: Any) -> str:
    if isinstance(got, str):
        return got
    return "failed" if got.get("status") == Status.ERROR else "done"
