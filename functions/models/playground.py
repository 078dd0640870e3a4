"""What was tried in the playground: one input, and the variants of a definition that were asked it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from functions.models.function import Function, Revision
from opperweb.accounts.models import Project, User
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7
from traces.models import PREVIEW_LENGTH


class PlaygroundRun(models.Model):
    """One press of Run. Without a function the definition was typed in."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="playground_runs", db_index=False)
    function = models.ForeignKey(Function, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    input = JsonTextField(null=True)
    input_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)

    class Meta:
        indexes = (models.Index(fields=["project", "function", "-created_at"], name="playground_newest"),)

    def __str__(self) -> str:
        return f"playground run {self.id}"


class PlaygroundVariant(models.Model):
    """One of the definitions that a run asks. It is asked once, by whoever comes first."""

    run = models.ForeignKey(PlaygroundRun, models.CASCADE, related_name="variants", db_index=False)
    number = models.SmallIntegerField(help_text="From 0; people see A, B, C and D.")
    choice = JsonTextField(default=dict, help_text="What was chosen: {revision, is_draft, model, options, settings}.")
    definition = JsonTextField(default=dict, help_text="The five fields of the definition that came of it.")
    # What the definition comes from; null where it was typed in.
    revision = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="+")
    is_draft = models.BooleanField(default=False, help_text="It is not the revision's own definition.")
    is_begun = models.BooleanField(default=False)
    # By id: the span may go before the run does.
    span_id = models.UUIDField(null=True)
    error = models.CharField(max_length=500, blank=True, help_text="Why nothing was asked.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["run", "number"], name="one_variant_a_number"),)

    def __str__(self) -> str:
        return f"{self.run_id} {self.number}"
