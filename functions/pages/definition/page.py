"""The definition of a function: read by all, changed by those who may, tried, and saved as the next revision.

One form holds everything. Each of its buttons sends all of it, which is kept as the person's draft before the button
does what it says, so nothing that was typed is lost on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from functions import drafts, revising
from functions.completions.catalogue import catalogue_of
from functions.drafts import Work
from functions.figures import FunctionFigures, last_days
from functions.models import Function
from functions.offers import offers_of
from functions.pages.definition.forms import error_of, form_of, read
from functions.pages.definition.models import ModelRow
from functions.pages.definition.schemas import SIDES, Opened, path_of
from functions.pages.forms import ConfirmForm
from functions.pages.function_forms import FunctionForm, initial_of
from functions.pages.function_page import FunctionHead, function_page
from functions.providers import UnknownModel
from functions.revising import Author, NameTaken, Overtaken
from functions.schemas.validator import InvalidSchema
from functions.task import InvalidConfiguration, InvalidModel
from opperweb.accounts.access import zone_of
from opperweb.accounts.models import Project, Role, User
from opperweb.pages.display import share

MOST_OFFERS = 1_000
RECENT = 50
COUNTED_DAYS = 7
REFUSED = (InvalidSchema, InvalidModel, InvalidConfiguration, UnknownModel)
# Sent in the background while somebody types; it leaves open what is open.
QUIET = "autosave"
# These let the row that is open be as it is stored.
LEAVING = (QUIET, "leave")


@require_safe
@function_page
def definition(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    opened = Opened.of(request.GET)
    return _page(request, head, _work(request, head), {"opened": opened})


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def edit(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Keep what was sent as a draft, and do what the pressed button says: `do` is a verb and what it is for."""
    if request.method != "POST":
        return redirect(_address(head))
    user = cast(User, request.user)
    sent = {name: str(text) for name, text in request.POST.items()}
    verb, _space, target = sent.get("do", "keep").partition(" ")
    work = drafts.work_of(head.function, user, base_id=sent.get("base", ""))
    if verb == "discard":
        drafts.discard(head.function, user)
        messages.success(request, _("Your changes are discarded"))
        return redirect(_address(head))
    opened = Opened.of({**sent, **{side: sent.get(f"view-{side}", "") for side in SIDES}})
    reading = read(work, _without_row(sent) if verb in LEAVING else sent, verb, target)
    # What is sent in the background may come in after the draft was saved: no draft begins with it then.
    if verb != QUIET or work.is_draft or not work.is_overtaken:
        work = drafts.keep(work, user, reading.definition, reading.note)
    if reading.errors:
        context = {"opened": opened, "errors": reading.errors, "sent": sent}
        return _page(request, head, work, context, status=422)
    if verb == "save":
        return _save(request, head, work)
    return redirect(_way_on(head, opened, verb, target))


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def change_function(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Change its name, its description and whether its calls are evaluated."""
    function = head.function
    form = FunctionForm(request.POST if request.method == "POST" else None, initial=initial_of(function))
    if form.is_valid():
        try:
            revising.save(function, form.cleaned_data, author=Author(user=cast(User, request.user)))
        except NameTaken:
            form.add_error("name", _("There is a function of this name. Choose another."))
        else:
            messages.success(request, _("%(name)s is saved") % {"name": function.name})
            return redirect("functions:definition", head.project.slug, function.name)
    status = 422 if form.is_bound else 200
    return _page(request, head, _work(request, head), {"asks": "function", "function_form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def delete_function(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    form = ConfirmForm(request.POST if request.method == "POST" else None, expected=head.function.name)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return _page(request, head, _work(request, head), {"asks": "delete", "confirm_form": form}, status=status)
    name = head.function.name
    revising.delete(head.function)
    messages.success(request, _("%(name)s is deleted") % {"name": name})
    return redirect("functions:list", head.project.slug)


# --- what a button does -------------------------------------------------------------------------------------------


def _save(request: HttpRequest, head: FunctionHead, work: Work) -> HttpResponse:
    if not work.changes and not work.is_overtaken:
        messages.info(request, _("Nothing has changed, so nothing is saved"))
        return redirect(_address(head))
    try:
        revision = drafts.save(work, cast(User, request.user))
    except Overtaken as problem:
        messages.warning(request, _("Revision %(number)s was saved meanwhile") % {"number": problem.newest.number})
        return redirect("functions:review-definition", head.project.slug, head.function.name)
    except Function.DoesNotExist:
        messages.error(request, _("%(name)s was deleted meanwhile") % {"name": head.function.name})
        return redirect("functions:list", head.project.slug)
    except REFUSED as problem:
        errors = error_of(problem, work.definition, catalogue_of(head.project))
        return _page(request, head, work, {"errors": errors}, status=422)
    messages.success(request, _("Revision %(number)s is live") % {"number": revision.number})
    return redirect(_address(head))


def _without_row(sent: Mapping[str, str]) -> dict[str, str]:
    """Return what was sent without the row that is open: it is kept when a button is pressed."""
    return {name: text for name, text in sent.items() if not name.startswith(("field.", "new.", "paste."))}


def _way_on(head: FunctionHead, opened: Opened, verb: str, target: str) -> str:
    """Return the address of the page after a button: what it opens stays in the address."""
    replay, ask = replay_address(head, target), {"function": "edit-function", "delete": "delete-function"}
    if verb == "review":
        return reverse("functions:review-definition", args=[head.project.slug, head.function.name])
    if verb == "test" and replay:
        return replay
    if verb == "ask" and target in ask:
        return reverse(f"functions:{ask[target]}", args=[head.project.slug, head.function.name])
    query = dict(opened.views)
    side, _space, view = target.partition(" ")
    if verb == "show" and side in SIDES:
        query[side] = view
    elif verb in ("paste", "clear", "leave"):
        query.pop(target, None)
    elif verb in ("edit", "add"):
        query[verb] = target
        query.pop(path_of(target)[0], None)
    elif verb == "model-add":
        query["model"] = "new"
    elif verb == QUIET:
        query |= {"edit": opened.edit, "add": opened.add, "model": opened.model}
    place = _place(verb, target)
    query = {name: value for name, value in query.items() if value and value != "table"}
    return _address(head) + (f"?{urlencode(query)}" if query else "") + (f"#{place}" if place else "")


def _place(verb: str, target: str) -> str:
    """Return the part of the page to go back to."""
    if verb.startswith("model"):
        return "models"
    side = path_of(target.partition(" ")[0])[0]
    return f"schema-{side}" if side in SIDES else ""


def replay_address(head: FunctionHead, source: str) -> str:
    """Return where a draft is tried, on the kept examples or on real inputs; empty where there is no such page."""
    try:
        address = reverse("functions:new-replay", args=[head.project.slug, head.function.name])
    except NoReverseMatch:
        return ""
    count = {"n": RECENT} if source == "recent" else {}
    return f"{address}?{urlencode({'after': 'draft', 'source': source, **count})}"


def _address(head: FunctionHead) -> str:
    return reverse("functions:definition", args=[head.project.slug, head.function.name])


# --- the page -----------------------------------------------------------------------------------------------------


def _work(request: HttpRequest, head: FunctionHead) -> Work:
    """Return what the person works on; who may only read sees what calls use."""
    if head.may_edit:
        return drafts.work_of(head.function, cast(User, request.user))
    newest = drafts.newest_of(head.function)
    return Work(head.function, newest, newest, drafts.definition_of(newest))


def _page(
    request: HttpRequest, head: FunctionHead, work: Work, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    errors: Mapping[str, str] = context.get("errors", {})
    opened: Opened = context.get("opened") or Opened()
    form = form_of(work, opened, errors=errors, sent=context.get("sent"))
    form = replace(form, models=with_shares(form.models, head.function))
    misfits = drafts.misfits(work) if head.may_edit else drafts.Misfits()
    page = {
        "form": form,
        "work": work,
        "misfits": misfits,
        "misfit_words": misfit_words(misfits),
        "offers": names_of(head.project) if head.may_edit else [],
        "default_model": settings.DEFAULT_MODEL,
        "may_replay": bool(replay_address(head, "recent")),
    }
    return render(request, "functions/definition.html", head.context("definition") | page | context, status=status)


def with_shares(rows: list[ModelRow], function: Function) -> list[ModelRow]:
    """Return the models with the share of the last days' calls that each of them answered."""
    stretch = last_days(COUNTED_DAYS, timezone.now(), zone_of(function.project))
    calls = {model: figures.calls for model, figures in FunctionFigures(function, stretch).by_model.items()}
    total = sum(calls.values())
    return [replace(row, share=share(calls[row.name], total) if calls.get(row.name) else "") for row in rows]


def misfit_words(misfits: drafts.Misfits) -> str:
    """Say how many examples the changed schemas would leave behind; nothing where it is none."""
    if not misfits.count:
        return ""
    words = ngettext("%(count)s example will no longer fit", "%(count)s examples will no longer fit", misfits.count)
    given = {"count": f"{misfits.count:,}", "looked_at": f"{misfits.looked_at:,}"}
    if misfits.is_all:
        return words % given + "."
    return _("Of the newest %(looked_at)s examples %(count)s will no longer fit.") % given


def names_of(project: Project) -> list[str]:
    """Return the names that a model may be asked by: the project's own first."""
    own = list(project.aliases.order_by("name").values_list("name", flat=True))
    return [*own, *(offer.name for offer in offers_of(project))][:MOST_OFFERS]
