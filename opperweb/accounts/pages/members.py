"""The people of a project: who they are, what they may do, and the links that invite more."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from opperweb.accounts import joining
from opperweb.accounts import members as membership_changes
from opperweb.accounts.access import project_page
from opperweb.accounts.forms import RoleForm
from opperweb.accounts.models import Membership, Project, Role, User


@require_safe
@project_page
def members(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project, {})


@never_cache
@sensitive_variables("secret", "link")
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.OWNER)
def invite(request: HttpRequest, project: Project) -> HttpResponse:
    """Make a link and show it in this answer; only its digest is kept."""
    form = RoleForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, project, {"invite_form": form, "asks_for_invitation": True})
    role = Role(form.cleaned_data["role"])
    invitation, secret = joining.invite(project, role, by=cast(User, request.user))
    link = request.build_absolute_uri(reverse("invitation", args=[secret]))
    return _page(request, project, {"link": link, "invitation": invitation})


@require_POST
@project_page(role=Role.OWNER)
def withdraw(request: HttpRequest, project: Project, invitation_id: int) -> HttpResponse:
    get_object_or_404(project.invitations, pk=invitation_id, accepted_at=None).delete()
    messages.success(request, _("Invitation withdrawn"))
    return redirect("accounts:members", project.slug)


@require_POST
@project_page(role=Role.OWNER)
def change_role(request: HttpRequest, project: Project, membership_id: int) -> HttpResponse:
    member = get_object_or_404(project.memberships.select_related("user"), pk=membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Not saved: there is no such role."))
        return redirect("accounts:members", project.slug)
    role = Role(form.cleaned_data["role"])
    try:
        membership_changes.change_role(member, role)
    except membership_changes.LastOwner:
        messages.error(request, _("Not saved: a project needs an owner. Make somebody else one first."))
    else:
        messages.success(request, _("%(name)s: %(role)s") % {"name": member.user, "role": role.label})
    return redirect("accounts:members", project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def remove(request: HttpRequest, project: Project, membership_id: int) -> HttpResponse:
    """Ask, then take a member out; everybody may leave by themselves."""
    member = get_object_or_404(project.memberships.select_related("user"), pk=membership_id)
    own: Membership = request.membership  # type: ignore[attr-defined]
    is_leaving = member.pk == own.pk
    if not (is_leaving or own.is_owner):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, project, {"removes": member, "leaves": is_leaving})
    try:
        membership_changes.remove(member)
    except membership_changes.LastOwner:
        messages.error(request, _("A project needs an owner. Make somebody else one first."))
        return redirect("accounts:members", project.slug)
    if is_leaving:
        messages.success(request, _("You left %(project)s") % {"project": project})
        return redirect("home")
    messages.success(request, _("%(name)s is removed") % {"name": member.user})
    return redirect("accounts:members", project.slug)


def _page(request: HttpRequest, project: Project, context: dict[str, Any]) -> HttpResponse:
    own: Membership = request.membership  # type: ignore[attr-defined]
    everybody = project.memberships.select_related("user").order_by("created_at", "pk")
    open_ones = project.invitations.filter(accepted_at=None, expires_at__gt=timezone.now())
    page = {
        "members": everybody,
        "invitations": open_ones.select_related("created_by").order_by("expires_at") if own.is_owner else [],
        "roles": Role.choices,
        "invite_form": RoleForm(),
    }
    return render(request, "accounts/members.html", page | context)
