"""What people think of a completion, and how it becomes an example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from functions import few_shot
from functions.evaluations.policy import Policy, policy_of
from functions.examples import dataset
from functions.models import DatasetExample, Function
from opperweb.accounts.models import ApiKey, User
from traces.evaluation_models import Feedback
from traces.models import Span, Status

GOOD = 0.5


class NoFunction(Exception):
    """The span belongs to no function, or to one that was deleted: there is no dataset to save it to."""


class NothingToSave(Exception):
    """The span has no output that could be an example."""


@dataclass(frozen=True)
class Rater:
    """Who has an opinion: a person, of whom there is one a completion, or somebody behind a key."""

    user: User | None = None
    api_key: ApiKey | None = None


@transaction.atomic
def give(
    span: Span,
    rater: Rater,
    *,
    score: float | None = None,
    comment: str = "",
    correction: Any = None,
    saves: bool | None = None,
) -> tuple[Feedback, DatasetExample | None]:
    """Keep an opinion and return it, with the example that it made.

    `score` is 0 (bad) to 1 (good). A person's second opinion takes the place of the first. `saves`: True makes an
    example of it, False does not, None goes by the function's rule. With True, raises NoFunction and NothingToSave.
    """
    values = {"score": score, "comment": comment, "correction": correction, "updated_at": timezone.now()}
    if rater.user is not None:
        # Two presses at the same moment are one opinion; the row is locked by the first of them.
        given, _ = Feedback.objects.select_for_update().update_or_create(
            span=span, author=rater.user, defaults={"project_id": span.project_id, **values}
        )
    else:
        given = Feedback.objects.create(span=span, project_id=span.project_id, api_key=rater.api_key, **values)
    example = None
    if saves or (saves is None and _goes_by_rule(span, given)):
        example = save_example(span, rater, expected=correction)
    return given, example


def take_back(span: Span, user: User) -> bool:
    """Remove a person's opinion of a completion; return whether there was one."""
    return bool(Feedback.objects.filter(span=span, author=user).delete()[0])


@transaction.atomic
def save_example(span: Span, rater: Rater, *, expected: Any = None, comment: str = "") -> DatasetExample:
    """Keep a completion as an example of its function; the same one again is changed.

    Raises NoFunction and NothingToSave.
    """
    function = function_of(span)
    if function is None:
        raise NoFunction
    output = span.body.output
    if span.status not in (Status.OK, Status.RECOVERED) and expected is None:
        raise NothingToSave
    saved = DatasetExample.objects.select_related("function__project").filter(function=function, span_id=span.id)
    there = saved.first()
    if there is not None:
        return dataset.change(there, {"expected": expected, "comment": comment}) if expected is not None else there
    return dataset.add(
        function,
        {"input": span.body.input, "output": output, "expected": expected, "comment": comment},
        source=DatasetExample.Source.TRACE,
        created_by=rater.user,
        api_key=rater.api_key,
        span_id=span.id,
        score=span.score,
    )


@transaction.atomic
def learn_from(span: Span, policy: Policy) -> DatasetExample | None:
    """Make a completion that was judged well an example on its own, where its function says so.

    No more than the policy says, none that is nearly the same as one that is there.
    """
    function = function_of(span)
    if function is None or span.body.output is None or span.status not in (Status.OK, Status.RECOVERED):
        return None
    kept = DatasetExample.objects.filter(function=function)
    if kept.filter(span_id=span.id).exists():
        return None
    if kept.filter(source=DatasetExample.Source.AUTOMATIC).count() >= policy.most_examples:
        return None
    if few_shot.is_near_duplicate(function, span.body.input):
        return None
    return dataset.add(
        function,
        {"input": span.body.input, "output": span.body.output},
        source=DatasetExample.Source.AUTOMATIC,
        span_id=span.id,
        score=span.score,
    )


def function_of(span: Span) -> Function | None:
    """Return the function that a span was a call of, if it is still there."""
    return Function.objects.select_related("project").filter(completions__span=span).first()


def _goes_by_rule(span: Span, given: Feedback) -> bool:
    function = function_of(span)
    if function is None or given.score is None or given.score < GOOD or span.body.output is None:
        return False
    return policy_of(function).examples_from_good
