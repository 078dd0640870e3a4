"""How judging is changed: versions of the rubric, checks, examples on their own."""

from __future__ import annotations

import pytest

from functions.evaluations import changing
from functions.evaluations.policy import policy_of
from functions.evaluations.rubric import DEFAULT_CRITERIA, InvalidRubric, kept
from functions.evaluations.rules import MOST_RULES, InvalidRule
from functions.examples import dataset
from functions.models import Function, Rubric
from opperweb.accounts.models import Project, User
from tests.functions.judging import judged, make_function, rated

POLITE = {"name": "Polite", "sentence": "It is kind.", "weight": 2}
SHORT = {"kind": "length", "path": "answer", "unit": "words", "most": 30}


@pytest.fixture
def function(project: Project) -> Function:
    return make_function(project)


def version_of(project: Project) -> int:
    return Project.objects.get(pk=project.pk).definitions_version


def test_saved_criteria_are_the_next_version_and_every_process_is_told(function: Function, alice: User) -> None:
    before = version_of(function.project)
    saved = changing.save_rubric(function, [POLITE], base=0, user=alice)
    assert saved is not None
    assert (saved.number, saved.created_by, policy_of(function).version) == (1, alice, 1)
    assert [each.name for each in policy_of(function).criteria] == ["Polite"]
    assert version_of(function.project) > before


def test_the_same_criteria_make_no_version(function: Function, alice: User) -> None:
    assert changing.save_rubric(function, kept(DEFAULT_CRITERIA), base=0, user=alice) is None
    assert not Rubric.objects.exists()


def test_a_version_that_was_overtaken_is_not_saved(function: Function, alice: User) -> None:
    changing.save_rubric(function, [POLITE], base=0, user=alice)
    with pytest.raises(changing.RubricOvertaken) as caught:
        changing.save_rubric(function, [{**POLITE, "weight": 9}], base=0, user=alice)
    assert caught.value.number == 1
    assert Rubric.objects.count() == 1


def test_a_rubric_without_sense_is_not_saved(function: Function, alice: User) -> None:
    with pytest.raises(InvalidRubric) as caught:
        changing.save_rubric(function, [POLITE, {**POLITE, "name": "B", "weight": 99}], base=0, user=alice)
    assert caught.value.place == (1, "weight")


def test_checks_are_added_switched_and_removed(function: Function) -> None:
    changing.add_rule(function, SHORT)
    words = "answer has at most 30 words"
    changing.switch_rule(function, words, is_on=False)
    assert policy_of(function).rules == ({**SHORT, "on": False},)
    with pytest.raises(InvalidRule):
        changing.add_rule(function, SHORT)
    changing.remove_rule(function, words)
    assert policy_of(function).rules == ()
    with pytest.raises(changing.RuleGone):
        changing.remove_rule(function, words)
    with pytest.raises(changing.RuleGone):
        changing.switch_rule(function, words, is_on=True)


def test_there_are_no_more_checks_than_can_be_run(function: Function) -> None:
    changing.change_policy(function, rules=[{**SHORT, "name": str(number)} for number in range(MOST_RULES)])
    with pytest.raises(InvalidRule):
        changing.add_rule(function, SHORT)


def test_only_examples_that_came_on_their_own_are_removed(function: Function) -> None:
    for source in ("automatic", "automatic", "written"):
        dataset.add(function, {"input": {"q": source}, "output": {"a": 1}}, source=source)
    assert changing.remove_automatic(function) == 2
    assert [example.source for example in function.examples.all()] == ["written"]


def test_a_settled_disagreement_can_be_opened_again(function: Function, alice: User) -> None:
    feedback = rated(judged(function, 92), alice, 0.0)
    assert changing.settle(feedback.span, judge_is_right=True) == 1
    feedback.refresh_from_db()
    assert feedback.judge_is_right
    changing.settle(feedback.span, judge_is_right=False)
    feedback.refresh_from_db()
    assert not feedback.judge_is_right
