"""The examples of a function: kept inputs with the answers they should get, shown to a model as guidance."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from functions.models.function import Function
from opperweb.accounts.models import ApiKey, User
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7
from traces.models import PREVIEW_LENGTH


class DatasetExample(models.Model):
    """One example; the API says entry. Its values are kept as they were given, not as text of themselves."""

    class Source(models.TextChoices):
        WRITTEN = "written", "Written"
        IMPORTED = "imported", "Imported"
        TRACE = "trace", "From a trace"
        API = "api", "From the API"
        AUTOMATIC = "automatic", "On its own"

    key = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid7, unique=True, editable=False)
    function = models.ForeignKey(Function, models.CASCADE, related_name="examples", db_index=False)
    input = JsonTextField(null=True)
    output = JsonTextField(null=True)
    expected = JsonTextField(null=True, help_text="What the output should have been; shown in its place.")
    comment = models.TextField(blank=True)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.WRITTEN)
    source_name = models.CharField(max_length=255, blank=True, help_text="Of an import, the file's name.")
    span_id = models.UUIDField(null=True, help_text="The span that it was taken from.")
    score = models.SmallIntegerField(null=True, help_text="0 to 100, of the completion it was taken from.")
    used_count = models.BigIntegerField(default=0, help_text="In how many prompts it has been.")
    misfit = models.CharField(max_length=500, blank=True, help_text="Why it no longer fits the newest schemas.")
    input_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    output_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = (models.Index(fields=["function", "-created_at", "-key"], name="example_newest"),)

    def __str__(self) -> str:
        return f"example {self.id} of {self.function}"

    @property
    def answer(self) -> Any:
        """What a prompt shows as the right answer."""
        return self.output if self.expected is None else self.expected
