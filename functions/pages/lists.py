"""What lists share: the rows older than one of them, tabs with their counts, and the queries these lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, QuerySet

LIST_SIZE = 50
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Listing(Generic[M]):
    """One page of a list, the newest first; `older` is the key that the next page begins after."""

    rows: list[M]
    older: UUID | None
    is_first: bool

    def context(self, **kept: Any) -> dict[str, Any]:
        """Return what the list's template needs; `kept` is what the queries of its pages say besides."""
        return {"rows": self.rows, "older": self.older, "is_first": self.is_first, "kept": query_of(kept)}


def listing_of(found: QuerySet[M], params: Mapping[str, str]) -> Listing[M]:
    """Return the page of these rows that `before` asks for; their ids rise with the time they were made at."""
    found = found.order_by("-pk")
    if before := _uuid(params.get("before", "")):
        found = found.filter(pk__lt=before)
    rows = list(found[: LIST_SIZE + 1])
    older = rows[LIST_SIZE - 1].pk if len(rows) > LIST_SIZE else None
    return Listing(rows[:LIST_SIZE], older, is_first=not before)


@dataclass(frozen=True)
class Tab:
    """The rows of one kind."""

    label: str
    count: int
    query: str
    is_current: bool


def tabs_of(counts: Iterable[tuple[str, str, int]], current: str, query: Callable[[str], str]) -> list[Tab]:
    """Return a tab for each (name, label, count) with rows, for the open one, and for all, which has no name."""
    return [
        Tab(label, count, query(name), name == current)
        for name, label, count in counts
        if count or name in ("", current)
    ]


def query_of(params: Mapping[str, Any]) -> str:
    """Return the query of an address, without what is empty."""
    return urlencode({name: value for name, value in params.items() if value})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
