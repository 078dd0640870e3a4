"""How providers stand: who fails several times in a row is asked last for a while, and whoever answers is back.

Counted in this process, written down only where something changes, so that pages can show it and other processes
keep to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from django.utils import timezone

from functions.models import ProviderState, catalogue_changed
from functions.task import AttemptRecord
from opperweb.accounts.models import Project

FAILURES_BEFORE_A_PAUSE = 5
SHORTEST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=10)
# A sign that it works is written down no more often than this.
SIGN_EVERY = timedelta(seconds=60)
# The provider's own trouble, or the account's: another question would meet the same.
PASSING = frozenset({"overloaded", "server_error", "timeout", "connection", "bad_reply"})
LASTING = frozenset({"credentials", "forbidden", "quota"})

Name = tuple[int, str]


@dataclass
class _Count:
    failures: int = 0
    pauses: int = 0
    signed_at: datetime | None = None


_counts: dict[Name, _Count] = {}
_lock = Lock()
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Change:
    """What is to be written of one provider."""

    provider: str
    paused_until: datetime | None = None
    reason: str = ""
    pauses: int = 0
    is_back: bool = False


def changes_after(project_id: int, records: Iterable[AttemptRecord], paused: frozenset[str]) -> list[Change]:
    """Count what came of these requests and return what changes; `paused` are the providers now known as such."""
    changes: dict[str, Change] = {}
    with _lock:
        if len(_counts) > MOST_COUNTED:
            _counts.clear()
        for record in records:
            if record.http_status is None and record.error_kind not in PASSING:
                continue
            change = _change(record, _counts.setdefault((project_id, record.provider), _Count()), paused)
            if change is not None:
                changes[record.provider] = change
    return list(changes.values())


def write(project: Project, changes: Iterable[Change]) -> None:
    """Keep the changes; a pause that begins or ends is told to every process."""
    for change in changes:
        values: dict[str, object] = {"worked_at": timezone.now()} if change.paused_until is None else {}
        if change.paused_until is not None or change.is_back:
            values |= {
                "paused_until": change.paused_until,
                "pause_reason": change.reason[:300],
                "pauses": change.pauses,
            }
        ProviderState.objects.update_or_create(project=project, name=change.provider, defaults=values)
        if change.paused_until is not None or change.is_back:
            catalogue_changed(project)


def resume(project: Project, provider: str) -> None:
    """End a pause by hand."""
    with _lock:
        _counts.pop((project.pk, provider), None)
    ProviderState.objects.filter(project=project, name=provider).update(paused_until=None, pause_reason="", pauses=0)
    catalogue_changed(project)


def _change(record: AttemptRecord, count: _Count, paused: frozenset[str]) -> Change | None:
    now = timezone.now()
    if record.outcome in ("accepted", "rejected"):
        is_back = record.provider in paused or count.pauses > 0
        count.failures = count.pauses = 0
        if is_back or count.signed_at is None or now - count.signed_at > SIGN_EVERY:
            count.signed_at = now
            return Change(record.provider, is_back=is_back)
        return None
    if record.error_kind in PASSING:
        count.failures += 1
    if record.error_kind in LASTING or count.failures >= FAILURES_BEFORE_A_PAUSE:
        count.failures = 0
        pause = min(SHORTEST_PAUSE * 2**count.pauses, LONGEST_PAUSE)
        count.pauses = min(count.pauses + 1, 10)
        return Change(record.provider, now + pause, record.error_message, count.pauses)
    return None
