"""Moments as whole hours since 1970 in UTC, and runs of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
# The hours that calls still come to: this one and the one before it are read from the spans.
OPEN_HOURS = 2
# How much later an hour is added up: a transaction that took it for open has long been over by then.
SLACK = timedelta(minutes=10)


def hour_of(moment: datetime) -> int:
    """Return the hour that a moment lies in."""
    return (moment - EPOCH) // HOUR


def next_hour(moment: datetime) -> int:
    """Return the first hour that begins at or after a moment."""
    return -((EPOCH - moment) // HOUR)


def first_open(now: datetime) -> int:
    """Return the first hour that is read from the spans in any case."""
    return hour_of(now) - OPEN_HOURS + 1


def moment_of(hour: int) -> datetime:
    return EPOCH + hour * HOUR


def runs(hours: Iterable[int]) -> list[range]:
    """Return rising numbers as stretches without gaps."""
    found: list[range] = []
    for hour in hours:
        if found and found[-1].stop == hour:
            found[-1] = range(found[-1].start, hour + 1)
        else:
            found.append(range(hour, hour + 1))
    return found
