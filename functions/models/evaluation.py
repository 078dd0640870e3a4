"""How the completions of a project and of a function are judged: which of them, by whom, and by what measure."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from functions.models.function import Function
from opperweb.accounts.models import ApiKey, Project, User
from opperweb.fields import JsonTextField
from traces.models import cost_field


class ProjectEvaluation(models.Model):
    """What goes for all functions of a project."""

    project = models.OneToOneField(Project, models.CASCADE, primary_key=True, related_name="evaluation_settings")
    model = models.CharField(max_length=255, blank=True, help_text="Who judges; empty: EVALUATION_MODEL.")
    is_on = models.BooleanField(default=True)
    daily_budget_usd = cost_field()

    def __str__(self) -> str:
        return f"evaluation in {self.project}"


class EvaluationPolicy(models.Model):
    """Which completions of a function are judged, by whom, and what is checked without a model."""

    class Sampling(models.TextChoices):
        ALL = "all", "All"
        ONE_IN = "one_in", "One in N"
        ADAPTIVE = "adaptive", "Adaptive"
        NONE = "none", "None"

    function = models.OneToOneField(Function, models.CASCADE, primary_key=True, related_name="evaluation_policy")
    sampling = models.CharField(max_length=8, choices=Sampling.choices, default=Sampling.ADAPTIVE)
    one_in = models.IntegerField(default=4)
    per_hour = models.IntegerField(default=200, help_text="Adaptive: all are judged up to so many an hour.")
    model = models.CharField(max_length=255, blank=True, help_text="Who judges; empty: the project's.")
    rules = JsonTextField(default=list, help_text="[{kind, path, name, on, …}], see functions/evaluations/rules.py.")
    # Completions that become examples on their own.
    examples_from_score = models.SmallIntegerField(null=True, help_text="Those with at least this score.")
    examples_from_good = models.BooleanField(default=False, help_text="Those that people rated good.")
    most_examples = models.IntegerField(default=200, help_text="No more of them than this.")

    class Meta:
        verbose_name_plural = "evaluation policies"

    def __str__(self) -> str:
        return f"evaluation of {self.function}"


class Rubric(models.Model):
    """One unchangeable version of what the judge of a function goes by. Version 0 is the one that all begin with."""

    function = models.ForeignKey(Function, models.CASCADE, related_name="rubrics")
    number = models.IntegerField(help_text="From 1.")
    criteria = JsonTextField(default=list, help_text="[{name, sentence, weight}]")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["function", "number"], name="one_rubric_a_number"),)

    def __str__(self) -> str:
        return f"rubric {self.number} of {self.function}"
