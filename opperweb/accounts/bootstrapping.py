"""The way in on the first start: a person, a project and a key, each made only while there is none."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.text import slugify

from opperweb import env
from opperweb.accounts.models import ApiKey, Membership, Project, Role, User
from opperweb.env import BadSetting


@dataclass(frozen=True)
class BootstrapReport:
    """What was made, to be told once. What the environment gave is known to who gave it, and is not repeated."""

    email: str = ""
    password: str = ""
    project: str = ""
    api_key: str = ""

    def __str__(self) -> str:
        told = {"E-mail": self.email, "Password": self.password, "Project": self.project, "API key": self.api_key}
        lines = [f"  {name:9} {value}" for name, value in told.items() if value]
        return "\n".join(["The first start made these, and shows them only now:", *lines])


@dataclass(frozen=True)
class _Settings:
    email: str
    password: str
    project: str
    api_key: str


@transaction.atomic
def bootstrap() -> BootstrapReport | None:
    """Make what is missing of the first person, project and key; return what there is to tell, or None."""
    if User.objects.exists() and Project.objects.exists() and ApiKey.objects.exists():
        return None
    given = _settings()
    email, password = _first_user(given)
    project = _first_project(given)
    made_key = "" if ApiKey.objects.exists() else ApiKey.objects.make(project, "first", secret=given.api_key or None)[1]
    if not email and not made_key:
        return None
    return BootstrapReport(
        email=email,
        password="" if given.password else password,
        project=project.name,
        api_key="" if given.api_key else made_key,
    )


def _settings() -> _Settings:
    email = env.text("BOOTSTRAP_EMAIL", "admin@localhost")
    try:
        validate_email(email)
    except ValidationError:
        raise BadSetting(f"BOOTSTRAP_EMAIL is {email!r}, which is no e-mail address") from None
    api_key = env.secret("BOOTSTRAP_API_KEY")
    # A key travels in a header.
    if api_key and (not api_key.isascii() or not api_key.isprintable() or " " in api_key or len(api_key) < 16):
        raise BadSetting("BOOTSTRAP_API_KEY must be at least 16 printable characters without a space")
    project = env.text("BOOTSTRAP_PROJECT", "default")
    if not slugify(project):
        raise BadSetting(f"BOOTSTRAP_PROJECT is {project!r}; it must hold letters or digits")
    return _Settings(email, env.secret("BOOTSTRAP_PASSWORD"), project, api_key)


def _first_user(given: _Settings) -> tuple[str, str]:
    if User.objects.exists():
        return "", ""
    password = given.password or secrets.token_urlsafe(15)
    return User.objects.create_superuser(given.email, password).email, password


def _first_project(given: _Settings) -> Project:
    project = Project.objects.order_by("created_at", "pk").first()
    if project is None:
        project = Project.objects.create(slug=slugify(given.project)[:60], name=given.project[:120])
    if not project.memberships.exists():
        owner = User.objects.earliest("created_at", "pk")
        Membership.objects.create(user=owner, project=project, role=Role.OWNER)
    return project
