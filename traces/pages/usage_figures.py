"""The six figures of the Usage page, each with its change and the way to make the page be about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opperweb.pages import display
from traces.analytics.figures import Figures
from traces.pages.usage_table import change_of, percent_change
from traces.pages.usage_view import MEASURES, Measure, UsageView

SMALL = 0.0005


@dataclass(frozen=True)
class Figure:
    """What a figure says; `is_worse` marks errors that became more."""

    label: Any
    shown: str
    change: str
    is_worse: bool
    query: str
    is_current: bool


def figures_of(view: UsageView, now: Figures, before: Figures | None) -> list[Figure]:
    return [
        Figure(
            measure.label,
            _shown(measure, now),
            _change(measure, now, before),
            measure.name == "errors" and (_points(now, before) or 0) > SMALL,
            view.measured(measure.name).as_query(),
            view.measure == measure,
        )
        for measure in MEASURES.values()
    ]


def _shown(measure: Measure, figures: Figures) -> str:
    if measure.name == "cost":
        return display.cost(figures.known_cost_usd)
    if measure.name == "errors":
        return display.share(figures["errors"], figures.calls)
    return measure.shown(measure.of(figures))


def _change(measure: Measure, now: Figures, before: Figures | None) -> str:
    """Return "+14 %", "+0.4" of a share, "−0.3 s" of a time; an empty text where there was nothing before."""
    if before is None or not before.calls:
        return ""
    if measure.name == "errors":
        points = _points(now, before)
        return "" if points is None else f"{_sign(points, SMALL)}{abs(100 * points):.1f}"
    if measure.name == "p95":
        if now.p95_ms is None or before.p95_ms is None:
            return ""
        more = now.p95_ms - before.p95_ms
        return _sign(more, 1) + display.duration(abs(more))
    change = change_of(measure, now, before)
    return "" if change is None else percent_change(change)


def _points(now: Figures, before: Figures | None) -> float | None:
    if before is None or now.errors_share is None or before.errors_share is None:
        return None
    return now.errors_share - before.errors_share


def _sign(number: float, least: float) -> str:
    return "+" if number >= least else "−" if number <= -least else ""
