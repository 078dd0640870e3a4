"""All that the Usage page shows of one view: figures, series, charts, tables, and the ways on from each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from opperweb.accounts.models import Project
from opperweb.pages import display
from traces.analytics.conditions import call_filter
from traces.analytics.figures import Figures
from traces.analytics.ledger import Ledger
from traces.analytics.periods import boundaries
from traces.models import Trace
from traces.pages import usage_chart
from traces.pages.filter_form import range_label
from traces.pages.usage_bar import UsageForm, bar_of, ranges_of, traces_url
from traces.pages.usage_chart import Chart
from traces.pages.usage_figures import figures_of
from traces.pages.usage_table import heads_of, name_head, name_of, rows_of
from traces.pages.usage_view import Number, UsageView

MOST_SERIES = 5
BY_LABELS = {"model": _("Model"), "function": _("Function"), "key": _("API key")}
TABLE_TITLES = {"model": _("By model"), "function": _("By function"), "key": _("By API key")}
STEP_LABELS = {
    "minute": _("%(measure)s by minute"),
    "hour": _("%(measure)s by hour"),
    "day": _("%(measure)s by day"),
    "month": _("%(measure)s by month"),
    "year": _("%(measure)s by year"),
}


@dataclass(frozen=True)
class Series:
    """One of the parts that columns are stacked of."""

    name: str
    css: str
    numbers: tuple[Number | None, ...]
    total: str


class Report:
    """All that the page shows of one view, each part worked out once, in a fixed number of queries."""

    def __init__(self, project: Project, view: UsageView, now: datetime) -> None:
        self.project = project
        self.view = view
        self.zone = timezone.get_current_timezone()
        self.stretch = view.stretch(now, self.zone, _first_moment(project, view) or now)
        self.moments = boundaries(self.stretch.start, self.stretch.end, self.stretch.step, self.zone)
        before = [self.stretch.before] if self.stretch.before else []
        self.ledger = Ledger(project, [*before, *self.moments], call_filter(view.filter, project))

    @property
    def context(self) -> dict[str, Any]:
        view = self.view
        return {
            "project": self.project,
            "view": view,
            "filter": view.filter,
            "bar": bar_of(view),
            "form": UsageForm(view),
            "range_label": range_label(view.filter),
            "ranges": ranges_of(view),
            "groupings": [(label, view.grouped(by).as_query(), view.by == by) for by, label in BY_LABELS.items()],
            "tag_keys": [(key, view.grouped("tag", key).as_query(), view.tag == key) for key in self.ledger.tag_keys],
            "figures": figures_of(view, self.total, self.total_before),
            "calls": self.total.calls,
            "unpriced": _unpriced(self.total),
            "chart_title": str(STEP_LABELS[self.stretch.step]) % {"measure": view.measure.label},
            "series": self.series,
            "chart": self.chart,
            "time_table": self.time_table,
            "small": self.small_charts,
            "table_title": TABLE_TITLES.get(view.by) or gettext("By %(tag)s") % {"tag": view.tag},
            "name_head": name_head(view, str(self.group_label)),
            "share_label": gettext("Share of %(measure)s") % {"measure": str(view.compares.label).lower()},
            "heads": heads_of(view),
            "rows": self.rows,
            "traces_url": traces_url(self.project, view),
            "groups_csv": view.as_query(csv="groups"),
            "time_csv": view.as_query(csv="time"),
            "all_times": view.filtered(view.filter.with_range("all")).as_query(),
            "no_filter": view.filtered(replace(view.filter, terms=())).as_query(),
        }

    # --- sums -----------------------------------------------------------------------------------------------------

    @cached_property
    def by_group(self) -> dict[str | None, Figures]:
        found = self.ledger.figures([self.stretch.start, self.stretch.end], [self.view.group])
        return {values[0]: figures for (_period, values), figures in found.items()}

    @cached_property
    def by_group_before(self) -> dict[str | None, Figures] | None:
        if self.stretch.before is None:
            return None
        found = self.ledger.figures(
            [self.stretch.before, self.stretch.start], [self.view.group], columns=self.view.compares.columns
        )
        return {values[0]: figures for (_period, values), figures in found.items()}

    @cached_property
    def total(self) -> Figures:
        return Figures.of(self.by_group.values())

    @cached_property
    def total_before(self) -> Figures | None:
        if self.stretch.before is None:
            return None
        return Figures.of(self.ledger.figures([self.stretch.before, self.stretch.start]).values())

    @cached_property
    def by_period(self) -> list[Figures]:
        found = self.ledger.figures(self.moments)
        return [found.get((number, ()), Figures()) for number in range(len(self.moments) - 1)]

    @cached_property
    def rows(self) -> list[Any]:
        return rows_of(self.view, self.by_group, self.by_group_before)

    @property
    def group_label(self) -> Any:
        return BY_LABELS.get(self.view.by) or self.view.tag

    # --- the chart ------------------------------------------------------------------------------------------------

    @cached_property
    def series(self) -> list[Series]:
        """The largest groups, and all others as the last; a measure that is no sum is one series."""
        measure = self.view.measure
        if not measure.is_sum:
            numbers = tuple(measure.of(figures) for figures in self.by_period)
            return [Series(gettext("All calls"), "c1", numbers, measure.shown(measure.of(self.total)))]
        ranked = sorted(self.by_group, key=lambda value: (-(measure.of(self.by_group[value]) or 0), value or ""))
        shown = ranked if len(ranked) <= MOST_SERIES else ranked[: MOST_SERIES - 1]
        found = self.ledger.figures(self.moments, [self.view.group], columns=measure.columns, values=shown)
        series, left = [], list(self.by_period)
        for number, value in enumerate(shown):
            parts = [found.get((period, (value,)), Figures()) for period in range(len(left))]
            left = [_less(rest, part) for rest, part in zip(left, parts, strict=True)]
            series.append(self._series(name_of(self.view, value), f"c{number + 1}", parts))
        if len(shown) < len(ranked):
            name = gettext("Other, %(count)s") % {"count": display.count(len(ranked) - len(shown))}
            series.append(self._series(name, "c5", left))
        return series

    def _series(self, name: str, css: str, parts: Sequence[Figures]) -> Series:
        measure = self.view.measure
        numbers = tuple(measure.of(part) for part in parts)
        return Series(name, css, numbers, measure.shown(measure.of(Figures.of(parts))))

    @cached_property
    def names(self) -> list[str]:
        return [usage_chart.long_name(moment, self.stretch.step) for moment in self.moments[:-1]]

    @cached_property
    def queries(self) -> list[str]:
        """The way to each period alone; minutes are as short as it gets."""
        if self.stretch.step == "minute" or len(self.moments) == 2:
            return []
        spans = zip(self.moments, self.moments[1:], strict=False)
        shorter = (replace(self.view.filter, range_name=None, start=start, end=end) for start, end in spans)
        return [self.view.filtered(trace_filter).as_query() for trace_filter in shorter]

    @cached_property
    def chart(self) -> Chart:
        shown = self.view.measure.shown
        titles = []
        for number, name in enumerate(self.names):
            lines = [
                f"{series.name} {shown(series.numbers[number])}" for series in self.series if series.numbers[number]
            ]
            total = [f"{gettext('Total')} {self._total_shown(number)}"] if self.view.measure.is_sum else []
            titles.append("\n".join([name, *lines, *total]))
        parts = [[float(series.numbers[number] or 0) for series in self.series] for number in range(len(self.names))]
        return usage_chart.stacked(
            parts,
            titles,
            css=[series.css for series in self.series],
            shown=self._on_axis,
            labels=usage_chart.labels_of(self.moments[:-1], self.stretch.step),
            queries=self.queries,
        )

    def _on_axis(self, number: float) -> str:
        if self.view.measure.name == "cost" and number >= 1 and number == int(number):
            return f"${number:,.0f}"
        if self.view.measure.name == "cost":
            return display.cost(number)
        if self.view.measure.name == "p95":
            return _seconds(number)
        # There is no half a call.
        return display.tokens(int(number)) if number == int(number) else ""

    def _total_shown(self, number: int) -> str:
        measure = self.view.measure
        return measure.shown(measure.of(self.by_period[number]))

    @property
    def time_table(self) -> list[tuple[str, str, list[str], str]]:
        """The chart as a table: period, the way to it, a number for each series, their sum."""
        shown = self.view.measure.shown
        return [
            (
                name,
                self.queries[number] if self.queries else "",
                [shown(series.numbers[number]) for series in self.series],
                self._total_shown(number) if self.view.measure.is_sum else "",
            )
            for number, name in enumerate(self.names)
        ]

    @property
    def time_lines(self) -> list[list[Any]]:
        """The chart as lines of CSV."""
        head = ["from", *(series.name for series in self.series)]
        return [
            head,
            *(
                [
                    timezone.localtime(moment).isoformat(),
                    *(_plain(series.numbers[number]) for series in self.series),
                ]
                for number, moment in enumerate(self.moments[:-1])
            ),
        ]

    @cached_property
    def small_charts(self) -> dict[str, Chart]:
        periods = self.by_period
        p95, p50 = [each.p95_ms for each in periods], [each.p50_ms for each in periods]
        scores = [each.score for each in periods]
        errors = [100 * (each.errors_share or 0) for each in periods]
        times = [
            f"p95 {display.duration(high)}, p50 {display.duration(low)}" for high, low in zip(p95, p50, strict=True)
        ]
        shares = [f"{each['errors']:,} · {display.share(each['errors'], each.calls)}" for each in periods]
        said = [display.MISSING if score is None else f"{score:.0f}" for score in scores]
        return {
            "duration": usage_chart.lined([p95, p50], self._titled(times), shown=_seconds),
            "errors": usage_chart.stacked(
                [[share] for share in errors],
                self._titled(shares),
                css=["error"],
                shown=lambda share: f"{share:g}{display.NARROW}%",
                height=usage_chart.SMALL_HEIGHT,
            ),
            "score": usage_chart.lined([scores], self._titled(said), shown=lambda score: f"{score:g}", top=100),
        }

    def _titled(self, words: Sequence[str]) -> list[str]:
        return [f"{name}\n{each}" for name, each in zip(self.names, words, strict=True)]


def _first_moment(project: Project, view: UsageView) -> datetime | None:
    """Return when the project's first trace began, where the view has no beginning of its own."""
    if view.filter.start or (view.filter.range_in_force != "all" and not view.filter.is_fixed):
        return None
    traces = Trace.objects.filter(project=project).order_by("started_at")
    return traces.values_list("started_at", flat=True).first()


def _less(whole: Figures, part: Figures) -> Figures:
    return Figures({name: number - part[name] for name, number in whole.sums.items()})


def _plain(number: Number | None) -> str | None:
    return None if number is None else f"{number:f}" if not isinstance(number, int) else str(number)


def _seconds(milliseconds: float) -> str:
    if milliseconds <= 0:
        return "0"
    if milliseconds < 1000:
        return f"{milliseconds:g}{display.NARROW}ms"
    return f"{milliseconds / 1000:g}{display.NARROW}s"


def _unpriced(figures: Figures) -> str:
    """Return "1,204 calls have no price"."""
    number = figures.unpriced
    words = ngettext("%(number)s call has no price", "%(number)s calls have no price", number)
    return words % {"number": display.count(number)} if number else ""
