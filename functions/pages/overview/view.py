"""What the overview of a function is asked to show: the filter and the time ⇄ its query string.

The figures come from rows that know models, tags and API keys. Whatever else a filter asks for is not applied, and
the page says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from functions.figures import Stretch, last_days, last_hours
from opperweb.accounts.access import zone_of
from opperweb.accounts.models import Project
from traces.filters import Chip, TraceFilter
from traces.filters.reading import Problem
from traces.filters.terms import Term

RANGES: Mapping[str, Any] = {
    "24h": _("Last 24 hours"),
    "7d": _("Last 7 days"),
    "14d": _("Last 14 days"),
    "30d": _("Last 30 days"),
}
DEFAULT_RANGE = "14d"
# Longer ones are drawn by day.
MOST_QUARTERED = 14
KEYS = ("tag", "model", "key")


@dataclass(frozen=True)
class OverviewView:
    """Unchangeable: another time is another view. `filter` holds only what the figures can answer."""

    filter: TraceFilter
    range_name: str = DEFAULT_RANGE
    problems: tuple[Problem, ...] = ()

    @classmethod
    def from_query(cls, params: QueryDict) -> OverviewView:
        of_filter = params.copy()
        for name in ("range", "from", "to", "sort"):
            of_filter.pop(name, None)
        asked = TraceFilter.from_query(of_filter, default_range=None)
        wrong = {problem.text for problem in asked.problems}
        refused = [term for term in asked.terms if term.key not in KEYS and str(term) not in wrong]
        words = gettext("The figures here can be filtered by tag:, model: and key: alone.")
        kept = tuple(term for term in asked.terms if term.key in KEYS and str(term) not in wrong)
        range_name = params.get("range", "")
        return cls(
            replace(asked, terms=kept, unread=()),
            range_name if range_name in RANGES else DEFAULT_RANGE,
            (*asked.problems, *(Problem(str(term), words) for term in refused)),
        )

    def as_query(self, **more: str) -> str:
        params = self.filter.params
        if self.range_name != DEFAULT_RANGE:
            params["range"] = self.range_name
        return urlencode({**params, **more}, quote_via=quote, safe=":/,<>=*")

    @property
    def chips(self) -> list[Chip]:
        """The filter, each part with the way to the page without it."""
        return [
            replace(chip, without=replace(self, filter=self.filter.without(chip.term)).as_query())
            for chip in self.filter.chips
        ]

    @property
    def ranges(self) -> list[tuple[Any, str, bool]]:
        """The menu of times: words, the way, and whether it is this one."""
        return [
            (label, replace(self, range_name=name).as_query(), self.range_name == name)
            for name, label in RANGES.items()
        ]

    @property
    def range_label(self) -> Any:
        return RANGES[self.range_name]

    @property
    def kept_params(self) -> dict[str, str]:
        """What a form of the page carries along."""
        params = {"q": self.filter.text} if self.filter.terms else {}
        return params if self.range_name == DEFAULT_RANGE else params | {"range": self.range_name}

    def stretch(self, project: Project, now: datetime) -> Stretch:
        if self.range_name == "24h":
            return last_hours(24, now)
        count = int(self.range_name.removesuffix("d"))
        return last_days(count, now, zone_of(project), quarters=count <= MOST_QUARTERED)

    def completions_query(self, function: str, *terms: Term, start: datetime, end: datetime | None = None) -> str:
        """Return the query string of the list of completions of this function, with this filter."""
        wanted = replace(
            self.filter, terms=(Term("function", (function,)), *self.filter.terms, *terms), start=start, end=end
        )
        return wanted.as_query()
