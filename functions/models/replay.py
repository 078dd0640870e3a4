"""A definition tried on inputs that another one was asked before: a table of pairs."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from functions.models.batch import Batch
from functions.models.function import Function, Revision
from opperweb.accounts.models import Project, User
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7
from traces.models import PREVIEW_LENGTH, Span, cost_field


class Replay(models.Model):
    """One trial: the side before, as it was recorded or run again, and the side after, always run."""

    class Source(models.TextChoices):
        RECENT = "recent", "Real inputs"
        DATASET = "dataset", "Examples"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="replays")
    function = models.ForeignKey(Function, models.CASCADE, related_name="replays")
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.RECENT)
    filter = models.CharField(max_length=1000, blank=True, help_text="Which real inputs, in the language of filters.")
    before_revision = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="+")
    before_definition = JsonTextField(default=dict)
    # Null where what was recorded stands for the side before.
    before_batch = models.OneToOneField(Batch, models.SET_NULL, null=True, related_name="replay_before")
    after_revision = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="+")
    after_definition = JsonTextField(default=dict, help_text="Of a draft as it was when the trial began.")
    after_batch = models.OneToOneField(Batch, models.SET_NULL, null=True, related_name="replay_after")
    is_draft = models.BooleanField(default=False)
    total_count = models.IntegerField()
    estimated_usd = cost_field()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = (models.Index(fields=["function", "-created_at"], name="replay_newest"),)

    def __str__(self) -> str:
        return f"replay of {self.function} on {self.total_count}"


class ReplayItem(models.Model):
    """One input of a replay. Its spans are found by its number in the batches, or by the one that was recorded."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="items", db_index=False)
    number = models.IntegerField(help_text="From 0, its number in the batches.")
    input_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    recorded = models.ForeignKey(Span, models.SET_NULL, null=True, related_name="+")
    example_id = models.UUIDField(null=True)
    expected = JsonTextField(null=True, help_text="Of an example, the right answer.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["replay", "number"], name="one_replay_item_a_number"),)

    def __str__(self) -> str:
        return f"{self.replay_id} {self.number}"
