"""The web and worker processes that are alive, so that what a killed one left running can be told from what runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from opperweb.ids import uuid7


class ProcessQuerySet(models.QuerySet["Process"]):
    def alive(self, now: datetime | None = None) -> ProcessQuerySet:
        """Those that have given a sign of life lately."""
        return self.filter(seen_at__gt=(now or timezone.now()) - Process.SILENT_AFTER)

    def silent(self, now: datetime | None = None) -> ProcessQuerySet:
        return self.filter(seen_at__lte=(now or timezone.now()) - Process.SILENT_AFTER)


class Process(models.Model):
    """One web or worker process and its last sign of life."""

    class Kind(models.TextChoices):
        WEB = "web"
        WORKER = "worker"

    BEAT: ClassVar[timedelta] = timedelta(seconds=5)
    SILENT_AFTER: ClassVar[timedelta] = timedelta(seconds=30)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = ProcessQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.kind} {self.pid} on {self.host}"
