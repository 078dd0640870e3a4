"""What the Usage page is asked to show: filter, time, grouping, measure and sort ⇄ its query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from opperweb.pages import display
from traces.analytics.figures import Figures
from traces.analytics.ledger import Group
from traces.analytics.periods import after, beginning
from traces.filters import RANGES, TraceFilter
from traces.filters.terms import Term
from traces.tags import write_tag
from traces.usage_models import SLOTS

DEFAULT_RANGE = "30d"
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MOST_MINUTES = timedelta(hours=3)
MOST_HOURS = timedelta(days=3)
MOST_DAYS = timedelta(days=100)
MOST_MONTHS = timedelta(days=8 * 366)
SORTS = ("name", "cost", "calls", "tokens-in", "tokens-out", "success", "p95", "change")

Number = int | float | Decimal


@dataclass(frozen=True)
class Measure:
    """A figure that the page can be about; what is no sum cannot be stacked, nor have shares."""

    name: str
    label: Any
    columns: tuple[str, ...]
    is_sum: bool = True

    def of(self, figures: Figures) -> Number | None:
        """Return what a bar shows of these."""
        if self.name == "cost":
            return figures.cost_usd
        return figures.p95_ms if self.name == "p95" else figures[self.columns[0]]

    def shown(self, number: Number | None) -> str:
        if self.name == "cost":
            return display.cost(number)
        if self.name == "p95":
            return display.duration(number)
        whole = None if number is None else int(number)
        return display.count(whole) if self.name in ("calls", "errors") else display.tokens(whole)


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("cost", _("Cost"), ("cost_units", "unpriced")),
        Measure("calls", _("Calls"), ("calls",)),
        Measure("tokens-in", _("Tokens in"), ("input_tokens",)),
        Measure("tokens-out", _("Tokens out"), ("output_tokens",)),
        Measure("errors", _("Errors"), ("errors",)),
        Measure("p95", _("p95"), ("timed", *SLOTS), is_sum=False),
    )
}
GROUPS: Mapping[str, Group] = {"model": Group("model"), "function": Group("function"), "key": Group("key")}


@dataclass(frozen=True)
class Stretch:
    """The time that is shown, and as much before it to compare with."""

    start: datetime
    end: datetime
    step: str
    before: datetime | None


@dataclass(frozen=True)
class UsageView:
    """Unchangeable: another grouping or measure is another view."""

    filter: TraceFilter
    by: str = "model"
    tag: str = ""
    measure: Measure = MEASURES["cost"]
    sort: str = ""
    is_canonical: bool = True

    @classmethod
    def from_query(cls, params: QueryDict) -> UsageView:
        """Read the parameters of a request; what makes no sense is what it is by default."""
        of_filter = params.copy()
        # `tag=user` says what to group by, `tag=env:production` filters.
        keys = [value.strip() for value in params.getlist("tag") if value.strip() and not {"=", ":"} & {*value}]
        of_filter.setlist("tag", [value for value in params.getlist("tag") if value.strip() not in keys])
        of_filter.pop("sort", None)
        trace_filter = TraceFilter.from_query(of_filter, default_range=DEFAULT_RANGE)
        by = params.get("by", "")
        by = by if by in GROUPS or (by == "tag" and keys) else "model"
        sort = params.get("sort", "")
        return cls(
            trace_filter,
            by,
            keys[-1] if keys and by == "tag" else "",
            MEASURES.get(params.get("measure", ""), MEASURES["cost"]),
            sort if sort.removeprefix("-") in SORTS else "",
            trace_filter.is_canonical and len(params.getlist("q")) < 2,
        )

    @property
    def group(self) -> Group:
        return GROUPS[self.by] if self.by in GROUPS else Group("tag", self.tag)

    # --- as a query string ----------------------------------------------------------------------------------------

    @property
    def extras(self) -> dict[str, str]:
        """The parameters beside those of the filter, without what is the default anyway."""
        extras = {"by": self.by} if self.by != "model" else {}
        if self.by == "tag":
            extras["tag"] = self.tag
        if self.measure.name != "cost":
            extras["measure"] = self.measure.name
        return extras | ({"sort": self.sort} if self.sort else {})

    @property
    def params(self) -> dict[str, str]:
        return self.filter.params | self.extras

    def as_query(self, **more: str) -> str:
        return urlencode({**self.params, **more}, quote_via=quote, safe=":/,<>=*")

    def filtered(self, trace_filter: TraceFilter) -> UsageView:
        return replace(self, filter=trace_filter)

    def grouped(self, by: str, tag: str = "") -> UsageView:
        return replace(self, by=by, tag=tag)

    def measured(self, name: str) -> UsageView:
        return replace(self, measure=MEASURES[name])

    def sorted_by(self, sort: str) -> UsageView:
        return replace(self, sort=sort)

    def narrowed(self, value: str | None) -> UsageView | None:
        """Return the view of one group alone; None where no filter can say it."""
        if self.by == "tag":
            term = Term("tag", (self.tag,), True) if value is None else Term("tag", (write_tag(self.tag, value),))
        elif value is None:
            return None
        else:
            term = Term(self.by, (value,))
        return self.filtered(self.filter.with_(term))

    # --- time -----------------------------------------------------------------------------------------------------

    def stretch(self, now: datetime, zone: tzinfo, first: datetime) -> Stretch:
        """Return the time to show; `first` is when the first call was made.

        A range that ends now begins with a whole step, so that its first bar can be compared with the others.
        """
        start, end = (_sensible(moment, now) for moment in (self.filter.start, self.filter.end))
        length = RANGES[self.filter.range_in_force] if not self.filter.is_fixed else None
        if start and end and start < end:
            return Stretch(start, end, step_of(end - start), start - (end - start))
        if start and start < now:
            return Stretch(start, now, step_of(now - start), start - (now - start))
        if length is not None:
            step = step_of(length)
            start = after(beginning(now - length, step, zone), step, zone)
            return Stretch(start, after(beginning(now, step, zone), step, zone), step, start - (now - start))
        end = end or now
        start = min(max(first, EARLIEST), end - timedelta(hours=1))
        return Stretch(start, end, step_of(end - start), None)

    @cached_property
    def compares(self) -> Measure:
        """What shares and changes are of: the measure, or the cost where the measure has no shares."""
        return self.measure if self.measure.is_sum else MEASURES["cost"]


def _sensible(moment: datetime | None, now: datetime) -> datetime | None:
    """Return a moment that there can be calls at, the nearest to the one asked for."""
    return None if moment is None else min(max(moment, EARLIEST), now + timedelta(days=1))


def step_of(length: timedelta) -> str:
    """Return how long a bar is."""
    if length <= MOST_MINUTES:
        return "minute"
    if length < MOST_HOURS:
        return "hour"
    return "day" if length <= MOST_DAYS else "month" if length <= MOST_MONTHS else "year"
