"""The one way from async code to the ORM: a short piece of work on a bounded pool of threads.

Nothing that waits for a model holds a connection: it is taken for the length of `fn` and given back.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, connections

P = ParamSpec("P")
T = TypeVar("T")


async def db(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a short piece of ORM work off the event loop and return what it returns."""
    if settings.DB_THREAD_SENSITIVE:
        work = functools.partial(_in_a_test, functools.partial(fn, *args, **kwargs))
        return await sync_to_async(work, thread_sensitive=True)()
    context = contextvars.copy_context()
    in_context = functools.partial(context.run, _with_connection, functools.partial(fn, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_threads(), in_context)


def _with_connection(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        # Opening SQLite's file anew each time is dearer than the query, and an open one keeps nobody waiting.
        if connection.vendor != "sqlite" or connection.errors_occurred:
            connection.close()


def _in_a_test(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        # The connection of a test's own transaction stays; that of another thread would outlive the database.
        if not connection.in_atomic_block:
            connection.close()


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.DB_THREADS, thread_name_prefix="db")


def close() -> None:
    """Let the threads end and close what they held open."""
    if not _threads.cache_info().currsize:
        return
    threads = _threads()
    _threads.cache_clear()
    # A connection belongs to its thread: one closing for each of them, and none may do two.
    count = len(threads._threads)
    meeting = threading.Barrier(count) if count else None
    for _ in range(count):
        threads.submit(_close_connections, meeting)
    threads.shutdown(wait=True)


def _close_connections(meeting: threading.Barrier | None) -> None:
    connections.close_all()
    if meeting:
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=2)
