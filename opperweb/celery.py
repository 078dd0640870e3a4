"""The Celery app: where jobs are sent, and how."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, signals
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opperweb.settings")

# A name of a transport is all that an address can hold.
TRANSPORT_ALIASES["folder"] = "opperweb.queue_folder:Transport"

# Celery puts the folder one happens to stand in before all others that modules are looked for in.
_path = list(sys.path)
app = Celery("opperweb")
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
