"""A worker process: Celery on threads, its heartbeat, and the clock of the periodic jobs."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from typing import Any

from celery import signals
from celery.beat import EmbeddedService, Scheduler
from celery.platforms import SecurityWarning
from django.conf import settings
from django.db import Error, connection

from functions.few_shot.uses import uses
from functions.providers import transport
from opperweb import celery, loop
from opperweb.processes import heartbeat

logger = logging.getLogger(__name__)

# After a signal to stop, jobs have so long to end; then they are told to stop and record it.
GRACE_S = 6.0
# Within the 10 s that a stop may take, whatever a job does.
LAST_MOMENT_S = 8.5
NICENESS = 5


def work() -> int:
    """Run a worker with its heartbeat and its clock until a signal stops it; return the exit status."""
    celery.make_folders()
    _give_way()
    # In a container root is who there is; jobs come as JSON, which runs nothing.
    warnings.simplefilter("ignore", SecurityWarning)
    worker = celery.app.Worker(
        pool="threads",
        concurrency=settings.WORKER_CONCURRENCY,
        loglevel=settings.LOG_LEVEL.upper(),
        optimization="fair",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    heartbeat.start("worker")
    # This thread has no more to ask until the end.
    connection.close()
    clock = EmbeddedService(celery.app, thread=True, scheduler_cls=FirstWorkersScheduler)
    clock.start()
    try:
        worker.start()
    finally:
        clock.service.stop()
        with contextlib.suppress(loop.Stopped):
            loop.run(transport.close())
        uses.stop()
        heartbeat.stop()
    # A worker that cannot go on ends on its own, and says so here.
    return int(worker.exitcode or 0)


def _give_way() -> None:
    """Let whoever waits for a page or an answer go first, where both halves share a machine."""
    # Another system may know no such thing, and none of it matters there.
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICENESS)


class FirstWorkersScheduler(Scheduler):  # type: ignore[misc]
    """Every worker has a clock; only that of the oldest living worker strikes."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        try:
            if not heartbeat.is_first_worker():
                return float(self.max_interval)
            return float(super().tick(*args, **kwargs) or 0)
        except Error as problem:
            logger.warning("the clock cannot read the database: %s", str(problem))
            return float(self.max_interval)
        finally:
            connection.close()

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        """Run the job here, unless its entry names a queue: the short ones must run when all threads are busy."""
        if entry.options.get("queue"):
            return super().apply_async(entry, producer, advance, **kwargs)
        return celery.app.tasks[entry.task].apply(entry.args, entry.kwargs)


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_in_time(**_: Any) -> None:
    for seconds, deed in ((GRACE_S, loop.cancel_running), (LAST_MOMENT_S, _leave)):
        timer = threading.Timer(seconds, deed)
        timer.daemon = True
        timer.start()


def _leave() -> None:
    # What still runs will be found without a living process, and marked. A database that is away is not waited for.
    goodbye = threading.Thread(target=heartbeat.stop, daemon=True)
    goodbye.start()
    goodbye.join(1.0)
    os._exit(0)
