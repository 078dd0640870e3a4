"""Delete traces that are older than they are kept: a few in each transaction, while everything else goes on.

A trace is as old as the end of its root, or its start where that never ended. It goes as a whole, with all that hangs
on its spans; what it came to stays in the usage rows. So its hours are not marked (see `traces.analytics.marks`), and
it waits for as long as they are not added up.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from opperweb.accounts.models import Project
from traces.analytics.hours import hour_of
from traces.evaluation_models import Evaluation
from traces.models import Span, Status, Trace
from traces.totals import BILLED
from traces.usage_models import UsageProgress, UsageStale

# Of how many traces it is asked at once whether they are to go.
PAGE = 200
# What one transaction deletes at most; a larger trace goes in pieces.
MOST_TRACES = 50
MOST_SPANS = 200
# SQLite has one writer, and whoever waits for it asks only now and then: between two transactions others may come.
PAUSE_S = 0.05
# A run of the job ends by then; the next one goes on where it stopped. A worker that is to stop waits for it.
PATIENCE_S = 5.0

# The beginning and the key of a trace, after which a page begins.
Place = tuple[datetime, int]


@dataclass(frozen=True)
class Deleted:
    """What a transaction deleted: whole traces, or a piece of one, of which more is left."""

    traces: int = 0
    is_piece: bool = False


def delete_old(*, now: datetime | None = None, patience_s: float = PATIENCE_S) -> int:
    """Delete what is older than RETENTION_DAYS, of all projects, and return how many traces; without it nothing."""
    if not settings.RETENTION_DAYS:
        return 0
    before = (now or timezone.now()) - timedelta(days=settings.RETENTION_DAYS)
    until = time.monotonic() + patience_s
    projects = list(Project.objects.order_by().values_list("pk", flat=True))
    # A page of each in turn, and every time another one first: a large project must not keep the others waiting.
    random.shuffle(projects)
    left: deque[tuple[int, Place | None]] = deque((project_id, None) for project_id in projects)
    count = 0
    while left and time.monotonic() < until:
        project_id, after = left.popleft()
        page = _page(project_id, before, after)
        for portion in _portions(page, before):
            count += _delete_portion(project_id, portion, before, until)
        if len(page) == PAGE:
            left.append((project_id, page[-1]))
    return count


@shared_task(name="traces.jobs.delete_old_job")  # type: ignore[untyped-decorator]
def delete_old_job() -> None:
    delete_old()


def _page(project_id: int, before: datetime, after: Place | None) -> list[Place]:
    """Return the next traces that began long enough ago, the oldest first; nothing that began later can have ended."""
    traces = Trace.objects.filter(project_id=project_id, started_at__lt=before)
    if after is not None:
        started_at, key = after
        traces = traces.filter(Q(started_at__gt=started_at) | Q(key__gt=key), started_at__gte=started_at)
    return list(traces.order_by("started_at", "key").values_list("started_at", "key")[:PAGE])


def _portions(page: Sequence[Place], before: datetime) -> Iterator[list[int]]:
    """Return the keys of those that are to go, as many together as one transaction deletes."""
    due = _due([key for _, key in page], before).order_by("started_at", "key")
    portion: list[int] = []
    spans = 0
    for key, span_count in list(due.values_list("pk", "span_count")):
        if portion and (len(portion) == MOST_TRACES or spans + span_count > MOST_SPANS):
            yield portion
            portion, spans = [], 0
        portion.append(key)
        spans += span_count
    if portion:
        yield portion


def _due(keys: Sequence[int], before: datetime) -> QuerySet[Trace]:
    """Those of these traces that ended before a moment: nothing runs in them, and nothing has begun since."""
    root = Span.objects.filter(pk=OuterRef("root_key"))
    root_left = Subquery(root.values(left=Coalesce("ended_at", "started_at"))[:1])
    younger = Span.objects.filter(trace=OuterRef("pk"), started_at__gte=before)
    ended = Trace.objects.filter(pk__in=keys, running_count=0).exclude(status=Status.RUNNING)
    return ended.alias(left_at=Coalesce(root_left, "started_at")).filter(~Exists(younger), left_at__lt=before)


def _delete_portion(project_id: int, keys: Sequence[int], before: datetime, until: float) -> int:
    count = 0
    while time.monotonic() < until:
        try:
            deleted = _delete(project_id, keys, before)
        except IntegrityError:
            # Somebody has just put something on one of the spans: the next run sees it.
            return count
        count += deleted.traces
        time.sleep(PAUSE_S)
        if not deleted.is_piece:
            break
    return count


@transaction.atomic
def _delete(project_id: int, keys: Sequence[int], before: datetime) -> Deleted:
    """Delete those of these traces that are still to go, or the newest spans of them where that would be too many."""
    # A trace that somebody is at work on is left to the next run.
    ours = list(Trace.objects.select_for_update(skip_locked=True).filter(pk__in=keys).values_list("pk", flat=True))
    due = set(_due(ours, before).values_list("pk", flat=True)) - _being_judged(ours)
    rows = Span.objects.filter(trace__in=due).order_by("-started_at", "-key")
    spans = list(rows.values_list("pk", "trace_id", "kind", "started_at")[: MOST_SPANS + 1])
    is_piece = len(spans) > MOST_SPANS
    billed = [(trace_key, hour_of(moment)) for _, trace_key, kind, moment in spans if kind in BILLED]
    open_hours = _not_added_up(project_id, {hour for _, hour in billed})
    due -= {trace_key for trace_key, hour in billed if hour in open_hours}
    if is_piece:
        # The root goes last, so that the rest of the trace keeps its age.
        piece = [pk for pk, trace_key, _, _ in spans[:MOST_SPANS] if trace_key in due]
        Span.objects.filter(pk__in=piece).delete()
        return Deleted(is_piece=bool(piece))
    Trace.objects.filter(pk__in=due).delete()
    return Deleted(traces=len(due))


def _being_judged(keys: Sequence[int]) -> set[int]:
    """Those of these traces that an evaluation of is still to come."""
    coming = (Evaluation.State.QUEUED, Evaluation.State.RUNNING)
    evaluations = Evaluation.objects.filter(state__in=coming, span__trace__in=keys)
    return set(evaluations.order_by().values_list("span__trace_id", flat=True))


def _not_added_up(project_id: int, hours: set[int]) -> set[int]:
    """Those of these hours whose usage rows are missing or stale: their spans are still needed to write them."""
    if not hours:
        return set()
    until = UsageProgress.objects.filter(project_id=project_id).values_list("until", flat=True).first()
    if until is None:
        return hours
    stale = UsageStale.objects.filter(project_id=project_id, hour__in=hours).order_by()
    return {hour for hour in hours if hour >= until} | set(stale.values_list("hour", flat=True))
