"""Results that are posted to an address: what they are signed with, and how each delivery went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from functions import webhooks as sending
from functions.models import Delivery, WebhookSecret
from functions.models.webhook import new_secret
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role

MOST_SHOWN = 100


@dataclass(frozen=True)
class Row:
    delivery: Delivery

    @property
    def icon(self) -> str:
        return {Delivery.State.DONE: "ok", Delivery.State.FAILED: "error"}.get(
            Delivery.State(self.delivery.state), "running"
        )

    @property
    def css(self) -> str:
        return {"ok": "is-ok", "error": "is-err"}.get(self.icon, "is-run")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The tries, the newest first, with their times as times."""
        entries = self.delivery.log if isinstance(self.delivery.log, list) else []
        return [{**entry, "at": _moment(entry.get("at"))} for entry in reversed(entries) if isinstance(entry, dict)]

    @property
    def can_send_again(self) -> bool:
        """What has a result and is not on its way at this moment."""
        return self.delivery.due_at is not None


@require_safe
@project_page(role=Role.EDITOR)
def webhooks(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project, {})


@never_cache
@sensitive_variables("secret")
@require_POST
@project_page(role=Role.OWNER)
def show_secret(request: HttpRequest, project: Project) -> HttpResponse:
    """Show the signing secret in this answer alone."""
    return _page(request, project, {"secret": sending.secret_of(project)})


@never_cache
@sensitive_variables("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.OWNER)
def replace_secret(request: HttpRequest, project: Project) -> HttpResponse:
    """Make another secret; deliveries are signed with it from now on."""
    if request.method != "POST":
        return _page(request, project, {"asks_to_replace": True})
    secret = new_secret()
    values = {"secret": secret, "created_at": timezone.now()}
    WebhookSecret.objects.update_or_create(project=project, defaults=values)
    return _page(request, project, {"secret": secret})


@require_POST
@project_page(role=Role.EDITOR)
def send_again(request: HttpRequest, project: Project, delivery_id: UUID) -> HttpResponse:
    """Post a result once more, now, with all its tries before it."""
    delivery = get_object_or_404(Delivery.objects.exclude(due_at=None), project=project, pk=delivery_id)
    Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.QUEUED, due_at=timezone.now(), tries=0)
    sending.deliver_job.delay(str(delivery.pk))
    messages.success(request, _("Sent again. Reload to see how it went."))
    return redirect("functions:webhooks", project.slug)


def _page(request: HttpRequest, project: Project, context: dict[str, Any]) -> HttpResponse:
    deliveries = Delivery.objects.filter(project=project).select_related("span__trace", "batch").order_by("-created_at")
    page = {
        "rows": [Row(delivery) for delivery in deliveries[:MOST_SHOWN]],
        "most": MOST_SHOWN,
        "kept_secret": WebhookSecret.objects.filter(project=project).only("created_at").first(),
    }
    return render(request, "functions/webhooks.html", page | context)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
