"""The list of functions: what each came to in the last day, week or month, sorted as one likes, and found by a word.

Figures come from the usage rows, so a row costs the same whether its function was called once or a million times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from functions.figures import ProjectFigures, Stretch, last_days, last_hours
from functions.models import Completion, Function, Revision
from functions.pages.strips import Strip, strip_of
from functions.task import InvalidModel, choices_of
from opperweb.accounts.access import has_role, project_page, zone_of
from opperweb.accounts.models import Project, Role
from traces.analytics.figures import Figures

PAGE_SIZE = 100
MOST_SEARCHED = 200
MOST_PAGES = 10_000
RANGES: Mapping[str, Any] = {"24h": _("Last 24 hours"), "7d": _("Last 7 days"), "30d": _("Last 30 days")}
STRIP_LABELS: Mapping[str, Any] = {"24h": _("Calls, 24 h"), "7d": _("Calls, 7 days"), "30d": _("Calls, 30 days")}
LOW_SUCCESS, BAD_SUCCESS = 0.98, 0.90
NO_CALLS = Figures()


@dataclass(frozen=True)
class ListView:
    """What the list is asked to show ⇄ its query string; what makes no sense is what it is by default."""

    text: str = ""
    range_name: str = "24h"
    sort: str = "-calls"
    page: int = 1

    @classmethod
    def from_query(cls, params: QueryDict) -> ListView:
        sort, page = params.get("sort", ""), params.get("page", "")
        return cls(
            params.get("q", "").replace("\0", "").strip()[:MOST_SEARCHED],
            params.get("range", "") if params.get("range", "") in RANGES else "24h",
            sort if sort.removeprefix("-") in SORTS else "-calls",
            int(page) if page.isascii() and page.isdigit() and 0 < int(page[:9]) <= MOST_PAGES else 1,
        )

    @property
    def params(self) -> dict[str, str]:
        """The parameters, without what is the default anyway."""
        params = {"q": self.text, "range": self.range_name, "sort": self.sort, "page": str(self.page)}
        return {name: value for name, value in params.items() if value != _DEFAULTS[name]}

    def as_query(self, **changes: Any) -> str:
        """Return the query string of this list with something else; it begins with its first page again."""
        return urlencode(replace(self, **{"page": 1} | changes).params)

    def stretch(self, project: Project, now: datetime) -> Stretch:
        if self.range_name == "24h":
            return last_hours(24, now)
        return last_days(int(self.range_name.removesuffix("d")), now, zone_of(project))


_DEFAULTS = {"q": "", "range": "24h", "sort": "-calls", "page": "1"}


@dataclass(frozen=True)
class FunctionRow:
    """A function with what it came to; `strip` is None until its bars are asked for."""

    function: Any
    figures: Figures
    strip: Strip | None = None

    @property
    def is_unused(self) -> bool:
        return not self.figures.calls

    @property
    def models(self) -> tuple[str, ...]:
        """The models of the newest revision, in their order."""
        try:
            names = tuple(choice.name for choice in choices_of(self.function.newest_model))
        except InvalidModel:
            return ()
        return names or (settings.DEFAULT_MODEL,)

    @property
    def success_tone(self) -> str:
        return tone_of(self.figures.success_share)


def tone_of(success: float | None) -> str:
    """Return the class of a share of calls that went well; an empty text where nothing is wrong."""
    if success is None or success >= LOW_SUCCESS:
        return ""
    return "is-warn" if success >= BAD_SUCCESS else "is-err"


@require_safe
@project_page
def functions(request: HttpRequest, project: Project) -> HttpResponse:
    view = ListView.from_query(request.GET)
    figures = ProjectFigures(project, view.stretch(project, timezone.now()))
    rows = _sorted([FunctionRow(each, figures.totals.get(each.name, NO_CALLS)) for each in _found(project, view)], view)
    # A page past the end is the last one.
    view = replace(view, page=min(view.page, max(ceil(len(rows) / PAGE_SIZE), 1)))
    start = (view.page - 1) * PAGE_SIZE
    shown = rows[start : start + PAGE_SIZE]
    bars = figures.bars([row.function.name for row in shown if not row.is_unused])
    total = len(rows) if not view.text else project.functions.count()
    context = {
        "project": project,
        "view": view,
        "rows": [replace(row, strip=_strip(bars.get(row.function.name, []))) for row in shown],
        "count": len(rows),
        "has_functions": total > 0,
        "heads": [_head(view, *head) for head in _HEADS],
        "without_text": view.as_query(text=""),
        "range_label": RANGES[view.range_name],
        "ranges": [(label, view.as_query(range_name=name), view.range_name == name) for name, label in RANGES.items()],
        "kept_params": {name: value for name, value in view.params.items() if name not in ("q", "page")},
        "back_query": view.as_query(page=view.page - 1) if view.page > 1 else "",
        "more_query": view.as_query(page=view.page + 1) if len(rows) > start + PAGE_SIZE else "",
        "may_edit": has_role(request.membership, Role.EDITOR),  # type: ignore[attr-defined]
    }
    return render(request, "functions/function_list.html", context)


def _found(project: Project, view: ListView) -> QuerySet[Function]:
    """Return the functions that a word is found in, with what their newest revision and their last call say."""
    newest = Revision.objects.filter(function=OuterRef("pk")).order_by("-number")
    calls = Completion.objects.filter(function=OuterRef("pk")).order_by("-created_at")
    found = project.functions.only("project", "name", "description").annotate(
        newest_number=Subquery(newest.values("number")[:1]),
        newest_model=Subquery(newest.values("model")[:1]),
        last_call_at=Subquery(calls.values("created_at")[:1]),
    )
    for word in view.text.split():
        found = found.filter(Q(name__icontains=word) | Q(description__icontains=word))
    return found


def _strip(bars: list[Figures]) -> Strip:
    return strip_of([(each.calls, each["errors"]) for each in bars])


# --- the order ----------------------------------------------------------------------------------------------------

# What a column is sorted by; what has no value there comes last, whichever way it runs.
SORTS: Mapping[str, Any] = {
    "name": lambda row: row.function.name.lower(),
    "calls": lambda row: row.figures.calls,
    "success": lambda row: row.figures.success_share,
    "p50": lambda row: row.figures.p50_ms,
    "p95": lambda row: row.figures.p95_ms,
    "cost": lambda row: row.figures.known_cost_usd if row.figures.calls else None,
    "score": lambda row: row.figures.score,
    "revision": lambda row: row.function.newest_number,
    "last": lambda row: row.function.last_call_at,
}


def _sorted(rows: list[FunctionRow], view: ListView) -> list[FunctionRow]:
    value = SORTS[view.sort.removeprefix("-")]
    by_name = sorted(rows, key=lambda row: (row.function.name.lower(), row.function.name))
    known = [row for row in by_name if value(row) is not None]
    unknown = [row for row in by_name if value(row) is None]
    # Sorting backwards keeps equal ones in the order of their names.
    return [*sorted(known, key=value, reverse=view.sort.startswith("-")), *unknown]


@dataclass(frozen=True)
class Head:
    """A column's head: the same list sorted by it; `query` is empty where there is nothing to sort by."""

    name: str
    label: Any
    query: str
    aria_sort: str
    is_number: bool


_HEADS: tuple[tuple[str, Any, bool], ...] = (
    ("name", _("Name"), False),
    ("model", _("Model"), False),
    ("strip", "", False),
    ("calls", _("Calls"), True),
    ("success", _("Success"), True),
    ("p50", _("p50"), True),
    ("p95", _("p95"), True),
    ("cost", _("Cost"), True),
    ("score", _("Score"), True),
    ("revision", _("Rev."), True),
    ("last", _("Last call"), True),
)


def _head(view: ListView, name: str, label: Any, is_number: bool) -> Head:
    label = label or STRIP_LABELS[view.range_name]
    if name not in SORTS:
        return Head(name, label, "", "", is_number)
    aria = "" if view.sort.removeprefix("-") != name else "descending" if view.sort.startswith("-") else "ascending"
    first = f"-{name}" if is_number else name
    other = name if is_number else f"-{name}"
    return Head(name, label, view.as_query(sort=other if view.sort == first else first), aria, is_number)
