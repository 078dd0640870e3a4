"""The critical path runs through the spans that the end of the trace waited for."""

from __future__ import annotations

import pytest

from tests.traces.pages.test_waterfall import START, a_span
from traces.pages.critical_path import critical_path
from traces.tree import tree_of


def names_on_path(*spans):
    tree = tree_of(spans, START)
    return [tree.rows[place].span.name for place in sorted(critical_path(tree.rows))]


def test_of_spans_side_by_side_the_last_to_end_is_on_the_path():
    root = a_span("root", kind="agent", ms=1000)
    assert names_on_path(root, a_span("long", ms=900, parent=root), a_span("short", ms=300, parent=root)) == ["long"]


def test_spans_one_after_the_other_are_all_on_the_path():
    root = a_span("root", kind="agent", ms=1000)
    step = a_span("step", kind="agent", ms=600, parent=root)
    first, second = a_span("first", ms=200, parent=step), a_span("second", at_ms=200, ms=400, parent=step)
    assert names_on_path(root, step, first, second, a_span("third", at_ms=600, ms=400, parent=root)) == [
        "first", "second", "third",
    ]  # fmt: skip


@pytest.mark.parametrize("milliseconds", [0.1, 0.2, 0.7])
def test_ends_that_differ_by_rounding_are_the_same(milliseconds):
    root = a_span("root", kind="agent", ms=1000)
    assert names_on_path(root, a_span("ask", at_ms=100, ms=900 - 0.3 + milliseconds / 10, parent=root)) == ["ask"]


def test_a_span_that_outlives_its_parent_held_nothing_up():
    root = a_span("root", kind="agent", ms=500)
    spans = [root, a_span("loose", ms=900, parent=root), a_span("ask", ms=400, parent=root)]
    assert names_on_path(*spans, a_span("other root", at_ms=500, ms=500)) == ["ask", "other root"]


def test_spans_below_a_parent_that_never_came_are_read_as_well():
    lost = a_span("lost")
    assert names_on_path(a_span("ask", ms=400, parent=lost)) == ["ask"]


def test_a_trace_without_spans_has_none():
    assert critical_path([]) == frozenset()
