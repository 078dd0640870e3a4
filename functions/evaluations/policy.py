"""What goes for the evaluation of a function: its own settings over its project's over the server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from functions.evaluations.rubric import DEFAULT_CRITERIA, Criterion, criteria_of
from functions.models import EvaluationPolicy, Function, ProjectEvaluation, Rubric

NO_JUDGE = "none"
Sampling = EvaluationPolicy.Sampling


@dataclass(frozen=True)
class Policy:
    """All of it, as one value."""

    model: str
    # Whether a model judges at all; rule checks run without one.
    is_on: bool
    sampling: str = Sampling.ADAPTIVE
    one_in: int = 4
    per_hour: int = 200
    daily_budget_usd: Decimal | None = None
    rules: Sequence[Mapping[str, Any]] = ()
    criteria: tuple[Criterion, ...] = DEFAULT_CRITERIA
    # The rubric's number; 0 is the one that all begin with.
    version: int = 0
    examples_from_score: int | None = None
    examples_from_good: bool = False
    most_examples: int = 200

    @property
    def wants_rows(self) -> bool:
        """Whether completions get an evaluation, if only to be told why there is none."""
        return self.is_on or bool(self.rules)


def policy_of(function: Function) -> Policy:
    """Return what goes for a function as it is now."""
    own = EvaluationPolicy.objects.filter(function=function).first() or EvaluationPolicy(function=function)
    project = ProjectEvaluation.objects.filter(project=function.project_id).first() or ProjectEvaluation()
    rubric = Rubric.objects.filter(function=function).order_by("-number").first()
    model = own.model or project.model or settings.EVALUATION_MODEL
    return Policy(
        model=model,
        is_on=function.observer_enabled and project.is_on and model != NO_JUDGE and own.sampling != Sampling.NONE,
        sampling=own.sampling,
        one_in=max(1, own.one_in),
        per_hour=max(1, own.per_hour),
        daily_budget_usd=project.daily_budget_usd,
        rules=tuple(own.rules) if isinstance(own.rules, list) else (),
        criteria=criteria_of(rubric.criteria) if rubric is not None else DEFAULT_CRITERIA,
        version=rubric.number if rubric is not None else 0,
        examples_from_score=own.examples_from_score,
        examples_from_good=own.examples_from_good,
        most_examples=own.most_examples,
    )
