"""What is judged again: which outputs, how many at once, what it costs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from functions.evaluations import again, figures
from functions.models import Function
from opperweb.accounts.models import Project, User
from tests.functions.judging import JUDGE, State, answered, judged, make_function, rated
from traces.evaluation_models import Evaluation


@pytest.fixture
def function(project: Project) -> Function:
    return make_function(project)


def test_what_is_listed_is_judged_once_more_each_output_once(function: Function) -> None:
    first = judged(function, 20)
    judged(function, 30, span=first.span)
    judged(function, None, state=State.SKIPPED)
    judged(make_function(function.project, "other"), 10)
    plan = again.plan_again(function, [JUDGE], figures.of_function(function, None))
    assert (plan.found, plan.count, plan.mean_usd) == (2, 2, Decimal("0.0002"))
    assert plan.usd == Decimal("0.0004")
    assert again.begin(plan) == 2
    asked = Evaluation.objects.filter(state=State.QUEUED)
    assert {(each.is_asked_for, each.is_repeat) for each in asked} == {(True, False)}


def test_what_is_on_its_way_or_has_no_output_is_not_asked_for(function: Function) -> None:
    waiting = judged(function, 20)
    judged(function, None, span=waiting.span, state=State.QUEUED)
    judged(function, None, span=answered(function, status="error"), state=State.SKIPPED)
    plan = again.plan_again(function, [JUDGE], figures.of_function(function, None))
    assert plan.spans == []
    assert again.begin(plan) == 0
    assert again.begin(again.plan_one(function, waiting.span)) == 0


def test_there_are_no_more_than_a_thousand_at_once_the_newest(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "MOST", 2)
    old, *new = [judged(function, 20, ago=timedelta(hours=hours)) for hours in (9, 2, 1)]
    plan = again.plan_again(function, [JUDGE], figures.of_function(function, None))
    assert [span.pk for span in plan.spans] == [new[1].span_id, new[0].span_id]
    assert (plan.found, plan.is_cut) == (3, True)
    assert old.span_id not in [span.pk for span in plan.spans]


def test_a_new_version_is_tried_on_what_people_rated_and_it_has_not_judged(function: Function, alice: User) -> None:
    rated(judged(function, 90), alice, 1.0)
    done = judged(function, 80)
    rated(done, alice, 0.0)
    judged(function, 80, span=done.span, judge_version=1)
    judged(function, 70)
    plan = again.plan_rated(function, 1, [JUDGE])
    assert plan.count == 1
    assert again.plan_rated(function, 1, ["another/model"]).count == 2


def test_a_sample_is_judged_a_few_times_more_to_measure_the_spread(function: Function) -> None:
    for hours in range(50):
        judged(function, 90, ago=timedelta(hours=hours))
    judged(function, 90, judge_version=1)
    plan = again.plan_spread(function, 0, [JUDGE])
    assert (len(plan.spans), plan.count) == (again.SAMPLE, again.SAMPLE * again.TIMES)
    # Not only the newest ones.
    assert min(span.started_at for span in plan.spans) < max(span.started_at for span in plan.spans) - timedelta(days=1)
    again.begin(plan, is_repeat=True)
    assert Evaluation.objects.filter(is_repeat=True, state=State.QUEUED).count() == plan.count
