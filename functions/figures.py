"""What functions and their revisions come to: calls that callers made themselves, added up from the usage rows.

Nothing here reads the spans of a closed hour, and a span that comes late is in the figures all the same: see
`traces.analytics`. Each reading takes a fixed number of queries, however many functions and calls there are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property

from functions.models import Function
from opperweb.accounts.access import zone_of
from opperweb.accounts.models import Project
from traces.analytics.conditions import CallFilter, live_calls
from traces.analytics.figures import Figures
from traces.analytics.ledger import Group, Ledger
from traces.analytics.periods import after, beginning, boundaries

FUNCTION, MODEL, REVISION, ERROR_KIND = Group("function"), Group("model"), Group("revision"), Group("error_kind")
QUARTER = timedelta(hours=6)
# What the bars of the list are drawn of; their totals have everything.
BAR_COLUMNS = ("calls", "errors")


@dataclass(frozen=True)
class Stretch:
    """A time that ends with the step it is now in, cut into hours, quarters of days, or days of the project's zone."""

    step: str
    boundaries: tuple[datetime, ...]

    @property
    def start(self) -> datetime:
        return self.boundaries[0]

    @property
    def end(self) -> datetime:
        return self.boundaries[-1]

    @property
    def periods(self) -> tuple[datetime, ...]:
        """When each of them begins."""
        return self.boundaries[:-1]


def last_hours(count: int, now: datetime) -> Stretch:
    """Return the last hours. Those of UTC: a zone that is half an hour off would cut every hour of the rows."""
    end = after(beginning(now, "hour", UTC), "hour", UTC)
    return Stretch("hour", tuple(end - timedelta(hours=left) for left in range(count, -1, -1)))


def last_days(count: int, now: datetime, zone: tzinfo, *, quarters: bool = False) -> Stretch:
    """Return the last days, today among them, or their quarters."""
    today = beginning(now, "day", zone)
    edges = boundaries(after(today, "day", zone, 1 - count), after(today, "day", zone), "day", zone)
    if not quarters:
        return Stretch("day", tuple(edges))
    cut = [day + QUARTER * number for day in edges[:-1] for number in range(4)]
    return Stretch("quarter", (*cut, edges[-1]))


# --- all functions of a project -----------------------------------------------------------------------------------


class ProjectFigures:
    """One reading of the calls of all functions of a project."""

    def __init__(self, project: Project, stretch: Stretch) -> None:
        self.stretch = stretch
        self.ledger = Ledger(project, stretch.boundaries, live_calls())

    @cached_property
    def totals(self) -> dict[str, Figures]:
        """What each function came to that was called at all, by its name."""
        found = self.ledger.figures([self.stretch.start, self.stretch.end], [FUNCTION])
        return {name: figures for (_period, (name,)), figures in found.items() if name is not None}

    def bars(self, names: Collection[str]) -> dict[str, list[Figures]]:
        """Return calls and errors of these functions by period."""
        found = self.ledger.figures(self.stretch.boundaries, [FUNCTION], columns=BAR_COLUMNS, values=names)
        periods = range(len(self.stretch.periods))
        return {name: [found.get((period, (name,)), Figures()) for period in periods] for name in names}


# --- one function -------------------------------------------------------------------------------------------------


@dataclass
class RevisionFigures:
    """What the calls of one revision came to; failures are counted by their kind, the most first."""

    figures: Figures = field(default_factory=Figures)
    failures: dict[str, int] = field(default_factory=dict)


class FunctionFigures:
    """One reading of the calls of a function in a time, and in as much time before it."""

    def __init__(self, function: Function, stretch: Stretch, only: CallFilter | None = None) -> None:
        self.stretch = stretch
        self.before = stretch.start - (stretch.end - stretch.start)
        edges = [self.before, *stretch.boundaries]
        self.ledger = Ledger(function.project, edges, live_calls(only, function=function.name))

    @cached_property
    def by_period_and_model(self) -> list[dict[str | None, Figures]]:
        periods: list[dict[str | None, Figures]] = [{} for _ in self.stretch.periods]
        for (period, (model,)), figures in self.ledger.figures(self.stretch.boundaries, [MODEL]).items():
            periods[period][model] = figures
        return periods

    @cached_property
    def by_period(self) -> list[Figures]:
        return [Figures.of(models.values()) for models in self.by_period_and_model]

    @cached_property
    def by_model(self) -> dict[str | None, Figures]:
        models = dict.fromkeys(model for period in self.by_period_and_model for model in period)
        return {
            model: Figures.of(period[model] for period in self.by_period_and_model if model in period)
            for model in models
        }

    @cached_property
    def by_revision(self) -> dict[int, RevisionFigures]:
        return _by_revision(self.ledger, [self.stretch.start, self.stretch.end])

    @cached_property
    def total(self) -> Figures:
        return Figures.of(self.by_period)

    @cached_property
    def total_before(self) -> Figures:
        return Figures.of(self.ledger.figures([self.before, self.stretch.start]).values())


def revision_figures(function: Function, now: datetime) -> dict[int, RevisionFigures]:
    """Return what each revision of a function has come to since there was one, by its number."""
    zone = zone_of(function.project)
    # Whole days, which have rows of their own; a clock may have been a little behind.
    start = beginning(min(function.created_at, now) - timedelta(hours=1), "day", zone)
    edges = [start, after(beginning(now, "day", zone), "day", zone)]
    return _by_revision(Ledger(function.project, edges, live_calls(function=function.name)), edges)


def _by_revision(ledger: Ledger, edges: Sequence[datetime]) -> dict[int, RevisionFigures]:
    revisions: dict[int, RevisionFigures] = {}
    found = ledger.figures(edges, [REVISION, ERROR_KIND])
    for (_period, (number, kind)), figures in sorted(found.items(), key=lambda item: -item[1]["errors"]):
        if number is None:
            continue
        revision = revisions.setdefault(int(number), RevisionFigures())
        revision.figures.add(figures.sums)
        if figures["errors"]:
            revision.failures[kind or ""] = revision.failures.get(kind or "", 0) + figures["errors"]
    return revisions
