"""One task for many inputs: kept at once, worked off in the background, some at the same time.

Each input becomes a completion of its own, as a call in the background would: what a killed worker was about is brought
to an end in the same way, and the batch goes on with the inputs that nobody has begun.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from functions import calls, definitions, few_shot, opening, progress, webhooks
from functions.completions.catalogue import catalogue_of
from functions.models import Batch, BatchInput, BatchItem
from functions.models.function import FIELDS
from functions.opening import Asked, Begun, Opening
from functions.prompts.media import InvalidMedia
from functions.providers import UnknownModel
from functions.schemas.validator import Validator
from functions.task import Example, TaskError
from opperweb import loop
from opperweb.accounts.models import ApiKey, Project
from opperweb.database import db
from opperweb.processes import heartbeat
from traces.models import Origin

MOST_INPUTS = 10_000
MOST_AT_ONCE = 64
ROWS_AT_ONCE = 500
# How often a batch whose inputs take long looks whether it was cancelled.
LOOK_EVERY_SECONDS = 1.0
# Whose calls find out how good a definition is.
TRIALS = (Origin.REPLAY, Origin.TEST)

State = Batch.State


@dataclass(frozen=True)
class Work:
    """What a batch has to do next: these inputs, as far as its state and its limits allow."""

    is_over: bool
    items: Sequence[int] = ()


@transaction.atomic
def create(
    project: Project,
    asked: Asked,
    inputs: Sequence[Any],
    *,
    api_key: ApiKey | None = None,
    at_once: int = 8,
    stop_at_usd: Decimal | None = None,
) -> Batch:
    """Keep a batch and have a worker begin it. Raises what `calls.call` raises.

    Inputs that do not fit the input schema are refused here, one by one, and cost nothing.
    """
    definition = opening.define(project, asked, api_key=api_key)
    task = opening.task_of(definition, asked)
    refusals = _refusals(task.input_schema, inputs)
    request: Any = _request_of(definition, asked)
    batch = Batch.objects.create(
        project=project,
        function=definition.function,
        revision=definition.revision,
        api_key=api_key,
        name=task.name,
        request=request,
        origin=asked.origin,
        at_once=at_once,
        stop_at_usd=stop_at_usd,
        total_count=len(inputs),
        refused_count=len(refusals),
    )
    for start in range(0, len(inputs), ROWS_AT_ONCE):
        _add_items(batch, start, inputs[start : start + ROWS_AT_ONCE], refusals)
    if asked.webhook_url:
        webhooks.promise(batch, asked.webhook_url)
    progress.end_if_through(batch.pk)
    batch.refresh_from_db()
    if batch.is_open:
        _send(batch.pk)
    return batch


@shared_task(name="functions.jobs.batch_job", throws=(loop.Stopped,))  # type: ignore[untyped-decorator]
def batch_job(batch_id: str) -> None:
    """Work off a batch; do nothing if another process is at it."""
    loop.run(work_off(uuid.UUID(batch_id)))


async def work_off(batch_id: uuid.UUID) -> None:
    """Do the inputs of a batch until none is left, or it is cancelled, or its spending limit is reached."""
    if not await db(claim, batch_id):
        return
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            work = await db(_next, batch_id, len(running))
            running |= {asyncio.create_task(_do(item)) for item in work.items}
            if not running and (work.is_over or not work.items):
                break
            if running:
                _, running = await asyncio.wait(
                    running, timeout=LOOK_EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
    except asyncio.CancelledError:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await asyncio.shield(db(_give_back, batch_id))
        raise
    await db(_leave, batch_id)


def claim(batch_id: uuid.UUID) -> bool:
    """Take a queued batch for this process."""
    queued = Batch.objects.filter(pk=batch_id, state=State.QUEUED)
    return bool(
        queued.update(
            state=State.RUNNING,
            process_id=heartbeat.current_id(),
            starts=F("starts") + 1,
            started_at=Coalesce(F("started_at"), timezone.now()),
        )
    )


@transaction.atomic
def cancel(batch: Batch) -> int:
    """Send no more inputs; those on their way are brought to their end. Return how many were not sent."""
    if not Batch.objects.filter(pk=batch.pk, state__in=(State.QUEUED, State.RUNNING, State.PAUSED)).update(
        state=State.CANCELLED
    ):
        return 0
    count = batch.items.filter(state=BatchItem.State.QUEUED).update(state=BatchItem.State.CANCELLED)
    progress.end_if_through(batch.pk)
    return count


@transaction.atomic
def go_on(batch: Batch) -> None:
    """Go on with a batch that stopped at its limit."""
    if Batch.objects.filter(pk=batch.pk, state=State.PAUSED).update(state=State.QUEUED, process_id=None):
        _send(batch.pk)


@transaction.atomic
def run_again(batch: Batch) -> int:
    """Do the inputs again that failed, and return how many that are."""
    count = batch.items.filter(state=BatchItem.State.FAILED).update(
        state=BatchItem.State.QUEUED, span=None, error_message=""
    )
    if count:
        Batch.objects.filter(pk=batch.pk).update(failed_count=F("failed_count") - count)
        over = Batch.objects.filter(pk=batch.pk, state__in=(State.DONE, State.CANCELLED, State.PAUSED))
        if over.update(state=State.QUEUED, ended_at=None, process_id=None):
            _send(batch.pk)
    return count


def requeue_orphans(alive: Any) -> int:
    """Give the batches of dead processes to others; return how many."""
    count = 0
    for batch in Batch.objects.filter(state=State.RUNNING).exclude(process_id__in=alive).only("pk", "process_id"):
        again = Batch.objects.filter(pk=batch.pk, state=State.RUNNING, process_id=batch.process_id)
        if again.update(state=State.QUEUED, process_id=None):
            # Those with a span are brought to their end as calls; these were only taken.
            batch.items.filter(state=BatchItem.State.RUNNING, span=None).update(state=BatchItem.State.QUEUED)
            batch_job.delay(str(batch.pk))
            count += 1
    return count


def send_lost(before: Any) -> int:
    """Send the queued batches again whose message should have come to a worker by then; return how many."""
    lost = Batch.objects.filter(state=State.QUEUED, created_at__lt=before).values_list("pk", flat=True)
    for batch_id in lost:
        batch_job.delay(str(batch_id))
    return len(lost)


# --- one input --------------------------------------------------------------------------------------------------------


async def _do(item_id: int) -> None:
    try:
        opened = await db(_ready, item_id)
    except (TaskError, UnknownModel, InvalidMedia, opening.InvalidInput) as problem:
        # What could be asked when the batch began no longer can.
        await db(progress.item_refused, item_id, str(problem))
        return
    if opened is None:
        return
    if opening.wants_examples(opened.definition, opened.asked):
        opened = await _with_examples(opened)
    await calls.run(await db(_begin, item_id, opened))


async def _with_examples(opened: Opening) -> Opening:
    """Choose examples. In a trial the one of this very input is left out, for it would give the answer away."""
    task, configuration = opened.task, opened.task.configuration
    wanted, own = configuration.few_shot_count, 1 if opened.asked.origin in TRIALS else 0
    asked = replace(task, configuration=replace(configuration, few_shot_count=wanted + own))
    chosen = await few_shot.choose(opened.definition.function, asked)
    examples = tuple(each for each in chosen.examples if not own or each.input != task.input)[:wanted]
    return replace(opened, task=replace(task, examples=examples), chosen=replace(chosen, examples=examples))


@transaction.atomic
def _ready(item_id: int) -> Opening | None:
    """Return what one input asks, or None where that is known no longer."""
    item = BatchItem.objects.select_related(
        "batch__project", "batch__api_key", "batch__revision__function__project", "body"
    ).get(pk=item_id)
    batch = item.batch
    if batch.revision is None:
        # The function was deleted meanwhile, and with it what was to be done.
        BatchItem.objects.filter(pk=item_id).update(span=None, state=BatchItem.State.CANCELLED)
        progress.end_if_through(batch.pk)
        return None
    request = batch.request
    definition = definitions.made_of(
        batch.revision.function, batch.revision, request["definition"], is_draft=request.get("is_draft", False)
    )
    asked = Asked(
        input=item.body.input,
        examples=tuple(Example.from_dict(example) for example in request["examples"]),
        tags=request["tags"],
        parent_span_id=uuid.UUID(request["parent_span_id"]) if request["parent_span_id"] else None,
        chosen=definition,
        origin=batch.origin,
    )
    task, catalogue = opening.task_of(definition, asked), catalogue_of(batch.project)
    candidates = opening.checked(task, catalogue)
    return Opening(batch.project, asked, definition, task, catalogue, candidates, batch.api_key)


@transaction.atomic
def _begin(item_id: int, opened: Opening) -> Begun:
    begun = opening.open_span(opened, mode="job")
    BatchItem.objects.filter(pk=item_id).update(span_id=begun.span_key)
    return begun


@transaction.atomic
def _next(batch_id: uuid.UUID, running: int) -> Work:
    """Take as many inputs as there is room for."""
    batch = Batch.objects.get(pk=batch_id)
    if batch.state != State.RUNNING or batch.process_id != heartbeat.current_id():
        return Work(is_over=True)
    if batch.stop_at_usd is not None and (batch.cost_usd or Decimal(0)) >= batch.stop_at_usd:
        Batch.objects.filter(pk=batch_id, state=State.RUNNING).update(state=State.PAUSED)
        return Work(is_over=True)
    room = max(0, min(batch.at_once, MOST_AT_ONCE) - running)
    waiting = batch.items.filter(state=BatchItem.State.QUEUED).order_by("number")
    ids = list(waiting.values_list("pk", flat=True)[:room])
    taken = BatchItem.objects.filter(pk__in=ids, state=BatchItem.State.QUEUED).update(state=BatchItem.State.RUNNING)
    assert taken == len(ids)
    return Work(is_over=False, items=ids)


def _leave(batch_id: uuid.UUID) -> None:
    """Let go of a batch: through, cancelled or stopped at its limit."""
    Batch.objects.filter(pk=batch_id, process_id=heartbeat.current_id()).update(process_id=None)
    progress.end_if_through(batch_id)


def _give_back(batch_id: uuid.UUID) -> None:
    """Queue a batch again, for this process ends; the inputs that have no span yet are taken back."""
    BatchItem.objects.filter(batch_id=batch_id, state=BatchItem.State.RUNNING, span=None).update(
        state=BatchItem.State.QUEUED
    )
    mine = Batch.objects.filter(pk=batch_id, state=State.RUNNING, process_id=heartbeat.current_id())
    mine.update(state=State.QUEUED, process_id=None)


# --- rows -------------------------------------------------------------------------------------------------------------


def _refusals(schema: dict[str, Any] | None, inputs: Sequence[Any]) -> dict[int, str]:
    """Return what is wrong with the inputs that do not fit, by their place."""
    if schema is None:
        return {}
    validator = Validator(schema)
    found = {}
    for number, value in enumerate(inputs):
        problems = validator.problems(value)
        if problems:
            found[number] = f"{problems[0].where or 'The input'} {problems[0].message}"[:500]
    return found


def _request_of(definition: definitions.Definition, asked: Asked) -> dict[str, Any]:
    return {
        "definition": {name: getattr(definition, name) for name in FIELDS},
        "is_draft": definition.is_draft,
        "examples": [example.as_dict() for example in asked.examples],
        "tags": dict(asked.tags or {}),
        "parent_span_id": str(asked.parent_span_id) if asked.parent_span_id else None,
    }


def _add_items(batch: Batch, start: int, inputs: Sequence[Any], refusals: Mapping[int, str]) -> None:
    items = BatchItem.objects.bulk_create(
        BatchItem(
            batch=batch,
            number=number,
            state=BatchItem.State.REFUSED if number in refusals else BatchItem.State.QUEUED,
            error_message=refusals.get(number, ""),
        )
        for number in range(start, start + len(inputs))
    )
    BatchInput.objects.bulk_create(
        BatchInput(item=item, input=value) for item, value in zip(items, inputs, strict=True)
    )


def _send(batch_id: uuid.UUID) -> None:
    transaction.on_commit(lambda: batch_job.delay(str(batch_id)), robust=True)
