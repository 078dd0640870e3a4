"""The Celery app: where jobs are sent, and how."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from celery import Celery, Task, signals
from django.conf import settings
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

from opperweb.absence import Absence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opperweb.settings")

# A name of a transport is all that an address can hold.
TRANSPORT_ALIASES["folder"] = "opperweb.queue_folder:Transport"
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "opperweb.queue_redis:Transport")

# Their rows are looked for, and sent again, wherever no worker has come to them: such a message may be lost.
SENT_AGAIN = frozenset(f"functions.jobs.{name}_job" for name in ("call", "batch", "deliver", "embed", "judge"))

absence = Absence(logging.getLogger(__name__), "the broker", "jobs wait in the database and are sent when it does")


class Job(Task):  # type: ignore[misc]
    """A job that may be sent while the broker is away, if its row brings it back; any other raises OperationalError."""

    abstract = True

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        if self.name not in SENT_AGAIN:
            return super().apply_async(*args, **kwargs)
        if absence.is_on:
            return None
        try:
            sent = super().apply_async(*args, **kwargs)
        except OperationalError as problem:
            absence.begin(problem)
            return None
        absence.end()
        return sent


# Celery puts the folder one happens to stand in before all others that modules are looked for in.
_path = list(sys.path)
app = Celery("opperweb", task_cls=Job)
sys.path[:] = _path
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")


def make_folders() -> None:
    """Make the folders of the embedded broker."""
    if not settings.REDIS_URL:
        (settings.QUEUE_DIR / "control").mkdir(parents=True, exist_ok=True)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _keep_our_log(**_: Any) -> None:
    """Have Celery leave the log as Django set it up."""
