"""Keys that were found a moment ago: who calls hundreds of times a second is not looked up each time.

What is changed in this process is seen at once; a key that another process revokes is good for a quarter of a second
more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from opperweb.accounts.models import ApiKey

KEPT_SECONDS = 0.25
MOST_KEPT = 1_000


class RecentKeys:
    """Keys by the digest of their secret, each with the moment until which it counts."""

    def __init__(self) -> None:
        self._keys: dict[bytes, tuple[ApiKey, float]] = {}

    def get(self, digest: bytes) -> ApiKey | None:
        """Return the key of this digest, if it was found a moment ago."""
        found = self._keys.get(digest)
        return found[0] if found is not None and found[1] > time.monotonic() else None

    def put(self, digest: bytes, key: ApiKey | None) -> None:
        """Keep a key that was just found."""
        # A test takes back what it wrote, and no process would hear of it.
        if key is None or settings.DB_THREAD_SENSITIVE:
            return
        if len(self._keys) >= MOST_KEPT:
            self._keys.clear()
        self._keys[digest] = (key, time.monotonic() + KEPT_SECONDS)

    def clear(self) -> None:
        """Look every key up anew: one of them, or what its project is answered by, has changed."""
        self._keys.clear()


recent_keys = RecentKeys()
