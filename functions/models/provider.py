"""Accounts at vendors that people entered on a page, the models and names made from them, and their prices."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F
from django.utils import timezone

from opperweb.accounts.models import Project, User, look_keys_up_anew
from opperweb.fields import JsonTextField, SecretField
from opperweb.ids import uuid7


def catalogue_changed(project: Project) -> None:
    """Tell every process that what this project's calls are answered by is no longer what it was."""
    Project.objects.filter(pk=project.pk).update(catalogue_version=F("catalogue_version") + 1)
    look_keys_up_anew()


class ProviderAccount(models.Model):
    """An account at a vendor, or a server of one's own. It goes before one of the same name in the environment."""

    class Kind(models.TextChoices):
        OPENAI = "openai", "OpenAI and compatible"
        ANTHROPIC = "anthropic", "Anthropic"
        GEMINI = "gemini", "Gemini"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="provider_accounts")
    name = models.CharField(max_length=60, help_text="What stands before the slash in a model's name.")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OPENAI)
    base_url = models.CharField(max_length=500)
    secret = SecretField(blank=True, help_text="Write only.")
    most_at_once = models.IntegerField(null=True, blank=True, help_text="Requests at the same time from one process.")
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "name"], name="one_provider_a_name"),)

    def __str__(self) -> str:
        return self.name

    @property
    def secret_hint(self) -> str:
        """The last characters of the secret, or an empty string for one too short to show any of."""
        return self.secret[-4:] if len(self.secret) >= 12 else ""


class ProviderState(models.Model):
    """How a provider stands for a project: its last test, when it last answered, and a pause after failures.

    By name, for providers of the environment have no row of their own.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="provider_states")
    name = models.CharField(max_length=80)
    tested_at = models.DateTimeField(null=True)
    test_ms = models.FloatField(null=True)
    test_error = models.CharField(max_length=500, blank=True)
    model_count = models.IntegerField(null=True)
    worked_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=300, blank=True)
    pauses = models.IntegerField(default=0, help_text="In a row; each is longer than the one before.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "name"], name="one_state_a_provider"),)

    def __str__(self) -> str:
        return f"state of {self.name}"

    @property
    def is_paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()


class CustomModel(models.Model):
    """A name of the project's own for a model somewhere, with its own address and secret where it needs them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="custom_models")
    name = models.CharField(max_length=255)
    identifier = models.CharField(max_length=255, help_text="provider/name")
    extra = JsonTextField(default=dict, help_text="api_base, api_version and the like.")
    api_key = SecretField(blank=True, help_text="Write only.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "name"], name="one_custom_model_a_name"),)

    def __str__(self) -> str:
        return self.name


class Alias(models.Model):
    """One name for several models in order."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=255)
    fallback_models = JsonTextField(default=list, help_text="Names of models, the first one is asked first.")
    description = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "name"], name="one_alias_a_name"),)
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.name


def _dollars(help_text: str = "") -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=8, null=True, blank=True, help_text=help_text)


class PriceRow(models.Model):
    """What a model costs a project from a day on, in US dollars per million tokens; it goes before the price list."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="price_rows")
    model = models.CharField(max_length=255, help_text="provider/name")
    valid_from = models.DateTimeField(default=timezone.now)
    input = _dollars()
    cached = _dollars("Input that was read from the provider's cache.")
    cache_write = _dollars("Input that was written to the provider's cache for five minutes.")
    cache_write_1h = _dollars("Input that was written to the provider's cache for an hour.")
    output = _dollars("Reasoning included.")
    input_audio = _dollars()
    cached_audio = _dollars()
    output_audio = _dollars()
    input_image = _dollars()
    output_image = _dollars()
    source = models.CharField(max_length=120, blank=True, help_text="Where the figures come from.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("model", "-valid_from")
        constraints = (models.UniqueConstraint(fields=["project", "model", "valid_from"], name="one_price_a_moment"),)

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from:%Y-%m-%d}"


class LearnedStrategy(models.Model):
    """How a model had to be asked for a schema, because it refused the better ways; forgotten after a day."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    model = models.CharField(max_length=255)
    schema_digest = models.CharField(max_length=64)
    strategy = models.CharField(max_length=10)
    reason = models.CharField(max_length=300, blank=True)
    until = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "model", "schema_digest"], name="one_strategy_a_schema"),
        )

    def __str__(self) -> str:
        return f"{self.model}: {self.strategy}"
