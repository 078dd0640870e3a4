"""First answers, kept so that a repeated request gets them again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from opperweb.accounts.models import Project
from opperweb.fields import JsonTextField


class FirstAnswer(models.Model):
    """What a request with an Idempotency-Key was answered, or that it is being answered."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64, help_text="SHA-256 of its method, address and body.")
    # Who is at work on it; null once the answer is there.
    process_id = models.UUIDField(null=True)
    status = models.SmallIntegerField(null=True)
    headers = JsonTextField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "key"], name="one_first_answer_a_key"),)

    def __str__(self) -> str:
        return self.key
