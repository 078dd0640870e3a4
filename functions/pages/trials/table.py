"""What came of a trial as a table: fifty inputs a page, by verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from django.urls import reverse
from django.utils.translation import gettext

from functions.pages.lists import Tab, query_of, tabs_of
from functions.trials.sides import Side
from opperweb.accounts.models import Project

PAGE_SIZE = 50
LONGEST_NUMBER = 4


class Judged(Protocol):
    @property
    def verdict(self) -> str: ...


J = TypeVar("J", bound=Judged)
R = TypeVar("R")


@dataclass(frozen=True)
class Table(Generic[R]):
    rows: Sequence[R]
    tabs: Sequence[Tab]
    # The queries of the pages beside this one, and what is asked for by that of this one.
    newer: str
    older: str
    asked: Mapping[str, object]
    place: str


def table_of(
    results: Sequence[J],
    params: Mapping[str, str],
    row: Callable[[J], R],
    *,
    labels: Mapping[str, str],
    tabs: Sequence[str],
    kept: Mapping[str, str],
) -> Table[R]:
    """Return the page of results that `verdict` and `page` ask for; nothing is asked of the database.

    `labels` names the verdicts that can be asked for, `tabs` those that are offered where there are any; `kept` is
    what every query says beside them.
    """
    verdict = params.get("verdict", "")
    verdict = verdict if verdict in labels else ""
    chosen = [result for result in results if not verdict or result.verdict == verdict]
    page = _page(params.get("page", ""), len(chosen))
    first, last = (page - 1) * PAGE_SIZE, min(page * PAGE_SIZE, len(chosen))
    asked = {"verdict": verdict, **kept}
    counts = Counter(result.verdict for result in results)
    offered = [*tabs, *([verdict] if verdict and verdict not in tabs else [])]
    return Table(
        [row(result) for result in chosen[first:last]],
        tabs_of(
            [("", gettext("All"), len(results)), *((name, labels[name], counts[name]) for name in offered)],
            verdict,
            lambda name: query_of({"verdict": name, **kept}),
        ),
        query_of({**asked, "page": page - 1}) if page > 1 else "",
        query_of({**asked, "page": page + 1}) if last < len(chosen) else "",
        {**asked, "page": page if page > 1 else ""},
        f"{first + 1}–{last}" if len(chosen) > PAGE_SIZE else "",
    )


def address_of(project: Project, side: Side) -> str:
    """Return where a call is shown; an empty text where there is none."""
    if side.span_id is None or side.trace_id is None:
        return ""
    return f"{reverse('traces:detail', args=[project.slug, side.trace_id])}?span={side.span_id}"


def words_of(side: Side) -> str:
    """Return the output, or why there is none; an empty text as long as nobody knows."""
    if side.is_answered:
        return side.output or gettext("An empty output")
    return side.error or gettext("It failed") if side.is_failed else ""


def _page(text: str, count: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else 1
    return max(1, min(number, -(-count // PAGE_SIZE)))
