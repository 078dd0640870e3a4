"""TraceFilter: a query string ⇄ a filter ⇄ a queryset.

`q` holds the filter language; `range`, or `from` and `to`, the time; `sort` the order. A key of the language may also
stand as a parameter of its own (`?tag=env:production&status=error`), which is what a form without script sends.
What cannot be understood is not applied, and is shown as a problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from urllib.parse import quote, urlencode
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from opperweb.pages.paging import Order
from traces.filters.chips import Chip, chip_of, conditions_of
from traces.filters.keys import KEYS, TOKENS_SUM, Condition
from traces.filters.reading import Problem, moment_from, terms_from, write_moment
from traces.filters.terms import Term, write_terms
from traces.models import Origin
from traces.querysets import TraceQuerySet
from traces.tags import read_tag

RANGES: Mapping[str, timedelta | None] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}

# What can be sorted by, each with its order. A minus before the name runs it from the other end.
SORTS: Mapping[str, Order] = {
    "when": Order.by_time("started_at"),
    "latency": Order.by_number("duration_ms"),
    "cost": Order.by_money("cost_usd"),
    "tokens": Order.by_count(TOKENS_SUM),
    "score": Order.by_count("score"),
}
DEFAULT_SORT = "-when"


@dataclass(frozen=True)
class TraceFilter:
    """Which traces, of what time, in which order. Unchangeable: a changed filter is another one."""

    terms: tuple[Term, ...] = ()
    range_name: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    sort: str = DEFAULT_SORT
    default_range: str | None = "24h"
    unread: tuple[Problem, ...] = ()
    is_canonical: bool = True

    @classmethod
    def from_query(cls, params: QueryDict, *, default_range: str | None = "24h") -> TraceFilter:
        """Read a filter from the parameters of a request; never raises."""
        unread: list[Problem] = []
        terms = terms_from(params, unread)
        start = moment_from(params.get("from"), unread, is_end=False)
        end = moment_from(params.get("to"), unread, is_end=True)
        range_name = params.get("range") or None
        if range_name is not None and range_name not in RANGES:
            unread.append(Problem(f"range={range_name[:40]}", f"A range is one of {', '.join(RANGES)}."))
            range_name = None
        if start or end:
            range_name = None
        sort = params.get("sort") or DEFAULT_SORT
        if sort.removeprefix("-") not in SORTS:
            unread.append(Problem(f"sort={sort[:40]}", f"Sort by one of {', '.join(SORTS)}."))
            sort = DEFAULT_SORT
        is_canonical = not any(params.getlist(key) for key in KEYS)
        return cls(terms, range_name, start, end, sort, default_range, tuple(unread), is_canonical)

    # --- to the database ------------------------------------------------------------------------------------------

    def apply(self, traces: TraceQuerySet, *, now: datetime | None = None) -> TraceQuerySet:
        """Return those of `traces` that this filter lets through, not yet ordered."""
        if self.needs_tokens_sum:
            traces = traces.with_tokens_sum()
        start, end = self.period(now)
        traces = traces.between(start, end)
        if self.hides_evaluations:
            traces = traces.filter(~Q(origin=Origin.EVALUATION))
        for q in self._alternatives:
            traces = traces.filter(q)
        return traces

    @property
    def hides_evaluations(self) -> bool:
        """Whether what judges asked is left out: it is found where it is looked for, by `origin:` or an id."""
        return not any(term.key in ("origin", "id") for term in self.terms)

    @property
    def needs_tokens_sum(self) -> bool:
        """Whether input and output tokens have to be added up, to filter or to sort by."""
        return self.sort.removeprefix("-") == "tokens" or any(term.key == "tokens" for term in self.terms)

    def period(self, now: datetime | None = None) -> tuple[datetime | None, datetime | None]:
        """Return the first moment that belongs to it and the first that no longer does; None is open."""
        if self.start or self.end:
            return self.start, self.end
        length = RANGES[self.range_in_force]
        return ((now or timezone.now()) - length if length else None), None

    @property
    def range_in_force(self) -> str:
        return self.range_name or self.default_range or "all"

    @property
    def is_fixed(self) -> bool:
        """Whether it names moments, and not a stretch that ends now."""
        return bool(self.start or self.end)

    @property
    def order(self) -> Order:
        # SORTS run downwards: the newest, slowest and dearest first is what a minus asks for.
        return replace(SORTS[self.sort.removeprefix("-")], is_descending=self.sort.startswith("-"))

    @cached_property
    def _alternatives(self) -> list[Q]:
        """One condition for each key: the values of one key are alternatives, what is excluded is excluded each."""
        groups: dict[tuple[str, str], Q] = {}
        excluded: list[Q] = []
        for place, (term, conditions) in enumerate(self._read):
            for condition in conditions:
                if term.is_negated:
                    excluded.append(~condition.q)
                    continue
                # Words are looked for all together.
                group = (term.key, condition.group if term.key else str(place))
                groups[group] = groups[group] | condition.q if group in groups else condition.q
        return [*groups.values(), *excluded]

    @cached_property
    def _read(self) -> list[tuple[Term, tuple[Condition, ...]]]:
        return [(term, conditions) for term, conditions, _ in self._judged if conditions]

    @cached_property
    def _judged(self) -> list[tuple[Term, tuple[Condition, ...], str]]:
        return [(term, *conditions_of(term)) for term in self.terms]

    # --- to the page ----------------------------------------------------------------------------------------------

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that was not applied."""
        return (*self.unread, *(Problem(str(term), problem) for term, _, problem in self._judged if problem))

    @property
    def chips(self) -> list[Chip]:
        return [
            chip_of(term, conditions, problem, self.without(term).as_query())
            for term, conditions, problem in self._judged
        ]

    @property
    def text(self) -> str:
        """The terms in the filter language."""
        return write_terms(self.terms)

    @property
    def single_id(self) -> UUID | None:
        """The id, where the filter is one whole id and nothing else: it leads straight to its trace."""
        if (
            len(self.terms) != 1
            or self.terms[0].key != "id"
            or self.terms[0].is_negated
            or len(self.terms[0].values) != 1
        ):
            return None
        try:
            return UUID(self.terms[0].values[0])
        except ValueError:
            return None

    @property
    def is_empty(self) -> bool:
        return not self.terms

    def as_query(self, **more: str) -> str:
        """Return the query string of this filter, without what is the default anyway."""
        return urlencode({**self.params, **more}, quote_via=quote, safe=":/,<>=*")

    @property
    def params(self) -> dict[str, str]:
        params = {"q": self.text} if self.terms else {}
        if self.range_name and self.range_name != self.default_range:
            params["range"] = self.range_name
        if self.start:
            params["from"] = write_moment(self.start)
        if self.end:
            params["to"] = write_moment(self.end)
        if self.sort != DEFAULT_SORT:
            params["sort"] = self.sort
        return params

    def with_(self, *terms: Term) -> TraceFilter:
        """The same with these terms as well."""
        return replace(self, terms=tuple(dict.fromkeys((*self.terms, *terms))))

    def without(self, term: Term) -> TraceFilter:
        """The same without this term."""
        return replace(self, terms=tuple(other for other in self.terms if other != term))

    @property
    def errors_query(self) -> str:
        """The query string of the failed ones among these."""
        return self.with_(Term("status", ("error",))).as_query()

    def with_range(self, range_name: str) -> TraceFilter:
        return replace(self, range_name=range_name, start=None, end=None)

    def sorted_by(self, sort: str) -> TraceFilter:
        return replace(self, sort=sort)

    def values_of(self, key: str) -> list[str]:
        """What is asked of a key, for the field of the form that stands for it."""
        return [value for term in self.terms if term.key == key and not term.is_negated for value in term.values]

    def rest_without(self, keys: frozenset[str]) -> str:
        """The terms that no field of the form stands for."""
        return write_terms(tuple(term for term in self.terms if term.key not in keys or term.is_negated))

    @cached_property
    def fixed_tags(self) -> frozenset[tuple[str, str]]:
        """Tags that every trace here bears, and that no row needs to repeat."""
        return frozenset(
            (key, value)
            for term in self.terms
            if term.key == "tag" and not term.is_negated and len(term.values) == 1
            for key, value in [read_tag(term.values[0])]
            if value is not None and "*" not in value
        )
