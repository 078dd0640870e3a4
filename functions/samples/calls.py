"""Calls that never were: what each would have left in the database, put together in memory and written all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from functions import kept
from functions.completions.cost import Price
from functions.models import Completion, Function, Revision
from functions.prompts.builder import messages_for, with_repair
from functions.providers.chat import Message, Usage
from functions.schemas.validator import Validator
from functions.task import AttemptRecord, CompletionError, Example, Result, Task
from opperweb import json
from opperweb.accounts.models import Project
from traces import drafts
from traces.drafts import Draft
from traces.models import Attempt, AttemptBody, Kind, Span

URL = "https://api.openai.com/v1/chat/completions"
# US dollars per million tokens.
FIGURES = {
    "gpt-4.1-nano": {"input": Decimal("0.10"), "cached": Decimal("0.025"), "output": Decimal("0.40")},
    "gpt-4o-mini": {"input": Decimal("0.15"), "cached": Decimal("0.075"), "output": Decimal("0.60")},
}
LETTERS_A_TOKEN = 4

# What comes of a request: an answer, one that does not fit, none because of the provider.
Outcome = Literal["accepted", "rejected", "rate_limit", "overloaded"]
WORDS = {
    "rate_limit": (429, "HTTP 429: Rate limit reached for requests"),
    "overloaded": (503, "HTTP 503: The server is overloaded"),
}


@dataclass(frozen=True)
class Step:
    """One request to a model and what comes of it."""

    model: str
    outcome: Outcome = "accepted"
    output: Any = None
    seconds: float = 0.9


@dataclass(frozen=True)
class Call:
    """One call: of which revision, when, with what, and the requests that it takes."""

    revision: Revision
    started_at: datetime
    input: Any
    steps: Sequence[Step]
    tags: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    # How the examples were found, as it is told to the trace.
    few_shot: Mapping[str, Any] | None = None

    @property
    def function(self) -> Function:
        return self.revision.function

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=sum(step.seconds for step in self.steps))

    @property
    def is_failed(self) -> bool:
        return self.steps[-1].outcome != "accepted"

    @property
    def output(self) -> Any:
        return None if self.is_failed else self.steps[-1].output


def write(project: Project, calls: Sequence[Call]) -> list[Span]:
    """Write calls, each a trace of its own that is marked as a sample, and return their spans; in a transaction."""
    results = [result_of(call) for call in calls]
    drafted = [_draft(project, call, result) for call, result in zip(calls, results, strict=True)]
    drafts.insert(drafted)
    spans = [each.span for each in drafted]
    drafts.insert_rows([_completion(project, *pair) for pair in zip(calls, spans, strict=True)])
    rows = [
        kept.attempt_rows(span.pk, record)
        for span, result in zip(spans, results, strict=True)
        for record in result.attempts
    ]
    attempts: list[Attempt] = [attempt for attempt, _ in rows]
    bodies: list[AttemptBody] = [body for _, body in rows]
    drafts.insert_rows(attempts)
    drafts.insert_rows(bodies)
    return spans


def result_of(call: Call) -> Result:
    """Return what the engine would have handed over at the end of the call."""
    attempts = tuple(_attempts(call))
    if not call.is_failed:
        return Result(value=call.output, attempts=attempts)
    last = attempts[-1]
    if last.outcome == "rejected":
        error = CompletionError(
            400, "StructuredGenerationError", "No answer fitted the schema", last.error_message, "schema"
        )
    else:
        reason = f"{last.requested_model}: {last.error_message}"
        error = CompletionError(502, "ProviderError", "Every model failed", reason, last.error_kind)
    return Result(attempts=attempts, error=error)


def span_values(call: Call) -> dict[str, Any]:
    """Return what the span of a call is begun with."""
    revision, first = call.revision, call.steps[0].model
    request: dict[str, Any] = {
        "model": revision.model,
        "configuration": revision.configuration,
        "examples": [example.as_dict() for example in call.examples],
    }
    if call.few_shot is not None:
        request["few_shot"] = dict(call.few_shot)
    return {
        "kind": Kind.LLM,
        "type": "generation",
        "tags": dict(call.tags),
        "requested_model": first,
        "model": first,
        "provider": first.partition("/")[0],
        "function_name": call.function.name,
        "revision_number": revision.number,
        "body": {
            "input": call.input,
            "instructions": revision.instructions,
            "input_schema": revision.input_schema,
            "output_schema": revision.output_schema,
            "request": request,
        },
    }


def _draft(project: Project, call: Call, result: Result) -> Draft:
    drafted = drafts.draft(project, call.function.name, started_at=call.started_at, **span_values(call))
    drafted.trace.is_sample = True
    ends = {**kept.values_of(result, []), "ended_at": call.ended_at}
    drafted.change(body=kept.body_of(result), **ends)
    return drafted


def _completion(project: Project, call: Call, span: Span) -> Completion:
    return Completion(
        span=span,
        project=project,
        function=call.function,
        revision=call.revision,
        state=Completion.State.FAILED if call.is_failed else Completion.State.DONE,
        created_at=call.started_at,
    )


# --- one request ------------------------------------------------------------------------------------------------------


def _attempts(call: Call) -> Iterator[AttemptRecord]:
    revision = call.revision
    task = Task(
        name=call.function.name,
        instructions=revision.instructions,
        input_schema=revision.input_schema,
        output_schema=revision.output_schema,
        input=call.input,
        examples=call.examples,
    )
    validator = Validator(revision.output_schema or {})
    first = messages = messages_for(task, strategy="json", wire=None)
    started_at, is_repair = call.started_at, False
    for number, (step, following) in enumerate(zip(call.steps, [*call.steps[1:], None], strict=True), start=1):
        yield _record(number, step, messages, validator, started_at, is_repair=is_repair)
        started_at += timedelta(seconds=step.seconds)
        # The model is told what was wrong; another one is asked in a clean conversation.
        is_repair = step.outcome == "rejected" and following is not None and following.model == step.model
        problems = validator.problems(step.output) if is_repair else ()
        messages = with_repair(first, json.dumps(step.output), problems) if is_repair else first


def _record(
    number: int,
    step: Step,
    messages: tuple[Message, ...],
    validator: Validator,
    started_at: datetime,
    *,
    is_repair: bool,
) -> AttemptRecord:
    duration_ms = step.seconds * 1000
    asked = AttemptRecord(
        number=number,
        outcome="failed",
        requested_model=step.model,
        provider=step.model.partition("/")[0],
        started_at=started_at,
        strategy="json",
        is_repair=is_repair,
        queue_ms=4,
        duration_ms=duration_ms,
        messages=[message.as_json() for message in messages],
        url=URL,
        request_body=json.dumps(_request(step, messages)),
    )
    if step.outcome in ("rate_limit", "overloaded"):
        status, words = WORDS[step.outcome]
        return replace(asked, error_kind=step.outcome, error_message=words, http_status=status)
    answered = _answered(asked, step, messages)
    if step.outcome == "accepted":
        return replace(answered, outcome="accepted")
    problems = validator.problems(step.output)
    return replace(
        answered,
        outcome="rejected",
        error_kind="schema",
        error_message=" ".join(problem.sentence for problem in problems),
        problems=[problem.as_json() for problem in problems],
    )


def _answered(asked: AttemptRecord, step: Step, messages: tuple[Message, ...]) -> AttemptRecord:
    name, text = step.model.partition("/")[2], json.dumps(step.output)
    prompt_tokens = sum(len(message.text) for message in messages) // LETTERS_A_TOKEN
    usage = Usage(
        input_tokens=prompt_tokens,
        cached_tokens=prompt_tokens // 3,
        output_tokens=max(1, len(text) // LETTERS_A_TOKEN),
    )
    price = Price(name, FIGURES[name], "sample", asked.started_at.date().isoformat())
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    told = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    return replace(
        asked,
        model=name,
        http_status=200,
        finish_reason="stop",
        first_byte_ms=round((asked.duration_ms or 0) * 0.45, 1),
        usage=usage,
        cost_usd=price.cost_of(usage),
        price=price.as_json(usage),
        response_body=json.dumps({"model": name, "choices": [choice], "usage": told}),
    )


def _request(step: Step, messages: tuple[Message, ...]) -> dict[str, Any]:
    said = [{"role": message.role, "content": message.text} for message in messages]
    return {"model": step.model.partition("/")[2], "messages": said, "response_format": {"type": "json_object"}}
