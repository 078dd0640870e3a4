"""What readers of a call do with it: rate it, take that back, correct its output, have it judged again."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import BadRequest
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from functions import feedback
from functions.evaluations import queue
from functions.evaluations.trust import is_good
from functions.feedback import NoFunction, NothingToSave, Rater
from functions.models import Function
from functions.pages import correction
from functions.pages.completions import address_of, is_fragment
from functions.pages.judging import judging_of
from functions.schemas.form import Upload
from opperweb import json
from opperweb.accounts.access import ProjectRequest, project_page
from opperweb.accounts.models import Project, Role, User
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Kind, Span

MOST_COMMENT = 10_000
MOST_QUERY = 10_000
# What an address keeps of the page that a form stood on.
KEPT = ("tab", "view", "attempt", "list", "cp")
SCORES = {"good": 1.0, "bad": 0.0}
State = Evaluation.State


@require_POST
@project_page(role=Role.REVIEWER)
def rate(request: HttpRequest, project: Project, span_id: UUID) -> HttpResponse:
    """Keep what a person thinks of a call: good or bad, the same as its judge or not, a comment."""
    span = _span(project, span_id)
    user = cast(User, request.user)
    own = Feedback.objects.filter(span=span, author=user).first()
    score, comment = _score(request, span, own), _comment(request, own)
    kept = own.correction if own else None
    if score is None and not comment and kept is None:
        feedback.take_back(span, user)
        return _back(request, project, span, **({"said": "back"} if own else {}))
    given, example = feedback.give(span, Rater(user=user), score=score, comment=comment, correction=kept)
    if not request.POST.get("rating"):
        return _back(request, project, span, said="comment")
    said = "good" if given.is_good else "bad"
    was = {True: "good", False: "bad", None: ""}[own.is_good if own else None]
    return _back(request, project, span, said=f"{said}-example" if example else said, was=was)


@require_POST
@project_page(role=Role.REVIEWER)
def unrate(request: HttpRequest, project: Project, span_id: UUID) -> HttpResponse:
    """Take a person's own opinion of a call back, with its comment and its correction."""
    span = _span(project, span_id)
    taken = feedback.take_back(span, cast(User, request.user))
    return _back(request, project, span, **({"said": "back"} if taken else {}))


@require_POST
@project_page(role=Role.EDITOR)
def evaluate(request: HttpRequest, project: Project, span_id: UUID) -> HttpResponse:
    """Have a call judged, once more where it was judged before; one at a time."""
    span = _span(project, span_id)
    open_ones = Evaluation.objects.filter(span=span, state__in=(State.QUEUED, State.RUNNING), is_repeat=False)
    if judging_of(span, project).obstacle:
        # The page says so itself.
        return _back(request, project, span, tab="evaluation")
    if not open_ones.exists():
        queue.ask([span])
    return _back(request, project, span, tab="evaluation", said="asked")


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.REVIEWER)
def correct(request: ProjectRequest, project: Project, span_id: UUID) -> HttpResponse:
    """Show the form of a corrected output, and keep it, as an example too where that is asked for."""
    span = _span(project, span_id, "body")
    user = request.user
    own = Feedback.objects.filter(span=span, author=user).first()
    if request.method != "POST":
        return _show(request, span, own, _begun(request, span, own))
    if request.POST.get("do") == "remove":
        return _remove(request, project, span, own)
    post = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    files = {name: Upload(file.content_type or "", file.read(), file.name or "") for name, file in _files(request)}
    read = correction.read(span.body, post, files, view=_view(request))
    if post.get("do") != "save":
        return _show(request, span, own, read)
    if not read.is_valid:
        return _show(request, span, own, read, status=422)
    if json.dumps(read.value) == json.dumps(span.body.output):
        return _show(request, span, own, read, status=422, error=_("It says the same as the output."))
    saves = "example" in post and request.membership.may_edit
    try:
        said = _keep(span, user, own, read.value, saves=saves)
    except (NoFunction, NothingToSave, Function.DoesNotExist):
        words = _("There is no function any more that could keep it as an example. Save it without.")
        return _show(request, span, own, read, status=409, error=words)
    return _back(request, project, span, tab="feedback", said=said)


def _keep(span: Span, user: User, own: Feedback | None, value: Any, *, saves: bool) -> str:
    score, comment = (own.score, own.comment) if own else (None, "")
    _, example = feedback.give(span, Rater(user=user), score=score, comment=comment, correction=value, saves=saves)
    return "corrected-example" if example else "corrected"


def _remove(request: HttpRequest, project: Project, span: Span, own: Feedback | None) -> HttpResponse:
    """Forget a correction; what was said beside it stays."""
    if own is None or own.correction is None:
        return _back(request, project, span, tab="feedback")
    user = cast(User, request.user)
    if own.score is None and not own.comment:
        feedback.take_back(span, user)
    else:
        feedback.give(span, Rater(user=user), score=own.score, comment=own.comment, saves=False)
    return _back(request, project, span, tab="feedback", said="uncorrected")


def _begun(request: HttpRequest, span: Span, own: Feedback | None) -> correction.Correction | None:
    value = span.body.output
    if own is not None and own.correction is not None and request.GET.get("from") != "output":
        value = own.correction
    return None if correction.is_too_large(value) else correction.begin(span.body, value, view=_view(request))


def _show(
    request: HttpRequest,
    span: Span,
    own: Feedback | None,
    shown: correction.Correction | None,
    *,
    status: int = 200,
    error: str = "",
) -> HttpResponse:
    function = feedback.function_of(span)
    kept = {name: text for name, text in _kept(request).items() if name != "tab"}
    context = {
        "span": span,
        "project": span.project,
        "correction": shown,
        "function": function,
        "has_own": own is not None and own.correction is not None,
        "saves": "example" in request.POST if request.method == "POST" else True,
        "next": f"?{urlencode(kept)}",
        "back": f"{address_of(span.project, span)}&{urlencode({**kept, 'tab': 'feedback'})}",
        "error": error,
        "rail": True,
    }
    if request.headers.get("HX-Trigger") == "correction-differences":
        template = "functions/_correction_differences.html"
    else:
        template = f"functions/{'_correction' if is_fragment(request) else 'correction'}.html"
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _span(project: Project, span_id: UUID, *related: str) -> Span:
    spans = Span.objects.select_related("trace", *related)
    span = get_object_or_404(spans, project=project, kind=Kind.LLM, id=span_id)
    span.project = project
    return span


def _score(request: HttpRequest, span: Span, own: Feedback | None) -> float | None:
    rating = request.POST.get("rating", "")
    if rating in SCORES:
        return SCORES[rating]
    if rating in ("agree", "disagree"):
        done = Evaluation.objects.filter(~Q(score=None), span=span, state=State.DONE, is_repeat=False)
        verdict = done.order_by("-created_at").first()
        if verdict is None:
            raise BadRequest("Nobody has judged this call yet, so there is nothing to agree with.")
        return SCORES["good" if is_good(verdict) == (rating == "agree") else "bad"]
    if rating:
        raise BadRequest("A rating is good or bad.")
    return own.score if own else None


def _comment(request: HttpRequest, own: Feedback | None) -> str:
    if "comment" not in request.POST:
        return own.comment if own else ""
    comment = request.POST["comment"].replace("\0", "").strip()
    if len(comment) > MOST_COMMENT:
        raise BadRequest(f"A comment has at most {MOST_COMMENT:,} characters, this one has {len(comment):,}.")
    return comment


def _files(request: HttpRequest) -> list[tuple[str, Any]]:
    return list(request.FILES.items())


def _view(request: HttpRequest) -> str:
    return "json" if (request.POST.get("view") or request.GET.get("view")) == "json" else "fields"


def _kept(request: HttpRequest) -> dict[str, str]:
    """Return what the address keeps of the page that the reader came from."""
    came_from = QueryDict((request.POST.get("next") or request.GET.get("next", ""))[:MOST_QUERY].removeprefix("?"))
    return {name: came_from[name] for name in KEPT if name in came_from}


def _back(request: HttpRequest, project: Project, span: Span, **said: str) -> HttpResponseRedirect:
    """Lead back to the span, with a word on what has happened."""
    query = urlencode({name: text for name, text in {**_kept(request), **said}.items() if text})
    address = address_of(project, span)
    return redirect(f"{address}&{query}" if query else address)
