"""Calls of a function that were judged and rated, straight in the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from functions import revising
from functions.models import Completion, Function
from opperweb.accounts.models import Project, User
from tests.traces.factories import make_call
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Span

JUDGE = "openai/gpt-4o-mini"
State = Evaluation.State
CRITERIA = ("Follows instructions", "Supported by the input")


def make_function(project: Project, name: str = "kb", **values: Any) -> Function:
    return revising.create(project, name, {"instructions": "Answer.", "model": "rehearsal/echo", **values})


def answered(function: Function, question: str = "Which?", **values: Any) -> Span:
    """Make a call of the function that has answered."""
    given = {"input": {"question": question}, "output": {"answer": f"{question} That one"}, "revision_number": 1}
    trace = make_call(function.project, function.name, **{"function_name": function.name, **given, **values})
    span = trace.spans.get()
    Completion.objects.create(span=span, project=function.project, function=function, state="done")
    return span


def judged(
    function: Function, score: int | None = 90, *, span: Span | None = None, ago: timedelta | None = None, **values: Any
) -> Evaluation:
    """Make a call with an evaluation that is done, or in another `state`; those of a version have `judge_version`."""
    at: datetime = timezone.now() - (ago if ago is not None else timedelta(minutes=5))
    span = span or answered(function, started_at=at)
    facts: dict[str, Any] = {"state": State.DONE, "created_at": at, "judge_version": 0, "judge_model": JUDGE}
    if score is not None:
        criteria = [{"name": name, "weight": 1, "score": score, "reason": "So."} for name in CRITERIA]
        facts |= {"score": score, "is_correct": score >= 50, "criteria": criteria, "cost_usd": Decimal("0.0002")}
        facts["observations"] = "It says which."
    return Evaluation.objects.create(project=function.project, span=span, **{**facts, **values})


def rated(evaluation: Evaluation, author: User | None, score: float, **values: Any) -> Feedback:
    """Make a person's rating of what was judged."""
    return Feedback.objects.create(
        project_id=evaluation.project_id, span=evaluation.span, author=author, score=score, **values
    )
