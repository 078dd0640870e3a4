"""Results that are posted to an address: the project's signing secret, and each delivery with its log."""

from __future__ import annotations

import base64
import secrets

from django.db import models
from django.utils import timezone

from opperweb.accounts.models import Project
from opperweb.fields import JsonTextField, SecretField
from opperweb.ids import uuid7
from traces.models import Span


def new_secret() -> str:
    """Return a signing secret in the form of the Standard Webhooks specification: whsec_ and base64 of 32 bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


class WebhookSecret(models.Model):
    """What a project's deliveries are signed with."""

    project = models.OneToOneField(Project, models.CASCADE, primary_key=True, related_name="webhook_secret")
    secret = SecretField(default=new_secret)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"webhook secret of {self.project}"


class Delivery(models.Model):
    """One result on its way to an address."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        DONE = "done", "Delivered"
        FAILED = "failed", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="deliveries")
    span = models.ForeignKey(Span, models.CASCADE, null=True, related_name="deliveries")
    batch = models.ForeignKey("functions.Batch", models.CASCADE, null=True, related_name="deliveries")
    url = models.CharField(max_length=2000)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    # When the result is there it is sent; before that there is nothing to send.
    due_at = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0)
    log = JsonTextField(default=list, help_text="[{at, status, error, duration_ms}], the newest last.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(fields=["due_at"], name="delivery_due", condition=models.Q(state="queued")),
            models.Index(fields=["project", "-created_at"], name="delivery_newest"),
        )

    def __str__(self) -> str:
        return f"{self.url} ({self.state})"
