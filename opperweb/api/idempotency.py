"""The Idempotency-Key header: a repeated POST returns the first answer, and does nothing a second time.

Kept are answers that say something for good: those that went well and refusals. After a failure that may pass (5xx,
429) the key is free again, so that trying once more is worth something. A repetition that comes while the first is
being answered waits for that answer.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Project
from opperweb.api import errors
from opperweb.api.models import FirstAnswer
from opperweb.database import db
from opperweb.processes import heartbeat
from opperweb.processes.models import Process

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LONGEST_KEY = 255
LONGEST_WAIT_SECONDS = 330.0
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.05, 0.5
# Answers that another try may better.
PASSING = (408, 409, 425, 429)
KEPT_HEADERS = ("Content-Type", "X-Opper-Span-Id", "Location")


@dataclass(frozen=True)
class Taken:
    """How a key stands: the answer that was given, or whether the request is now ours to answer."""

    answer: FirstAnswer | None = None
    is_ours: bool = False


def key_of(request: HttpRequest) -> str | None:
    """Return the key of a request that may bear one; refuse one that cannot be kept."""
    key = request.headers.get(HEADER) if request.method == "POST" else None
    if key is None:
        return None
    key = key.strip()
    if not key or len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise errors.Invalid.at(["header", HEADER], f"must be 1 to {LONGEST_KEY} printable ASCII characters")
    return key


async def once(
    request: HttpRequest, api_key: ApiKey, key: str, answer: Callable[[], Awaitable[HttpResponse]]
) -> HttpResponse:
    """Return the first answer to this key, made now if there is none."""
    digest = _digest(request)
    taken = await _taken(api_key.project, key, digest)
    if taken.answer is not None:
        return _again(taken.answer)
    try:
        response = await answer()
    except Exception as problem:
        error = errors.error_of(problem)
        if error is not None:
            await asyncio.shield(db(_settle, api_key.project, key, errors.response_of(error)))
        else:
            await asyncio.shield(db(_release, api_key.project, key))
        raise
    except asyncio.CancelledError:
        await asyncio.shield(db(_release, api_key.project, key))
        raise
    await asyncio.shield(db(_settle, api_key.project, key, response))
    return response


def forget_expired() -> int:
    """Delete the answers whose time is over; return how many."""
    return FirstAnswer.objects.filter(expires_at__lte=timezone.now()).delete()[0]


async def _taken(project: Project, key: str, digest: str) -> Taken:
    pause, waited = FIRST_LOOK_SECONDS, 0.0
    while True:
        taken = await db(_take, project, key, digest)
        if taken.is_ours or taken.answer is not None:
            return taken
        if waited >= LONGEST_WAIT_SECONDS:
            raise errors.Conflict(f"A request with this {HEADER} is still being answered")
        await asyncio.sleep(pause)
        waited += pause
        pause = min(pause * 1.5, LAST_LOOK_SECONDS)


@transaction.atomic
def _take(project: Project, key: str, digest: str) -> Taken:
    now = timezone.now()
    there = FirstAnswer.objects.filter(project=project, key=key)
    alive = Process.objects.alive().values("pk")
    there.filter(Q(expires_at__lte=now) | (Q(status=None) & ~Q(process_id__in=alive))).delete()
    first = there.first()
    if first is None:
        try:
            with transaction.atomic():
                FirstAnswer.objects.create(
                    project=project,
                    key=key,
                    request_digest=digest,
                    process_id=heartbeat.current_id(),
                    expires_at=now + KEPT,
                )
            return Taken(is_ours=True)
        except IntegrityError:
            first = there.first()
    if first is not None and first.request_digest != digest:
        raise errors.Invalid.at(["header", HEADER], "was used for another request; a new request needs a new key")
    return Taken(first if first is not None and first.status is not None else None)


def _settle(project: Project, key: str, response: HttpResponse) -> None:
    if response.status_code >= 500 or response.status_code in PASSING:
        _release(project, key)
        return
    FirstAnswer.objects.filter(project=project, key=key, status=None).update(
        status=response.status_code,
        headers={name: response[name] for name in KEPT_HEADERS if name in response},
        body=response.content.decode(),
        process_id=None,
    )


def _release(project: Project, key: str) -> None:
    FirstAnswer.objects.filter(project=project, key=key, status=None).delete()


def _again(first: FirstAnswer) -> HttpResponse:
    response = HttpResponse(first.body, status=first.status)
    for name, value in first.headers.items():
        response[name] = value
    response["Idempotent-Replayed"] = "true"
    return response


def _digest(request: HttpRequest) -> str:
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).hexdigest()
