"""How often somebody may fail to sign in: a guesser has to wait, and the person they guess at does not."""

from __future__ import annotations

import hashlib
import math
import time

from django.core.cache import cache

WINDOW_SECONDS = 15 * 60
# One address for one e-mail; one address for all of them.
MOST_FOR_EMAIL = 5
MOST_FOR_ADDRESS = 20


class SignInThrottle:
    """The attempts of one network address at one e-mail address."""

    def __init__(self, address: str, email: str) -> None:
        self._of_email = _Count(f"{address} {email.strip().lower()}", MOST_FOR_EMAIL)
        self._of_address = _Count(address, MOST_FOR_ADDRESS)

    def begin(self) -> int:
        """Count an attempt before it is made; return the seconds to wait if it may not be."""
        return max(self._of_address.add(), self._of_email.add())

    def succeed(self) -> None:
        """Forget the failures at this e-mail address, and that this attempt was counted."""
        self._of_email.clear()
        self._of_address.take_back()


class _Count:
    """Attempts within a window that starts with the first; counted beforehand, so that many at once count too."""

    def __init__(self, of: str, most: int) -> None:
        self.key = "sign-in:" + hashlib.sha256(of.encode("utf-8", "replace")).hexdigest()
        self.most = most

    def add(self) -> int:
        ends_at = cache.get_or_set(f"{self.key}:ends", lambda: time.time() + WINDOW_SECONDS, WINDOW_SECONDS)
        cache.add(self.key, 0, WINDOW_SECONDS)
        try:
            count = cache.incr(self.key)
        except ValueError:
            # The window ended between the two lines.
            return 0
        if count <= self.most:
            return 0
        return max(1, math.ceil((ends_at or time.time()) - time.time()))

    def clear(self) -> None:
        cache.delete_many([self.key, f"{self.key}:ends"])

    def take_back(self) -> None:
        try:
            cache.decr(self.key)
        except ValueError:
            return
