"""Review: one completion a screen, to be read and rated by people who do nothing else here.

All that a round knows stands in its address, so that two windows do not disturb each other: `until`, the moment it
began; `done`, how many were rated in it; `after`, the call that was last; `last`, the one that can be undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote, urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from functions import feedback
from functions import review as queue
from functions.feedback import NoFunction, NothingToSave, Rater
from functions.models import DatasetExample, Function
from functions.pages.review import item as review_item
from functions.pages.review.item import SCORES, ReviewItem
from functions.schemas.form import Upload
from opperweb.accounts.access import ProjectRequest, project_page
from opperweb.accounts.models import Project, Role
from opperweb.pages.paging import Cursor
from traces.evaluation_models import Feedback
from traces.filters import TraceFilter
from traces.models import Kind, Span
from traces.pages.filter_form import range_choices, range_label

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_DONE = 100_000
# More than these are drawn as one bar.
MOST_STEPS = 40


@dataclass(frozen=True)
class Round:
    """Where somebody is. `span` is shown though it is not the next one; `made_example`: the last rating did."""

    filter: TraceFilter
    until: datetime
    done: int = 0
    after: Cursor | None = None
    last: UUID | None = None
    made_example: bool = False
    span: UUID | None = None
    view: str = "fields"

    @classmethod
    def read(cls, params: QueryDict) -> Round:
        """Read a round from an address; what makes no sense is left out."""
        return cls(
            TraceFilter.from_query(params, default_range=queue.DEFAULT_RANGE),
            _moment(params.get("until", "")) or timezone.now(),
            min(_number(params.get("done", "")), MOST_DONE),
            Cursor.read(params.get("after", ""), queue.ORDER),
            _id(params.get("last", "")),
            params.get("made") == "1",
            _id(params.get("span", "")),
            "json" if params.get("view") == "json" else "fields",
        )

    @property
    def query(self) -> str:
        """The query string of this very place."""
        place = {
            "until": str((self.until - EPOCH) // timedelta(microseconds=1)),
            "done": str(self.done) if self.done else "",
            "after": self.after.write() if self.after else "",
            "last": str(self.last or ""),
            "made": "1" if self.made_example else "",
            "span": str(self.span or ""),
            "view": self.view if self.view != "fields" else "",
        }
        given = {**self.filter_params, **{name: text for name, text in place.items() if text}}
        return urlencode(given, quote_via=quote, safe=":/,<>=*")

    @property
    def filter_params(self) -> dict[str, str]:
        return {name: text for name, text in self.filter.params.items() if name != "sort"}

    def behind(self, span: Span) -> Round:
        """The round with a call passed by, for now."""
        return replace(self, after=queue.cursor_of(span), span=None, last=None, made_example=False)

    def rated(self, span: Span, *, made_example: bool) -> Round:
        return replace(self.behind(span), done=self.done + 1, last=span.id, made_example=made_example)

    def undone(self) -> Round:
        return replace(self, done=max(self.done - 1, 0), span=self.last, last=None, made_example=False)

    def at(self, span: Span, view: str) -> Round:
        """This very call, seen another way."""
        return replace(self, span=span.id, view=view)


@dataclass(frozen=True)
class Progress:
    """3 of 12; `steps` are what a small drawing shows: done, here or open, none where there are too many."""

    number: int
    total: int
    is_more: bool

    @property
    def steps(self) -> list[tuple[int, str]]:
        if self.is_more or self.total > MOST_STEPS:
            return []
        here = self.number - 1
        kinds = ("done" if step < here else "here" if step == here else "open" for step in range(self.total))
        return [(10 * place, kind) for place, kind in enumerate(kinds)]

    @property
    def step_width(self) -> str:
        """Of the 10 that a step has; what is left is between two, and about as much for few as for many."""
        return f"{10 - min(0.12 * self.total, 4):.2f}"

    @property
    def width(self) -> str:
        return f"{10 * (self.total - 1) + float(self.step_width):.2f}"


@dataclass(frozen=True)
class Way:
    """A way on from where there is nothing left, to so many that are."""

    label: str
    query: str
    number: int

    @property
    def shown(self) -> str:
        more = self.number > queue.MOST_COUNTED
        return f"{queue.MOST_COUNTED:,}+" if more else f"{self.number:,}"


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.REVIEWER)
def review(request: ProjectRequest, project: Project) -> HttpResponse:
    """Show the next completion, and keep what is said of it."""
    here = Round.read(request.GET)
    if request.method == "POST":
        return _undo(request, project, here) if request.POST.get("do") == "undo" else _rate(request, project, here)
    calls = queue.waiting(project, request.user, here.filter, here.until)
    span = queue.next_of(calls, here.after) if here.span is None else _span(project, here.span)
    if span is None and here.span is not None:
        raise Http404("No such completion")
    if span is None:
        return render(request, "functions/review.html", _nothing_left(request, project, here))
    # So that nothing asks for it again.
    span.project = project
    own = Feedback.objects.filter(span=span, author=request.user).first()
    return _show(request, project, here, review_item.begun(span, own, view=here.view))


# --- what is sent -------------------------------------------------------------------------------------------------


def _rate(request: ProjectRequest, project: Project, here: Round) -> HttpResponse:
    named = _id(request.POST.get("span", ""))
    span = _span(project, named) if named is not None else None
    if span is None:
        messages.warning(request, _("Not rated: that completion is no longer there."))
        return _to(project, replace(here, span=None))
    span.project = project
    post = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    files = {
        name: Upload(file.content_type or "", file.read(), file.name or "")
        for name, file in cast(Any, request.FILES).items()
    }
    item = review_item.sent(span, post, files, view=here.view)
    rating = "" if item.pressed else post.get("rating", "")
    if rating not in SCORES:
        # A button of the form, or Enter in one of its fields.
        item.errors = {}
        return _show(request, project, here, item)
    item.saves_example = item.saves_example and request.membership.may_edit
    if item.saves_example and rating == "bad" and item.corrected is None and not item.errors:
        item.errors["example"] = _("A bad output is no example. Correct it, or do not save it as one.")
    if item.errors:
        return _show(request, project, here, item, status=422)
    return _to(project, here.rated(span, made_example=_keep(request, item, SCORES[rating])))


def _keep(request: ProjectRequest, item: ReviewItem, score: float) -> bool:
    """Keep a rating with all that was said beside it; return whether it made an example that was not there."""
    span, rater = item.span, Rater(user=request.user)
    said: dict[str, Any] = {"score": score, "comment": item.comment, "correction": item.corrected}
    was_there = DatasetExample.objects.filter(function__project=span.project, span_id=span.id).exists()
    try:
        _given, example = feedback.give(span, rater, **said, saves=True if item.saves_example else None)
    except (NoFunction, NothingToSave, Function.DoesNotExist, DatasetExample.DoesNotExist):
        # What somebody thinks is not lost because there is no place for an example.
        feedback.give(span, rater, **said, saves=False)
        messages.warning(request, _("Rated, but not saved as an example: there is no function for it any more."))
        return False
    return example is not None and not was_there


def _undo(request: ProjectRequest, project: Project, here: Round) -> HttpResponse:
    span = _span(project, here.last) if here.last is not None else None
    if span is None or not queue.undo(span, request.user, made_example=here.made_example):
        messages.warning(request, _("There is no rating to undo."))
        return _to(project, replace(here, last=None, made_example=False))
    return _to(project, here.undone())


def _to(project: Project, there: Round) -> HttpResponseRedirect:
    return redirect(f"{reverse('functions:review', args=[project.slug])}?{there.query}")


# --- the page -----------------------------------------------------------------------------------------------------


def _show(
    request: ProjectRequest, project: Project, here: Round, item: ReviewItem, *, status: int = 200
) -> HttpResponse:
    calls = queue.waiting(project, request.user, here.filter, here.until)
    if request.membership.may_edit:
        item.function = feedback.function_of(item.span)
    context = _frame(request, project, here) | {
        "item": item,
        "progress": _progress(here, queue.place_of(calls, item.span)),
        "skip_query": here.behind(item.span).query,
        "fields_query": here.at(item.span, "fields").query,
        "json_query": here.at(item.span, "json").query,
    }
    return render(request, "functions/review.html", context, status=status)


def _progress(here: Round, place: queue.Place) -> Progress:
    is_more = max(place.before, place.behind) >= queue.MOST_COUNTED
    number = here.done + place.before + 1
    return Progress(number, number + place.behind, is_more)


def _frame(request: ProjectRequest, project: Project, here: Round) -> dict[str, Any]:
    """Return what stands around a completion: the filter, and what came of the last one."""
    shown = replace(here.filter, sort="-when")
    opinions = queue.opinions_on(project, here.last, request.user) if here.last is not None else None
    return {
        "project": project,
        "round": here,
        "filter": shown,
        "range_label": range_label(shown),
        "ranges": range_choices(shown),
        "opinions": opinions,
        "said": list(_said(opinions)) if opinions else [],
        "list_query": replace(
            shown, default_range="24h", range_name=None if shown.is_fixed else shown.range_in_force
        ).as_query(),
    }


def _said(opinions: queue.Opinions) -> Iterator[str]:
    """Yield what others think of the call that was rated just now, each a sentence."""
    if opinions.judge_score is not None:
        yield _("The judge gave %(score)s.") % {"score": opinions.judge_score}
    good, bad = opinions.good, opinions.bad
    if good:
        yield ngettext("One other said good.", "%(count)s others said good.", good) % {"count": f"{good:,}"}
    if bad:
        yield ngettext("One other said bad.", "%(count)s others said bad.", bad) % {"count": f"{bad:,}"}


def _nothing_left(request: ProjectRequest, project: Project, here: Round) -> dict[str, Any]:
    """Return the page behind the last one, with the ways to others that wait."""
    now = timezone.now()
    steps = [(_("Look for new ones"), here.filter)]
    if here.filter.terms:
        steps.append((_("Drop the filter"), replace(here.filter, terms=())))
    if here.filter.is_fixed or here.filter.range_in_force != "all":
        steps.append((_("Look at all times"), here.filter.with_range("all")))
    if len(steps) > 2:
        steps.append((_("Drop the filter, at all times"), replace(here.filter, terms=()).with_range("all")))
    ways = [
        Way(label, queue.query_of(wider), queue.count_of(queue.waiting(project, request.user, wider, now)))
        for label, wider in steps
    ]
    # The one that drops everything has to give more than those before it.
    most = max((way.number for way in ways[:3]), default=0)
    worth_it = [way for number, way in enumerate(ways) if way.number > (most if number == 3 else 0)]
    return _frame(request, project, here) | {"ways": worth_it}


# --- what an address names ----------------------------------------------------------------------------------------


def _span(project: Project, span_id: UUID) -> Span | None:
    return queue.with_texts(Span.objects.filter(project=project, kind=Kind.LLM, id=span_id)).first()


def _moment(text: str) -> datetime | None:
    microseconds = _number(text)
    return EPOCH + timedelta(microseconds=microseconds) if microseconds else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else 0


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
