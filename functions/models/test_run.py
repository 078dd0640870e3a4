"""The examples of a function run through one of its definitions, and held against the answers they should get."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from functions.models.batch import Batch
from functions.models.function import Function, Revision
from opperweb.accounts.models import Project, User
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7
from traces.models import PREVIEW_LENGTH


class TestRun(models.Model):
    """One run: what was run, what decides whether an example passes, and how many must."""

    # Test runners take a class of this name for one of theirs.
    __test__ = False

    class Check(models.TextChoices):
        EXACT = "exact", "Exactly as expected"
        FIELDS = "fields", "Every field that counts"
        RULES = "rules", "Rule checks"
        AI = "ai", "AI evaluation"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="test_runs", db_index=False)
    function = models.ForeignKey(Function, models.CASCADE, related_name="test_runs", db_index=False)
    # Of a draft the revision that it was made from.
    revision = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="test_runs", db_index=False)
    is_draft = models.BooleanField(default=False)
    definition = JsonTextField(default=dict, help_text="As it was when the run began.")
    batch = models.OneToOneField(Batch, models.SET_NULL, null=True, related_name="test_run")
    checks = JsonTextField(default=list, help_text="Which checks an example must pass: exact, fields, rules, ai.")
    fields = JsonTextField(default=list, help_text="The fields of an answer that count; empty: all.")
    rules = JsonTextField(default=list, help_text="The function's rule checks, as they were when the run began.")
    threshold = models.SmallIntegerField(null=True, help_text="How many must pass, in per cent.")
    example_count = models.IntegerField()
    # Counted when the last verdict was known; of a run that is not over they say nothing.
    judged_count = models.IntegerField(default=0)
    passed_count = models.IntegerField(default=0)
    settled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = (
            models.Index(fields=["function", "-created_at"], name="test_run_newest"),
            models.Index(fields=["revision", "-created_at"], name="test_run_of_revision"),
        )

    def __str__(self) -> str:
        return f"test of {self.function} on {self.example_count}"

    @property
    def check_words(self) -> list[str]:
        return [self.Check(check).label for check in self.checks]

    @property
    def is_settled(self) -> bool:
        """Whether the counts are those of the whole run: failed inputs may have been run again since."""
        if self.settled_at is None or self.batch is None:
            return self.settled_at is not None
        return self.batch.ended_at is not None and self.settled_at >= self.batch.ended_at

    @property
    def is_whole(self) -> bool:
        """Whether every example has a verdict: one that was cancelled proves nothing."""
        return self.is_settled and self.judged_count == self.example_count

    @property
    def percent(self) -> int | None:
        """How many passed of those that have a verdict; rounded down, so that 94.6 is not shown as the 95 it needs."""
        return 100 * self.passed_count // self.judged_count if self.is_settled and self.judged_count else None

    @property
    def is_enough(self) -> bool | None:
        """Whether as many passed as must; None where nothing is asked for, or not all is known."""
        if self.threshold is None or not self.is_whole or self.percent is None:
            return None
        return self.percent >= self.threshold


class TestItem(models.Model):
    """One example of a run, as it was then. Its call is found by its number in the batch."""

    __test__ = False

    run = models.ForeignKey(TestRun, models.CASCADE, related_name="items", db_index=False)
    number = models.IntegerField(help_text="From 0, its number in the batch.")
    example_id = models.UUIDField()
    input_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    expected = JsonTextField(null=True, help_text="The right answer.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["run", "number"], name="one_test_item_a_number"),)

    def __str__(self) -> str:
        return f"{self.run_id} {self.number}"
