"""In how many prompts each example has been: counted in memory, written every few seconds and at the process's end."""

from __future__ import annotations

import atexit
import logging
import threading
from collections import Counter
from collections.abc import Iterable

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from functions.models import DatasetExample

logger = logging.getLogger(__name__)

WRITTEN_AFTER_SECONDS = 5.0
# While the database is away no more is remembered than this.
MOST_REMEMBERED = 100_000


class Uses:
    """The counter of a process; a thread of its own writes what it has counted."""

    def __init__(self) -> None:
        self._counted: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, keys: Iterable[int]) -> None:
        """Count one use of each of these examples."""
        with self._lock:
            if len(self._counted) < MOST_REMEMBERED:
                self._counted.update(keys)
            # In a test nothing writes on a thread of its own.
            if self._thread is None and self._counted and not settings.DB_THREAD_SENSITIVE:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name="uses", daemon=True)
                self._thread.start()

    def forget(self) -> None:
        """Count from the beginning."""
        with self._lock:
            self._counted.clear()

    def write(self) -> None:
        """Write what was counted; what cannot be written is counted on."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        try:
            _add(counted)
        except Exception as problem:  # whatever it is, calls must go on, and so must the thread
            logger.warning("the uses of examples could not be written: %s", str(problem).partition("\n")[0])
            with self._lock:
                self._counted.update(counted)

    def stop(self) -> None:
        """Write what is left and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join(timeout=5)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._stopping.wait(WRITTEN_AFTER_SECONDS)
            try:
                self.write()
            finally:
                connection.close()


def _add(counted: Counter[int]) -> None:
    if not counted:
        return
    # In one order, so that two processes do not wait for each other.
    with transaction.atomic():
        for key in sorted(counted):
            DatasetExample.objects.filter(pk=key).update(used_count=F("used_count") + counted[key])


uses = Uses()
# The web server and the worker stop it; wherever nobody does, such as in a shell, the end of the process does.
atexit.register(uses.stop)
