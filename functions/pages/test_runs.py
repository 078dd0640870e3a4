"""Runs on examples: a new one, those there are of a function, one with its totals and its results."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.text import slugify
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from functions import revising
from functions import test_runs as doing
from functions.completions.catalogue import catalogue_of
from functions.models import Batch, TestRun
from functions.pages.batch_progress import Progress, progress_of
from functions.pages.completions import is_fragment
from functions.pages.function_page import FunctionHead, function_page
from functions.pages.test_run_export import csv_of, jsonl_of
from functions.pages.test_run_form import TestRunForm
from functions.pages.test_run_table import boxes_of, table_of
from functions.providers import UnknownModel
from functions.replay_inputs import Plan, estimate, find
from functions.schemas.validator import InvalidSchema
from functions.task import TaskError
from functions.test_verdicts import results_of, totals_of
from opperweb.accounts.models import Role, User

LIST_SIZE = 50
LONGEST_NUMBER = 9


@require_safe
@function_page
def test_runs(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the runs of a function, the newest first, or those of the revision of `?revision=`."""
    found = doing.runs_of(head.function).order_by("-pk")
    if number := _number(request.GET.get("revision", "")):
        found = found.filter(revision__number=number, is_draft=False)
    if before := _uuid(request.GET.get("before", "")):
        # Their ids rise with the time they were made at.
        found = found.filter(pk__lt=before)
    rows = list(found[: LIST_SIZE + 1])
    doing.settle_all(rows[:LIST_SIZE])
    older = rows[LIST_SIZE - 1].pk if len(rows) > LIST_SIZE else None
    context = {"rows": rows[:LIST_SIZE], "older": older, "is_first": not before, "number": number}
    return render(request, "functions/test_run_list.html", head.context("evaluations") | context)


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
        plan = form.plan
        found = find(plan)
        foretold = estimate(plan, found)
        problem = _problem_of(plan)
        if request.method == "POST" and found.keys and not problem:
            run = doing.start(plan, found, form.measure, user=user)
            return redirect("functions:test-run", head.project.slug, head.function.name, run.pk)
        context |= {"plan": plan, "found": found, "foretold": foretold, "problem": problem}
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
    count = doing.cancel(found)
    words = ngettext("Cancelled: %(count)s example was not sent", "Cancelled: %(count)s examples were not sent", count)
    messages.success(request, words % {"count": f"{count:,}"} if count else gettext("Nothing was left to cancel"))
    return redirect("functions:test-run", head.project.slug, head.function.name, found.pk)


@require_safe
@function_page
def test_run_csv(request: HttpRequest, head: FunctionHead, run_id: UUID) -> HttpResponse:
    """Send all results as CSV, in the order of the table, as they are read."""
    return _file(head, "csv", "text/csv", csv_of(_find(head, run_id)))


@require_safe
@function_page
def test_run_jsonl(request: HttpRequest, head: FunctionHead, run_id: UUID) -> HttpResponse:
    """Send all results as lines of JSON, in the order of the table, as they are read."""
    return _file(head, "jsonl", "application/x-ndjson", jsonl_of(_find(head, run_id)))


def _file(head: FunctionHead, suffix: str, content_type: str, lines: AsyncIterator[bytes]) -> HttpResponse:
    name = f"{slugify(head.function.name)[:80] or 'function'}-test-run.{suffix}"
    response = StreamingHttpResponse(
        lines,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )
    return cast(HttpResponse, response)


def _page(request: HttpRequest, head: FunctionHead, found: TestRun, more: dict[str, Any]) -> HttpResponse:
    results = results_of(found)
    totals = totals_of(found, results)
    progress = _progress(found)
    if progress.batch.ended_at is not None:
        doing.settle(found, totals)
    place = [head.project.slug, head.function.name, found.pk]
    context: dict[str, Any] = {
        "run": found,
        "progress": progress,
        "strip": progress.batch,
        "is_moving": progress.is_live or bool(totals.judging),
        "live_url": reverse("functions:test-run", args=place),
        "cancel_url": reverse("functions:cancel-test-run", args=place),
        "expected_usd": progress.expected_usd,
        "totals": totals,
        "boxes": boxes_of(totals),
        "table": table_of(found, results, request.GET),
        "query": request.GET.urlencode(),
        "left_count": progress.queued,
        "may_cancel": head.may_edit and bool(progress.queued) and progress.batch.ended_at is None,
    }
    template = "functions/_test_run_changes.html" if is_fragment(request) else "functions/test_run_detail.html"
    response = render(request, template, head.context("evaluations") | context | more)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _progress(run: TestRun) -> Progress:
    now = timezone.now()
    if run.batch is not None:
        return progress_of(run.batch, now)
    # Of a batch that was deleted nothing more will come.
    gone = Batch(total_count=run.example_count, state=Batch.State.CANCELLED, ended_at=run.created_at)
    return Progress(gone, {}, [], now)


def _problem_of(plan: Plan) -> str:
    """Return why a definition cannot be run, or an empty text."""
    try:
        revising.check(plan.after, catalogue_of(plan.function.project))
    except (InvalidSchema, TaskError, UnknownModel) as problem:
        return str(problem)
    return ""


def _find(head: FunctionHead, run_id: UUID) -> TestRun:
    found: TestRun = get_object_or_404(doing.runs_of(head.function), pk=run_id)
    # Nothing needs to be asked for what the page stands in.
    found.project, found.function = head.project, head.function
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None
