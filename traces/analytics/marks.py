"""Which hours have to be added up again, because a span in them came late, changed or went."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from traces.analytics.hours import SLACK, first_open, hour_of
from traces.models import Span
from traces.totals import BILLED
from traces.usage_models import UsageStale


def mark(project_id: int, moments: Iterable[datetime]) -> None:
    """Note that calls at these moments are new, changed or gone; in the transaction that changes them.

    Costs nothing while the hour is open, which is nearly always, and else a row without a constraint to wait for.
    """
    still_open = first_open(timezone.now())
    mark_dirty(project_id, (hour for hour in map(hour_of, moments) if hour < still_open))


def mark_dirty(project_id: int, hours: Iterable[int]) -> None:
    """Have these hours added up again; the same for many spans at once."""
    kept = _first_kept(timezone.now())
    stale = [UsageStale(project_id=project_id, hour=hour) for hour in sorted(set(hours)) if hour >= kept]
    if stale:
        UsageStale.objects.bulk_create(stale)


def _first_kept(now: datetime) -> int:
    """Return the first hour that `traces.retention` takes no spans of: those before stay as they were added up."""
    if not settings.RETENTION_DAYS:
        return 0
    # A mark that is being written now must not be overtaken by a deletion.
    return hour_of(now + SLACK - timedelta(days=settings.RETENTION_DAYS)) + 1


def mark_span(span: Span) -> None:
    """Note that a span is new, changed or about to go, if it is one that was billed."""
    if span.kind in BILLED:
        mark(span.project_id, [span.started_at])


def mark_spans(spans: QuerySet[Span]) -> None:
    """Note that all of these are about to be changed or deleted past `recording`."""
    moments: dict[int, set[datetime]] = {}
    for project_id, moment in spans.filter(kind__in=BILLED).values_list("project_id", "started_at").iterator():
        moments.setdefault(project_id, set()).add(moment)
    for project_id, found in moments.items():
        mark(project_id, found)
