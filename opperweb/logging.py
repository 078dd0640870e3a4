"""How the log is written: a line of text for people, a JSON object for machines. Never bodies, never secrets."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from opperweb import json


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextFormatter(logging.Formatter):
    """Time in UTC, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        line = f"{moment} {record.levelname.lower():7} {record.name}: {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def config(level: str, form: str) -> dict[str, Any]:
    """Return Django's LOGGING."""
    chosen = level.upper()
    # What others write at `info` is their coming and going, addresses with queries and results of jobs among it.
    quiet = chosen if level in ("debug", "error") else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"text": {"()": TextFormatter}, "json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["stderr"], "level": quiet},
        "loggers": {
            "opperweb": {"level": chosen},
            "traces": {"level": chosen},
            "functions": {"level": chosen},
            "django": {"handlers": [], "level": quiet, "propagate": True},
            # A 404 is no news, and its path may hold an invitation's secret.
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "ERROR"},
            "django.server": {"handlers": [], "level": quiet, "propagate": True},
        },
    }
