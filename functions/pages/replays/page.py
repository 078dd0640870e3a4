"""Replays: a new one, those there are of a function, one with its totals and its pairs, and what follows from it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from functions import drafts, revising
from functions.models import Replay
from functions.models.function import digest_of
from functions.pages.completions import is_fragment
from functions.pages.definition.diff import diff_of
from functions.pages.function_page import FunctionHead, function_page
from functions.pages.lists import listing_of
from functions.pages.replays.boxes import boxes_of, outputs_of
from functions.pages.replays.export import lines_of
from functions.pages.replays.form import ReplayForm
from functions.pages.replays.progress import progress_of
from functions.pages.replays.table import pairs_table_of
from functions.pages.responses import file_of, page_or_changes, say_how_many
from functions.pages.trials.live import strip_context
from functions.pages.trials.prospect import prospect_of
from functions.providers import UnknownModel
from functions.replays import running
from functions.replays.figures import totals_of
from functions.replays.pairs import pairs_of
from functions.schemas.validator import InvalidSchema
from functions.task import TaskError
from opperweb.accounts.models import Role, User

BATCH_REQUESTS = ("before_batch__request", "after_batch__request")


@require_safe
@function_page
def replays(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the replays of a function, the newest first."""
    found = _with_names(head).defer("before_definition", "after_definition", *BATCH_REQUESTS)
    listing = listing_of(found, request.GET)
    return render(request, "functions/replay_list.html", head.context("replays") | listing.context())


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
        prospect = prospect_of(form.plan)
        if request.method == "POST" and prospect.can_begin:
            return _back(head, running.create(prospect.plan, prospect.found, prospect.foretold, user=user))
        context |= prospect.context()
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
    count = running.cancel(found)
    words = ngettext("Cancelled: %(count)s input was not sent", "Cancelled: %(count)s inputs were not sent", count)
    say_how_many(request, count, words, gettext("Nothing was left to cancel"))
    return _back(head, found)


@require_POST
@function_page(role=Role.EDITOR)
def save_replay(request: HttpRequest, head: FunctionHead, replay_id: UUID) -> HttpResponse:
    """Save the draft as it was tried, or make the revision that was tried the newest one again."""
    found, user = _find(head, replay_id), cast(User, request.user)
    try:
        revision = running.save(found, user) if found.is_draft else running.restore(found, user)
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
    return file_of(head.file_name("replay.csv"), "text/csv", lines_of(_find(head, replay_id)))


def _page(request: HttpRequest, head: FunctionHead, found: Replay, more: dict[str, Any]) -> HttpResponse:
    pairs = pairs_of(found)
    totals = totals_of(pairs)
    progress = progress_of(found, timezone.now())
    has_schema = found.after_definition.get("output_schema") is not None
    table, differences = pairs_table_of(found, pairs, request.GET)
    place = [head.project.slug, head.function.name, found.pk]
    context: dict[str, Any] = {
        "replay": found,
        "is_moving": progress.is_live,
        "live_url": reverse("functions:replay", args=place),
        "cancel_url": reverse("functions:cancel-replay", args=place),
        "finished": totals.finished,
        "expected_usd": progress.expected_usd if totals.finished else found.estimated_usd,
        "outputs": outputs_of(totals),
        "has_schema": has_schema,
        "boxes": boxes_of(totals, has_schema=has_schema),
        "table": table,
        "differences": differences,
        **strip_context(request, head, progress),
        **_ways(head, found),
    }
    if not is_fragment(request):
        context["changes"] = diff_of(found.before_definition, found.after_definition) if found.before_definition else []
        context["change_count"] = _change_count(found)
    context = head.context("replays") | context | more
    return page_or_changes(request, "functions/replay_detail.html", "functions/_replay_changes.html", context)


def _ways(head: FunctionHead, found: Replay) -> dict[str, Any]:
    """Return which ways lead on from here, for somebody who may edit."""
    is_live = head.newest is not None and head.newest.digest == digest_of(found.after_definition)
    return {
        "may_save": head.may_edit and not is_live and (found.is_draft or found.after_revision is not None),
        "is_live": is_live,
        "next_number": (head.newest.number if head.newest is not None else 0) + 1,
    }


def _change_count(found: Replay) -> int:
    """Return in how many parts a draft differs from the revision that it was made from."""
    if not found.is_draft or found.after_revision is None:
        return 0
    return len(drafts.changes(drafts.definition_of(found.after_revision), found.after_definition))


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
