"""Whose page it is: the project of the URL if the person belongs to it, and what the person may do there."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, overload

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from opperweb.accounts.models import Membership, Project, Role, User

Page = Callable[..., HttpResponse]

# From the least to the most: each role may do what those before it may.
ROLES = (Role.READER, Role.REVIEWER, Role.EDITOR, Role.OWNER)
LAST_SEEN_PRECISION = timedelta(minutes=1)


class ProjectRequest(HttpRequest):
    """What a `project_page` gets; for types only."""

    user: User
    project: Project
    membership: Membership


@overload
def project_page(view: Page) -> Page: ...
@overload
def project_page(*, role: Role) -> Callable[[Page], Page]: ...
def project_page(view: Page | None = None, *, role: Role = Role.READER) -> Page | Callable[[Page], Page]:
    """Give a page the project of its URL: 404 for strangers, 403 for members below `role`."""

    def decorate(page: Page) -> Page:
        @wraps(page)
        def within_project(request: ProjectRequest, *args: Any, project: str, **kwargs: Any) -> HttpResponse:
            membership = membership_of(request.user, project)
            request.membership, request.project = membership, membership.project
            if not has_role(membership, role):
                raise PermissionDenied(f"This page is for members who are at least {Role(role).label.lower()}.")
            _touch(membership)
            with timezone.override(zone_of(membership.project)):
                return page(request, membership.project, *args, **kwargs)

        return within_project

    return decorate if view is None else decorate(view)


def membership_of(user: User, slug: str) -> Membership:
    """Return the person's place in a project; a stranger learns no more than that there is nothing."""
    membership = user.memberships.select_related("project", "user").filter(project__slug=slug).first()
    if membership is None:
        raise Http404("No such project")
    return membership


def has_role(membership: Membership, least: Role) -> bool:
    return ROLES.index(Role(membership.role)) >= ROLES.index(least)


def zone_of(project: Project) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(project.time_zone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return zoneinfo.ZoneInfo("UTC")


def may_make_projects(user: User) -> bool:
    """Who owns a project may make another; staff may make the first."""
    return user.is_staff or user.memberships.filter(role=Role.OWNER).exists()


@dataclass(frozen=True)
class Section:
    """A section of the settings, and who sees it. Sections that come later join SECTIONS."""

    label: Any
    url_name: str
    least: Role
    # The other pages that belong to it.
    more: tuple[str, ...] = ()


SECTIONS = (
    Section(_("Project"), "accounts:project", Role.OWNER),
    Section(_("API keys"), "accounts:keys", Role.EDITOR, ("accounts:new-key", "accounts:revoke-key")),
    Section(_("Members"), "accounts:members", Role.READER, ("accounts:invite", "accounts:remove-member")),
    Section(
        _("Providers"),
        "functions:providers",
        Role.READER,
        ("functions:new-provider", "functions:edit-provider", "functions:delete-provider"),
    ),
    Section(
        _("Models and aliases"),
        "functions:models",
        Role.READER,
        (
            "functions:prices",
            "functions:new-price",
            "functions:edit-price",
            "functions:delete-price",
            "functions:reprice",
            "functions:new-alias",
            "functions:edit-alias",
            "functions:delete-alias",
            "functions:new-custom-model",
            "functions:edit-custom-model",
            "functions:delete-custom-model",
        ),
    ),
    Section(_("Evaluation"), "functions:evaluation-settings", Role.READER),
    Section(
        _("Webhooks"),
        "functions:webhooks",
        Role.EDITOR,
        ("functions:webhook-secret", "functions:replace-webhook-secret"),
    ),
)


def sections_for(membership: Membership) -> list[Section]:
    return [section for section in SECTIONS if has_role(membership, section.least)]


def _touch(membership: Membership) -> None:
    now = timezone.now()
    if membership.last_seen_at is None or now - membership.last_seen_at > LAST_SEEN_PRECISION:
        Membership.objects.filter(pk=membership.pk).update(last_seen_at=now)
