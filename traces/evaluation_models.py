"""What models and people think of a span: evaluations, with every state that one can be in, and feedback."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Project, User
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7


class Evaluation(models.Model):
    """One judgement of a completion, on its way or at its end; a later one stands beside it, never in its place."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="evaluations", db_index=False)
    span = models.ForeignKey("traces.Span", models.CASCADE, related_name="evaluations", db_index=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it failed or was skipped, in words.")
    # Asked for by a person: neither the sample nor the budget of the day stands against it.
    is_asked_for = models.BooleanField(default=False)
    # To measure the spread of a judge: it counts nowhere else.
    is_repeat = models.BooleanField(default=False)
    score = models.SmallIntegerField(null=True, help_text="0 to 100.")
    is_correct = models.BooleanField(null=True)
    observations = models.TextField(blank=True, help_text="What the judge has to say, in a sentence or two.")
    thoughts = models.TextField(blank=True)
    criteria = JsonTextField(default=list, help_text="[{name, weight, score, reason}]")
    rules = JsonTextField(default=list, help_text="[{name, passed, message}], checked without a model.")
    judge_model = models.CharField(max_length=255, blank=True)
    judge_version = models.IntegerField(null=True, help_text="The number of the rubric.")
    # Its prompt, its raw exchange and its cost are there.
    judge_span = models.ForeignKey("traces.Span", models.SET_NULL, null=True, related_name="judged")
    cost_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    starts = models.SmallIntegerField(default=0)
    process_id = models.UUIDField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["span", "-created_at"], name="evaluation_of_span"),
            models.Index(fields=["project", "-created_at"], name="evaluation_newest"),
            models.Index(
                fields=["state", "due_at"],
                name="evaluation_open",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        )

    def __str__(self) -> str:
        return f"evaluation of {self.span_id} ({self.state})"


class Feedback(models.Model):
    """What a person, or somebody behind an API key, thinks of a completion."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="feedback", db_index=False)
    span = models.ForeignKey("traces.Span", models.CASCADE, related_name="feedback", db_index=False)
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")
    score = models.FloatField(null=True, help_text="0 is bad, 1 is good; null for a comment alone.")
    comment = models.TextField(blank=True)
    correction = JsonTextField(null=True, help_text="What the output should have been.")
    judge_is_right = models.BooleanField(
        default=False, help_text="Looked at again: the judge was right, not the rater."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "feedback"
        constraints = (models.UniqueConstraint(fields=["span", "author"], name="one_feedback_a_person"),)
        indexes = (models.Index(fields=["project", "-created_at"], name="feedback_newest"),)

    def __str__(self) -> str:
        return f"{self.score} for {self.span_id}"

    @property
    def is_good(self) -> bool | None:
        return None if self.score is None else self.score >= 0.5
