"""What calls came to between moments, by model, function, API key and tags.

Usage rows answer for closed hours that nothing has changed since; everything else is read from the spans: the last two
hours, stale hours, hours that a boundary cuts, and all of it where a filter asks what rows do not know.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import gcd
from typing import Any, TypeAlias

from django.db.models import F, FilteredRelation, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from opperweb.accounts.access import zone_of
from opperweb.accounts.models import ApiKey, Project
from traces.analytics.calls import Call, Dimension, calls_between
from traces.analytics.conditions import CallFilter, KeyNames
from traces.analytics.figures import COLUMNS, Figures
from traces.analytics.hours import EPOCH, HOUR, hour_of, moment_of, next_hour
from traces.analytics.periods import days_of
from traces.models import Span
from traces.querysets import SpanQuerySet
from traces.usage_models import UsageProgress, UsageRow, UsageStale

# Which period, and a value for each group: None where a call has none.
Place: TypeAlias = tuple[int, tuple[str | None, ...]]


@dataclass(frozen=True)
class Group:
    """What calls are told apart by: `model`, `function`, `revision`, `error_kind`, `key`, or the value of a tag."""

    kind: str
    tag: str = ""

    def value_of(self, dimension: Dimension, names: KeyNames) -> str | None:
        if self.kind == "tag":
            return next((value for key, value in dimension.tags if key == self.tag), None)
        if self.kind == "key":
            return names.get(dimension.api_key_id) if dimension.api_key_id else None
        return _value(self, getattr(dimension, self.kind))


class Ledger:
    """One reading of a project's calls; the spans among it are read once, however many questions follow.

    Every moment that a later question names as a boundary must be among `boundaries`.
    """

    def __init__(self, project: Project, boundaries: Iterable[datetime], only: CallFilter | None = None) -> None:
        self.project = project
        self.boundaries = sorted(set(boundaries))
        self.only = only or CallFilter()

    # --- questions ------------------------------------------------------------------------------------------------

    def figures(
        self,
        boundaries: Sequence[datetime],
        groups: Sequence[Group] = (),
        *,
        columns: Sequence[str] = COLUMNS,
        values: Collection[str | None] | None = None,
    ) -> dict[Place, Figures]:
        """Return the sums in each period between two boundaries, for each combination of groups that has calls.

        `values` keeps only these of the first group. `calls` is always among the columns.
        """
        found: dict[Place, Figures] = {}
        columns = list(dict.fromkeys(("calls", *columns)))
        for place, sums in self._from_rows(boundaries, groups, columns, values):
            found.setdefault(place, Figures()).add(sums)
        names = self._key_names if any(group.kind == "key" for group in groups) else {}
        # Hours that another question cuts, and this one has from rows.
        ready = self._ready_runs(boundaries)
        in_rows = {hour for hour in self._cut_hours(self.boundaries) if any(hour in run for run in ready)}
        for call in self._live_calls:
            if in_rows and hour_of(call.started_at) in in_rows:
                continue
            if boundaries[0] <= call.started_at < boundaries[-1]:
                key = tuple(group.value_of(call.dimension, names) for group in groups)
                if values is None or key[0] in values:
                    place = (bisect_right(boundaries, call.started_at) - 1, key)
                    found.setdefault(place, Figures()).add(call.sums)
        return found

    @property
    def tag_keys(self) -> list[str]:
        """The tags that calls of the project bear."""
        known = set(self._progress.tag_keys if self._progress else ())
        return sorted(known | {key for call in self._live_calls for key, _ in call.dimension.tags})

    # --- from rows ------------------------------------------------------------------------------------------------

    def _from_rows(
        self,
        boundaries: Sequence[datetime],
        groups: Sequence[Group],
        columns: Sequence[str],
        values: Collection[str | None] | None,
    ) -> Iterable[tuple[Place, dict[str, int]]]:
        rows = self._rows_of(boundaries, groups)
        if rows is None:
            return
        edges = [next_hour(moment) for moment in boundaries]
        names = [f"group_{number}" for number in range(len(groups))]
        keys = [*names]
        width = gcd(*(there - edges[0] for there in edges[1:])) or 1
        if len(edges) > 2:
            rows = rows.annotate(block=(F("hour") - edges[0]) / width)
            keys.append("block")
        for name, group in zip(names, groups, strict=True):
            rows = _with_group(rows, name, group)
        if values is not None:
            known = Q(group_0__in=[value for value in values if value is not None])
            # A model or a function that a call does not have is an empty text there, a revision nothing at all.
            none = Q(group_0__isnull=True) if groups[0].kind == "revision" else Q(group_0__isnull=True) | Q(group_0="")
            rows = rows.filter(known | none if None in values else known)
        sums: dict[str, Any] = {f"sum_{name}": Sum(name) for name in columns}
        for row in rows.order_by().values(*keys).annotate(**sums):
            hour = edges[0] + row["block"] * width if "block" in row else edges[0]
            value = tuple(_value(group, row[name]) for name, group in zip(names, groups, strict=True))
            yield (bisect_right(edges, hour) - 1, value), {name: row[f"sum_{name}"] for name in columns}

    def _rows_of(self, boundaries: Sequence[datetime], groups: Sequence[Group]) -> QuerySet[UsageRow] | None:
        """Return the rows that stand for the ready hours between the first boundary and the last, each hour once."""
        ready = self._ready_runs(boundaries)
        if not ready:
            return None
        q = Q()
        for run in ready:
            days = self._days_within(run, boundaries)
            # Days that follow each other are one stretch; before and after it hours stand for themselves.
            for stretch in _stretches(days):
                q |= Q(is_day=True, hour__gte=stretch.start, hour__lt=stretch.stop)
            for hours in _without(run, days):
                q |= Q(is_day=False, hour__gte=hours.start, hour__lt=hours.stop)
        needs_tags = self.only.names_tags or any(group.kind == "tag" for group in groups)
        rows = UsageRow.objects.filter(q, project=self.project, is_whole=not needs_tags)
        for dimension_q in self.only.dimension_q:
            rows = rows.filter(dimension_q)
        return rows

    def _ready_runs(self, boundaries: Sequence[datetime]) -> list[range]:
        """The stretches of hours between these boundaries that rows can answer for, none of them cut by one."""
        if self.only.span_q or self._progress is None or self._progress.until is None:
            return []
        first, last = next_hour(boundaries[0]), min(hour_of(boundaries[-1]), self._progress.until)
        ready: list[range] = []
        for hour in sorted(self._stale_hours | self._cut_hours(boundaries)):
            if first <= hour < last:
                ready.append(range(first, hour))
                first = hour + 1
        return [run for run in (*ready, range(first, last)) if run]

    def _days_within(self, run: range, boundaries: Sequence[datetime]) -> list[range]:
        """The days of the project's zone whose hours are all in `run` and between two boundaries."""
        if self._progress is None or self._progress.zone != self.project.time_zone:
            return []
        edges = sorted(map(next_hour, boundaries))
        return [
            day
            for day in days_of(run, zone_of(self.project))
            if day
            and run.start <= day.start
            and day.stop <= run.stop
            and bisect_right(edges, day.start) == bisect_left(edges, day.stop)
        ]

    @staticmethod
    def _cut_hours(boundaries: Iterable[datetime]) -> set[int]:
        return {hour_of(moment) for moment in boundaries if (moment - EPOCH) % HOUR}

    @cached_property
    def _stale_hours(self) -> set[int]:
        first, last = next_hour(self.boundaries[0]), hour_of(self.boundaries[-1])
        stale = UsageStale.objects.filter(project=self.project, hour__gte=first, hour__lt=last)
        return set(stale.order_by().values_list("hour", flat=True).distinct())

    @cached_property
    def _progress(self) -> UsageProgress | None:
        return UsageProgress.objects.filter(project=self.project).first()

    # --- from spans -----------------------------------------------------------------------------------------------

    @cached_property
    def _live_calls(self) -> list[Call]:
        """The calls of the hours that rows do not answer for, those that the filter lets through."""
        periods: list[tuple[datetime, datetime]] = []
        start = self.boundaries[0]
        for run in self._ready_runs(self.boundaries):
            periods += [(start, moment_of(run.start))] if start < moment_of(run.start) else []
            start = moment_of(run.stop)
        periods += [(start, self.boundaries[-1])] if start < self.boundaries[-1] else []
        spans: SpanQuerySet = Span.objects.filter(*self.only.narrows, project=self.project)
        if self.only.span_q:
            both = Coalesce(F("input_tokens"), 0) + Coalesce(F("output_tokens"), 0)
            spans = spans.alias(tokens_sum=both).filter(*self.only.span_q)
        calls = calls_between(spans, periods)
        names = self._key_names if self.only.names_keys else {}
        return [call for call in calls if self.only.lets_through(call.dimension, names)]

    @cached_property
    def _key_names(self) -> KeyNames:
        return dict(ApiKey.objects.filter(project=self.project).values_list("pk", "name"))


def _stretches(days: Iterable[range]) -> list[range]:
    """Return rising days as stretches in which no day is missing."""
    found: list[range] = []
    for day in days:
        # Where days do not begin with a whole hour, the hour between two of them is nobody's.
        if found and day.start - found[-1].stop <= 1:
            found[-1] = range(found[-1].start, day.stop)
        else:
            found.append(day)
    return found


def _without(run: range, days: Iterable[range]) -> list[range]:
    """Return what is left of these hours without these days, which rise."""
    left: list[range] = []
    start = run.start
    for day in days:
        left.append(range(start, day.start))
        start = day.stop
    return [hours for hours in (*left, range(start, run.stop)) if hours]


def _with_group(rows: QuerySet[UsageRow], name: str, group: Group) -> QuerySet[UsageRow]:
    if group.kind == "tag":
        relation = FilteredRelation("dimension__tags", condition=Q(dimension__tags__key=group.tag))
        return rows.annotate(**{f"{name}_tag": relation, name: F(f"{name}_tag__value")})
    path = "dimension__api_key__name" if group.kind == "key" else f"dimension__{group.kind}"
    return rows.annotate(**{name: F(path)})


def _value(group: Group, value: str | int | None) -> str | None:
    """Return what a group is known by, a revision by its number in figures; None where a call has none."""
    return None if value is None or (value == "" and group.kind != "tag") else str(value)
