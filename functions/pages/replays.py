"""Replays: a new one, those there are of a function, one with its totals and its pairs, and what follows from it."""

from __future__ import annotations

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
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from functions import drafts, revising
from functions import replays as doing
from functions.completions.catalogue import catalogue_of
from functions.models import Replay
from functions.models.function import digest_of
from functions.pages.batch_progress import Progress
from functions.pages.completions import is_fragment
from functions.pages.definition_diff import diff_of
from functions.pages.function_page import FunctionHead, function_page
from functions.pages.replay_boxes import boxes_of, outputs_of
from functions.pages.replay_export import lines_of
from functions.pages.replay_form import ReplayForm
from functions.pages.replay_progress import progress_of
from functions.pages.replay_table import table_of
from functions.providers import UnknownModel
from functions.replay_figures import totals_of
from functions.replay_inputs import Plan, estimate, find
from functions.replay_pairs import pairs_of
from functions.schemas.validator import InvalidSchema
from functions.task import TaskError
from opperweb.accounts.models import Role, User

LIST_SIZE = 50
BATCH_REQUESTS = ("before_batch__request", "after_batch__request")


@require_safe
@function_page
def replays(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the replays of a function, the newest first."""
    found = _with_names(head).defer("before_definition", "after_definition", *BATCH_REQUESTS).order_by("-pk")
    if before := _uuid(request.GET.get("before", "")):
        # Their ids rise with the time they were made at.
        found = found.filter(pk__lt=before)
    rows = list(found[: LIST_SIZE + 1])
    older = rows[LIST_SIZE - 1].pk if len(rows) > LIST_SIZE else None
    context = {"rows": rows[:LIST_SIZE], "older": older, "is_first": not before}
    return render(request, "functions/replay_list.html", head.context("replays") | context)


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def new_replay(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show what a replay would run and cost, and begin it."""
    if head.newest is None:
        return render(request, "functions/new_replay.html", head.context("replays"))
    user = cast(User, request.user)
    sent = request.POST if request.method == "POST" else request.GET
    form = ReplayForm(sent, function=head.function, newest=head.newest, user=user)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        plan = form.plan
        found = find(plan)
        foretold = estimate(plan, found)
        problem = _problem_of(plan)
        if request.method == "POST" and found.keys and not problem:
            replay = doing.create(plan, found, foretold, user=user)
            return redirect("functions:replay", head.project.slug, head.function.name, replay.pk)
        context |= {"plan": plan, "found": found, "foretold": foretold, "problem": problem}
    status = 422 if request.method == "POST" else 200
    return render(request, "functions/new_replay.html", head.context("replays") | context, status=status)


@require_safe
@function_page
def replay(request: HttpRequest, head: FunctionHead, replay_id: UUID) -> HttpResponse:
    """Show a replay; to its own page, which asks again while it runs, what has changed."""
    return _page(request, head, _find(head, replay_id), {})


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def cancel_replay(request: HttpRequest, head: FunctionHead, replay_id: UUID) -> HttpResponse:
    """Ask whether the rest is to be cancelled, and do it."""
    found = _find(head, replay_id)
    if request.method != "POST":
        return _page(request, head, found, {"asks_to_cancel": True})
    count = doing.cancel(found)
    words = ngettext("Cancelled: %(count)s input was not sent", "Cancelled: %(count)s inputs were not sent", count)
    messages.success(request, words % {"count": f"{count:,}"} if count else gettext("Nothing was left to cancel"))
    return _back(head, found)


@require_POST
@function_page(role=Role.EDITOR)
def save_replay(request: HttpRequest, head: FunctionHead, replay_id: UUID) -> HttpResponse:
    """Save the draft as it was tried, or make the revision that was tried the newest one again."""
    found, user = _find(head, replay_id), cast(User, request.user)
    try:
        revision = doing.save(found, user) if found.is_draft else doing.restore(found, user)
    except revising.Overtaken as problem:
        given = {"number": problem.newest.number}
        words = gettext(
            "Not saved: revision %(number)s was saved since this draft was begun. Open the draft to merge both."
        )
        messages.error(request, words % given)
    except (InvalidSchema, TaskError, UnknownModel) as problem:
        messages.error(request, gettext("Not saved: %(reason)s") % {"reason": problem})
    else:
        if revision is None:
            messages.error(request, gettext("Not restored: the revision is there no longer"))
        else:
            messages.success(request, gettext("Revision %(number)s is live") % {"number": revision.number})
    return _back(head, found)


@require_safe
@function_page
def replay_results(request: HttpRequest, head: FunctionHead, replay_id: UUID) -> HttpResponse:
    """Send all pairs as CSV, in the order of the table, as they are read."""
    name = f"{slugify(head.function.name)[:80] or 'function'}-replay.csv"
    response = StreamingHttpResponse(
        lines_of(_find(head, replay_id)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )
    return cast(HttpResponse, response)


def _page(request: HttpRequest, head: FunctionHead, found: Replay, more: dict[str, Any]) -> HttpResponse:
    pairs = pairs_of(found)
    totals = totals_of(pairs)
    progress = progress_of(found, timezone.now())
    has_schema = found.after_definition.get("output_schema") is not None
    place = [head.project.slug, head.function.name, found.pk]
    context: dict[str, Any] = {
        "replay": found,
        "progress": progress,
        "strip": progress.batch,
        "is_moving": progress.is_live,
        "live_url": reverse("functions:replay", args=place),
        "cancel_url": reverse("functions:cancel-replay", args=place),
        "finished": totals.finished,
        "expected_usd": progress.expected_usd if totals.finished else found.estimated_usd,
        "outputs": outputs_of(totals),
        "has_schema": has_schema,
        "boxes": boxes_of(totals, has_schema=has_schema),
        "table": table_of(found, pairs, request.GET),
        "query": request.GET.urlencode(),
        "left_count": progress.queued,
        **_ways(head, found, progress),
    }
    if is_fragment(request):
        template = "functions/_replay_changes.html"
    else:
        template = "functions/replay_detail.html"
        context["changes"] = diff_of(found.before_definition, found.after_definition) if found.before_definition else []
        context["change_count"] = _change_count(found)
    response = render(request, template, head.context("replays") | context | more)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _ways(head: FunctionHead, found: Replay, progress: Progress) -> dict[str, Any]:
    """Return which ways lead on from here, for somebody who may edit."""
    is_live = head.newest is not None and head.newest.digest == digest_of(found.after_definition)
    return {
        "may_cancel": head.may_edit and bool(progress.queued) and progress.batch.ended_at is None,
        "may_save": head.may_edit and not is_live and (found.is_draft or found.after_revision is not None),
        "is_live": is_live,
        "next_number": (head.newest.number if head.newest is not None else 0) + 1,
    }


def _change_count(found: Replay) -> int:
    """Return in how many parts a draft differs from the revision that it was made from."""
    if not found.is_draft or found.after_revision is None:
        return 0
    return len(drafts.changes(drafts.definition_of(found.after_revision), found.after_definition))


def _problem_of(plan: Plan) -> str:
    """Return why a definition cannot be run, or an empty text."""
    catalogue = catalogue_of(plan.function.project)
    sides = [plan.after]
    if plan.runs_before and plan.before is not None:
        sides.append(doing.fields_of(plan.before))
    for values in sides:
        try:
            revising.check(values, catalogue)
        except (InvalidSchema, TaskError, UnknownModel) as problem:
            return str(problem)
    return ""


def _find(head: FunctionHead, replay_id: UUID) -> Replay:
    found: Replay = get_object_or_404(_with_names(head).defer(*BATCH_REQUESTS), pk=replay_id)
    # Nothing needs to be asked for what the page stands in.
    found.project, found.function = head.project, head.function
    return found


def _with_names(head: FunctionHead) -> Any:
    return Replay.objects.filter(project=head.project, function=head.function).select_related(
        "before_revision", "after_revision", "before_batch", "after_batch", "created_by"
    )


def _back(head: FunctionHead, found: Replay) -> HttpResponse:
    return redirect("functions:replay", head.project.slug, head.function.name, found.pk)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
