"""Batches: which there are, how far one is while it runs, what came of its inputs, and the ways to change that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from functions import batches as doing
from functions.models import Batch
from functions.pages.batches.chart import chart_of
from functions.pages.batches.failures import failures_of, recovery_of
from functions.pages.batches.items import items_of
from functions.pages.batches.limits import LimitsForm
from functions.pages.batches.progress import progress_of
from functions.pages.batches.results import lines_of
from functions.pages.lists import listing_of
from functions.pages.responses import file_of, page_or_changes, say_how_many
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role


@require_safe
@project_page
def batches(request: HttpRequest, project: Project) -> HttpResponse:
    """Show the batches of a project, the newest first."""
    listing = listing_of(Batch.objects.filter(project=project).defer("request"), request.GET)
    return render(request, "functions/batch_list.html", {"project": project, **listing.context()})


@require_safe
@project_page
def batch(request: HttpRequest, project: Project, batch_id: UUID) -> HttpResponse:
    """Show a batch; to its own page, which asks again while it runs, what has changed."""
    return _page(request, _find(project, batch_id), {})


@require_POST
@project_page(role=Role.EDITOR)
def change_limits(request: HttpRequest, project: Project, batch_id: UUID) -> HttpResponse:
    """Change how many inputs are worked on at once and what may be spent; one that stopped at its limit goes on."""
    found = _find(project, batch_id)
    form = LimitsForm(request.POST)
    if not form.is_valid():
        return _page(request, found, {"form": form})
    Batch.objects.filter(pk=found.pk).update(**form.cleaned_data)
    doing.go_on(found)
    messages.success(request, gettext("Limits saved"))
    return _back(found)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def cancel(request: HttpRequest, project: Project, batch_id: UUID) -> HttpResponse:
    """Ask whether the rest is to be cancelled, and do it."""
    found = _find(project, batch_id)
    if request.method != "POST":
        return _page(request, found, {"asks_to_cancel": True})
    count = doing.cancel(found)
    words = ngettext("Cancelled: %(count)s input was not sent", "Cancelled: %(count)s inputs were not sent", count)
    say_how_many(request, count, words, gettext("Nothing was left to cancel"))
    return _back(found)


@require_POST
@project_page(role=Role.EDITOR)
def run_again(request: HttpRequest, project: Project, batch_id: UUID) -> HttpResponse:
    """Do the inputs again that failed."""
    found = _find(project, batch_id)
    count = doing.run_again(found)
    words = ngettext("%(count)s input is run again", "%(count)s inputs are run again", count)
    say_how_many(request, count, words, gettext("No input has failed"))
    return _back(found)


@require_safe
@project_page
def results(request: HttpRequest, project: Project, batch_id: UUID) -> HttpResponse:
    """Send all results as lines of JSON, in the order of the inputs, as they are read."""
    found = _find(project, batch_id)
    name = f"{slugify(found.name)[:80] or 'batch'}-results.jsonl"
    return file_of(name, "application/jsonl", lines_of(found.pk))


def _page(request: HttpRequest, found: Batch, more: dict[str, Any]) -> HttpResponse:
    now = timezone.now()
    progress = progress_of(found, now)
    context = {
        "project": found.project,
        "batch": found,
        "progress": progress,
        "chart": chart_of(progress),
        "failures": failures_of(found),
        "recovery": recovery_of(found),
        "items": items_of(found, request.GET, progress),
        "form": LimitsForm.of(found),
        "query": request.GET.urlencode(),
    }
    return page_or_changes(request, "functions/batch_detail.html", "functions/_batch_changes.html", context | more)


def _find(project: Project, batch_id: UUID) -> Batch:
    return get_object_or_404(_with_names(Batch.objects.filter(project=project)), pk=batch_id)


def _with_names(rows: QuerySet[Batch]) -> QuerySet[Batch]:
    return rows.select_related("project", "function", "revision", "api_key").defer("request")


def _back(found: Batch) -> HttpResponse:
    return redirect("functions:completions:batch", found.project.slug, found.pk)
