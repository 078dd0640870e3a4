"""The sample trace of an agent: steps within steps, a tool that was tried again, a call that was repaired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.kept import keep_result
from functions.models import Completion, Revision
from functions.samples.calls import Call, Step, result_of, span_values
from functions.samples.planets import GIANTS, MINI, NANO, WATCHED
from opperweb.accounts.models import Project
from traces import recording
from traces.models import Kind, Span, Status, Trace

AGE = timedelta(minutes=5)
TAGS = {"env": "production", "user": "company_123"}


@dataclass
class Clock:
    """The moment that the trace has reached."""

    now: datetime

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def record(project: Project, revision: Revision, now: datetime) -> None:
    """Write the trace, in which a revision with a pattern is called."""
    clock = Clock(now - AGE)
    root = recording.start(
        project, "planet_guide_agent", started_at=clock.now, kind=Kind.AGENT, body={"input": WATCHED.text}, tags=TAGS
    )
    _step(project, "load_session", root, clock, 0.03, Kind.TOOL, output="session s_81f0")
    gather = recording.start(project, "gather_facts", parent_id=root.id, started_at=clock.now, kind=Kind.AGENT)
    found = [*GIANTS[:2]]
    _step(project, "knowledge.query", gather, clock, 0.18, Kind.RETRIEVAL, input="Great Red Spot", output=found)
    _step(project, "web_search", gather, clock, 2.0, Kind.TOOL, input="storms on Jupiter", error="timed out after 2 s")
    _step(project, "web_search", gather, clock, 0.74, Kind.TOOL, input="storms on Jupiter", output="12 results")
    _end(gather, clock, output="3 facts")
    _call(project, revision, root, clock)
    _end(root, clock, output="The Great Red Spot is on Jupiter. It has been observed since 1831.")
    Trace.objects.filter(pk=root.trace_id).update(is_sample=True)


def _step(project: Project, name: str, parent: Span, clock: Clock, seconds: float, kind: str, **texts: Any) -> None:
    span = recording.start(
        project, name, parent_id=parent.id, started_at=clock.now, kind=kind, body={"input": texts.get("input")}
    )
    clock.forward(seconds)
    _end(span, clock, output=texts.get("output"), error=texts.get("error", ""))


def _end(span: Span, clock: Clock, *, output: Any = None, error: str = "") -> None:
    status = Status.ERROR if error else Status.OK
    body = {"output": output, **({"error": error} if error else {})}
    recording.change(span, status=status, ended_at=clock.now, error_message=error, body=body)


def _call(project: Project, revision: Revision, parent: Span, clock: Clock) -> None:
    steps = (Step(NANO, "rejected", WATCHED.output(is_sentence=False)), Step(MINI, output=WATCHED.output()))
    call = Call(revision, clock.forward(0.1), WATCHED.input, steps, {"env": "production"})
    span = recording.start(
        project, revision.function.name, parent_id=parent.id, started_at=clock.now, **span_values(call)
    )
    Completion.objects.create(
        span=span,
        project=project,
        function=revision.function,
        revision=revision,
        state=Completion.State.RUNNING,
        created_at=call.started_at,
    )
    keep_result(span.key, result_of(call))
    clock.now = call.ended_at
    recording.change(span, ended_at=clock.now)
