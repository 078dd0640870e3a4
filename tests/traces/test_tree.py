"""Spans become rows, however wrong the spans are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from traces.tree import ruler_for, tree_of

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Step:
    id: UUID
    parent_id: UUID | None
    started_at: datetime
    ended_at: datetime | None
    status: str = "ok"


def step(number, parent=None, at=0, lasts=10, status="ok"):
    start = START + timedelta(milliseconds=at)
    end = None if status == "running" else start + timedelta(milliseconds=lasts)
    return Step(UUID(int=number), UUID(int=parent) if parent else None, start, end, status)


def shape(spans):
    return [(row.id.int, row.depth) for row in tree_of(spans, START + timedelta(seconds=1)).rows]


def test_children_follow_their_parent_in_the_order_they_started():
    assert shape([step(3, 1, at=5), step(1), step(2, 1, at=2)]) == [(1, 0), (2, 1), (3, 1)]


def test_a_parent_that_never_came_gets_a_row():
    rows = tree_of([step(2, 9)], START).rows
    assert [(row.id.int, row.span is None, row.depth) for row in rows] == [(9, True, 0), (2, False, 1)]


def test_a_ring_of_parents_is_cut():
    assert sorted(number for number, _ in shape([step(1, 2), step(2, 1, at=1)])) == [1, 2]


def test_a_chain_of_two_thousand_is_read():
    assert shape([step(n, n - 1 or None, at=n) for n in range(1, 2001)])[-1] == (2000, 1999)


def test_a_parent_tells_the_worst_inside_it():
    first = tree_of([step(1), step(2, 1, status="error"), step(3, 2)], START).rows[0]
    assert (first.worst_inside, first.descendants) == ("error", 2)


def test_a_running_span_reaches_until_now():
    assert tree_of([step(1, status="running")], START + timedelta(seconds=2)).rows[0].duration_ms == 2000


def test_the_ruler_ends_at_or_behind_the_end():
    assert ruler_for(14620).ticks == (0, 3000, 6000, 9000, 12000, 15000)
