"""Flat spans → the rows of a tree, each with its depth and the place of its bar in time. Knows no database.

Spans come in any order and may be wrong: a parent that never came gets a row of its own, and a ring of parents
is cut at its earliest span. Nothing here recurses, so a chain of any depth is read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID


class SpanLike(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def parent_id(self) -> UUID | None: ...
    @property
    def status(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


# SpanLike in spirit: the stubs do not see that a model's fields have the types of its properties.
S = TypeVar("S", bound=Any)

# What a folded row tells of the rows inside it, the worst first.
WORST_FIRST = ("error", "running", "stopped", "recovered", "ok")


@dataclass(slots=True)
class Row(Generic[S]):
    """One line of the tree. `span` is None for a parent that never came."""

    id: UUID
    span: S | None
    depth: int
    position: int
    siblings: int
    start_ms: float
    duration_ms: float
    is_running: bool
    descendants: int = 0
    worst_inside: str = ""
    has_children: bool = False

    @property
    def level(self) -> int:
        return self.depth + 1


@dataclass(frozen=True, slots=True)
class Ruler:
    """The time axis: marks at even steps, of which the last lies at or behind the end."""

    total_ms: float
    ticks: tuple[float, ...]

    def share(self, milliseconds: float) -> float:
        """Where a moment lies, in per cent of the whole width."""
        return min(max(milliseconds / self.total_ms * 100, 0), 100)


@dataclass(slots=True)
class Tree(Generic[S]):
    rows: list[Row[S]] = field(default_factory=list)
    started_at: datetime | None = None
    duration_ms: float = 0


def tree_of(spans: Sequence[S], now: datetime) -> Tree[S]:
    """Return the rows of these spans in the order a person reads them: parents first, siblings as they started."""
    if not spans:
        return Tree()
    start = min(span.started_at for span in spans)
    end = max(_end_of(span, now) for span in spans)
    rows = _rows(spans, start, now)
    _tell_parents(rows)
    return Tree(rows, start, max((end - start) / timedelta(milliseconds=1), 0))


def _rows(spans: Sequence[S], start: datetime, now: datetime) -> list[Row[S]]:
    by_id = {span.id: span for span in spans}
    ordered = sorted(spans, key=lambda span: span.started_at)
    children: dict[UUID | None, list[UUID]] = defaultdict(list)
    missing: dict[UUID, datetime] = {}
    for span in ordered:
        if span.parent_id is None or span.parent_id in by_id:
            children[span.parent_id].append(span.id)
        else:
            missing.setdefault(span.parent_id, span.started_at)
            children[span.parent_id].append(span.id)
    tops = sorted(
        [*((by_id[top].started_at, top) for top in children[None]), *((at, top) for top, at in missing.items())]
    )
    rows: list[Row[S]] = []
    seen: set[UUID] = set()
    _walk([top for _, top in tops], children, by_id, rows, seen, start, now)
    # Whatever no top leads to stands in a ring: cut it where it began.
    for span in ordered:
        if span.id not in seen:
            _walk([span.id], children, by_id, rows, seen, start, now)
    return rows


def _walk(
    tops: Iterable[UUID],
    children: dict[UUID | None, list[UUID]],
    by_id: dict[UUID, S],
    rows: list[Row[S]],
    seen: set[UUID],
    start: datetime,
    now: datetime,
) -> None:
    tops = list(tops)
    stack = [(top, 0, place, len(tops)) for place, top in reversed(list(enumerate(tops, 1)))]
    while stack:
        id, depth, place, siblings = stack.pop()
        if id in seen:
            continue
        seen.add(id)
        rows.append(_row(id, by_id.get(id), depth, place, siblings, start, now))
        below = [child for child in children.get(id, ()) if child not in seen]
        stack.extend((child, depth + 1, place, len(below)) for place, child in reversed(list(enumerate(below, 1))))


def _row(id: UUID, span: S | None, depth: int, position: int, siblings: int, start: datetime, now: datetime) -> Row[S]:
    if span is None:
        return Row(id, None, depth, position, siblings, 0, 0, is_running=False)
    millisecond = timedelta(milliseconds=1)
    begin = (span.started_at - start) / millisecond
    length = max((_end_of(span, now) - span.started_at) / millisecond, 0)
    is_running = span.ended_at is None and span.status == "running"
    return Row(id, span, depth, position, siblings, begin, length, is_running)


def _end_of(span: SpanLike, now: datetime) -> datetime:
    if span.ended_at is not None:
        return max(span.ended_at, span.started_at)
    return max(now, span.started_at) if span.status == "running" else span.started_at


def _tell_parents(rows: list[Row[S]]) -> None:
    """Give every row the number of rows inside it and the worst of their states, in one pass from the end."""
    inside: dict[int, tuple[int, int]] = {}
    worst_of_all = len(WORST_FIRST)
    for row in reversed(rows):
        number, worst = inside.pop(row.depth + 1, (0, worst_of_all))
        row.descendants, row.has_children = number, number > 0
        row.worst_inside = WORST_FIRST[worst] if worst < worst_of_all else ""
        own = WORST_FIRST.index(row.span.status) if row.span and row.span.status in WORST_FIRST else worst_of_all
        count_beside, worst_beside = inside.get(row.depth, (0, worst_of_all))
        inside[row.depth] = (count_beside + number + 1, min(worst_beside, worst, own))


_STEPS_S = (*(a * 10**b for b in range(-3, 1) for a in (1, 2, 3, 5)), 10, 15, 20, 30)
_LONG_STEPS_S = (60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def ruler_for(duration_ms: float, most: int = 5) -> Ruler:
    """Return the axis whose marks come at the smallest even step that needs no more than `most` of them."""
    seconds = max(duration_ms, 1) / 1000
    step = next(
        (step for step in (*_STEPS_S, *_LONG_STEPS_S) if seconds / step <= most),
        86400 * math.ceil(seconds / 86400 / most),
    )
    number = max(math.ceil(seconds / step - 1e-9), 1)
    return Ruler(step * number * 1000, tuple(step * mark * 1000 for mark in range(number + 1)))
