"""Figures of functions and revisions: live calls alone, from rows, right when spans come late or change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from functions.figures import FunctionFigures, ProjectFigures, last_days, last_hours, revision_figures
from functions.models import Function, Revision
from opperweb.accounts.models import Project
from tests.traces.factories import make_call
from traces import recording
from traces.analytics import marks
from traces.analytics.rollups import roll_up
from traces.models import Origin, Span

NOW = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def function(project: Project) -> Function:
    function = Function.objects.create(project=project, name="mini_kb_query", created_at=NOW - 20 * DAY)
    for number in (1, 2):
        Revision.objects.create(function=function, number=number, digest=str(number))
    return function


def call(project: Project, ago: timedelta, **values: Any) -> None:
    values = {"function_name": "mini_kb_query", "revision_number": 1, **values}
    make_call(project, started_at=NOW - ago, **values)


def test_a_revision_has_its_failures_by_kind_and_all_its_sums(project: Project, function: Function) -> None:
    call(project, 3 * DAY, cost_usd=Decimal("2"), input_tokens=100, output_tokens=7, score=80, duration_ms=600)
    call(project, 2 * DAY, cost_usd=Decimal("1"), score=60, rejected_count=2, repair_count=2, is_fallback=True)
    call(project, 2 * DAY, status="error", error_kind="rate_limit")
    call(project, 9 * HOUR, status="error", error_kind="rate_limit")
    call(project, HOUR / 2, status="error", error_kind="schema", rejected_count=1)
    call(project, HOUR, revision_number=2)
    for is_added_up in (False, True):
        if is_added_up:
            roll_up()
        found = revision_figures(function, NOW)
        assert {number: each.figures.calls for number, each in found.items()} == {1: 5, 2: 1}
        first = found[1]
        assert list(first.failures.items()) == [("rate_limit", 2), ("schema", 1)]
        sums = ("errors", "rejected", "repaired", "fallbacks", "input_tokens", "output_tokens")
        assert [first.figures[name] for name in sums] == [3, 2, 1, 1, 100, 7]
        assert first.figures.cost_usd == 3
        assert first.figures.cost_of_a_call_usd == Decimal("0.6")
        assert first.figures.score == 70
        assert first.figures.p50_ms
        assert first.figures.p95_ms
        assert not found[2].failures


def test_a_span_that_comes_late_is_counted(project: Project, function: Function) -> None:
    call(project, 2 * DAY)
    roll_up()
    recording.start(
        project,
        "late",
        kind="llm",
        started_at=NOW - 2 * DAY,
        status="ok",
        function_name="mini_kb_query",
        revision_number=2,
    )
    for is_added_up in (False, True):
        if is_added_up:
            roll_up()
        assert sorted(revision_figures(function, NOW)) == [1, 2]
        assert FunctionFigures(function, last_days(7, NOW, UTC)).total.calls == 2


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin])
def test_only_calls_that_callers_asked_for_count(project: Project, function: Function, origin: Origin) -> None:
    for ago in (HOUR / 2, 5 * HOUR):
        call(project, ago)
        call(project, ago, origin=origin, cost_usd=Decimal("9"))
    roll_up()
    assert revision_figures(function, NOW)[1].figures.calls == 2
    stretch = last_hours(24, NOW)
    assert ProjectFigures(project, stretch).totals["mini_kb_query"].calls == 2
    assert FunctionFigures(function, stretch).total.cost_usd == 0


def test_another_function_or_project_is_never_mixed_in(
    project: Project, other_project: Project, function: Function
) -> None:
    for ago in (HOUR / 2, 5 * HOUR):
        call(project, ago, function_name="other")
        call(other_project, ago)
    roll_up()
    assert revision_figures(function, NOW) == {}
    assert not FunctionFigures(function, last_hours(24, NOW)).total.calls
    assert list(ProjectFigures(project, last_hours(24, NOW)).totals) == ["other"]


def test_bars_fall_into_their_hours(project: Project, function: Function) -> None:
    call(project, timedelta(minutes=39))
    call(project, timedelta(minutes=41), status="error")
    call(project, 23 * HOUR)
    call(project, 24 * HOUR)
    roll_up()
    figures = ProjectFigures(project, last_hours(24, NOW))
    bars = [(each.calls, each["errors"]) for each in figures.bars(["mini_kb_query"])["mini_kb_query"]]
    assert bars == [(1, 0), *[(0, 0)] * 21, (1, 1), (1, 0)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
@pytest.mark.parametrize("quarters", [False, True])
def test_days_and_their_quarters_begin_when_the_zone_says_so(zone: str, quarters: bool) -> None:
    # In Berlin the clock is set back on the 25th of October: that day has 25 hours.
    stretch = last_days(40, NOW, ZoneInfo(zone), quarters=quarters)
    local = [moment.astimezone(ZoneInfo(zone)) for moment in stretch.periods]
    midnights = [moment for moment in local if (moment.hour, moment.minute) == (0, 0)]
    assert len(midnights) == 40
    assert len(stretch.periods) == (160 if quarters else 40)
    assert list(stretch.boundaries) == sorted(set(stretch.boundaries))
    assert stretch.start <= NOW - 39 * DAY
    assert stretch.end > NOW


def test_a_reading_takes_a_fixed_number_of_queries_and_no_span_of_a_closed_hour(
    project: Project, function: Function
) -> None:
    def read() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            figures = FunctionFigures(function, last_days(14, NOW, UTC, quarters=True))
            assert figures.total.calls
            assert figures.by_revision
            assert figures.by_model
            assert figures.total_before is not None
            listed = ProjectFigures(project, last_hours(24, NOW))
            listed.bars(listed.totals)
            revision_figures(function, NOW)
        return [query["sql"] for query in captured.captured_queries]

    call(project, 5 * HOUR)
    roll_up()
    few = read()
    for number in range(30):
        call(project, number * 7 * HOUR, revision_number=number, model=f"m/{number}", function_name="mini_kb_query")
        call(project, number * HOUR, function_name=f"f{number}", status="error", error_kind=f"kind {number}")
    marks.mark_spans(Span.objects.all())
    roll_up()
    many = read()
    assert len(many) == len(few)
    # What is left in the database of closed hours is not asked.
    Span.objects.filter(started_at__lt=NOW - 3 * HOUR).delete()
    assert revision_figures(function, NOW)[29].figures.calls == 1
