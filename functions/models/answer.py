"""Answers kept for `invocation.cache.ttl`, so that an equal call asks no model."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from opperweb.accounts.models import Project
from opperweb.fields import JsonTextField


class KeptAnswer(models.Model):
    """An answer to a question that was asked in exactly these words, or the promise of one on its way."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    digest = models.CharField(max_length=64, help_text="SHA-256 of all that the answer depends on.")
    # The span that asks, or asked, the models.
    span_key = models.BigIntegerField()
    # Who is at work on it; null once the answer is there.
    process_id = models.UUIDField(null=True)
    answer = JsonTextField(null=True, help_text="{message, value, images, audio, model, provider}")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "digest"], name="one_answer_a_question"),)

    def __str__(self) -> str:
        return self.digest[:12]
