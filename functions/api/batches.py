"""/v2/call/batch: one task for many inputs, and how far it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes

from functions import batches
from functions.api.call import asked_of, refusals
from functions.api.serializers import BatchAnswer, BatchFields, BatchLimits
from functions.kept import answer_of
from functions.models import Batch, BatchItem
from functions.webhooks import NO_ANSWER
from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import Invalid, NotFound
from opperweb.api.fields import read
from opperweb.api.pagination import PAGING, Window, page, page_of, window_of
from opperweb.database import db

State = BatchItem.State


@described("Begin a batch", tag="batch", request=BatchFields, responses={202: BatchAnswer})
async def create(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Keep one task with up to 10,000 inputs and answer at once; workers do them, some at the same time."""
    fields = read(BatchFields, read_object(request))
    limits = {name: fields[name] for name in ("at_once", "stop_at_usd") if name in fields}
    with refusals(fields):
        batch = await db(batches.create, key.project, asked_of(fields), fields["inputs"], api_key=key, **limits)
    return answer(await db(about, batch), status=202)


@described("List batches", tag="batch", parameters=PAGING, responses={200: page_of(BatchAnswer)})
async def index(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Return a page of the project's batches, the newest first."""
    return answer(await db(_index, key, window_of(request.GET)))


@described("Read a batch", tag="batch", responses={200: BatchAnswer})
async def show(request: HttpRequest, key: ApiKey, batch_id: str) -> HttpResponse:
    """Tell how far a batch is."""
    return answer(await db(lambda: about(find(key, batch_id))))


@described("Change the limits of a batch", tag="batch", request=BatchLimits, responses={200: BatchAnswer})
async def update(request: HttpRequest, key: ApiKey, batch_id: str) -> HttpResponse:
    """Change how many inputs are worked on at a time, or what may be spent; one that stopped at its limit goes on."""
    fields = read(BatchLimits, read_object(request))
    return answer(await db(_update, key, batch_id, fields))


@described("Cancel a batch", tag="batch", responses={200: BatchAnswer})
async def cancel(request: HttpRequest, key: ApiKey, batch_id: str) -> HttpResponse:
    """Begin no more inputs; what is done is kept, what is on its way is brought to its end."""
    return answer(await db(_changed, batches.cancel, key, batch_id))


@described("Run the failed inputs again", tag="batch", responses={200: BatchAnswer})
async def retry(request: HttpRequest, key: ApiKey, batch_id: str) -> HttpResponse:
    """Do the inputs again that failed."""
    return answer(await db(_changed, batches.run_again, key, batch_id))


@described("Read the results of a batch", tag="batch", parameters=PAGING, responses={200: OpenApiTypes.OBJECT})
async def results(request: HttpRequest, key: ApiKey, batch_id: str) -> HttpResponse:
    """Return a page of what came of the inputs, in their order: number, status, span_id, the answer or the error."""
    return answer(await db(_results, key, batch_id, window_of(request.GET)))


batch_list = endpoint(POST=create, GET=index)
batch_detail = endpoint(GET=show, PATCH=update)
batch_cancel = endpoint(POST=cancel)
batch_retry = endpoint(POST=retry)
batch_results = endpoint(GET=results)


def find(key: ApiKey, batch_id: str) -> Batch:
    """Return a batch of the key's project."""
    try:
        batch = Batch.objects.filter(project=key.project, pk=uuid.UUID(batch_id)).first()
    except ValueError:
        raise Invalid.at(["path", "batch_id"], "must be a UUID", value=batch_id) from None
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}")
    return batch


def about(batch: Batch) -> dict[str, Any]:
    """Return how far a batch is, as the API answers it."""
    batch.refresh_from_db()
    return _told(batch, _counts([batch]).get(batch.pk, {}))


def _counts(several: Iterable[Batch]) -> dict[uuid.UUID, dict[str, int]]:
    """Return how many inputs of each batch are in each state, all in one query."""
    rows = BatchItem.objects.filter(batch__in=several).values_list("batch_id", "state").annotate(count=Count("pk"))
    counts: dict[uuid.UUID, dict[str, int]] = {}
    for batch_id, state, count in rows:
        counts.setdefault(batch_id, {})[state] = count
    return counts


def _told(batch: Batch, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "batch_id": str(batch.pk),
        "name": batch.name,
        "status": batch.state,
        "total": batch.total_count,
        "queued": counts.get(State.QUEUED, 0),
        "running": counts.get(State.RUNNING, 0),
        "done": batch.done_count,
        "failed": batch.failed_count,
        "refused": batch.refused_count,
        "cancelled": counts.get(State.CANCELLED, 0),
        "recovered": batch.recovered_count,
        "at_once": batch.at_once,
        "stop_at_usd": None if batch.stop_at_usd is None else float(batch.stop_at_usd),
        "cost_usd": None if batch.cost_usd is None else float(batch.cost_usd),
        "unpriced": batch.unpriced_count,
        "created_at": batch.created_at.isoformat(),
        "started_at": batch.started_at and batch.started_at.isoformat(),
        "ended_at": batch.ended_at and batch.ended_at.isoformat(),
    }


def _index(key: ApiKey, window: Window) -> dict[str, Any]:
    mine = Batch.objects.filter(project=key.project).order_by("-created_at")
    shown = window.of(mine)
    counts = _counts(shown)
    return page(mine.count(), [_told(batch, counts.get(batch.pk, {})) for batch in shown])


def _update(key: ApiKey, batch_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    batch = find(key, batch_id)
    if fields:
        Batch.objects.filter(pk=batch.pk).update(**fields)
        batches.go_on(batch)
    return about(batch)


def _changed(change: Any, key: ApiKey, batch_id: str) -> dict[str, Any]:
    batch = find(key, batch_id)
    change(batch)
    return about(batch)


def _results(key: ApiKey, batch_id: str, window: Window) -> dict[str, Any]:
    batch = find(key, batch_id)
    items = batch.items.select_related("span__body").order_by("number")
    return page(batch.total_count, [_result(item) for item in window.of(items)])


def _result(item: BatchItem) -> dict[str, Any]:
    body = item.span.body if item.span is not None else None
    return {
        "number": item.number,
        "status": item.state,
        "span_id": str(item.span.id) if item.span is not None else None,
        **(answer_of(body) if body is not None and item.state == State.DONE else NO_ANSWER),
        "error": item.error_message or None,
    }
