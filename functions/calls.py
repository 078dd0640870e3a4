"""The one door to a completion: call, call_later, stream.

A call touches the database twice: before the models are asked (function, revision, open span) and after (everything
else). In between it holds no connection. Attempts that failed are written as they happen.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import F, Max

from functions import progress, webhooks
from functions.completions import cache, engine, standing
from functions.completions.candidates import candidates_for
from functions.completions.catalogue import catalogue_of
from functions.completions.listening import Chunk, FieldListener, Listener, TextListener
from functions.completions.strategies import remember
from functions.evaluations.policy import policy_of
from functions.evaluations.queue import queue_evaluation
from functions.kept import keep_attempt, keep_requeue, keep_result, keep_stop
from functions.ledger import ledger
from functions.models import Completion
from functions.opening import Asked, Begun, start, task_of_span, with_place
from functions.task import AttemptRecord, Result
from opperweb import loop
from opperweb.accounts.models import ApiKey, Project
from opperweb.database import db
from opperweb.processes import heartbeat
from opperweb.watch import Watch
from traces.models import Origin, Span

# A stream that is silent for so long says so, for proxies close what is silent.
SILENCE_SECONDS = 15.0
CUT_OFF = "The caller left or the server stopped before the answer"
KILLED = "The server was stopped while this request was on its way; it may have been billed"


async def call(project: Project, asked: Asked, *, api_key: ApiKey | None = None) -> tuple[Begun, Result]:
    """Answer a task now and return it with its span; a failure is in the result, and recorded like a success.

    Raises InvalidSchema, InvalidModel, InvalidConfiguration, InvalidMedia, InvalidInput, UnknownModel, ParentNotFound,
    FunctionNotFound and RevisionNotFound before anything is asked or recorded.
    """
    begun = await start(project, asked, api_key=api_key)
    return begun, await run(begun)


async def call_later(project: Project, asked: Asked, *, api_key: ApiKey | None = None) -> Begun:
    """Save a task as a queued completion, have a worker answer it, and return its span. Raises what `call` raises."""
    begun = await start(project, asked, api_key=api_key, mode="later")
    # The row is committed; a broker that is away loses nothing, for it is sent again.
    await db(send, begun.span_key)
    return begun


async def stream(project: Project, asked: Asked, *, api_key: ApiKey | None = None) -> tuple[Begun, Pieces]:
    """Begin to answer a task and return its span with the pieces of the answer; the last one is the result.

    Raises what `call` raises. Who closes the pieces stops the call, and what has come by then is recorded.
    """
    begun = await start(project, asked, api_key=api_key, at_once=True)
    pieces = Pieces(begun)
    if begun.entry is not None:
        # Whoever is told of the span may hang others under it. The model is asked meanwhile.
        await ledger.written(begun.entry)
    return begun, pieces


class Pieces:
    """An answer as it comes: each time all that is there, nothing after a while of silence, at last the result."""

    def __init__(self, begun: Begun) -> None:
        self._heard: asyncio.Queue[Chunk | None] = asyncio.Queue()
        listen = TextListener if begun.task.output_schema is None else FieldListener
        self._running: asyncio.Task[Result] = asyncio.create_task(run(begun, listen(self._heard.put_nowait)))
        self._running.add_done_callback(lambda _: self._heard.put_nowait(None))
        self._is_through = False
        self._watch = Watch()

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> list[Chunk | Result]:
        if self._is_through:
            raise StopAsyncIteration
        try:
            with self._watch.until(asyncio.get_running_loop().time() + SILENCE_SECONDS):
                heard = [await self._heard.get()]
        except TimeoutError:
            return []
        while heard[-1] is not None and not self._heard.empty():
            heard.append(self._heard.get_nowait())
        chunks: list[Chunk | Result] = [chunk for chunk in heard if chunk is not None]
        if heard[-1] is not None:
            return chunks
        if chunks:
            # Whatever becomes of the result, they are told first.
            self._heard.put_nowait(None)
            return chunks
        self._is_through = True
        return [self._running.result()]

    async def aclose(self) -> None:
        """Stop the call, if it is not through."""
        self._is_through = True
        self._watch.stop()
        if not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running])


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
    if begun.is_judged:
        queue_evaluation(begun.span_key, result)
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


# --- in the background ------------------------------------------------------------------------------------------------


def send(span_key: int) -> None:
    """Tell a worker of a queued call once it is committed."""
    transaction.on_commit(lambda: call_job.delay(span_key), robust=True)


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
    span = Span.objects.select_related("body", "project", "completion__function__project").get(pk=span_key)
    task = task_of_span(span)
    # A start before this one was cut off: what it asked stays on the trace, and may have to be paid.
    before = span.attempts.aggregate(most=Max("number"))["most"] or 0
    catalogue = catalogue_of(span.project)
    candidates = candidates_for(task, catalogue, settings.DEFAULT_MODEL)
    begun = Begun(
        span.id,
        span.key,
        span.project,
        task,
        candidates,
        catalogue,
        is_background=True,
        before=before,
        is_judged=_is_judged(span),
    )
    return with_place(begun)


def _is_judged(span: Span) -> bool:
    function = span.completion.function
    return function is not None and span.origin != Origin.EVALUATION and policy_of(function).wants_rows
