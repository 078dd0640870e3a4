"""Where a filter lets nothing through: what to drop, and how many traces that would give."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils.translation import gettext

from opperweb.accounts.models import Project
from traces.filters import TraceFilter
from traces.models import Trace

# Counting is for the reader's choice between ways on; past this it only costs.
MOST_COUNTED = 10_000
MOST_WAYS = 4


@dataclass(frozen=True)
class Way:
    """A filter that lets more through."""

    label: str
    query: str
    number: int

    @property
    def shown(self) -> str:
        return f"{MOST_COUNTED:,}+" if self.number > MOST_COUNTED else f"{self.number:,}"


def ways_to_widen(project: Project, trace_filter: TraceFilter) -> list[Way]:
    """Return the ways that lead to any trace, each one step from here; all filters dropped where no step is enough."""
    steps = [
        (gettext("Drop %(filter)s") % {"filter": str(term)}, trace_filter.without(term))
        for term in trace_filter.terms[:MOST_WAYS]
    ]
    if trace_filter.is_fixed or trace_filter.range_in_force != "all":
        steps.append((gettext("Look at all times"), trace_filter.with_range("all")))
    ways = [Way(label, wider.as_query(), _count(project, wider)) for label, wider in steps]
    found = [way for way in ways if way.number]
    if found:
        return found
    wider = replace(trace_filter, terms=()).with_range("all")
    return [Way(gettext("Drop all filters"), wider.as_query(), _count(project, wider))]


def _count(project: Project, trace_filter: TraceFilter) -> int:
    traces = trace_filter.apply(Trace.objects.filter(project=project)).order_by()
    return traces.values("pk")[: MOST_COUNTED + 1].count()
