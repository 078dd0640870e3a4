"""One variant of a run, streamed to the page that began it, and its result as that page shows it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import Any, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from functions import playground
from functions.api.stream import events_of
from functions.models import PlaygroundRun, PlaygroundVariant
from functions.pages.playground.results import results_of
from functions.playground import REFUSALS
from opperweb.accounts.access import ProjectRequest, has_role, membership_of, project_page
from opperweb.accounts.models import Project, Role, User
from opperweb.api.event_stream import event_stream

logger = logging.getLogger(__name__)


@require_POST
async def stream(request: HttpRequest, project: str, run_id: UUID, number: int) -> HttpResponseBase:
    """Ask one variant and send its answer as events, as POST /v2/call/stream does.

    Whoever leaves stops the call. A variant that was asked already ends at once: its result stands on the page.
    """
    key = await sync_to_async(_key)(cast(User, request.user), project, run_id, number)
    return event_stream(_events(key))


def _key(user: User, project: str, run_id: UUID, number: int) -> int:
    membership = membership_of(user, project)
    if not has_role(membership, Role.EDITOR):
        raise PermissionDenied("Only editors and owners run something.")
    variants = PlaygroundVariant.objects.filter(run__project=membership.project)
    return get_object_or_404(variants, run=run_id, number=number).pk


async def _events(key: int) -> AsyncGenerator[list[dict[str, Any]], None]:
    try:
        begun = await playground.stream(key)
    except REFUSALS:
        # Why stands in the result.
        return
    except Exception:
        logger.exception("a variant of the playground failed")
        return
    if begun is None:
        return
    events = events_of(*begun)
    try:
        async for some in events:
            yield some
    finally:
        await events.aclose()


@require_safe
@project_page
def result(request: HttpRequest, project: Project, run_id: UUID, number: int) -> HttpResponse:
    """Show what has come of one variant so far."""
    run = get_object_or_404(PlaygroundRun.objects.select_related("function"), project=project, pk=run_id)
    results = results_of(run, project, view=request.GET.get("view", ""), number=number)
    found = get_object_or_404(run.variants.all(), number=number)
    context = {
        "project": project,
        "run": run,
        "function": run.function,
        "result": results[str(found.number)],
        "may_edit": has_role(cast(ProjectRequest, request).membership, Role.EDITOR),
    }
    return render(request, "functions/_playground_result.html", context)
