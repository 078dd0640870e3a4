"""The one door to a completion: call, call_later, and what brings back to order what a killed process left.

A call touches the database twice: before the models are asked (function, revision, open span) and after (everything
else). In between it holds no connection. Attempts that failed are written as they happen.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from functions import definitions
from functions.completions import engine
from functions.completions.candidates import Candidate, candidates_for
from functions.kept import keep_attempt, keep_requeue, keep_result, keep_stop
from functions.models import Completion
from functions.providers import Providers
from functions.schemas.problems import Problem
from functions.schemas.validator import InvalidSchema, Validator, check_schema
from functions.task import DEFAULT_INSTRUCTIONS, AttemptRecord, Configuration, Example, Result, Task, choices_of
from opperweb import loop
from opperweb.accounts.models import ApiKey
from opperweb.database import db
from opperweb.processes import heartbeat
from opperweb.processes.models import Process
from traces import recording
from traces.models import Kind, Span, Status

# A queued call whose message has not come to a worker by then is sent again.
LOST_AFTER = timedelta(seconds=15)
# A job that ends its worker each time is not begun for ever.
MOST_STARTS = 3
MOST_SENT = 1000


class InvalidInput(Exception):
    """The input does not fit the input schema, and the configuration asks for that to be checked."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("the input does not fit the input schema")
        self.problems = problems


@dataclass(frozen=True)
class Asked:
    """What a caller sent, checked for its shape."""

    name: str
    input: Any = None
    definition: Mapping[str, Any] | None = None
    examples: tuple[Example, ...] = ()
    tags: Mapping[str, str] | None = None
    parent_span_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Begun:
    """A call with its span open and its models found."""

    span_id: uuid.UUID
    span_key: int
    task: Task
    candidates: tuple[Candidate, ...]
    is_background: bool = False


@cache
def providers() -> Providers:
    """Return the providers of this process."""
    return Providers.from_settings(settings.PROVIDERS)


async def call(api_key: ApiKey, asked: Asked) -> tuple[Begun, Result]:
    """Answer a task now and return it with its span; a failure is in the result, and recorded like a success.

    Raises InvalidSchema, InvalidModel, InvalidConfiguration, InvalidInput, UnknownModel and ParentNotFound before
    anything is asked or recorded.
    """
    begun = await db(begin, api_key, asked)
    return begun, await run(begun)


async def call_later(api_key: ApiKey, asked: Asked) -> Begun:
    """Save a task as a queued completion, have a worker answer it, and return its span. Raises what `call` raises."""
    return await db(begin, api_key, asked, is_background=True)


@shared_task(name="functions.jobs.call_job", throws=(loop.Stopped,))  # type: ignore[untyped-decorator]
def call_job(span_key: int) -> None:
    """Answer a queued completion; do nothing if it is no longer queued."""
    loop.run(_run_queued(span_key))


async def _run_queued(span_key: int) -> None:
    begun = await db(claim, span_key)
    if begun is not None:
        await run(begun)


async def run(begun: Begun) -> Result:
    """Ask the models and record what came of it, also when the caller leaves or the server stops."""

    async def on_attempt(record: AttemptRecord) -> None:
        await db(keep_attempt, begun.span_key, record)

    try:
        result = await engine.complete(
            begun.task, begun.candidates, timeout_seconds=settings.PROVIDER_TIMEOUT_S, on_attempt=on_attempt
        )
    except asyncio.CancelledError:
        if begun.is_background:
            await asyncio.shield(db(keep_requeue, begun.span_key))
        else:
            await asyncio.shield(
                db(keep_stop, begun.span_key, "The caller left or the server stopped before the answer")
            )
        raise
    await asyncio.shield(db(keep_result, begun.span_key, result))
    return result


@transaction.atomic
def begin(api_key: ApiKey, asked: Asked, *, is_background: bool = False) -> Begun:
    """Resolve the definition, check it, and open the span."""
    check(asked.definition or {})
    definition = definitions.for_call(api_key, asked.name, asked.definition or {})
    task = task_of(definition, asked)
    if task.configuration.validates_input and task.input_schema is not None:
        problems = Validator(task.input_schema).problems(task.input)
        if problems:
            raise InvalidInput(problems)
    candidates = candidates_for(task, providers(), settings.DEFAULT_MODEL)
    span = recording.start(
        api_key.project,
        asked.name,
        parent_id=asked.parent_span_id,
        api_key=api_key,
        kind=Kind.LLM,
        type="generation",
        status=Status.RUNNING,
        tags=dict(asked.tags or {}),
        requested_model=candidates[0].name,
        model=candidates[0].name,
        provider=candidates[0].provider.name,
        function_name=definition.function.name,
        revision_number=definition.revision.number,
        body=_body_of(definition, task, asked),
    )
    Completion.objects.create(
        span=span,
        project=api_key.project,
        function=definition.function,
        revision=definition.revision,
        state=Completion.State.QUEUED if is_background else Completion.State.RUNNING,
        is_background=is_background,
        process_id=None if is_background else heartbeat.current_id(),
    )
    if is_background:
        # A broker that is away loses nothing: the row is there, and is sent again.
        transaction.on_commit(lambda: call_job.delay(span.key), robust=True)
    return Begun(span.id, span.key, task, candidates, is_background)


def check(sent: Mapping[str, Any]) -> None:
    """Raise for a schema, a model or a configuration that makes no sense, before anything is made for it."""
    for name in ("input_schema", "output_schema"):
        if sent.get(name) is not None:
            try:
                check_schema(sent[name])
            except InvalidSchema as problem:
                raise InvalidSchema((name, *problem.path), problem.message) from None
    candidates_for(Task("", choices=choices_of(sent.get("model"))), providers(), settings.DEFAULT_MODEL)
    Configuration.from_dict(sent.get("configuration") or {})


def task_of(definition: definitions.Definition, asked: Asked) -> Task:
    return Task(
        name=asked.name,
        instructions=definition.instructions or DEFAULT_INSTRUCTIONS,
        input_schema=definition.input_schema,
        output_schema=definition.output_schema,
        input=asked.input,
        choices=choices_of(definition.model),
        examples=asked.examples,
        configuration=Configuration.from_dict(definition.configuration),
    )


def _body_of(definition: definitions.Definition, task: Task, asked: Asked) -> dict[str, Any]:
    return {
        "input": asked.input,
        "instructions": task.instructions,
        "input_schema": task.input_schema,
        "output_schema": task.output_schema,
        "request": {
            "model": definition.model,
            "configuration": definition.configuration,
            "examples": [
                {"input": example.input, "output": example.output, "comment": example.comment}
                for example in asked.examples
            ],
        },
    }


# --- in the background ------------------------------------------------------------------------------------------------


def claim(span_key: int) -> Begun | None:
    """Take a queued completion for this process and return what it is about, or None if another has it."""
    claimed = Completion.objects.filter(pk=span_key, state=Completion.State.QUEUED).update(
        state=Completion.State.RUNNING, process_id=heartbeat.current_id(), starts=_one_more_start(span_key)
    )
    if not claimed:
        return None
    span = Span.objects.select_related("body").get(pk=span_key)
    body = span.body
    request = body.request or {}
    task = Task(
        name=span.name,
        instructions=body.instructions,
        input_schema=body.input_schema,
        output_schema=body.output_schema,
        input=body.input,
        choices=choices_of(request.get("model")),
        examples=tuple(Example(**example) for example in request.get("examples") or ()),
        configuration=Configuration.from_dict(request.get("configuration")),
    )
    # A start before this one was cut off: its attempts were made, their story is told by the one that counts.
    span.attempts.all().delete()
    candidates = candidates_for(task, providers(), settings.DEFAULT_MODEL)
    return Begun(span.id, span.key, task, candidates, is_background=True)


def _one_more_start(span_key: int) -> int:
    return Completion.objects.values_list("starts", flat=True).get(pk=span_key) + 1


# --- after a kill -----------------------------------------------------------------------------------------------------


def stop_orphans() -> int:
    """Bring to an end what dead processes left running; return how many calls that were.

    A background call is queued again, for nobody has seen its answer; a caller who waited is gone with the process.
    """
    # One statement: a process that begins between two would be taken for dead.
    alive = Process.objects.alive().values("pk")
    orphans = Completion.objects.filter(state=Completion.State.RUNNING).exclude(process_id__in=alive)
    count = 0
    for orphan in orphans.only("span_id", "process_id", "is_background", "starts"):
        if orphan.is_background and orphan.starts < MOST_STARTS:
            again = Completion.objects.filter(pk=orphan.pk, state=orphan.State.RUNNING, process_id=orphan.process_id)
            if again.update(state=Completion.State.QUEUED, process_id=None):
                call_job.delay(orphan.pk)
        else:
            keep_stop(orphan.pk, "The server was stopped while this call was running")
        count += 1
    return count


@shared_task(name="functions.jobs.stop_orphans_job")  # type: ignore[untyped-decorator]
def stop_orphans_job() -> None:
    stop_orphans()


def send_lost() -> int:
    """Send the queued completions again whose message should have come to a worker by now; return how many."""
    before = timezone.now() - LOST_AFTER
    queued = Completion.objects.filter(state=Completion.State.QUEUED, created_at__lt=before)
    lost = list(queued.order_by("created_at").values_list("pk", flat=True)[:MOST_SENT])
    for span_key in lost:
        call_job.delay(span_key)
    return len(lost)


@shared_task(name="functions.jobs.send_lost_job")  # type: ignore[untyped-decorator]
def send_lost_job() -> None:
    send_lost()
