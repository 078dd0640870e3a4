"""The last API calls that were refused, so that who waits for a first call sees why none comes.

They stand in the cache, at most one a second and a handful in all: a flood of refused calls costs no write to the
database. Where the cache is a process's own, so is what it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.utils import timezone

MOST = 10
KEPT_SECONDS = 15 * 60
LIST, PACE = "refused-calls", "refused-calls:pace"
KEY_START = 8
LONGEST_REASON = 200


@dataclass(frozen=True)
class RefusedCall:
    """What an owner may know of it: never more of the key than its start."""

    at: datetime
    address: str
    key_start: str
    reason: str


def note_refused(address: str, secret: str, reason: str) -> None:
    """Remember a refused call, unless another was remembered within this second."""
    if not cache.add(PACE, True, 1):
        return
    call = RefusedCall(timezone.now(), address[:64], secret[:KEY_START], reason[:LONGEST_REASON])
    cache.set(LIST, [call, *cache.get(LIST, [])][:MOST], KEPT_SECONDS)


def refused_calls() -> list[RefusedCall]:
    """Return them, the last first."""
    calls: list[RefusedCall] = cache.get(LIST, [])
    return calls
