"""Usage in short: what the model calls of an hour and of a day came to, by model, function, API key and tags.

Each row can be worked out again from the spans (see `traces.analytics`); none of them is the only place of a number.
Hours are counted from 1970 in UTC, so that days and months are arithmetic on every database.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from opperweb.accounts.models import ApiKey, Project
from opperweb.fields import JsonTextField

# The histogram of durations: slot n ends at 20 ms × 1.5ⁿ, the last one has no end.
SLOTS = tuple(f"slot_{number:02}" for number in range(24))


def _count() -> models.BigIntegerField[Any, Any]:
    return models.BigIntegerField(default=0)


class UsageDimension(models.Model):
    """What some calls have in common; found by the digest of all of it, however many tags there are."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    digest = models.CharField(max_length=32)
    model = models.CharField(max_length=255, blank=True)
    function = models.CharField(max_length=255, blank=True)
    revision = models.IntegerField(null=True, help_text="The number of the function's revision.")
    origin = models.CharField(max_length=10, blank=True, help_text="As of the span.")
    error_kind = models.CharField(max_length=60, blank=True, help_text="Of calls that failed.")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "digest"], name="one_dimension_a_digest"),)

    def __str__(self) -> str:
        return f"{self.model} {self.function}"


class UsageTag(models.Model):
    """A tag of a dimension; a long value is shortened as where traces are filtered."""

    dimension = models.ForeignKey(UsageDimension, models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=120)
    value = models.CharField(max_length=512)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dimension", "key"], name="one_usage_tag_a_key"),)

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class UsageRow(models.Model):
    """What the calls of one dimension came to in an hour, or in the whole hours of a day of the project's zone.

    Each call counts in two rows: in the one of its tags, and in a whole one, whose dimension has no tags. A question
    that no tag is named in reads only whole rows, however many values the tags have.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    is_whole = models.BooleanField()
    is_day = models.BooleanField()
    hour = models.IntegerField(help_text="Of a day the first.")
    dimension = models.ForeignKey(UsageDimension, models.CASCADE, related_name="+", db_index=False)
    calls = _count()
    errors = _count()
    recovered = _count()
    cached = _count()
    unpriced = _count()
    attempts = _count()
    rejected = models.BigIntegerField(default=0, help_text="Calls with an answer that did not fit the schema.")
    repaired = models.BigIntegerField(default=0, help_text="Calls that were told what was wrong.")
    fallbacks = models.BigIntegerField(default=0, help_text="Calls that another model answered than the first.")
    input_tokens = _count()
    cached_tokens = _count()
    output_tokens = _count()
    reasoning_tokens = _count()
    # Whole numbers add up to the same on every database, in any order.
    cost_units = models.BigIntegerField(default=0, help_text="US dollars × 10¹⁰.")
    duration_us = _count()
    timed = models.BigIntegerField(default=0, help_text="Calls whose duration is known.")
    score_sum = _count()
    scored = _count()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["project", "is_whole", "is_day", "hour", "dimension"], name="one_usage_row_a_dimension"
            ),
        )

    def __str__(self) -> str:
        return f"{self.calls} calls of {'the day' if self.is_day else 'the hour'} from {self.hour}"


for _slot in SLOTS:
    UsageRow.add_to_class(_slot, models.IntegerField(default=0))


class UsageProgress(models.Model):
    """How far a project's rows have come. Whoever writes rows holds it locked and counts its version up."""

    project = models.OneToOneField(Project, models.CASCADE, primary_key=True, related_name="+")
    until = models.IntegerField(null=True, help_text="Hours before it have rows, but for the stale ones.")
    zone = models.CharField(max_length=64, blank=True, help_text="Whose days have rows.")
    version = models.BigIntegerField(default=0)
    tag_keys = JsonTextField(default=list, help_text="The tags that calls bear, for the choice of one.")

    def __str__(self) -> str:
        return f"usage of {self.project_id} until {self.until}"


class UsageStale(models.Model):
    """An hour whose rows no longer fit its spans. The same hour may stand here twice: nobody waits to write one."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    hour = models.IntegerField()

    class Meta:
        indexes = (models.Index(fields=["project", "hour"], name="usage_stale"),)

    def __str__(self) -> str:
        return f"hour {self.hour} of {self.project_id}"
