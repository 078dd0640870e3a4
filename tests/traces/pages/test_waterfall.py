"""Rows and bars as the page shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from traces.models import Span
from traces.pages.axis import marks_of
from traces.pages.waterfall import attempt_times, bars_of, lines_of, token_sums
from traces.tree import ruler_for, tree_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_span(name="ask", *, kind="llm", status="ok", at_ms=0.0, ms: float | None = 1000.0, parent=None, **values):
    ended_at = None if ms is None else START + timedelta(milliseconds=at_ms + ms)
    started_at = START + timedelta(milliseconds=at_ms)
    parent_id = parent.id if parent else None
    return Span(
        key=uuid4().int % 10**9, id=uuid4(), name=name, kind=kind, status=status, parent_id=parent_id,
        started_at=started_at, ended_at=ended_at, duration_ms=ms, **values,
    )  # fmt: skip


def an_attempt(span, outcome, at_ms, ms, *, first_byte_ms=None):
    started_at = START + timedelta(milliseconds=at_ms)
    values = {"queue_ms": None, "first_byte_ms": first_byte_ms, "duration_ms": ms}
    return {"span_id": span.key, "outcome": outcome, "started_at": started_at, **values}


def lines(*spans, attempts=(), chosen=None):
    tree = tree_of(spans, START + timedelta(seconds=10))
    times = attempt_times(attempts, START)
    return lines_of(tree, ruler_for(tree.duration_ms), times, offset=0, most=500, chosen=chosen)


def test_a_call_waits_and_then_generates():
    [line] = lines(a_span(first_token_ms=400.0))
    assert [(bar.css, bar.x, bar.width) for bar in line.bars] == [
        ("wait", "0.00%", "100.00%"),
        ("call", "40.00%", "60.00%"),
    ]


def test_failed_attempts_are_hatched_and_a_pause_is_a_line():
    span = a_span(ms=1000.0, attempt_count=2)
    attempts = [an_attempt(span, "rejected", 0, 300), an_attempt(span, "accepted", 500, 500, first_byte_ms=100)]
    [line] = lines(span, attempts=attempts)
    assert [bar.css for bar in line.bars] == ["error", "pause", "wait", "call"]
    assert line.drawing.count("url(#hatch)") == 1
    assert line.retries == 2


def test_a_running_span_reaches_to_now():
    [line] = lines(a_span(kind="tool", status="running", ms=None))
    assert [(bar.css, bar.width) for bar in line.bars] == [("running", "100.00%")]


def test_the_shortest_span_is_still_seen():
    root = a_span(kind="agent", ms=100_000.0)
    assert lines(root, a_span(kind="tool", ms=1.0, parent=root))[1].bars[0].width == "2"


def test_a_parent_sums_the_tokens_inside_it():
    root = a_span(kind="agent", ms=1000.0)
    inside = [a_span(parent=root, at_ms=number, input_tokens=10, output_tokens=5) for number in range(3)]
    assert token_sums(tree_of([root, *inside], START).rows) == [45, 15, 15, 15]


def test_the_tag_of_a_row_tells_its_place_and_state():
    root = a_span("agent", kind="agent")
    failed = a_span("search", kind="tool", status="error", parent=root, error_kind="timed_out")
    first, second = lines(root, failed, chosen=failed.id)
    assert 'aria-expanded="true"' in first.attributes
    assert 'aria-selected="true"' not in first.attributes
    assert 'class="row is-error"' in second.attributes
    assert 'aria-level="2"' in second.attributes
    assert 'aria-selected="true"' in second.attributes
    assert second.second == "timed out"
    assert second.guides == "<i></i>"


def test_a_parent_that_never_came_has_a_row():
    [missing, child] = lines(a_span(parent=a_span()))
    assert (missing.name, missing.bars, missing.retries) == ("missing parent", [], 0)
    assert child.row.depth == 1


@pytest.mark.parametrize(
    ("milliseconds", "last"),
    [(0, "1 ms"), (47, "50 ms"), (14_620, "15 s"), (150_000, "150 s"), (400_000, "8 min"), (9e6, "150 min")],
)
def test_the_axis_ends_at_an_even_mark(milliseconds, last):
    assert marks_of(ruler_for(milliseconds))[-1].label.replace("\u202f", " ") == last


def test_no_bar_leaves_the_axis():
    ruler = ruler_for(1000)
    [row] = tree_of([a_span(ms=1000.0)], START).rows
    row.start_ms = 99_999
    assert bars_of(row, [], ruler)[0].x == "99.40%"
