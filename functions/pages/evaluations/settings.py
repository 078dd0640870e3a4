"""What is changed about judging: rubric, checks, which calls, examples on their own; and a project's settings."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods

from functions.evaluations import changing, figures
from functions.evaluations.changing import RubricOvertaken, RuleGone
from functions.evaluations.rubric import InvalidRubric
from functions.evaluations.rules import InvalidRule
from functions.models import Function, ProjectEvaluation
from functions.pages.definition.page import names_of
from functions.pages.evaluations.forms import LearningForm, PolicyForm, ProjectEvaluationForm, RuleForm
from functions.pages.evaluations.page import address_of, back, show
from functions.pages.evaluations.panel import Panel
from functions.pages.evaluations.rubric import RubricForm
from functions.pages.evaluations.view import EvaluationView
from functions.pages.function_page import FunctionHead, function_page
from opperweb.accounts.access import ProjectRequest, project_page
from opperweb.accounts.models import Project, Role, User


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def change_rubric(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Change the rubric as the pressed button says, or save it: `do` is a verb and what it is for."""
    if request.method != "POST":
        return redirect(address_of(head))
    form = RubricForm.sent(request.POST)
    verb, _space, target = request.POST.get("do", "").partition(" ")
    if verb not in ("save", "try"):
        return _show(request, head, rubric=form.pressed(verb, target), status=200)
    try:
        saved = changing.save_rubric(head.function, form.values, base=form.base, user=cast(User, request.user))
    except InvalidRubric as problem:
        return _show(request, head, rubric=form.refused(problem))
    except RubricOvertaken as problem:
        words = gettext("Not saved: version %(number)s was saved meanwhile. Copy what you typed, then reload.")
        return _show(request, head, rubric=_with_error(form, words % {"number": problem.number}), status=409)
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    if saved is not None:
        messages.success(request, gettext("Judge version %(number)s is in force") % {"number": saved.number})
    else:
        messages.info(request, gettext("Nothing has changed, so nothing is saved"))
    if verb == "try":
        view = EvaluationView.from_query(QueryDict(request.POST.get("view", "")[:4000]))
        address = reverse("functions:evaluate-again", args=[head.project.slug, head.function.name, "rated"])
        return redirect(f"{address}?{view.as_query()}")
    return back(request, head, "rubric")


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def change_rules(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Add a check, switch one on or off, or remove one."""
    if request.method != "POST":
        return redirect(address_of(head))
    verb, words = request.POST.get("do", "add"), request.POST.get("words", "")
    try:
        if verb in ("on", "off"):
            changing.switch_rule(head.function, words, is_on=verb == "on")
        elif verb == "remove":
            changing.remove_rule(head.function, words)
            messages.success(request, gettext("The check is removed"))
        else:
            return _add_rule(request, head)
    except RuleGone:
        messages.error(request, gettext("This check is no longer there: somebody has changed it"))
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    return back(request, head, "rules")


def _add_rule(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    form = RuleForm.of(request.POST)
    if form is None:
        return back(request, head, "rules")
    try:
        changing.add_rule(head.function, form.rule)
    except InvalidRule as problem:
        name = problem.field if problem.field in {field.name for field in form.fields} else "path"
        return _show(request, head, rule_form=RuleForm(form.kind, form.values, {name: problem.message}))
    messages.success(request, gettext("The check runs on every call from now on"))
    return back(request, head, "rules")


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def change_sampling(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Change which calls are judged, and by whom."""
    if request.method != "POST":
        return redirect(address_of(head))
    usual = Panel(head, QueryDict()).usual_judge
    form = PolicyForm(request.POST, project=head.project, usual=usual, auto_id="policy-%s")
    if not form.is_valid():
        return _show(request, head, policy_form=form)
    return _keep(request, head, form.cleaned_data, "sampling")


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def change_learning(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Change what becomes an example on its own."""
    if request.method != "POST":
        return redirect(address_of(head))
    form = LearningForm(request.POST, auto_id="learning-%s")
    if not form.is_valid():
        return _show(request, head, learning_form=form)
    return _keep(request, head, form.values, "learning")


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def remove_automatic(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Ask whether the examples that came on their own are to go, and remove them."""
    if request.method != "POST":
        return show(request, head, Panel(head, QueryDict()), {"asks": "remove"})
    try:
        count = changing.remove_automatic(head.function)
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    words = ngettext("%(count)s example is removed", "%(count)s examples are removed", count)
    messages.success(request, words % {"count": f"{count:,}"})
    return back(request, head, "learning")


def _keep(request: HttpRequest, head: FunctionHead, values: dict[str, Any], place: str) -> HttpResponse:
    try:
        changing.change_policy(head.function, **values)
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    messages.success(request, gettext("Saved"))
    return back(request, head, place)


def _show(request: HttpRequest, head: FunctionHead, *, status: int = 422, **sent: Any) -> HttpResponse:
    """Show the page again with what was typed."""
    params = QueryDict(request.POST.get("view", "")[:4000])
    return show(request, head, Panel(head, params, **sent), status=status)


def _with_error(form: RubricForm, error: str) -> RubricForm:
    return RubricForm(form.base, form.rows, form.is_draft, error)


# --- a project's own settings -----------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def project_evaluation(request: ProjectRequest, project: Project) -> HttpResponse:
    """Show who judges in a project, whether, and for how much a day; editors change it."""
    own = ProjectEvaluation.objects.filter(project=project).first() or ProjectEvaluation(project=project)
    may_edit = request.membership.may_edit
    if request.method == "POST" and not may_edit:
        raise PermissionDenied("How calls are judged is changed by members who are at least editor.")
    form = ProjectEvaluationForm(
        request.POST if request.method == "POST" else None,
        initial=ProjectEvaluationForm.initial_of(own),
        project=project,
        usual=str(settings.EVALUATION_MODEL),
    )
    if form.is_valid():
        changing.change_project(project, **form.cleaned_data)
        messages.success(request, gettext("Saved"))
        return redirect("functions:evaluation-settings", project.slug)
    context = {
        "form": form,
        "own": own,
        "usual": settings.EVALUATION_MODEL,
        "spending": figures.spending_of(project),
        "offers": names_of(project) if may_edit else [],
    }
    return render(request, "functions/evaluation_settings.html", context, status=422 if form.is_bound else 200)
