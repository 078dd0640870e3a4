"""The rows of evaluations: put there with the completion, taken by one process at a time, always brought to an end.

A row is written in the transaction that ends its completion. Whatever is lost or killed after that, the clock finds the
row again: those of dead processes are queued anew, and none stays without an end for longer than `LONGEST`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone

from functions.task import Result
from opperweb.processes import heartbeat
from traces.evaluation_models import Evaluation
from traces.models import Span

State = Evaluation.State

FAILED_CALL = "The call failed: there is no output to judge"
FROM_CACHE = "The answer came from the cache: it is judged where it was first given"
TOO_LATE = "Nobody came to judge it within 10 minutes"
KILLED = "The worker was stopped each time while it was judged"
# With a minute in hand for the clock.
LONGEST = timedelta(minutes=9)
MOST_STARTS = 5
ROWS_AT_ONCE = 200


def row_for(span: Span, *, is_failed: bool, is_cached: bool) -> Evaluation:
    """Return the row of a completion that has just ended, not written yet."""
    reason = FAILED_CALL if is_failed else FROM_CACHE if is_cached else ""
    row = Evaluation(project_id=span.project_id, span=span)
    if reason:
        row.state, row.reason, row.ended_at = State.SKIPPED, reason, row.created_at
    return row


def queue_evaluation(span_key: int, result: Result) -> None:
    """Write the row of a completion that ends in this transaction."""
    span = Span.objects.only("key", "project_id").get(pk=span_key)
    row_for(span, is_failed=result.error is not None, is_cached=result.cached).save(force_insert=True)


def ask(spans: Sequence[Span], *, is_repeat: bool = False) -> list[Evaluation]:
    """Queue an evaluation that somebody asks for, of each of these."""
    rows = [Evaluation(project_id=span.project_id, span=span, is_asked_for=True, is_repeat=is_repeat) for span in spans]
    return Evaluation.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)


def due_count() -> int:
    """Return how many are due now, or a large number for many."""
    return Evaluation.objects.filter(state=State.QUEUED, due_at__lte=timezone.now())[:ROWS_AT_ONCE].count()


def take(most: int) -> list[Evaluation]:
    """Take up to so many that are due for this process, the oldest first, and return them with their spans."""
    due = Evaluation.objects.filter(state=State.QUEUED, due_at__lte=timezone.now()).order_by("due_at")
    # Mostly nothing is: to find that out needs no transaction, which on SQLite would keep every other writer waiting.
    return _taken(due, most) if due.exists() else []


@transaction.atomic
def _taken(due: models.QuerySet[Evaluation], most: int) -> list[Evaluation]:
    if connection.vendor == "postgresql":
        due = due.select_for_update(skip_locked=True)
    ids = list(due.values_list("pk", flat=True)[:most])
    mine = Evaluation.objects.filter(pk__in=ids, state=State.QUEUED)
    mine.update(state=State.RUNNING, process_id=heartbeat.current_id(), starts=F("starts") + 1)
    taken = Evaluation.objects.filter(pk__in=ids).select_related("span__project", "span__completion__function")
    return list(taken.order_by("created_at"))


def end(evaluation_id: uuid.UUID, state: str, *, reason: str = "", **values: Any) -> bool:
    """Bring one to its end, once; return False where it has one already."""
    open_ones = Evaluation.objects.filter(pk=evaluation_id, state__in=(State.QUEUED, State.RUNNING))
    return bool(open_ones.update(state=state, reason=reason[:500], ended_at=timezone.now(), process_id=None, **values))


def later(evaluation_id: uuid.UUID, seconds: float, *, reason: str) -> None:
    """Try one again after a while."""
    mine = Evaluation.objects.filter(pk=evaluation_id, state=State.RUNNING)
    due_at = timezone.now() + timedelta(seconds=seconds)
    mine.update(state=State.QUEUED, process_id=None, due_at=due_at, reason=reason[:500])


def give_back(evaluation_id: uuid.UUID) -> None:
    """Queue one again whose process ends; that start does not count."""
    mine = Evaluation.objects.filter(pk=evaluation_id, state=State.RUNNING)
    mine.update(state=State.QUEUED, process_id=None, starts=F("starts") - 1)


def sweep(alive: Any) -> int:
    """Queue again what dead processes were at, and end what has waited too long; return how many that were."""
    now = timezone.now()
    orphans = Evaluation.objects.filter(state=State.RUNNING).exclude(process_id__in=alive)
    killed = orphans.filter(starts__gte=MOST_STARTS).update(
        state=State.FAILED, reason=KILLED, ended_at=now, process_id=None
    )
    again = orphans.update(state=State.QUEUED, process_id=None, due_at=now)
    overdue = Evaluation.objects.filter(state__in=(State.QUEUED, State.RUNNING), created_at__lt=now - LONGEST)
    late = 0
    for evaluation in overdue.only("pk", "reason", "starts")[:10_000]:
        # One that was begun has met with something; one that was not is nobody's failure.
        state = State.FAILED if evaluation.starts else State.SKIPPED
        late += end(evaluation.pk, state, reason=evaluation.reason or TOO_LATE)
    return killed + again + late
