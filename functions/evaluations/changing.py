"""How judging is changed: the rubric, the checks, which calls, by whom, the budget, what becomes an example.

Everything that calls depend on is told to all processes in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from functions.completions.candidates import candidates_for
from functions.completions.catalogue import catalogue_of
from functions.evaluations import rules
from functions.evaluations.policy import NO_JUDGE
from functions.evaluations.rubric import DEFAULT_CRITERIA, criteria_of, kept
from functions.evaluations.rules import InvalidRule
from functions.examples import dataset
from functions.models import DatasetExample, EvaluationPolicy, Function, ProjectEvaluation, Rubric
from functions.models.function import definitions_changed
from functions.task import LanguageModelChoice, Task
from opperweb.accounts.models import Project, User
from traces.evaluation_models import Feedback
from traces.models import Span


class RubricOvertaken(Exception):
    """Somebody saved another version since this one was begun; `number` is theirs."""

    def __init__(self, number: int) -> None:
        super().__init__(f"version {number} was saved meanwhile")
        self.number = number


class RuleGone(Exception):
    """The check is no longer where it was."""


@transaction.atomic
def save_rubric(function: Function, rows: Sequence[Mapping[str, Any]], *, base: int, user: User) -> Rubric | None:
    """Make these criteria the next version of the judge; None where they are those of the version `base`.

    Raises InvalidRubric, RubricOvertaken, and Function.DoesNotExist where the function was deleted meanwhile.
    """
    criteria = criteria_of(rows)
    _hold(function)
    newest = Rubric.objects.filter(function=function).order_by("-number").first()
    number, now = (newest.number, criteria_of(newest.criteria)) if newest is not None else (0, DEFAULT_CRITERIA)
    if number != base:
        raise RubricOvertaken(number)
    if criteria == now:
        return None
    rubric = Rubric.objects.create(function=function, number=number + 1, criteria=kept(criteria), created_by=user)
    definitions_changed(function.project)
    return rubric


@transaction.atomic
def change_policy(function: Function, **values: Any) -> EvaluationPolicy:
    """Change settings of a function, fields of EvaluationPolicy. Raises Function.DoesNotExist."""
    _hold(function)
    policy, _ = EvaluationPolicy.objects.get_or_create(function=function)
    for name, value in values.items():
        setattr(policy, name, value)
    policy.save(update_fields=[*values])
    definitions_changed(function.project)
    return policy


@transaction.atomic
def change_project(project: Project, **values: Any) -> None:
    """Change what goes for all functions of a project, fields of ProjectEvaluation."""
    ProjectEvaluation.objects.update_or_create(project=project, defaults=values)
    definitions_changed(project)


def judges_of(project: Project, model: str) -> tuple[str, ...]:
    """Return the models that a judge's name stands for, in order: none for `none` and for the rehearsal.

    Raises UnknownModel for a name that leads nowhere and InvalidModel for aliases that lead in a circle.
    """
    if model == NO_JUDGE:
        return ()
    found = candidates_for(Task("", choices=(LanguageModelChoice(model),)), catalogue_of(project), model)
    return tuple(candidate.name for candidate in found if candidate.provider.name != "rehearsal")


# --- checks without a model -------------------------------------------------------------------------------------------


@transaction.atomic
def add_rule(function: Function, rule: Mapping[str, Any]) -> None:
    """Add a check. Raises InvalidRule, and Function.DoesNotExist."""
    rules.check(rule)
    there = _rules(function)
    if len(there) >= rules.MOST_RULES:
        raise InvalidRule("kind", f"there are {rules.MOST_RULES} checks already")
    if rules.words_of(rule) in map(rules.words_of, there):
        raise InvalidRule("name", "there is a check of this name")
    change_policy(function, rules=[*there, dict(rule)])


@transaction.atomic
def switch_rule(function: Function, words: str, *, is_on: bool) -> None:
    """Switch the check that reads so on or off. Raises RuleGone, and Function.DoesNotExist."""
    there = _rules(function)
    changed = [{**rule, "on": is_on} if rules.words_of(rule) == words else rule for rule in there]
    if words not in map(rules.words_of, there):
        raise RuleGone
    change_policy(function, rules=changed)


@transaction.atomic
def remove_rule(function: Function, words: str) -> None:
    """Remove the check that reads so. Raises RuleGone, and Function.DoesNotExist."""
    there = _rules(function)
    left = [rule for rule in there if rules.words_of(rule) != words]
    if len(left) == len(there):
        raise RuleGone
    change_policy(function, rules=left)


def _rules(function: Function) -> list[dict[str, Any]]:
    """Return the checks as they are now, with nobody else at them until the end of the transaction."""
    _hold(function)
    policy = EvaluationPolicy.objects.filter(function=function).first()
    return list(policy.rules) if policy is not None and isinstance(policy.rules, list) else []


# --- examples and disagreements ---------------------------------------------------------------------------------------


def remove_automatic(function: Function) -> int:
    """Remove the examples that came on their own; return how many those were."""
    automatic = DatasetExample.objects.filter(function=function, source=DatasetExample.Source.AUTOMATIC)
    return dataset.delete(function, automatic.values_list("id", flat=True))


def settle(span: Span, *, judge_is_right: bool) -> int:
    """Say of all ratings of an output that the judge was right and not they, or take that back; return how many."""
    rated = Feedback.objects.filter(project=span.project_id, span=span).exclude(score=None)
    return rated.update(judge_is_right=judge_is_right)


def _hold(function: Function) -> None:
    """Let nobody else change how the function is judged until the end of the transaction."""
    Function.objects.select_for_update(no_key=True).only("pk").get(pk=function.pk)
