"""The head of the list's table: which columns there are, and what a press on one sorts by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from traces.filters import TraceFilter


@dataclass(frozen=True)
class Column:
    """A column; `query` is the same list sorted by it, the other way round where it already is."""

    name: str
    label: Any
    query: str = ""
    aria_sort: str = ""
    is_number: bool = False
    is_hidden: bool = False

    @property
    def icon(self) -> str:
        return "sort-up" if self.aria_sort == "ascending" else "sort"


_COLUMNS: tuple[tuple[str, Any, str, bool], ...] = (
    ("status", _("Status"), "", False),
    ("name", _("Name"), "", False),
    ("text", _("Input → output"), "", False),
    ("model", _("Model"), "", False),
    ("tokens", _("Tokens"), "tokens", True),
    ("cost", _("Cost"), "cost", True),
    ("duration", _("Duration"), "latency", True),
    ("score", _("Score"), "score", True),
    ("tags", _("Tags"), "", False),
    ("when", _("When"), "when", True),
)


def columns_of(trace_filter: TraceFilter) -> list[Column]:
    return [
        Column(
            name,
            label,
            query=trace_filter.sorted_by(_next_sort(trace_filter.sort, sort)).as_query() if sort else "",
            aria_sort=_aria_sort(trace_filter.sort, sort),
            is_number=is_number,
            is_hidden=name == "status",
        )
        for name, label, sort, is_number in _COLUMNS
    ]


def _next_sort(current: str, sort: str) -> str:
    return sort if current == f"-{sort}" else f"-{sort}"


def _aria_sort(current: str, sort: str) -> str:
    if not sort or current.removeprefix("-") != sort:
        return ""
    return "descending" if current.startswith("-") else "ascending"
