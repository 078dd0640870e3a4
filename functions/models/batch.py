"""One task for many inputs: how far it is, and what came of each."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from functions.models.function import Function, Revision
from opperweb.accounts.models import ApiKey, Project
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7
from traces.models import Origin, Span, cost_field


class Batch(models.Model):
    """A task with many inputs, done in the background."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting for a worker"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        # The spending limit was reached; raised, it goes on.
        PAUSED = "paused", "Stopped at its limit"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="batches")
    function = models.ForeignKey(Function, models.SET_NULL, null=True, related_name="batches")
    revision = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=255)
    request = JsonTextField(default=dict, help_text="The task without its inputs, as it was sent.")
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.LIVE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    at_once = models.IntegerField(default=8, help_text="How many inputs are worked on at the same time.")
    stop_at_usd = cost_field()
    total_count = models.IntegerField()
    done_count = models.IntegerField(default=0)
    failed_count = models.IntegerField(default=0)
    refused_count = models.IntegerField(default=0, help_text="Inputs that do not fit the input schema.")
    recovered_count = models.IntegerField(default=0, help_text="Of those done, after a failure.")
    cost_usd = cost_field()
    unpriced_count = models.IntegerField(default=0)
    process_id = models.UUIDField(null=True)
    starts = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "batches"
        indexes = (
            models.Index(fields=["project", "-created_at"], name="batch_newest"),
            models.Index(
                fields=["state", "created_at"],
                name="batch_open",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} × {self.total_count}"

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def ended_count(self) -> int:
        return self.done_count + self.failed_count + self.refused_count


class BatchItem(models.Model):
    """One input of a batch. Its text stands apart, in `BatchInput`."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Does not fit"
        CANCELLED = "cancelled", "Not sent"

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="items", db_index=False)
    number = models.IntegerField(help_text="From 0, the place in the list of inputs.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    span = models.OneToOneField(Span, models.SET_NULL, null=True, related_name="batch_item")
    error_message = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["batch", "number"], name="one_item_a_number"),)
        indexes = (models.Index(fields=["batch", "state", "number"], name="batch_item_by_state"),)

    def __str__(self) -> str:
        return f"{self.batch_id} {self.number}"


class BatchInput(models.Model):
    """The text of one input."""

    item = models.OneToOneField(BatchItem, models.CASCADE, primary_key=True, related_name="body")
    input = JsonTextField(null=True)

    def __str__(self) -> str:
        return f"input of {self.item_id}"
