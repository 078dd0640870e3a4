"""The one door to a completion: call, call_later, stream.

A call touches the database twice: before the models are asked (function, revision, open span) and after (everything
else). In between it holds no connection. Attempts that failed are written as they happen.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import F, Max

from functions import definitions, progress, webhooks
from functions.completions import cache, engine, standing
from functions.completions.candidates import Candidate, candidates_for
from functions.completions.catalogue import Catalogue, catalogue_of, is_read
from functions.completions.listening import Chunk, FieldListener, Listener, TextListener
from functions.completions.strategies import remember
from functions.kept import keep_attempt, keep_requeue, keep_result, keep_stop
from functions.ledger import Entry, ledger
from functions.models import Completion
from functions.prompts.media import split
from functions.schemas.problems import Problem
from functions.schemas.validator import InvalidSchema, Validator, check_schema
from functions.task import (
    DEFAULT_INSTRUCTIONS,
    AttemptRecord,
    Configuration,
    Example,
    Result,
    Task,
    choices_of,
)
from opperweb import loop
from opperweb.accounts.models import ApiKey, Project
from opperweb.database import db
from opperweb.processes import heartbeat
from traces import drafts, recording
from traces.models import Kind, Span, Status

# Answered now; by a worker, when its message comes; by the job that opens its span.
Mode = Literal["now", "later", "job"]
# A stream that is silent for so long says so, for proxies close what is silent.
SILENCE_SECONDS = 15.0
CUT_OFF = "The caller left or the server stopped before the answer"
KILLED = "The server was stopped while this request was on its way; it may have been billed"


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
    # Where the result of a call in the background is posted.
    webhook_url: str = ""


@dataclass(frozen=True)
class Begun:
    """A call with its span open and its models found."""

    span_id: uuid.UUID
    span_key: int
    project: Project
    task: Task
    candidates: tuple[Candidate, ...]
    catalogue: Catalogue
    # None for one that was taken out of the queue.
    definition: definitions.Definition | None = None
    is_background: bool = False
    # Where it is written by way of the ledger; `span_key` is 0 then.
    entry: Entry | None = None
    # Where its answer is kept, or is looked for; None without a cache.
    place: cache.Place | None = None
    # How many attempts a start before this one has made.
    before: int = 0


async def call(api_key: ApiKey, asked: Asked) -> tuple[Begun, Result]:
    """Answer a task now and return it with its span; a failure is in the result, and recorded like a success.

    Raises InvalidSchema, InvalidModel, InvalidConfiguration, InvalidMedia, InvalidInput, UnknownModel and
    ParentNotFound before anything is asked or recorded.
    """
    begun = await start(api_key, asked)
    return begun, await run(begun)


async def call_later(api_key: ApiKey, asked: Asked) -> Begun:
    """Save a task as a queued completion, have a worker answer it, and return its span. Raises what `call` raises."""
    return await db(begin, api_key, asked, mode="later")


async def stream(api_key: ApiKey, asked: Asked) -> tuple[Begun, Pieces]:
    """Begin to answer a task and return its span with the pieces of the answer; the last one is the result.

    Raises what `call` raises. Who closes the pieces stops the call, and what has come by then is recorded.
    """
    begun = await start(api_key, asked, at_once=True)
    pieces = Pieces(begun)
    if begun.entry is not None:
        # Whoever is told of the span may hang others under it. The model is asked meanwhile.
        await ledger.written(begun.entry)
    return begun, pieces


class Pieces:
    """The chunks of an answer as they come, None after a while of silence, and at last the result."""

    def __init__(self, begun: Begun) -> None:
        self._heard: asyncio.Queue[Chunk | None] = asyncio.Queue()
        listen = TextListener if begun.task.output_schema is None else FieldListener
        self._running: asyncio.Task[Result] = asyncio.create_task(run(begun, listen(self._heard.put_nowait)))
        self._running.add_done_callback(lambda _: self._heard.put_nowait(None))
        self._is_through = False

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> Chunk | Result | None:
        if self._is_through:
            raise StopAsyncIteration
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                chunk = await self._heard.get()
        except TimeoutError:
            return None
        if chunk is not None:
            return chunk
        self._is_through = True
        return self._running.result()

    async def aclose(self) -> None:
        """Stop the call, if it is not through."""
        self._is_through = True
        if not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running])


async def start(api_key: ApiKey, asked: Asked, *, at_once: bool = False) -> Begun:
    """Begin a call: from memory where an equal one was here before, else with a look into the database.

    With `at_once` its span is in the database on return; else it is soon, or when it ends.
    """
    project, sent = api_key.project, asked.definition or {}
    if asked.parent_span_id is not None:
        return await db(begin, api_key, asked)
    definition = definitions.known(project, asked.name, sent)
    if definition is None:
        definition = await _definition(api_key, asked)
    task = task_of(definition, asked)
    catalogue = catalogue_of(project) if is_read(project) else await db(catalogue_of, project)
    candidates = checked(task, catalogue)
    if task.configuration.cache_ttl_seconds:
        return await db(begin, api_key, asked)
    process_id = heartbeat.beating_id() or await db(heartbeat.current_id)
    draft = drafts.draft(project, asked.name, api_key=api_key, **span_values(definition, task, asked, candidates))
    completion = Completion(
        project=project,
        function=definition.function,
        revision=definition.revision,
        state=Completion.State.RUNNING,
        process_id=process_id,
    )
    entry = await ledger.open(draft, completion, at_once=at_once)
    return Begun(draft.span.id, 0, project, task, candidates, catalogue, definition, entry=entry)


async def _definition(api_key: ApiKey, asked: Asked) -> definitions.Definition:
    """Look for a definition in the database; of many equal calls at the same time one does, and the others wait."""
    project, sent = api_key.project, asked.definition or {}
    place = (id(asyncio.get_running_loop()), *definitions.place_of(project, asked.name, sent))
    looking = _looking.get(place)
    if looking is None:
        looking = _looking[place] = asyncio.ensure_future(db(define, api_key, asked))
        looking.add_done_callback(lambda _: _looking.pop(place, None))
    definition = await asyncio.shield(looking)
    definitions.remember(project, asked.name, sent, definition)
    return definition


_looking: dict[tuple[object, ...], asyncio.Future[definitions.Definition]] = {}


async def run(begun: Begun, listener: Listener | None = None) -> Result:
    """Ask the models and record what came of it, also when the caller leaves or the server stops."""
    try:
        if begun.place is not None:
            place = await cache.wait_for(begun.place, begun.project, begun.span_key)
            begun = replace(begun, place=place)
            if place.answer is not None:
                return await _from_cache(begun, place.answer, listener)
        result = await _asked(begun, listener)
    except asyncio.CancelledError:
        await asyncio.shield(_leave(begun, listener.text_so_far if listener is not None else ""))
        raise
    await asyncio.shield(_end(begun, result))
    return result


async def _end(begun: Begun, result: Result) -> None:
    if begun.entry is None:
        await db(_finish, begun, result)
        return
    await ledger.close(begun.entry, result)
    changes = _changes(begun, result)
    if changes or result.learned:
        await db(_learn, begun, result, changes)


async def _leave(begun: Begun, output: str) -> None:
    if begun.entry is not None:
        begun = replace(begun, span_key=await ledger.leave(begun.entry))
    await db(_cut_off, begun, output)


async def _asked(begun: Begun, listener: Listener | None) -> Result:
    async def keep(record: AttemptRecord) -> None:
        if begun.entry is not None:
            await ledger.keep(begun.entry, record)
        else:
            await db(keep_attempt, begun.span_key, record)

    async def announce(record: AttemptRecord) -> None:
        await keep(replace(record, error_message=KILLED))

    return await engine.complete(
        begun.task,
        begun.candidates,
        timeout_seconds=settings.PROVIDER_TIMEOUT_S,
        on_attempt=keep,
        # Nobody waits for a job that is killed: what it was about to ask must be on its trace all the same.
        on_ask=announce if begun.is_background else None,
        learned=begun.catalogue.learned,
        listener=listener,
        before=begun.before,
    )


async def _from_cache(begun: Begun, answer: dict[str, Any], listener: Listener | None) -> Result:
    result = cache.result_of(answer)
    await asyncio.shield(db(_finish, begun, result))
    if listener is not None:
        listener.end(result.message if begun.task.output_schema is None else result.value)
    return result


@transaction.atomic
def _finish(begun: Begun, result: Result) -> None:
    keep_result(begun.span_key, result)
    if begun.place is not None and begun.place.is_ours:
        cache.keep(begun.place, result, begun.task.configuration.cache_ttl_seconds)
    _learn(begun, result, _changes(begun, result))
    if begun.is_background:
        progress.item_ended(begun.span_key)
        webhooks.send_due(begun.span_key)


def _changes(begun: Begun, result: Result) -> list[standing.Change]:
    """Return what these attempts tell of how providers stand."""
    asked = [record for record in result.attempts if not record.url.startswith("rehearsal:")]
    return standing.changes_after(begun.project.pk, asked, frozenset(begun.catalogue.pauses))


def _learn(begun: Begun, result: Result, changes: list[standing.Change]) -> None:
    if result.learned:
        remember(begun.project, begun.task.output_schema, result.learned)
    standing.write(begun.project, changes)


def _cut_off(begun: Begun, output: str) -> None:
    if begun.place is not None and begun.place.is_ours:
        cache.drop(begun.place)
    if begun.is_background:
        keep_requeue(begun.span_key)
    else:
        keep_stop(begun.span_key, CUT_OFF, output=output)


@transaction.atomic
def begin(api_key: ApiKey, asked: Asked, *, mode: Mode = "now") -> Begun:
    """Resolve the definition, check it, and open the span."""
    return open_span(api_key.project, asked, define(api_key, asked), api_key=api_key, mode=mode)


@transaction.atomic
def define(api_key: ApiKey, asked: Asked) -> definitions.Definition:
    """Check what was sent and return the definition that the call has with it."""
    project, sent = api_key.project, asked.definition or {}
    check(sent, catalogue_of(project))
    return definitions.for_call(project, asked.name, sent, api_key=api_key)


def open_span(
    project: Project,
    asked: Asked,
    definition: definitions.Definition,
    *,
    api_key: ApiKey | None = None,
    mode: Mode = "now",
) -> Begun:
    """Open the span of a call whose definition is known; must run in a transaction. Raises what `call` raises."""
    task = task_of(definition, asked)
    catalogue = catalogue_of(project)
    candidates = checked(task, catalogue)
    span = recording.start(
        project,
        asked.name,
        parent_id=asked.parent_span_id,
        api_key=api_key,
        **span_values(definition, task, asked, candidates),
    )
    Completion.objects.create(
        span=span,
        project=project,
        function=definition.function,
        revision=definition.revision,
        state=Completion.State.QUEUED if mode == "later" else Completion.State.RUNNING,
        is_background=mode != "now",
        process_id=None if mode == "later" else heartbeat.current_id(),
    )
    if mode == "later":
        if asked.webhook_url:
            webhooks.promise(span, asked.webhook_url)
        # A broker that is away loses nothing: the row is there, and is sent again.
        transaction.on_commit(lambda: call_job.delay(span.key), robust=True)
    begun = Begun(span.id, span.key, project, task, candidates, catalogue, definition, is_background=mode != "now")
    return begun if mode == "later" else _with_place(begun)


def checked(task: Task, catalogue: Catalogue) -> tuple[Candidate, ...]:
    """Return who can be asked; raise for an input that is not what it has to be, before anything is asked."""
    if task.configuration.validates_input and task.input_schema is not None:
        problems = Validator(task.input_schema).problems(task.input)
        if problems:
            raise InvalidInput(problems)
    candidates = candidates_for(task, catalogue, settings.DEFAULT_MODEL)
    split(task.input, task.input_schema)
    return candidates


def span_values(
    definition: definitions.Definition, task: Task, asked: Asked, candidates: tuple[Candidate, ...]
) -> dict[str, Any]:
    """Return what the span of a call is begun with."""
    return {
        "kind": Kind.LLM,
        "type": "generation",
        "status": Status.RUNNING,
        "tags": dict(asked.tags or {}),
        "requested_model": candidates[0].asked,
        "model": candidates[0].name,
        "provider": candidates[0].provider.name,
        "function_name": definition.function.name,
        "revision_number": definition.revision.number,
        "body": _body_of(definition, task, asked),
    }


def _with_place(begun: Begun) -> Begun:
    """Look for the answer among those that are kept, where the task asks for that."""
    if not begun.task.configuration.cache_ttl_seconds:
        return begun
    digest = cache.digest_of(begun.task, begun.candidates)
    return replace(begun, place=cache.take(begun.project, digest, begun.span_key))


def check(sent: Mapping[str, Any], catalogue: Catalogue) -> None:
    """Raise for a schema, a model or a configuration that makes no sense, before anything is made for it."""
    for name in ("input_schema", "output_schema"):
        if sent.get(name) is not None:
            try:
                check_schema(sent[name])
            except InvalidSchema as problem:
                raise InvalidSchema((name, *problem.path), problem.message) from None
    candidates_for(Task("", choices=choices_of(sent.get("model"))), catalogue, settings.DEFAULT_MODEL)
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


@shared_task(name="functions.jobs.call_job", throws=(loop.Stopped,))  # type: ignore[untyped-decorator]
def call_job(span_key: int) -> None:
    """Answer a queued completion; do nothing if it is no longer queued."""
    loop.run(_run_queued(span_key))


async def _run_queued(span_key: int) -> None:
    begun = await db(claim, span_key)
    if begun is not None:
        await run(begun)


@transaction.atomic
def claim(span_key: int) -> Begun | None:
    """Take a queued completion for this process and return what it is about, or None if another has it."""
    claimed = Completion.objects.filter(pk=span_key, state=Completion.State.QUEUED).update(
        state=Completion.State.RUNNING, process_id=heartbeat.current_id(), starts=F("starts") + 1
    )
    if not claimed:
        return None
    span = Span.objects.select_related("body", "project").get(pk=span_key)
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
    # A start before this one was cut off: what it asked stays on the trace, and may have to be paid.
    before = span.attempts.aggregate(most=Max("number"))["most"] or 0
    catalogue = catalogue_of(span.project)
    candidates = candidates_for(task, catalogue, settings.DEFAULT_MODEL)
    begun = Begun(span.id, span.key, span.project, task, candidates, catalogue, is_background=True, before=before)
    return _with_place(begun)
