"""The overview of a function: its figures, four charts with its revisions, errors, lowest scores, models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from functions.figures import FunctionFigures, Stretch
from functions.models import Completion, Function, Revision
from functions.pages.completions import address_of
from functions.pages.function_list import tone_of
from functions.pages.function_page import FunctionHead, function_page
from functions.pages.overview.charts import Charts, flags_of, score_words
from functions.pages.overview.error_groups import error_groups
from functions.pages.overview.view import OverviewView
from opperweb.pages import display
from traces.analytics.conditions import call_filter, span_conditions
from traces.analytics.figures import Figures
from traces.filters.terms import Term
from traces.models import Origin, Span
from traces.pages.usage_table import percent_change

MOST_FLAGS = 20
MOST_SCORED = 2000
LOWEST = 5
# A difference that is worth a colour.
NOTABLE_SHARE, NOTABLE_SCORE = 0.005, 2


@dataclass(frozen=True)
class Box:
    """A figure and what is said beneath it; `tone` is ok, err or nothing."""

    label: Any
    shown: str
    second: str = ""
    tone: str = ""


@dataclass(frozen=True)
class ModelRow:
    """What part of the calls a model answered; `figures` is None for answers that were kept."""

    name: str
    title: str
    share: float
    figures: Figures | None = None

    @property
    def bar(self) -> str:
        return f"{100 * self.share:.1f}%"

    @property
    def success_tone(self) -> str:
        return tone_of(self.figures.success_share) if self.figures else ""


@require_safe
@function_page
def open_function(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Lead from a function's address to its overview."""
    return redirect("functions:function", head.project.slug, head.function.name)


@require_safe
@function_page
def overview(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    view = OverviewView.from_query(request.GET)
    stretch = view.stretch(head.project, timezone.now())
    figures = FunctionFigures(head.function, stretch, call_filter(view.filter, head.project))
    context = head.context("overview") | {
        "view": view,
        "boxes": _boxes(figures, head.newest),
        "calls": figures.total.calls,
        "no_filter": replace(view, filter=replace(view.filter, terms=())).as_query(),
        "longest": replace(view, range_name="30d").as_query(),
        "completions_query": view.completions_query(head.function.name, start=stretch.start),
    }
    if figures.total.calls:
        context |= _details(head, view, figures)
    return render(request, "functions/overview.html", context)


def _details(head: FunctionHead, view: OverviewView, figures: FunctionFigures) -> dict[str, Any]:
    """Return what there is to show where there were calls."""
    name, stretch = head.function.name, figures.stretch
    conditions = span_conditions(view.filter, head.project)
    edges = zip(stretch.boundaries, stretch.boundaries[1:], strict=False)
    charts = Charts(figures, [view.completions_query(name, start=start, end=end) for start, end in edges])
    return {
        "charts": charts,
        "flags": flags_of(_gone_live(head.function, stretch), head.newest.number if head.newest else None, stretch),
        "errors": figures.total["errors"],
        "error_groups": error_groups(head.function, stretch, conditions),
        "errors_query": view.completions_query(name, Term("status", ("error",)), start=stretch.start),
        "lowest": [(span, address_of(head.project, span)) for span in _lowest(head.function, stretch, conditions)],
        "low_query": view.completions_query(name, Term("score", ("<50",)), start=stretch.start),
        "models": _models(figures),
    }


def _boxes(figures: FunctionFigures, newest: Revision | None) -> list[Box]:
    total, before = figures.total, figures.total_before
    number = newest.number if newest else 0
    here = figures.by_revision.get(number)
    live = here.figures if here else Figures()
    change = percent_change(total.calls / before.calls - 1) if before.calls else ""

    def on_live(shown: str) -> str:
        if not live.calls or shown == display.MISSING:
            return ""
        return gettext("%(figure)s on revision %(number)s") % {"figure": shown, "number": number}

    fallbacks = gettext("%(share)s fell back") % {"share": display.share(total["fallbacks"], total.calls)}
    a_call = gettext("%(cost)s a call") % {"cost": display.cost(total.cost_of_a_call_usd)}
    return [
        Box(
            gettext("Calls"),
            display.count(total.calls),
            gettext("%(change)s on the time before") % {"change": change} if change else "",
        ),
        Box(
            gettext("Success"),
            _share(total.success_share),
            on_live(_share(live.success_share)),
            _tone(live.success_share, total.success_share, NOTABLE_SHARE),
        ),
        Box("p50", display.duration(total.p50_ms), on_live(display.duration(live.p50_ms))),
        Box("p95", display.duration(total.p95_ms), on_live(display.duration(live.p95_ms))),
        Box(
            gettext("Score"),
            score_words(total.score),
            on_live(score_words(live.score)),
            _tone(live.score, total.score, NOTABLE_SCORE),
        ),
        Box(
            gettext("Cost"), display.cost(total.known_cost_usd if total.calls else None), a_call if total.calls else ""
        ),
        Box(
            gettext("Put right"),
            display.share(total["repaired"], total.calls),
            fallbacks if total["fallbacks"] else "",
        ),
    ]


def _share(share: float | None) -> str:
    return display.MISSING if share is None else display.share(share, 1)


def _tone(live: float | None, total: float | None, notable: float) -> str:
    """Tell whether the live revision does better or worse than all of them together."""
    if live is None or total is None or abs(live - total) < notable:
        return ""
    return "ok" if live > total else "err"


def _gone_live(function: Function, stretch: Stretch) -> list[Revision]:
    """Return the revisions that were made in this time, the newest of them where they are many, by number."""
    made = function.revisions.filter(created_at__gte=stretch.start, created_at__lt=stretch.end)
    return list(made.only("number", "created_at", "function").order_by("-number")[:MOST_FLAGS])[::-1]


def _lowest(function: Function, stretch: Stretch, conditions: Sequence[Any]) -> list[Span]:
    """Return the calls with the lowest scores among the newest, in one query that reads no more than those."""
    newest = Completion.objects.filter(function=function, created_at__gte=stretch.start).order_by("-created_at")
    scored = Span.objects.filter(
        *conditions, pk__in=newest.values("pk")[:MOST_SCORED], score__isnull=False, origin=Origin.LIVE
    )
    rows = scored.select_related("trace").order_by("score", "-started_at")
    return list(rows.only("id", "score", "input_preview", "output_preview", "error_message", "trace__id")[:LOWEST])


def _models(figures: FunctionFigures) -> list[ModelRow]:
    """Return the models, the one with most calls first, and the answers that were kept as the last."""
    total = figures.total
    ranked = sorted(figures.by_model.items(), key=lambda item: (-item[1].calls, item[0] or ""))
    rows = [
        ModelRow(
            display.short_model(name) if name else gettext("No model"),
            name or "",
            (each.calls - each["cached"]) / total.calls,
            each,
        )
        for name, each in ranked
        if each.calls > each["cached"]
    ]
    if total["cached"]:
        rows.append(ModelRow(gettext("from cache"), "", total["cached"] / total.calls))
    return rows
