"""What evaluations come to: by state and judge, by output, by version, before and after examples on their own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from functions.evaluations import figures
from functions.evaluations.figures import Judge
from functions.examples import dataset
from functions.models import DatasetExample, Function, ProjectEvaluation
from opperweb.accounts.models import Project, User
from tests.functions.judging import JUDGE, State, answered, judged, make_function, rated
from traces.evaluation_models import Evaluation


@pytest.fixture
def function(project: Project) -> Function:
    return make_function(project)


def test_states_are_counted_and_judges_told_apart_the_newest_version_first(function: Function) -> None:
    judged(function, 90)
    judged(function, 80, judge_version=2)
    judged(function, 80, judge_version=2, judge_model="other/judge", ago=timedelta(seconds=1))
    judged(function, None, state=State.SKIPPED, judge_version=None, judge_model="")
    judged(function, 10, is_repeat=True)
    judged(function, 10, span=answered(function, origin="replay"))
    judged(function, 10, ago=timedelta(days=9))
    states = figures.states_of(function, timezone.now() - timedelta(days=7))
    assert states.counts == {"done": 3, "skipped": 1}
    assert states.judges == [Judge(2, "other/judge", 1), Judge(2, JUDGE, 1), Judge(0, JUDGE, 1)]


def test_scores_are_those_of_one_judge_and_what_it_said_last_of_each_output(function: Function) -> None:
    first = judged(function, 10, ago=timedelta(hours=2))
    judged(function, 70, span=first.span)
    judged(function, 50, judge_version=1)
    [scored] = figures.scores_of(function, None, Judge(0, JUDGE))
    assert (scored.score, scored.revision, scored.criteria["Follows instructions"]) == (70, 1, 70)


def test_a_difference_of_means_is_clear_or_luck() -> None:
    low, high = figures.mean_of([50, 52, 48, 50, 51]), figures.mean_of([80, 82, 78, 80, 81])
    wide = figures.mean_of([20, 100, 30, 90, 60])
    few = figures.mean_of([99, 99])
    assert low is not None
    assert high is not None
    assert wide is not None
    assert few is not None
    assert figures.is_clear(low, high)
    assert not figures.is_clear(low, wide)
    assert not figures.is_clear(low, few)


def test_checks_are_counted_by_their_words_also_where_no_model_judged(function: Function) -> None:
    for passed, state in ((True, State.DONE), (False, State.SKIPPED), (True, State.SKIPPED)):
        judged(function, None, state=state, rules=[{"name": "short", "passed": passed, "message": ""}])
    judged(function, 90)
    assert figures.rule_shares(function, None) == {"short": (2, 3)}


def test_a_version_is_measured_against_people_alone_and_a_settled_rating_says_the_opposite(
    function: Function, alice: User, bob: User
) -> None:
    one, other = judged(function, 90), judged(function, 90)
    rated(one, alice, 0.0, judge_is_right=True)
    rated(other, alice, 0.0)
    rated(other, bob, 0.0)
    # The second version calls bad what the first called good: once wrongly, once rightly.
    for evaluation in (one, other):
        judged(function, 20, span=evaluation.span, judge_version=1)
    second, first = figures.versions_of(function)
    assert (first.number, first.agreement.good_good, first.agreement.good_bad) == (0, 1, 1)
    assert (second.number, second.agreement.bad_good, second.agreement.bad_bad) == (1, 1, 1)


def test_today_is_what_the_project_spent_since_midnight_and_where_that_leads(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(timezone, "now", lambda: noon)
    ProjectEvaluation.objects.create(project=function.project, daily_budget_usd=Decimal("0.5"))
    judged(function, 90, cost_usd=Decimal("0.1"))
    judged(function, 90, cost_usd=Decimal("0.1"), is_repeat=True)
    judged(function, 90, cost_usd=Decimal("9"), ago=timedelta(hours=13))
    spending = figures.spending_of(function.project)
    assert (spending.spent_usd, spending.count, spending.is_over) == (Decimal("0.2"), 2, False)
    assert round(spending.pace_usd, 6) == Decimal("0.4")
    assert spending.part == 0.4


@pytest.mark.parametrize(("source", "on_their_own"), [("automatic", 1), ("trace", 0)])
def test_scores_before_and_after_the_first_example_from_a_call(
    function: Function, source: str, on_their_own: int
) -> None:
    dataset.add(function, {"input": {"q": "1"}, "output": {"a": 1}}, source=source)
    DatasetExample.objects.update(created_at=timezone.now() - timedelta(days=2))
    for score in range(10):
        judged(function, 40 + score, ago=timedelta(days=3))
        judged(function, 80 + score)
    judged(function, 0, judge_version=1)
    learning = figures.learning_of(function, Judge(0, JUDGE))
    assert learning.before is not None
    assert learning.after is not None
    assert (learning.count, learning.before.value, learning.after.value) == (on_their_own, 44.5, 84.5)
    assert figures.is_clear(learning.before, learning.after)
    Evaluation.objects.all().delete()
    assert figures.learning_of(function, Judge(0, JUDGE)).before is None
