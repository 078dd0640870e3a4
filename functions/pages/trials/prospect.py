"""What a plan would run and cost, before it is begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from functions.providers import UnknownModel
from functions.schemas.validator import InvalidSchema
from functions.task import TaskError
from functions.trials.inputs import Estimate, Found, Plan, estimate, find
from functions.trials.running import check


@dataclass(frozen=True)
class Prospect:
    """A plan with its inputs; `problem` is why it cannot be run, or an empty text."""

    plan: Plan
    found: Found
    foretold: Estimate
    problem: str

    @property
    def can_begin(self) -> bool:
        return bool(self.found.keys) and not self.problem

    def context(self) -> dict[str, Any]:
        return {"plan": self.plan, "found": self.found, "foretold": self.foretold, "problem": self.problem}


def prospect_of(plan: Plan) -> Prospect:
    """Look what there is for a plan."""
    found = find(plan)
    return Prospect(plan, found, estimate(plan, found), _problem_of(plan))


def _problem_of(plan: Plan) -> str:
    try:
        check(plan)
    except (InvalidSchema, TaskError, UnknownModel) as problem:
        return str(problem)
    return ""
