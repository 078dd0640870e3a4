"""What a call left on its span beside what every span has: the function, the revision, who is at work on it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from functions.models.function import Function, Revision
from opperweb.accounts.models import Project
from traces.models import Span


class Completion(models.Model):
    """The answer to a task, checked; or on its way; or the reason why there is none."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        STOPPED = "stopped"

    span = models.OneToOneField(Span, models.CASCADE, primary_key=True, related_name="completion")
    project = models.ForeignKey(Project, models.CASCADE, related_name="completions", db_index=False)
    function = models.ForeignKey(Function, models.SET_NULL, null=True, related_name="completions", db_index=False)
    revision = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="completions")
    state = models.CharField(max_length=8, choices=State.choices)
    is_background = models.BooleanField(default=False)
    # The process at work on it. When that one is dead, so is the call; a queued one is sent again.
    process_id = models.UUIDField(null=True)
    # How often a worker has begun it: a job that kills its worker is not begun for ever.
    starts = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (
            models.Index(fields=["function", "-created_at"], name="completion_of_function"),
            models.Index(
                fields=["state", "created_at"],
                name="completion_open",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        )

    def __str__(self) -> str:
        return f"completion {self.span_id} ({self.state})"
