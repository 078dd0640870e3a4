"""Sample traces to look at before one has any of one's own, marked as samples and removable in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from functions.kept import keep_result
from functions.models import Completion, Function, Revision
from functions.models.function import digest_of
from functions.providers.chat import Usage
from functions.task import AttemptRecord, Result
from opperweb import json
from opperweb.accounts.models import Project
from traces import recording
from traces.analytics import marks
from traces.models import Kind, Span, Status, Trace

PRICE = {"source": "sample", "input": "0.15", "cached": "0.075", "output": "0.60", "per": "1M tokens"}
INSTRUCTIONS = "Given the list of bullet-point facts, answer the question."
PATTERN = r"^The answer to the question is [A-Za-z0-9\s]+$"
OUTPUT_SCHEMA = {
    "title": "KBQueryOutput",
    "type": "object",
    "properties": {
        "thoughts": {"type": "string", "description": "Elaborate step-by-step reasoning"},
        "answer": {"type": "string", "description": "Concise answer to the question", "pattern": PATTERN},
    },
    "required": ["thoughts", "answer"],
}
FACTS = [
    "Jupiter is the largest planet in the Solar System.",
    "The Great Red Spot is a giant storm on Jupiter.",
    "Saturn possesses the most extensive ring system in the Solar System.",
]
QUESTIONS = {
    "Which planet hosts the Great Red Spot?": "Jupiter",
    "Which planet has the largest ring system?": "Saturn",
    "What is the name of Earth's moon?": "unknown",
}


@dataclass
class Clock:
    """The moment that the samples have reached."""

    now: datetime

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@transaction.atomic
def load(project: Project) -> int:
    """Load the samples into a project and return how many traces that are; what is there already is replaced."""
    remove(project)
    function = Function.objects.create(project=project, name="sample_kb_query", is_sample=True)
    values = {
        "instructions": INSTRUCTIONS,
        "input_schema": None,
        "output_schema": OUTPUT_SCHEMA,
        "model": ["openai/gpt-4.1-nano", "openai/gpt-4o-mini"],
        "configuration": {},
    }
    revision = Revision.objects.create(function=function, number=1, digest=digest_of(values), **values)
    clock = Clock(timezone.now() - timedelta(minutes=30))
    roots = [_call(project, revision, clock, question, answer) for question, answer in QUESTIONS.items()]
    roots += [_failed(project, revision, clock), _agent(project, revision, clock)]
    return Trace.objects.filter(pk__in=[root.trace_id for root in roots]).update(is_sample=True)


@transaction.atomic
def remove(project: Project) -> int:
    """Remove the samples of a project and return how many traces that were."""
    traces = Trace.objects.filter(project=project, is_sample=True)
    count = traces.count()
    marks.mark_spans(Span.objects.filter(trace__in=traces))
    traces.delete()
    Function.objects.filter(project=project, is_sample=True).delete()
    return count


def _agent(project: Project, revision: Revision, clock: Clock) -> Span:
    question = "Which planet hosts the Great Red Spot, and how long have we watched it?"
    root = recording.start(
        project, "planet_guide_agent", started_at=clock.forward(120), kind=Kind.AGENT, body={"input": question},
        tags={"env": "production", "user": "company_123"},
    )  # fmt: skip
    _step(project, "load_session", root, clock, 0.03, Kind.TOOL, output="session s_81f0")
    gather = recording.start(project, "gather_facts", parent_id=root.id, started_at=clock.now, kind=Kind.AGENT)
    _step(project, "knowledge.query", gather, clock, 0.18, Kind.RETRIEVAL, input="Great Red Spot", output=FACTS[:2])
    _step(project, "web_search", gather, clock, 2.0, Kind.TOOL, input="storms on Jupiter", error="timed out after 2 s")
    _step(project, "web_search", gather, clock, 0.74, Kind.TOOL, input="storms on Jupiter", output="12 results")
    _end(gather, clock, output="3 facts")
    _call(project, revision, clock, question, "Jupiter", parent=root, slips=1)
    _end(root, clock, output="The Great Red Spot is on Jupiter. It has been observed since 1831.")
    return root


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


def _call(
    project: Project,
    revision: Revision,
    clock: Clock,
    question: str,
    answer: str,
    *,
    parent: Span | None = None,
    slips: int = 0,
) -> Span:
    span = _open(project, revision, clock, question, parent)
    thoughts = f"The facts were read one by one to find what they say about the question. The answer is {answer}."
    attempts = []
    for number in range(1, slips + 1):
        wrong = {"thoughts": thoughts, "answer": answer}
        attempts.append(_attempt(number, "openai/gpt-4.1-nano", clock, question, wrong, is_right=False))
    right = {"thoughts": thoughts, "answer": f"The answer to the question is {answer}"}
    model = "openai/gpt-4o-mini" if slips else "openai/gpt-4.1-nano"
    attempts.append(_attempt(slips + 1, model, clock, question, right, is_right=True))
    keep_result(span.key, Result(value=right, attempts=tuple(attempts)))
    return recording.change(span, ended_at=clock.now)


def _failed(project: Project, revision: Revision, clock: Clock) -> Span:
    span = _open(project, revision, clock, "Is it safe to look at the Sun?", None)
    message = "openai/gpt-4.1-nano: HTTP 429: rate limited"
    recording.change(
        span, status=Status.ERROR, ended_at=clock.forward(0.4), error_kind="rate_limit", error_message=message,
        body={"error": message},
    )  # fmt: skip
    Completion.objects.filter(pk=span.pk).update(state=Completion.State.FAILED)
    return span


def _open(project: Project, revision: Revision, clock: Clock, question: str, parent: Span | None) -> Span:
    span = recording.start(
        project,
        revision.function.name,
        parent_id=parent.id if parent else None,
        started_at=clock.forward(0.1 if parent else 60),
        kind=Kind.LLM,
        type="generation",
        tags={"env": "production"},
        requested_model="openai/gpt-4.1-nano",
        model="openai/gpt-4.1-nano",
        provider="openai",
        function_name=revision.function.name,
        revision_number=revision.number,
        body={
            "input": {"facts": FACTS, "question": question},
            "instructions": INSTRUCTIONS,
            "output_schema": OUTPUT_SCHEMA,
            "request": {"model": revision.model, "configuration": {}, "examples": []},
        },
    )
    Completion.objects.create(
        span=span, project=project, function=revision.function, revision=revision, state=Completion.State.RUNNING
    )
    return span


def _attempt(
    number: int, model: str, clock: Clock, question: str, answer: dict[str, str], *, is_right: bool
) -> AttemptRecord:
    started_at = clock.now
    clock.forward(0.92)
    text = json.dumps(answer)
    asked = json.dumps({"facts": FACTS, "question": question})
    said = (("system", INSTRUCTIONS, "instructions"), ("user", asked, "input"))
    messages = [{"role": role, "parts": [{"type": "text", "text": words}], "note": note} for role, words, note in said]
    name = model.partition("/")[2]
    request = {"model": name, "messages": [{"role": role, "content": words} for role, words, _ in said]}
    reply = {"model": name, "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    problem = {"path": "answer", "rule": "pattern", "message": f"must match {PATTERN}", "value": answer["answer"]}
    return AttemptRecord(
        number=number,
        outcome="accepted" if is_right else "rejected",
        requested_model=model,
        provider="openai",
        started_at=started_at,
        model=name,
        strategy="native",
        error_kind="" if is_right else "schema",
        error_message="" if is_right else f"answer must match {PATTERN}",
        http_status=200,
        finish_reason="stop",
        queue_ms=4,
        first_byte_ms=440,
        duration_ms=920,
        usage=Usage(412, 128, None, 96, None),
        cost_usd=Decimal("0.0001098"),
        price=PRICE,
        problems=[] if is_right else [problem],
        messages=messages,
        url="https://api.openai.com/v1/chat/completions",
        request_body=json.dumps(request),
        response_body=json.dumps(reply),
    )
