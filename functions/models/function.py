"""A function, the home of all tasks of one name in a project, and the versions of its definition."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import models
from django.db.models import F
from django.utils import timezone

from opperweb import json
from opperweb.accounts.models import ApiKey, Project, User, look_keys_up_anew
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7

# What a revision defines.
FIELDS = ("instructions", "input_schema", "output_schema", "model", "configuration")


def definitions_changed(project: Project) -> None:
    """Tell every process that a function, its newest revision or its examples are no longer what they were."""
    Project.objects.filter(pk=project.pk).update(definitions_version=F("definitions_version") + 1)
    look_keys_up_anew()


class Function(models.Model):
    """The home of all tasks of one name."""

    class Origin(models.TextChoices):
        CALL = "call", "Made by a call"
        MANAGED = "managed", "Managed on the server"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="functions")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.CALL)
    observer_enabled = models.BooleanField(default=True)
    dataset_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    is_sample = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "name"], name="one_function_a_name"),)

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """One unchangeable version of a function's definition."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    function = models.ForeignKey(Function, models.CASCADE, related_name="revisions")
    number = models.IntegerField(help_text="From 1; what people see.")
    instructions = models.TextField(blank=True)
    input_schema = JsonTextField(null=True)
    output_schema = JsonTextField(null=True)
    model = JsonTextField(null=True, help_text="In the form it was given.")
    configuration = JsonTextField(default=dict)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the definition, to find an equal one.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["function", "number"], name="one_revision_a_number"),)
        indexes = (models.Index(fields=["function", "digest"], name="revision_by_digest"),)

    def __str__(self) -> str:
        return f"{self.function} {self.number}"


class Draft(models.Model):
    """A definition that somebody works on and that no call uses yet; one a person and function."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    function = models.ForeignKey(Function, models.CASCADE, related_name="drafts")
    author = models.ForeignKey(User, models.CASCADE, related_name="+")
    base = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="+")
    definition = JsonTextField(default=dict, help_text="The five fields of a definition, all of them.")
    note = models.CharField(max_length=500, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["function", "author"], name="one_draft_a_person"),)

    def __str__(self) -> str:
        return f"draft of {self.function}"


def digest_of(definition: dict[str, Any]) -> str:
    """Return what tells two definitions apart. The order of keys counts: models answer in the order of a schema."""
    return hashlib.sha256(json.dumps(definition).encode()).hexdigest()
