"""The revisions of a function: what each came to, how any two differ, and the way back to an older one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from functions import drafts, revising
from functions.figures import RevisionFigures, revision_figures
from functions.models import Completion, Function, Revision, TestRun
from functions.pages.definition.diff import PartDiff, diff_of
from functions.pages.function_page import FunctionHead, function_page
from functions.revising import Author
from functions.test_runs.running import newest_runs
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role, User
from opperweb.pages.display import MISSING, NARROW, cost_exact, count, duration
from traces.analytics.figures import Figures

PAGE_SIZE = 50
# How many other revisions are offered to compare with.
MOST_OFFERED = 200
MOST_DIGITS = 9


@dataclass(frozen=True)
class Row:
    """A line of the timeline. `number` of calls, success and score are those of live calls."""

    revision: Revision
    figures: Figures
    is_live: bool
    is_chosen: bool
    # The newest run on examples of this revision.
    run: TestRun | None = None

    @property
    def author(self) -> str:
        return author_of(self.revision)

    @property
    def success(self) -> str:
        return _share(self.figures.success_share)

    @property
    def success_tone(self) -> str:
        share = self.figures.success_share
        return "" if share is None or share >= 0.98 else "is-warn" if share >= 0.9 else "is-err"

    @property
    def score(self) -> int | None:
        return None if self.figures.score is None else round(self.figures.score)


@dataclass(frozen=True)
class Box:
    """A figure of a revision, and how it differs from that of the other; `tone` is ok, err or nothing."""

    label: Any
    shown: str
    difference: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Comparison:
    """What is shown of two revisions. `other` is None for the only one there is."""

    chosen: Revision
    other: Revision | None
    boxes: list[Box]
    failures: list[tuple[str, int]]
    parts: list[PartDiff]


@require_safe
@function_page
def revisions(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the timeline, and the revision of `?revision=` beside that of `?with=`."""
    if head.newest is None:
        raise Http404("The function has no revision")
    chosen = _revision(head, request.GET.get("revision"), default=head.newest)
    other = _other(head, request.GET.get("with"), chosen)
    figures = revision_figures(head.function, timezone.now())
    rows, newer, older = _page_of(head, chosen, request.GET.get("from"))
    runs = newest_runs(head.function, [*rows, chosen])
    context = {
        "rows": [_row(head, revision, chosen, figures, runs) for revision in rows],
        "run": runs.get(chosen.number),
        "newer": newer,
        "older": older,
        "comparison": _comparison(chosen, other, figures),
        "numbers": _numbers(head, chosen, other),
        "undo": _undo(head, request.GET.get("undo")),
        "try_both": _try_both(head, chosen, other),
    }
    return render(request, "functions/revisions.html", head.context("revisions") | context)


@require_POST
@function_page(role=Role.EDITOR)
def restore(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Make a new revision from an old one; the page after it names it and offers the way back."""
    if head.newest is None:
        raise Http404("The function has no revision")
    wanted = _revision(head, request.POST.get("revision"), default=None)
    before = head.newest.number
    try:
        revision = revising.restore(head.function, wanted, author=Author(user=cast(User, request.user)))
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    address = reverse("functions:revisions", args=[head.project.slug, head.function.name])
    if revision.number == before:
        messages.info(request, _("Revision %(number)s says the same, so nothing is saved") % {"number": before})
        return redirect(address)
    return redirect(f"{address}?revision={revision.number}&with={before}&undo={before}")


@require_safe
@project_page
def of_span(request: HttpRequest, project: Project, span_id: UUID, *, page: str = "revisions") -> HttpResponse:
    """Go from a call to the revision that answered it, or to its function, whatever the function is called by now."""
    calls = Completion.objects.select_related("function", "span").only("function__name", "span__revision_number")
    completion = get_object_or_404(calls, project=project, span__id=span_id, function__isnull=False)
    function, number = completion.function, completion.span.revision_number
    if function is None:
        raise Http404("No such function")
    address = reverse(f"functions:{page}", args=[project.slug, function.name])
    return redirect(f"{address}?revision={number}" if page == "revisions" and number else address)


# --- which revisions ----------------------------------------------------------------------------------------------


def _number(text: str | None) -> int | None:
    is_number = bool(text) and text is not None and text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number and text is not None else None


def _revision(head: FunctionHead, text: str | None, *, default: Revision | None) -> Revision:
    """Return the revision of a number, or the default where none is named; 404 for one that there is not."""
    if text is None and default is not None:
        return default
    number = _number(text)
    found = None if number is None else _authored(head.function).filter(number=number).first()
    if found is None:
        raise Http404("No such revision")
    return found


def _other(head: FunctionHead, text: str | None, chosen: Revision) -> Revision | None:
    """Return what a revision is compared with: the one that is named, else the one before it, else the one after."""
    if text:
        return _revision(head, text, default=None)
    rows = head.function.revisions
    before = rows.filter(number__lt=chosen.number).order_by("-number").first()
    return before or rows.filter(number__gt=chosen.number).order_by("number").first()


def _page_of(head: FunctionHead, chosen: Revision, start: str | None) -> tuple[list[Revision], int | None, int | None]:
    """Return the revisions of a page, newest first, and the numbers with which the pages beside it begin."""
    newest = head.newest.number if head.newest else 0
    # Without one, the page that has the chosen revision in it.
    first = _number(start) or (newest if chosen.number > newest - PAGE_SIZE else chosen.number + PAGE_SIZE // 2)
    first = min(first, newest)
    # Texts of definitions stay where they are: a list shows none of them.
    rows = _authored(head.function).filter(number__lte=first).order_by("-number")
    found = list(rows.defer("instructions", "input_schema", "output_schema", "model", "configuration")[: PAGE_SIZE + 1])
    newer = min(first + PAGE_SIZE, newest) if first < newest else None
    return found[:PAGE_SIZE], newer, found[PAGE_SIZE].number if len(found) > PAGE_SIZE else None


def _authored(function: Function) -> QuerySet[Revision]:
    return Revision.objects.filter(function=function).select_related("created_by", "api_key")


def _numbers(head: FunctionHead, chosen: Revision, other: Revision | None) -> list[int]:
    """Return the numbers to compare with, the newest first."""
    rows = head.function.revisions.exclude(number=chosen.number).order_by("-number")
    found = list(rows.values_list("number", flat=True)[:MOST_OFFERED])
    return found if other is None or other.number in found else [*found, other.number]


def _undo(head: FunctionHead, text: str | None) -> Revision | None:
    """Return the revision that was live before one was restored a moment ago."""
    number = _number(text)
    if number is None or head.newest is None or not head.may_edit or number >= head.newest.number:
        return None
    return head.function.revisions.filter(number=number).first()


def _try_both(head: FunctionHead, chosen: Revision, other: Revision | None) -> Mapping[str, Any] | None:
    """Return where both are tried side by side, and with what; None where there is no such page."""
    try:
        address = reverse("functions:playground", args=[head.project.slug])
    except NoReverseMatch:
        return None
    return {"address": address, "a": chosen.number, "b": other.number} if other is not None else None


def author_of(revision: Revision) -> str:
    """Return who made a revision: a person, or a program by the name of its key."""
    if revision.created_by is not None:
        return str(revision.created_by)
    return _("API, %(key)s") % {"key": revision.api_key.name} if revision.api_key is not None else MISSING


# --- what they came to --------------------------------------------------------------------------------------------


def _row(
    head: FunctionHead,
    revision: Revision,
    chosen: Revision,
    figures: Mapping[int, RevisionFigures],
    runs: Mapping[int, TestRun],
) -> Row:
    is_live = head.newest is not None and revision.pk == head.newest.pk
    run = runs.get(revision.number)
    return Row(revision, _figures(figures, revision), is_live, revision.pk == chosen.pk, run)


def _figures(figures: Mapping[int, RevisionFigures], revision: Revision) -> Figures:
    return figures[revision.number].figures if revision.number in figures else Figures()


def _comparison(chosen: Revision, other: Revision | None, figures: Mapping[int, RevisionFigures]) -> Comparison:
    now = _figures(figures, chosen)
    before = _figures(figures, other) if other is not None else Figures()
    failures = figures[chosen.number].failures if chosen.number in figures else {}
    parts = diff_of(drafts.definition_of(other), drafts.definition_of(chosen)) if other is not None else []
    return Comparison(chosen, other, boxes_of(now, before), list(failures.items()), parts)


def boxes_of(now: Figures, before: Figures) -> list[Box]:
    """Return the figures of a revision with what is different from another one's."""
    return [
        Box(
            _("Success"),
            _share(now.success_share),
            *_difference(now.success_share, before.success_share, 100, "{:+.1f}", least=0.05),
        ),
        Box(
            _("Score"),
            MISSING if now.score is None else f"{now.score:.0f}",
            *_difference(now.score, before.score, 1, "{:+.0f}", least=0.5),
        ),
        Box(
            "p50",
            duration(now.p50_ms),
            *_difference(now.p50_ms, before.p50_ms, 0.001, "{:+.2f}", least=0.005, is_less_better=True),
        ),
        Box(
            _("Per call"),
            cost_exact(now.cost_of_a_call_usd),
            *_percent(now.cost_of_a_call_usd, before.cost_of_a_call_usd),
        ),
        Box(_("Calls"), count(now.calls)),
        *(Box(label, count(now[name])) for name, label in _COUNTED.items() if now[name] or before[name]),
    ]


# Shown only where there are any.
_COUNTED = {
    "rejected": gettext_lazy("Did not fit"),
    "repaired": gettext_lazy("Repaired"),
    "fallbacks": gettext_lazy("By a later model"),
}


def _share(share: float | None) -> str:
    return MISSING if share is None else f"{100 * share:.1f}{NARROW}%"


def _difference(
    now: float | None, before: float | None, unit: float, form: str, *, least: float, is_less_better: bool = False
) -> tuple[str, str]:
    """Return a difference in words and its tone; nothing where one is missing or it is too small to be shown."""
    if now is None or before is None or abs(now - before) * unit < least:
        return "", ""
    return form.format((now - before) * unit), "ok" if (now < before) is is_less_better else "err"


def _percent(now: Decimal | None, before: Decimal | None) -> tuple[str, str]:
    if now is None or not before:
        return "", ""
    share = float(now / before) - 1
    return ("", "") if abs(share) < 0.005 else (f"{100 * share:+.0f}{NARROW}%", "ok" if share < 0 else "err")
