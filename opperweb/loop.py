"""One event loop for all the jobs of a worker process, on a thread of its own: one loop, one HTTP client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_running: set[Future[Any]] = set()


class Stopped(Exception):
    """The process ends and the coroutine was cancelled; what had to be recorded of that, it has recorded itself."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on this process's background loop and wait for what it returns."""
    # Under the lock: who cancels what is running must not miss what has just begun.
    loop = _started()
    with _lock:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        _running.add(future)
    try:
        return future.result()
    except CancelledError:
        raise Stopped from None
    finally:
        _running.discard(future)


def cancel_running() -> int:
    """Cancel what is running, so that each can record that it was stopped; return how many there were."""
    with _lock:
        running = list(_running)
    for future in running:
        future.cancel()
    return len(running)


def _started() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="loop", daemon=True).start()
        return _loop
