"""Samples can be looked at, loaded again and removed, and nothing else goes with them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from functions import figures, samples
from functions.evaluations.figures import spending_of, states_of
from functions.evaluations.trust import trust_of
from functions.models import Completion, DatasetExample, Function, Revision
from opperweb.accounts.models import Project
from traces import recording, totals
from traces.analytics.rollups import roll_up
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Span, SpanMetric, Status, Trace

PLANETS, TICKETS, UNUSED = "sample_kb_query", "sample_sort_ticket", "sample_summarise_release"
STATES = Evaluation.State


@pytest.fixture
def loaded(project: Project) -> Project:
    samples.load(project)
    return project


def test_samples_show_what_succeeds_recovers_and_fails(project: Project) -> None:
    assert samples.load(project) == Trace.objects.filter(is_sample=True).count() == Trace.objects.count()
    assert {trace.status for trace in Trace.objects.all()} == {Status.OK, Status.RECOVERED, Status.ERROR}
    agent = Trace.objects.get(name="planet_guide_agent")
    assert (agent.span_count, agent.call_count, agent.error_count) == (7, 1, 1)
    assert agent.cost_usd is not None


def test_three_functions_are_there_and_one_was_never_called(loaded: Project) -> None:
    functions = {function.name: function for function in Function.objects.filter(project=loaded)}
    assert set(functions) == {PLANETS, TICKETS, UNUSED}
    assert all(function.is_sample for function in functions.values())
    assert functions[PLANETS].revisions.count() == 3
    assert set(Completion.objects.values_list("function__name", flat=True)) == {PLANETS, TICKETS}


def test_each_revision_was_called_in_its_time(loaded: Project) -> None:
    revisions = list(Revision.objects.filter(function__name=PLANETS).order_by("number"))
    for revision, following in zip(revisions, [*revisions[1:], None], strict=True):
        calls = Span.objects.filter(completion__revision=revision)
        assert calls.count() >= 10
        assert not calls.filter(started_at__lt=revision.created_at).exists()
        assert following is None or not calls.filter(started_at__gte=following.created_at).exists()
    assert {span.revision_number for span in Span.objects.filter(function_name=PLANETS)} == {1, 2, 3}


def test_some_calls_were_repaired_some_answered_by_another_model(loaded: Project) -> None:
    calls = Span.objects.filter(function_name=PLANETS)
    assert calls.filter(repair_count__gt=0, status=Status.RECOVERED).exists()
    assert calls.filter(is_fallback=True, status=Status.RECOVERED).exists()
    assert set(calls.filter(status=Status.ERROR).values_list("error_kind", flat=True)) == {
        "rate_limit",
        "overloaded",
        "schema",
    }


def test_nothing_is_in_the_future(loaded: Project) -> None:
    now = timezone.now()
    assert not Span.objects.filter(ended_at__gt=now).exists()
    assert not Evaluation.objects.filter(ended_at__gt=now).exists()
    assert not Feedback.objects.filter(created_at__gt=now).exists()
    assert not SpanMetric.objects.filter(created_at__gt=now).exists()


def test_totals_of_each_trace_are_those_of_its_spans(loaded: Project) -> None:
    for trace in Trace.objects.all():
        counted = Trace.objects.get(pk=trace.pk)
        totals.recount(counted)
        assert _columns(counted) == _columns(trace)


def test_figures_of_a_function_are_the_same_before_and_after_hours_are_added_up(loaded: Project) -> None:
    function = Function.objects.get(name=PLANETS)
    now = timezone.now()
    before = figures.revision_figures(function, now)
    roll_up(now=now + timedelta(hours=3))
    after = figures.revision_figures(Function.objects.get(name=PLANETS), now)
    assert {number: each.figures.sums for number, each in after.items()} == {
        number: each.figures.sums for number, each in before.items()
    }
    assert sum(each.figures["calls"] for each in after.values()) == Span.objects.filter(function_name=PLANETS).count()


def test_an_example_no_longer_fits_and_others_were_shown(loaded: Project) -> None:
    examples = DatasetExample.objects.filter(function__name=PLANETS)
    assert 6 <= examples.count() <= 8
    assert examples.exclude(misfit="").count() == 1
    assert set(examples.values_list("source", flat=True)) == {"written", "imported", "trace", "automatic"}
    assert examples.filter(used_count__gt=0).exists()
    spans = Span.objects.filter(id__in=examples.exclude(span_id=None).values("span_id"))
    assert {span.revision_number for span in spans} == {3}


def test_evaluations_are_in_every_final_state_and_none_waits_for_a_worker(loaded: Project) -> None:
    states = states_of(Function.objects.get(name=PLANETS), None)
    assert set(states.counts) == {STATES.DONE, STATES.FAILED, STATES.SKIPPED}
    assert {(judge.version, judge.model) for judge in states.judges} == {(0, "sample/judge"), (1, "sample/judge")}
    done = Evaluation.objects.filter(state=STATES.DONE)
    assert all(each.observations and each.criteria and each.span.trace.is_sample for each in done)
    assert all(each.span.score == each.score for each in done.filter(is_repeat=False))


def test_people_and_the_judge_do_not_always_agree(loaded: Project) -> None:
    trust = trust_of(Function.objects.get(name=PLANETS), version=1)
    assert trust.agreement.is_enough
    assert trust.disagreements
    assert trust.settled
    assert trust.spread is not None
    assert Feedback.objects.exclude(correction=None).exists()
    assert SpanMetric.objects.exists()


def test_sample_judges_leave_the_budget_of_the_project_alone(loaded: Project) -> None:
    assert spending_of(loaded).spent_usd == Decimal(0)


def test_loading_twice_is_loading_once(loaded: Project) -> None:
    counted = _counts()
    samples.load(loaded)
    assert _counts() == counted


def test_a_function_of_ones_own_with_the_name_of_a_sample_stays(project: Project) -> None:
    own = Function.objects.create(project=project, name=PLANETS)
    samples.load(project)
    assert Function.objects.filter(name=f"{PLANETS}_2", is_sample=True).exists()
    samples.remove(project)
    assert list(Function.objects.all()) == [own]


def test_removing_samples_leaves_the_rest(project: Project) -> None:
    mine = recording.start(project, "mine", span_id=uuid.uuid4())
    judged = Evaluation.objects.create(project=project, span=mine, state=STATES.DONE, score=70)
    rated = Feedback.objects.create(project=project, span=mine, score=1)
    call_command("demo")
    call_command("demo", "--remove")
    assert [trace.name for trace in Trace.objects.all()] == ["mine"]
    assert not Function.objects.exists()
    assert list(Evaluation.objects.all()) == [judged]
    assert list(Feedback.objects.all()) == [rated]
    assert not SpanMetric.objects.exists()


def test_whoever_calls_a_removed_sample_is_not_answered_from_memory(loaded: Project) -> None:
    before = Project.objects.get(pk=loaded.pk).definitions_version
    samples.remove(loaded)
    assert Project.objects.get(pk=loaded.pk).definitions_version > before


def _columns(trace: Trace) -> dict[str, object]:
    return {field.attname: getattr(trace, field.attname) for field in Trace._meta.concrete_fields}


def _counts() -> list[int]:
    kinds = (Trace, Span, Function, Revision, DatasetExample, Completion, Evaluation, Feedback, SpanMetric)
    return [kind.objects.count() for kind in kinds]
