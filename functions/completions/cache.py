"""Answers kept for `invocation.cache.ttl`: the same question in the same words asks no model, and two at once ask once.

A row is a promise while somebody is at work on the answer, and the answer afterwards. A promise whose maker is dead, or
failed, is taken over by who waits for it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from functions.completions.candidates import Candidate
from functions.models import KeptAnswer
from functions.task import Result, Task
from opperweb import json
from opperweb.accounts.models import Project
from opperweb.database import db
from opperweb.processes import heartbeat
from opperweb.processes.models import Process

# Goes up when prompts are built in another way: what was answered to the old words answers another question.
PROMPT_VERSION = 1
# A promise outlives the deadline of a call by this much.
PROMISED = timedelta(minutes=6)
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.02, 0.25
FIELDS = ("message", "value", "images", "audio")


@dataclass(frozen=True)
class Place:
    """Where an answer is, or will be: exactly one of `answer` is there, we promised it, or somebody else did."""

    project_id: int
    digest: str
    answer: dict[str, Any] | None = None
    is_ours: bool = False


def digest_of(task: Task, candidates: Sequence[Candidate]) -> str:
    """Return what all questions have in common that must get the same answer."""
    asked = [(candidate.name, dict(candidate.options), dict(candidate.extra_headers)) for candidate in candidates]
    shown = [(example.input, example.output, example.comment) for example in task.examples]
    # A pause changes the order in which they are asked, not the question.
    models = sorted(asked, key=lambda each: each[0])
    about = [PROMPT_VERSION, task.name, task.instructions, task.configuration.wants, shown, models]
    # The order of keys counts in schemas, for models answer in it, and not in an input.
    whole = json.dumps([about, task.input_schema, task.output_schema, _canonical(task.input)])
    return hashlib.sha256(whole.encode()).hexdigest()


def take(project: Project, digest: str, span_key: int) -> Place:
    """Return the answer if there is one, else promise it or tell that another has; must run in a transaction."""
    now = timezone.now()
    alive = Process.objects.alive().values("pk")
    gone = Q(expires_at__lte=now) | (Q(answer=None) & ~Q(process_id__in=alive))
    KeptAnswer.objects.filter(gone, project=project, digest=digest).delete()
    promise = KeptAnswer(
        project=project,
        digest=digest,
        span_key=span_key,
        process_id=heartbeat.current_id(),
        expires_at=now + PROMISED,
    )
    there = KeptAnswer.objects.filter(project=project, digest=digest).first()
    if there is None:
        try:
            with transaction.atomic():
                promise.save(force_insert=True)
            return Place(project.pk, digest, is_ours=True)
        except IntegrityError:
            there = KeptAnswer.objects.filter(project=project, digest=digest).first()
    return Place(project.pk, digest, answer=there.answer if there is not None else None)


async def wait_for(place: Place, project: Project, span_key: int) -> Place:
    """Wait until another's promise is kept, and return the answer; or take the promise over."""
    pause = FIRST_LOOK_SECONDS
    while place.answer is None and not place.is_ours:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LAST_LOOK_SECONDS)
        place = await db(_look, place, project, span_key)
    return place


@transaction.atomic
def _look(place: Place, project: Project, span_key: int) -> Place:
    return take(project, place.digest, span_key)


def keep(place: Place, result: Result, ttl_seconds: int) -> None:
    """Keep the answer that was promised, or take the promise back where there is none."""
    ours = KeptAnswer.objects.filter(project_id=place.project_id, digest=place.digest, answer=None)
    if result.error is not None:
        ours.delete()
        return
    accepted = result.attempts[-1] if result.attempts else None
    answer = {name: getattr(result, name) for name in FIELDS}
    answer |= {"model": accepted.requested_model, "provider": accepted.provider} if accepted else {}
    ours.update(answer=answer, process_id=None, expires_at=timezone.now() + timedelta(seconds=ttl_seconds))


def drop(place: Place) -> None:
    """Take a promise back: the call was stopped."""
    KeptAnswer.objects.filter(project_id=place.project_id, digest=place.digest, answer=None).delete()


def result_of(answer: dict[str, Any]) -> Result:
    """Return a kept answer as the result of a call that asked nobody."""
    by = (answer.get("model") or "", answer.get("provider") or "")
    return Result(answer["message"], answer["value"], answer["images"], answer["audio"], cached=True, answered_by=by)


def forget_expired() -> int:
    """Delete the answers whose time is over; return how many."""
    return KeptAnswer.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return [["object"], [[name, _canonical(value[name])] for name in sorted(value)]]
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    return value
