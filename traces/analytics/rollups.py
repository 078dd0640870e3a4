"""Add calls up: hours that have closed, hours that changed since, and the days they make in the project's zone.

One project at a time, under its lock; an hour that is neither open nor stale has rows that come to what its spans do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import Min, Sum
from django.utils import timezone

from opperweb.accounts.access import zone_of
from opperweb.accounts.models import Project
from traces.analytics.calls import Dimension, calls_between
from traces.analytics.figures import COLUMNS, Figures
from traces.analytics.hours import SLACK, first_open, hour_of, moment_of, runs
from traces.analytics.periods import days_of
from traces.models import Span
from traces.totals import BILLED
from traces.usage_models import UsageDimension, UsageProgress, UsageRow, UsageStale, UsageTag

# How many hours are added up at once.
MOST_HOURS = 12
MOST_TAG_KEYS = 200
MOST_STALE = 1000
BATCH = 500
# A run of the job ends by then; the next one goes on where it stopped.
PATIENCE_S = 20.0

# By hour, whether it is a whole row, and dimension.
Cells = dict[tuple[int, bool, Dimension], Figures]


def roll_up(*, now: datetime | None = None, patience_s: float = PATIENCE_S) -> None:
    """Add up every hour that has closed and every hour that is stale, of all projects."""
    until = time.monotonic() + patience_s
    closed = first_open((now or timezone.now()) - SLACK)
    behind = Project.objects.exclude(pk__in=UsageProgress.objects.filter(until__gte=closed).values("pk"))
    for project_id in behind.values_list("pk", flat=True):
        while time.monotonic() < until and _advance(project_id, closed):
            pass
    for project_id in UsageStale.objects.order_by().values_list("project_id", flat=True).distinct():
        while time.monotonic() < until and _refresh(project_id):
            pass


@shared_task(name="traces.jobs.roll_up_job")  # type: ignore[untyped-decorator]
def roll_up_job() -> None:
    roll_up()


def _advance(project_id: int, closed: int) -> bool:
    """Add up the next hours of a project; tell whether more are left."""
    progress, _ = UsageProgress.objects.get_or_create(project_id=project_id)
    first = min(_first_hour(project_id), closed) if progress.until is None else progress.until
    end = min(closed, first + MOST_HOURS)
    _write(progress, range(first, end), until=max(first, end))
    return end < closed


def _refresh(project_id: int) -> bool:
    """Add up stale hours of a project anew; tell whether more are left."""
    progress, _ = UsageProgress.objects.get_or_create(project_id=project_id)
    stale = UsageStale.objects.filter(project_id=project_id)
    hours = sorted(set(stale.order_by("hour").values_list("hour", flat=True)[:MOST_STALE]))[:MOST_HOURS]
    # Only the marks that are seen before the spans are read go: whatever changes later brings one of its own.
    seen = list(stale.filter(hour__in=hours).values_list("pk", flat=True))
    ready = [hour for hour in hours if progress.until is not None and hour < progress.until]
    _write(progress, ready, until=progress.until, seen=seen)
    return stale.exists()


def _write(progress: UsageProgress, hours: Iterable[int], *, until: int | None, seen: Sequence[int] = ()) -> None:
    """Put rows for these hours in the place of those that are there, and for the days that they end.

    The spans are read before the transaction, so that it is short; if anybody else has written rows since, it is left
    to the next run.
    """
    hours = list(hours)
    cells = _cells_of(progress.project_id, hours)
    with transaction.atomic():
        held = UsageProgress.objects.select_for_update().get(pk=progress.pk)
        if held.version != progress.version:
            return
        _follow_zone(held)
        held.until = until
        held.version += 1
        _write_hours(held, hours, cells)
        _write_days(held, runs(hours))
        held.save()
        for start in range(0, len(seen), BATCH):
            UsageStale.objects.filter(pk__in=seen[start : start + BATCH]).delete()


def _follow_zone(progress: UsageProgress) -> None:
    """Add up days anew where the project has moved to another zone."""
    zone = Project.objects.values_list("time_zone", flat=True).get(pk=progress.project_id)
    if progress.zone == zone:
        return
    rows = UsageRow.objects.filter(project_id=progress.project_id)
    rows.filter(is_day=True).delete()
    progress.zone = zone
    first = rows.aggregate(first=Min("hour"))["first"]
    if first is not None and progress.until is not None:
        _write_days(progress, [range(first, progress.until)])


def _first_hour(project_id: int) -> int:
    first = Span.objects.filter(project_id=project_id, kind__in=BILLED).aggregate(first=Min("started_at"))["first"]
    return hour_of(first or timezone.now())


def _cells_of(project_id: int, hours: Sequence[int]) -> Cells:
    cells: Cells = {}
    stretches = [(moment_of(run.start), moment_of(run.stop)) for run in runs(hours)]
    for call in calls_between(Span.objects.filter(project_id=project_id), stretches):
        hour, dimension = hour_of(call.started_at), call.dimension
        for key in ((hour, False, dimension), (hour, True, dimension.whole)):
            cells.setdefault(key, Figures()).add(call.sums)
    return cells


def _write_hours(progress: UsageProgress, hours: Sequence[int], cells: Cells) -> None:
    project_id = progress.project_id
    keys = _keys_of(progress, {dimension for _hour, _is_whole, dimension in cells})
    UsageRow.objects.filter(project_id=project_id, is_day=False, hour__in=hours).delete()
    UsageRow.objects.bulk_create(
        (
            UsageRow(
                project_id=project_id,
                is_whole=is_whole,
                is_day=False,
                hour=hour,
                dimension_id=keys[dimension],
                **figures.sums,
            )
            for (hour, is_whole, dimension), figures in cells.items()
        ),
        batch_size=BATCH,
    )


def _write_days(progress: UsageProgress, stretches: Iterable[range]) -> None:
    """Add up the days of these hours, those whose every hour has rows."""
    rows = UsageRow.objects.filter(project_id=progress.project_id)
    sums = {f"sum_{name}": Sum(name) for name in COLUMNS}
    zone = zone_of(Project(time_zone=progress.zone))
    for day in sorted({day for hours in stretches for day in days_of(hours, zone)}, key=lambda day: day.start):
        rows.filter(is_day=True, hour=day.start).delete()
        if progress.until is None or day.stop > progress.until:
            continue
        hours = rows.filter(is_day=False, hour__gte=day.start, hour__lt=day.stop)
        found: Iterable[Any] = hours.order_by().values("is_whole", "dimension_id").annotate(**sums)
        UsageRow.objects.bulk_create(
            (
                UsageRow(
                    project_id=progress.project_id,
                    is_whole=row["is_whole"],
                    is_day=True,
                    hour=day.start,
                    dimension_id=row["dimension_id"],
                    **{name: row[f"sum_{name}"] for name in COLUMNS},
                )
                for row in found
            ),
            batch_size=BATCH,
        )


def _keys_of(progress: UsageProgress, dimensions: set[Dimension]) -> dict[Dimension, int]:
    """Return the key of each dimension, made where there is none."""
    digests = {dimension.digest: dimension for dimension in dimensions}
    there = _there(progress.project_id, digests)
    new = [dimension for digest, dimension in digests.items() if digest not in there]
    UsageDimension.objects.bulk_create(
        (
            UsageDimension(
                project_id=progress.project_id,
                digest=dimension.digest,
                model=dimension.model,
                function=dimension.function,
                revision=dimension.revision,
                origin=dimension.origin,
                error_kind=dimension.error_kind,
                api_key_id=dimension.api_key_id,
            )
            for dimension in new
        ),
        batch_size=BATCH,
    )
    there |= _there(progress.project_id, [dimension.digest for dimension in new])
    UsageTag.objects.bulk_create(
        (
            UsageTag(dimension_id=there[dimension.digest], key=key, value=value)
            for dimension in new
            for key, value in dict(dimension.tags).items()
        ),
        batch_size=BATCH,
    )
    tag_keys = {key for dimension in new for key, _ in dimension.tags}
    progress.tag_keys = sorted({*progress.tag_keys, *tag_keys})[:MOST_TAG_KEYS]
    return {dimension: there[digest] for digest, dimension in digests.items()}


def _there(project_id: int, digests: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    wanted = list(digests)
    for start in range(0, len(wanted), BATCH):
        rows = UsageDimension.objects.filter(project_id=project_id, digest__in=wanted[start : start + BATCH])
        found |= dict(rows.values_list("digest", "pk"))
    return found
