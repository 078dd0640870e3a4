"""That a server is away which one can do without for a while: said once in the log, and not asked all the time."""

from __future__ import annotations

import logging
import threading
import time

# So long nobody waits again for one that has just not answered.
PAUSE_SECONDS = 1.0


class Absence:
    """What a process knows of one server: `is_on` while it need not be asked."""

    def __init__(self, logger: logging.Logger, what: str, meanwhile: str) -> None:
        self._logger = logger
        self._what = what
        self._meanwhile = meanwhile
        self._lock = threading.Lock()
        self._asked_again_at: float | None = None

    @property
    def is_on(self) -> bool:
        again_at = self._asked_again_at
        return again_at is not None and time.monotonic() < again_at

    def begin(self, problem: BaseException) -> None:
        """Note that it did not answer."""
        with self._lock:
            is_new = self._asked_again_at is None
            self._asked_again_at = time.monotonic() + PAUSE_SECONDS
        if is_new:
            self._logger.warning("%s does not answer (%s): %s", self._what, problem, self._meanwhile)

    def end(self) -> bool:
        """Note that it answered; tell whether it was away."""
        if self._asked_again_at is None:
            return False
        with self._lock:
            was_away, self._asked_again_at = self._asked_again_at is not None, None
        if was_away:
            self._logger.warning("%s answers again", self._what)
        return was_away
