"""Functions, calls and replays made for tests: calls straight in the database, replays worked off on the spot."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from functions import batches, drafts, revising
from functions.models import (
    Batch,
    BatchInput,
    BatchItem,
    Completion,
    Draft,
    Function,
    Replay,
    ReplayItem,
    Revision,
)
from functions.replays import running as replays
from functions.trials.inputs import Plan, estimate, find
from opperweb import loop
from opperweb.accounts.models import Project, User
from tests.traces.factories import make_call
from traces.models import Origin, Span, Status
from traces.preview import preview

ANSWER = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
VALUES: dict[str, Any] = {
    "instructions": "Answer.",
    "input_schema": None,
    "output_schema": ANSWER,
    "model": "fake/echo",
    "configuration": {},
}
_minutes = itertools.count(1)


def make_function(project: Project, name: str = "facts", **values: Any) -> Function:
    return revising.create(project, name, {**VALUES, **values})


def revision_of(function: Function, number: int = 1) -> Revision:
    return function.revisions.get(number=number)


def make_draft(function: Function, author: User, **changes: Any) -> Draft:
    base = function.revisions.order_by("-number").first()
    assert base is not None
    return Draft.objects.create(
        function=function, author=author, base=base, definition={**drafts.definition_of(base), **changes}
    )


def recorded(function: Function, given: Any, output: Any = None, **values: Any) -> Span:
    """Make a call that was recorded, each a minute later than the one before."""
    revision: Revision = values.pop("revision", None) or function.revisions.latest("number")
    started_at = timezone.now() - timedelta(days=1) + timedelta(minutes=next(_minutes))
    values = {
        "status": Status.OK, "model": "fake/echo", "input_tokens": 100, "output_tokens": 10,
        "function_name": function.name, "revision_number": revision.number, "started_at": started_at, **values,
    }  # fmt: skip
    span = make_call(function.project, function.name, input=given, output=output, **values).spans.get()
    state = Completion.State.FAILED if values["status"] == Status.ERROR else Completion.State.DONE
    Completion.objects.create(
        span=span,
        project=function.project,
        function=function,
        revision=revision,
        state=state,
        created_at=started_at,
    )
    return span


def plan_of(function: Function, **values: Any) -> Plan:
    """Return the plan to try the newest revision on what it was asked itself."""
    newest = function.revisions.order_by("-number").first()
    assert newest is not None
    values = {"before": newest, "after": drafts.definition_of(newest), "after_revision": newest, **values}
    return Plan(function=function, **values)


def begin(plan: Plan, user: User | None = None) -> Replay:
    found = find(plan)
    return replays.create(plan, found, estimate(plan, found), user=user)


def work_off(batch_id: uuid.UUID | str | None) -> None:
    loop.run(batches.work_off(uuid.UUID(str(batch_id))))


def run(plan: Plan, user: User | None = None) -> Replay:
    """Begin a replay and do all of it."""
    replay = begin(plan, user)
    for batch_id in (replay.before_batch_id, replay.after_batch_id):
        if batch_id is not None:
            work_off(batch_id)
    return Replay.objects.get(pk=replay.pk)


# --- replays that have run, straight in the database ------------------------------------------------------------------


def make_replay(function: Function, pairs: list[dict[str, Any]], *, user: User | None = None, **values: Any) -> Replay:
    """Make a replay of pairs: `{"input": …, "before": {…}, "after": {…}}`; a side has the values of a span.

    `after` may be the state of an input that has no call: queued, running, refused, cancelled. With `expected` the
    pair is one of an example, and both sides have run.
    """
    revision = function.revisions.order_by("-number").first()
    assert revision is not None
    is_dataset = any("expected" in pair for pair in pairs)
    inputs = [pair.get("input", f"question {number}") for number, pair in enumerate(pairs)]

    def side(name: str) -> Batch:
        made = [(given, pair[name]) for given, pair in zip(inputs, pairs, strict=True)]
        return make_batch(revision, made, Origin.REPLAY)

    after = side("after")
    replay = Replay.objects.create(
        project=function.project,
        function=function,
        source=Replay.Source.DATASET if is_dataset else Replay.Source.RECENT,
        after_batch=after,
        before_batch=side("before") if is_dataset else None,
        total_count=len(pairs),
        created_by=user,
        **{
            "before_revision": revision,
            "before_definition": drafts.definition_of(revision),
            "after_revision": revision,
            "after_definition": {**drafts.definition_of(revision), "instructions": "Answer better."},
            "is_draft": True,
            **values,
        },
    )
    for number, (given, pair) in enumerate(zip(inputs, pairs, strict=True)):
        before = pair.get("before")
        ReplayItem.objects.create(
            replay=replay,
            number=number,
            input_preview=preview(given),
            recorded=None if is_dataset or before is None else recorded(function, given, **before),
            example_id=uuid.uuid4() if is_dataset else None,
            expected=pair.get("expected"),
        )
    return replay


def make_batch(revision: Revision, inputs: list[tuple[Any, Any]], origin: Origin) -> Batch:
    """Make a batch of inputs and what came of each: the values of a span, or the state of one that has no call."""
    function, states = revision.function, [_state(made) for _, made in inputs]
    is_over = not {"queued", "running"} & set(states)
    batch = Batch.objects.create(
        project=function.project,
        function=function,
        revision=revision,
        name=function.name,
        origin=origin,
        state=Batch.State.DONE if is_over else Batch.State.RUNNING,
        total_count=len(inputs),
        done_count=states.count("done"),
        failed_count=states.count("failed"),
        started_at=timezone.now() - timedelta(seconds=20),
        ended_at=timezone.now() if is_over else None,
        cost_usd=Decimal("0.0142"),
    )
    for number, ((given, made), state) in enumerate(zip(inputs, states, strict=True)):
        span = None
        if isinstance(made, dict):
            span = recorded(function, given, **{"revision": revision, **made, "origin": origin})
        error = span.error_message if span is not None else "the input does not fit" if state == "refused" else ""
        item = BatchItem.objects.create(batch=batch, number=number, state=state, span=span, error_message=error)
        BatchInput.objects.create(item=item, input=given)
    return batch


def _state(made: Any) -> str:
    if isinstance(made, str):
        return made
    return "failed" if made.get("status") == Status.ERROR else "done"


def good(text: Any, score: int | None = None, **values: Any) -> dict[str, Any]:
    """Return a side that was answered."""
    output = {"answer": text} if isinstance(text, str) else text
    return {"output": output, "score": score, "cost_usd": Decimal("0.00012"), **values}


def bad(error: str = "No valid output after 2 attempts") -> dict[str, Any]:
    """Return a side that failed."""
    return {"status": Status.ERROR, "error_message": error, "cost_usd": Decimal("0.00027")}
