"""The keys of a project: which there are, a new one, and the end of one."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from opperweb.accounts.access import project_page
from opperweb.accounts.forms import KeyForm, RevokeForm
from opperweb.accounts.models import ApiKey, Project, Role, User
from opperweb.pages.snippets import first_run


@require_safe
@project_page(role=Role.EDITOR)
def keys(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project, {"form": KeyForm()})


@never_cache
@sensitive_variables("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def new_key(request: HttpRequest, project: Project) -> HttpResponse:
    """Make a key and show it in this answer: it stands in no address, session or log, and cannot be shown again."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, project, {"form": form, "asks_for_new": True})
    given = form.cleaned_data
    user = cast(User, request.user)
    _, secret = ApiKey.objects.make(project, given["name"], created_by=user, rights=given["rights"])
    return _page(request, project, {"form": KeyForm(), "secret": secret})


@never_cache
@sensitive_variables("secret")
@require_POST
@project_page(role=Role.EDITOR)
def first_key(request: HttpRequest, project: Project) -> HttpResponse:
    """Make a key from the page before the first trace, and show it once inside the lines to run."""
    key, secret = ApiKey.objects.make(project, "first call", created_by=cast(User, request.user))
    return render(request, "traces/first_run.html", first_run(request, project, key=key, secret=secret))


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def revoke(request: HttpRequest, project: Project, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(project.api_keys, pk=key_id, revoked_at=None)
    form = RevokeForm(request.POST if request.method == "POST" else None, key=key)
    if form.is_valid():
        key.revoke()
        messages.success(request, gettext("%(name)s is revoked") % {"name": key.name})
        return redirect("accounts:keys", project.slug)
    return _page(request, project, {"revoke": key, "revoke_form": form})


def _page(request: HttpRequest, project: Project, context: dict[str, Any]) -> HttpResponse:
    living = project.api_keys.filter(revoked_at=None).select_related("created_by").order_by("created_at", "pk")
    return render(request, "accounts/keys.html", {"keys": living} | context)
