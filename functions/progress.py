"""How far a batch is: counts what comes of its inputs, and ends it with the last one."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from functions import webhooks
from functions.models import Batch, BatchItem
from traces.models import Span, Status

State = BatchItem.State


def item_ended(span_key: int) -> None:
    """Count the input whose call has just ended, if it is one of a batch; must run in the transaction that ends it."""
    item = BatchItem.objects.filter(span_id=span_key, state=State.RUNNING).only("pk", "batch_id").first()
    if item is None:
        return
    span = Span.objects.get(pk=span_key)
    is_done = span.status in (Status.OK, Status.RECOVERED)
    ended = BatchItem.objects.filter(pk=item.pk, state=State.RUNNING).update(
        state=State.DONE if is_done else State.FAILED, error_message="" if is_done else span.error_message[:500]
    )
    if ended:
        Batch.objects.filter(pk=item.batch_id).update(
            done_count=F("done_count") + int(is_done),
            failed_count=F("failed_count") + int(not is_done),
            recovered_count=F("recovered_count") + int(span.status == Status.RECOVERED),
            unpriced_count=F("unpriced_count") + int(not span.is_priced),
            cost_usd=Coalesce(F("cost_usd"), Decimal(0)) + span.cost_usd
            if span.cost_usd is not None
            else F("cost_usd"),
        )
        end_if_through(item.batch_id)


@transaction.atomic
def item_refused(item_id: int, reason: str) -> None:
    """Count an input as failed that could not even be begun."""
    item = BatchItem.objects.filter(pk=item_id, state=State.RUNNING, span=None)
    if item.update(state=State.FAILED, error_message=reason[:500]):
        batch_id = BatchItem.objects.values_list("batch_id", flat=True).get(pk=item_id)
        Batch.objects.filter(pk=batch_id).update(failed_count=F("failed_count") + 1)
        end_if_through(batch_id)


def end_if_through(batch_id: uuid.UUID) -> None:
    """End a batch with no input left."""
    open_items = BatchItem.objects.filter(batch_id=batch_id, state__in=(State.QUEUED, State.RUNNING))
    if open_items.exists():
        return
    through = Batch.objects.filter(pk=batch_id, ended_at=None)
    if through.exclude(state=Batch.State.CANCELLED).update(
        state=Batch.State.DONE, ended_at=timezone.now(), process_id=None
    ) or through.update(ended_at=timezone.now(), process_id=None):
        webhooks.send_due_of_batch(Batch.objects.get(pk=batch_id))
