"""The embedded broker: Kombu's folder of message files, each put there whole."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils import json


class Channel(filesystem.Channel):
    """Kombu's own writes into the file that a reader may already be taking; this one renames it when it is complete."""

    def _put(self, queue: Any, payload: Any, **options: Any) -> None:  # type: ignore[override]
        name = f"{time.time_ns() // 1_000_000}_{uuid.uuid4()}"
        draft = Path(self.data_folder_out, f"{name}.draft")
        draft.write_text(json.dumps(payload), encoding="utf-8")  # type: ignore[no-untyped-call]
        os.replace(draft, draft.with_name(f"{name}.{queue}.msg"))


class Transport(filesystem.Transport):
    """What Celery is told in `broker_url`."""

    Channel = Channel
