"""The four charts of a function's overview on one time axis, the lines where revisions went live, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from functions.figures import FunctionFigures, Stretch
from functions.models import Revision
from opperweb.pages import display
from traces.analytics.figures import Figures
from traces.pages import usage_chart
from traces.pages.usage_chart import Chart, Label

HEIGHT = 112.0
MOST_LABELS = 7
MOST_MODELS = 4
# Marks that stand nearer than this to the next, in per cent, are a line without their number.
LEAST_APART = 3.5


@dataclass(frozen=True)
class Flag:
    """Where a revision went live, in per cent from the left."""

    x: str
    number: int
    title: str
    is_live: bool
    has_number: bool


@dataclass(frozen=True)
class Series:
    """A colour of a chart in words."""

    css: str
    name: str
    is_line: bool = False


@dataclass(frozen=True)
class Panel:
    name: str
    title: Any
    chart: Chart
    legend: Sequence[Series]


class Charts:
    """All that is drawn of one reading. `queries` leads from each period to its calls."""

    def __init__(self, figures: FunctionFigures, queries: Sequence[str]) -> None:
        self.figures = figures
        self.stretch = figures.stretch
        self.queries = queries
        self.names = [_name(moment, self.stretch.step) for moment in self.stretch.periods]
        self.labels = _labels(self.stretch)

    @cached_property
    def panels(self) -> list[Panel]:
        return [
            Panel(
                "calls",
                gettext("Calls and errors"),
                self._calls(),
                (Series("vol", gettext("calls")), Series("error", gettext("errors"))),
            ),
            Panel(
                "duration",
                gettext("Duration"),
                self._duration(),
                (Series("l1", "p95", True), Series("l2", "p50", True)),
            ),
            Panel("score", gettext("Score"), self._score(), (Series("l1", gettext("average"), True),)),
            Panel("cost", gettext("Cost"), self._cost(), self.models),
        ]

    def _calls(self) -> Chart:
        periods = self.figures.by_period
        words = [
            gettext("%(calls)s calls, %(errors)s errors")
            % {"calls": display.count(each.calls), "errors": display.count(each["errors"])}
            for each in periods
        ]
        return usage_chart.stacked(
            [[each["errors"], each.calls - each["errors"]] for each in periods],
            self._titled(words),
            css=("error", "vol"),
            shown=_count_on_axis,
            labels=self.labels,
            queries=self.queries,
            height=HEIGHT,
        )

    def _duration(self) -> Chart:
        p95, p50 = ([getattr(each, name) for each in self.figures.by_period] for name in ("p95_ms", "p50_ms"))
        words = [
            f"p95 {display.duration(high)}, p50 {display.duration(low)}" for high, low in zip(p95, p50, strict=True)
        ]
        chart = usage_chart.lined([p95, p50], self._titled(words), shown=_seconds_on_axis, height=HEIGHT)
        return replace(chart, labels=self.labels)

    def _score(self) -> Chart:
        scores = [each.score for each in self.figures.by_period]
        titles = self._titled([score_words(score) for score in scores])
        chart = usage_chart.lined([scores], titles, shown=lambda score: f"{score:g}", top=100, height=HEIGHT)
        return replace(chart, labels=self.labels)

    def _cost(self) -> Chart:
        parts = [[float(each.cost_usd) for each in self._by_model(number)] for number in range(len(self.names))]
        words = [display.cost(each.known_cost_usd if each.calls else 0) for each in self.figures.by_period]
        return usage_chart.stacked(
            parts,
            self._titled(words),
            css=[each.css for each in self.models],
            shown=_cost_on_axis,
            labels=self.labels,
            height=HEIGHT,
        )

    # --- models, the dearest first --------------------------------------------------------------------------------

    @cached_property
    def _ranked(self) -> list[str | None]:
        by_model = self.figures.by_model
        return sorted(by_model, key=lambda name: (-by_model[name]["cost_units"], -by_model[name].calls, name or ""))

    @cached_property
    def models(self) -> list[Series]:
        """The dearest models, and all others as the last."""
        shown = [
            Series(f"c{number}", display.short_model(name or gettext("No model")))
            for number, name in enumerate(self._ranked[:MOST_MODELS], 1)
        ]
        rest = len(self._ranked) - len(shown)
        return [*shown, Series("c5", gettext("Other, %(count)s") % {"count": rest})] if rest else shown

    def _by_model(self, period: int) -> list[Figures]:
        """Return the figures of a period for each of `models`."""
        found = self.figures.by_period_and_model[period]
        parts = [found.get(name, Figures()) for name in self._ranked[:MOST_MODELS]]
        rest = self._ranked[MOST_MODELS:]
        return [*parts, Figures.of(found[name] for name in rest if name in found)] if rest else parts

    # --- as a table -----------------------------------------------------------------------------------------------

    @cached_property
    def table(self) -> list[tuple[str, str, list[str]]]:
        """All four as lines: the period, the way to its calls, and its numbers in words."""
        return [
            (name, self.queries[number], self._line(number, self.figures.by_period[number]))
            for number, name in enumerate(self.names)
        ]

    def _line(self, number: int, figures: Figures) -> list[str]:
        return [
            display.count(figures.calls),
            display.count(figures["errors"]),
            display.duration(figures.p50_ms),
            display.duration(figures.p95_ms),
            score_words(figures.score),
            *(display.cost(each.known_cost_usd if each.calls else None) for each in self._by_model(number)),
        ]

    def _titled(self, words: Sequence[str]) -> list[str]:
        return [f"{name}\n{each}" for name, each in zip(self.names, words, strict=True)]


def flags_of(revisions: Sequence[Revision], live: int | None, stretch: Stretch) -> list[Flag]:
    """Return the marks of these revisions, which rise; of numbers that would cover each other the later one stays."""
    whole = stretch.end - stretch.start
    places = [100 * ((each.created_at - stretch.start) / whole) for each in revisions]
    following = [*places[1:], 200.0]
    return [
        Flag(
            f"{place:.2f}%",
            each.number,
            gettext("Revision %(number)s went live, %(time)s")
            % {"number": each.number, "time": date_format(timezone.localtime(each.created_at), "j M H:i")},
            each.number == live,
            next_place - place >= LEAST_APART,
        )
        for each, place, next_place in zip(revisions, places, following, strict=False)
    ]


def score_words(score: float | None) -> str:
    return display.MISSING if score is None else f"{score:.0f}"


def _labels(stretch: Stretch) -> tuple[Label, ...]:
    """Return labels below the periods: of days, or of hours where it is a single one."""
    periods = stretch.periods
    begins_a_day = [
        number
        for number, moment in enumerate(periods)
        if stretch.step != "quarter" or timezone.localtime(moment).hour == 0
    ]
    every = ceil(len(begins_a_day) / MOST_LABELS)
    step = "day" if stretch.step == "quarter" else stretch.step
    width = 100 / len(periods)
    labels = []
    for number in begins_a_day[::every]:
        at = (number + 0.5) * width
        anchor = "start" if at < 4 else "end" if at > 96 else "middle"
        labels.append(Label(f"{at:.2f}%", anchor, usage_chart.short_name(periods[number], step)))
    return tuple(labels)


def _name(moment: Any, step: str) -> str:
    return usage_chart.long_name(moment, "hour" if step == "quarter" else step)


def _count_on_axis(number: float) -> str:
    # There is no half a call.
    return display.tokens(int(number)) if number == int(number) else ""


def _seconds_on_axis(milliseconds: float) -> str:
    if milliseconds <= 0:
        return "0"
    if milliseconds < 1000:
        return f"{milliseconds:g}{display.NARROW}ms"
    return f"{milliseconds / 1000:g}{display.NARROW}s"


def _cost_on_axis(usd: float) -> str:
    return f"${usd:,.0f}" if usd >= 1 and usd == int(usd) else display.cost(usd)
