"""Runs on examples: a new one, those there are of a function, one with its totals and its results."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from functions.models import Batch, TestRun
from functions.pages.batches.progress import Progress, progress_of
from functions.pages.function_page import FunctionHead, function_page
from functions.pages.lists import listing_of
from functions.pages.responses import file_of, page_or_changes, say_how_many
from functions.pages.test_runs.boxes import boxes_of
from functions.pages.test_runs.export import csv_of, jsonl_of
from functions.pages.test_runs.form import TestRunForm
from functions.pages.test_runs.table import results_table_of
from functions.pages.trials.choices import number_of
from functions.pages.trials.live import strip_context
from functions.pages.trials.prospect import prospect_of
from functions.test_runs import running
from functions.test_runs.verdicts import results_of, totals_of
from opperweb.accounts.models import Role, User


@require_safe
@function_page
def test_runs(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the runs of a function, the newest first, or those of the revision of `?revision=`."""
    found = running.runs_of(head.function)
    if number := number_of(request.GET.get("revision", "")):
        found = found.filter(revision__number=number, is_draft=False)
    listing = listing_of(found, request.GET)
    running.settle_all(listing.rows)
    context = head.context("evaluations") | listing.context(revision=number) | {"number": number}
    return render(request, "functions/test_run_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def new_test_run(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show what a run on examples would cost, and begin it."""
    if head.newest is None:
        return render(request, "functions/new_test_run.html", head.context("evaluations"))
    user = cast(User, request.user)
    form = TestRunForm(
        request.POST if request.method == "POST" else request.GET,
        function=head.function,
        newest=head.newest,
        user=user,
        example_count=head.example_count,
    )
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        prospect = prospect_of(form.plan)
        if request.method == "POST" and prospect.can_begin:
            return _back(head, running.start(prospect.plan, prospect.found, form.measure, user=user))
        context |= prospect.context()
    status = 422 if request.method == "POST" else 200
    return render(request, "functions/new_test_run.html", head.context("evaluations") | context, status=status)


@require_safe
@function_page
def test_run(request: HttpRequest, head: FunctionHead, run_id: UUID) -> HttpResponse:
    """Show a run; to its own page, which asks again while it runs, what has changed."""
    return _page(request, head, _find(head, run_id), {})


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def cancel_test_run(request: HttpRequest, head: FunctionHead, run_id: UUID) -> HttpResponse:
    """Ask whether the rest is to be cancelled, and do it."""
    found = _find(head, run_id)
    if request.method != "POST":
        return _page(request, head, found, {"asks_to_cancel": True})
    count = running.cancel(found)
    words = ngettext("Cancelled: %(count)s example was not sent", "Cancelled: %(count)s examples were not sent", count)
    say_how_many(request, count, words, gettext("Nothing was left to cancel"))
    return _back(head, found)


@require_safe
@function_page
def test_run_csv(request: HttpRequest, head: FunctionHead, run_id: UUID) -> HttpResponse:
    """Send all results as CSV, in the order of the table, as they are read."""
    return file_of(head.file_name("test-run.csv"), "text/csv", csv_of(_find(head, run_id)))


@require_safe
@function_page
def test_run_jsonl(request: HttpRequest, head: FunctionHead, run_id: UUID) -> HttpResponse:
    """Send all results as lines of JSON, in the order of the table, as they are read."""
    return file_of(head.file_name("test-run.jsonl"), "application/x-ndjson", jsonl_of(_find(head, run_id)))


def _page(request: HttpRequest, head: FunctionHead, found: TestRun, more: dict[str, Any]) -> HttpResponse:
    results = results_of(found)
    totals = totals_of(found, results)
    progress = _progress(found)
    if progress.batch.ended_at is not None:
        running.settle(found, totals)
    place = [head.project.slug, head.function.name, found.pk]
    context: dict[str, Any] = {
        "run": found,
        "is_moving": progress.is_live or bool(totals.judging),
        "live_url": reverse("functions:test-run", args=place),
        "cancel_url": reverse("functions:cancel-test-run", args=place),
        "expected_usd": progress.expected_usd,
        "totals": totals,
        "boxes": boxes_of(totals),
        "table": results_table_of(found, results, request.GET),
        **strip_context(request, head, progress),
    }
    context = head.context("evaluations") | context | more
    return page_or_changes(request, "functions/test_run_detail.html", "functions/_test_run_changes.html", context)


def _progress(run: TestRun) -> Progress:
    now = timezone.now()
    if run.batch is not None:
        return progress_of(run.batch, now)
    # Of a batch that was deleted nothing more will come.
    gone = Batch(total_count=run.example_count, state=Batch.State.CANCELLED, ended_at=run.created_at)
    return Progress(gone, {}, [], now)


def _find(head: FunctionHead, run_id: UUID) -> TestRun:
    found: TestRun = get_object_or_404(running.runs_of(head.function), pk=run_id)
    # Nothing needs to be asked for what the page stands in.
    found.project, found.function = head.project, head.function
    return found


def _back(head: FunctionHead, found: TestRun) -> HttpResponse:
    return redirect("functions:test-run", head.project.slug, head.function.name, found.pk)
