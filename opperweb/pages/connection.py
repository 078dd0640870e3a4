"""Why no call may have come yet: what the server listens to, who works, which key was used, what was refused."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from opperweb.accounts.access import ProjectRequest
from opperweb.accounts.models import ApiKey, Project
from opperweb.accounts.refused_calls import RefusedCall, refused_calls
from opperweb.processes.models import Process


@dataclass(frozen=True)
class Connection:
    address: str
    is_worker_alive: bool
    last_used: ApiKey | None
    refused: RefusedCall | None


def connection_of(request: ProjectRequest, project: Project) -> Connection:
    """Look, in two queries; a refused call belongs to no project and is shown to owners alone."""
    used = project.api_keys.exclude(last_used_at=None).order_by("-last_used_at").first()
    return Connection(
        address_of(request),
        Process.objects.alive().filter(kind=Process.Kind.WORKER).exists(),
        used,
        last_refused(request),
    )


def last_refused(request: ProjectRequest) -> RefusedCall | None:
    return next(iter(refused_calls()), None) if request.membership.is_owner else None


def address_of(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"
