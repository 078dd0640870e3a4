"""The evaluations of a function: scores, how far to trust the judge, where people disagree, and how it judges."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from functions import feedback
from functions.evaluations import again, changing, figures
from functions.evaluations.again import Plan
from functions.evaluations.figures import Judge
from functions.evaluations.trust import trust_of
from functions.feedback import NoFunction, NothingToSave, Rater
from functions.models import Function
from functions.pages.evaluations import charts
from functions.pages.evaluations.panel import Panel
from functions.pages.evaluations.rows import disputes_of, listed, page_of
from functions.pages.evaluations.view import EvaluationView
from functions.pages.function_page import FunctionHead, function_page
from opperweb.accounts.models import Role, User
from traces.filters import TraceFilter
from traces.filters.terms import Term
from traces.models import Kind, Span

ASKED = ("listed", "rated", "spread")


@require_safe
@function_page
def evaluations(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    return show(request, head, Panel(head, request.GET))


def show(
    request: HttpRequest, head: FunctionHead, panel: Panel, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Show the page; `panel` is what stands at the side, with what somebody has typed there."""
    sent = request.POST.get("view") if request.method == "POST" else None
    view = EvaluationView.from_query(request.GET if sent is None else QueryDict(sent[:4000]))
    states = figures.states_of(head.function, view.since)
    now = panel.judge
    judge = view.judge_of(states.judges, now)
    page = {
        "view": view,
        "view_query": view.as_query(),
        "page_url": address_of(head),
        "states": states,
        "judge": judge,
        "judges": view.judges_menu(states.judges, judge),
        "is_now": judge.version == now.version,
        "panel": panel,
    }
    page |= _scores(head, view, judge) | _trust(head, view, judge) | _list(head, view, judge)
    return render(
        request, "functions/evaluations.html", head.context("evaluations") | page | (context or {}), status=status
    )


def address_of(head: FunctionHead, query: str = "") -> str:
    """Return the address of the page with a view of it."""
    address = reverse("functions:evaluations", args=[head.project.slug, head.function.name])
    return f"{address}?{query}" if query else address


def back(request: HttpRequest, head: FunctionHead, place: str = "") -> HttpResponse:
    """Lead back to the view that a form stood on."""
    view = EvaluationView.from_query(QueryDict(request.POST.get("view", "")[:4000]))
    return redirect(address_of(head, view.as_query()) + (f"#{place}" if place else ""))


# --- parts of the page ------------------------------------------------------------------------------------------------


def _scores(head: FunctionHead, view: EvaluationView, judge: Judge) -> dict[str, Any]:
    scored = figures.scores_of(head.function, view.since, judge)
    base = view.without_filter

    def query_of(text: str) -> str:
        params = QueryDict(base, mutable=True)
        params["q"] = text
        return f"{params.urlencode(safe=':/')}#list"

    return {
        "histogram": charts.histogram_of([each.score for each in scored], query_of),
        "low_query": query_of(f"score:<{charts.LOW}"),
        "middling_query": query_of(f"score:<{charts.MIDDLING}"),
        "averages": charts.averages_of(scored),
        "is_cut": len(scored) >= figures.MOST_READ,
        "most_read": figures.MOST_READ,
    }


def _trust(head: FunctionHead, view: EvaluationView, judge: Judge) -> dict[str, Any]:
    trust = trust_of(head.function, version=judge.version, since=view.trust_since, model=judge.model)
    return {
        "trust": trust,
        "review_query": TraceFilter((Term("function", (head.function.name,)),)).as_query(),
        "trust_boxes": charts.trust_boxes(trust.agreement) if trust.agreement.is_enough else [],
        "spread_box": charts.spread_box(trust.spread) if trust.spread else None,
        "disputes": disputes_of(head.project, trust, is_settled=view.is_settled),
        "open_query": view.with_settled(is_settled=False),
        "settled_query": view.with_settled(is_settled=True),
        "versions": figures.versions_of(head.function),
    }


def _list(head: FunctionHead, view: EvaluationView, judge: Judge) -> dict[str, Any]:
    rows, older = page_of(head.project, listed(head.function, view, judge), view)
    return {
        "rows": rows,
        "older": older,
        "tabs": [
            (gettext("All"), None, view.with_state(""), not view.state),
            (gettext("Lowest"), None, view.with_state("lowest"), view.state == "lowest"),
        ],
        "failed_tab": (view.with_state("failed"), view.state == "failed"),
        "skipped_tab": (view.with_state("skipped"), view.state == "skipped"),
    }


# --- evaluations that are asked for -----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def evaluate_again(request: HttpRequest, head: FunctionHead, what: str) -> HttpResponse:
    """Say what judging these outputs will cost, and have it done: `what` is listed, rated or spread."""
    if what not in ASKED:
        raise Http404("There is no such choice of outputs")
    sent = QueryDict(request.POST.get("view", "")[:4000]) if request.method == "POST" else request.GET
    panel = Panel(head, sent)
    if panel.problem:
        return show(request, head, panel, {"asks": what})
    plan = _plan(head, EvaluationView.from_query(sent), panel, what)
    if request.method != "POST" or not plan.spans:
        return show(request, head, panel, {"asks": what, "plan": plan})
    count = again.begin(plan, is_repeat=what == "spread")
    words = ngettext("%(count)s evaluation is on its way", "%(count)s evaluations are on their way", count)
    messages.success(request, words % {"count": f"{count:,}"})
    return back(request, head)


def _plan(head: FunctionHead, view: EvaluationView, panel: Panel, what: str) -> Plan:
    function, version = head.function, panel.policy.version
    if what == "listed":
        judge = view.judge_of(figures.states_of(function, view.since).judges, panel.judge)
        return again.plan_again(function, panel.judges, listed(function, view, judge))
    if what == "rated":
        return again.plan_rated(function, version, panel.judges)
    return again.plan_spread(function, version, panel.judges)


@require_POST
@function_page(role=Role.EDITOR)
def evaluate_one(request: HttpRequest, head: FunctionHead, span_id: UUID) -> HttpResponse:
    """Have one output judged now, and come back to the list."""
    panel = Panel(head, QueryDict())
    if panel.problem:
        messages.error(request, panel.problem)
    elif again.begin(again.plan_one(head.function, _span(head, span_id))):
        messages.success(request, gettext("The evaluation is on its way"))
    else:
        messages.info(request, gettext("It is being judged already, or has no output to judge"))
    return back(request, head, "list")


# --- disagreements ----------------------------------------------------------------------------------------------------


@require_POST
@function_page(role=Role.EDITOR)
def settle(request: HttpRequest, head: FunctionHead, span_id: UUID) -> HttpResponse:
    """Say that the judge was right and not the people, or take that back."""
    is_right = request.POST.get("is_right") != "0"
    if not changing.settle(_span(head, span_id), judge_is_right=is_right):
        messages.info(request, gettext("Nobody rates it any more"))
    elif is_right:
        messages.success(request, gettext("Settled: the judge is right. Undo it under Settled."))
    else:
        messages.success(request, gettext("Open again"))
    return back(request, head, "disagreements")


@require_POST
@function_page(role=Role.EDITOR)
def keep_right_answer(request: HttpRequest, head: FunctionHead, span_id: UUID) -> HttpResponse:
    """Make an example of an output that people corrected or called good; else ask for what it should have been."""
    span = _span(head, span_id)
    given = list(span.feedback.exclude(score=None).order_by("-updated_at"))
    correction = next((each.correction for each in given if each.correction is not None), None)
    are_good = sum(1 if each.is_good else -1 for each in given) > 0
    if correction is None and not are_good:
        address = reverse("functions:new-example", args=[head.project.slug, head.function.name])
        return redirect(f"{address}?from={span.id}")
    try:
        feedback.save_example(span, Rater(user=cast(User, request.user)), expected=correction)
    except (NoFunction, Function.DoesNotExist):
        raise Http404("No such function") from None
    except NothingToSave:
        messages.error(request, gettext("It has no output that could be an example"))
    else:
        messages.success(request, gettext("It is an example now"))
    return back(request, head, "disagreements")


def _span(head: FunctionHead, span_id: UUID) -> Span:
    spans = Span.objects.select_related("body")
    span = get_object_or_404(spans, project=head.project, completion__function=head.function, kind=Kind.LLM, id=span_id)
    span.project = head.project
    return span
