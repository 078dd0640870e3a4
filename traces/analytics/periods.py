"""A stretch of time cut into minutes, hours, days, months or years of a zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from traces.analytics.hours import hour_of, moment_of, next_hour

STEPS = ("minute", "hour", "day", "month", "year")
_LENGTHS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
# What a step has at least, to tell how many there are before they are made.
_LEAST = {**_LENGTHS, "day": timedelta(hours=23), "month": timedelta(days=28), "year": timedelta(days=365)}


def most_steps(start: datetime, end: datetime, step: str) -> int:
    """Return a number that the steps between two moments do not exceed by much."""
    return (end - start) // _LEAST[step] + 1


def boundaries(start: datetime, end: datetime, step: str, zone: tzinfo = UTC) -> list[datetime]:
    """Return start, the moments between at which a step of the zone's clock begins, and end, all in UTC."""
    return [start, *(moment for moment in _begun(start, end, step, zone) if start < moment < end), end]


def beginning(moment: datetime, step: str, zone: tzinfo = UTC) -> datetime:
    """Return when the step began that a moment lies in."""
    if step in _LENGTHS:
        # A clock that is set back shows some minutes twice: what lies within the hour is the same in UTC.
        shown = moment.astimezone(zone)
        into = timedelta(seconds=shown.second, microseconds=shown.microsecond)
        return moment.astimezone(UTC) - into - (timedelta(minutes=shown.minute) if step == "hour" else timedelta(0))
    local = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if step in ("month", "year"):
        local = local.replace(day=1)
    return (local.replace(month=1) if step == "year" else local).astimezone(UTC)


def after(begun: datetime, step: str, zone: tzinfo = UTC, count: int = 1) -> datetime:
    """Return when the step begins that comes `count` steps after the one begun then; it may lie before."""
    if step in _LENGTHS:
        return begun + count * _LENGTHS[step]
    local = begun.astimezone(zone)
    if step == "day":
        return beginning((local.replace(hour=12) + timedelta(days=count)), "day", zone)
    months = local.year * 12 + local.month - 1 + count * (12 if step == "year" else 1)
    return local.replace(year=months // 12, month=months % 12 + 1, day=1, fold=0).astimezone(UTC)


def days_of(hours: range, zone: tzinfo) -> Iterator[range]:
    """Return the whole hours of each day of a zone that has any of these."""
    day = beginning(moment_of(hours.start), "day", zone)
    while day < moment_of(hours.stop):
        following = after(day, "day", zone)
        yield range(next_hour(day), hour_of(following))
        day = following


def _begun(start: datetime, end: datetime, step: str, zone: tzinfo) -> Iterator[datetime]:
    moment = beginning(start, step, zone)
    while moment < end:
        yield moment
        moment = after(moment, step, zone)
