"""Old traces go with all that hangs on them; young ones, running ones and the figures of past days stay."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as real_settings
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from functions.models import Batch, BatchItem, Completion
from opperweb.accounts.models import Project
from opperweb.celery import app
from tests.traces.factories import make_attempt, make_call, make_span, make_trace
from traces import recording, retention
from traces.analytics.hours import hour_of
from traces.analytics.ledger import Ledger
from traces.analytics.rollups import roll_up
from traces.evaluation_models import Evaluation, Feedback
from traces.jobs import delete_old_job
from traces.models import Attempt, AttemptBody, Kind, Span, SpanBody, SpanMetric, Status, Trace, TraceFacet
from traces.retention import delete_old
from traces.usage_models import UsageRow, UsageStale

NOW = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)
OLD = NOW - timedelta(days=31)
YOUNG = NOW - timedelta(days=29)
LIMIT = NOW - timedelta(days=30)
SECOND = timedelta(seconds=1)
HANGING = (Span, SpanBody, Attempt, AttemptBody, TraceFacet, SpanMetric, Evaluation, Feedback, Completion)


@pytest.fixture(autouse=True)
def _thirty_days(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RETENTION_DAYS = 30
    monkeypatch.setattr(retention, "PAUSE_S", 0)
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def make_whole(project: Project, started_at: datetime) -> Trace:
    """Make a call with one of everything that can hang on it."""
    trace = make_call(project, started_at=started_at, input="in", output="out", tags={"env": "test"}, input_tokens=7)
    span = trace.spans.get()
    make_attempt(span)
    SpanMetric.objects.create(span=span, dimension="stars", value=5)
    Evaluation.objects.create(project=project, span=span, state=Evaluation.State.DONE, score=80)
    Feedback.objects.create(project=project, span=span, score=1)
    Completion.objects.create(span=span, project=project, state=Completion.State.DONE)
    return trace


def names() -> list[str]:
    return sorted(Trace.objects.values_list("name", flat=True))


def calls_by_day(project: Project) -> dict[int, tuple[int, int]]:
    midnight = NOW.replace(hour=0, minute=0)
    days = [midnight - timedelta(days=number) for number in range(40, -2, -1)]
    return {
        day: (sums["calls"], sums["input_tokens"]) for (day, _), sums in Ledger(project, days).figures(days).items()
    }


def test_an_old_trace_goes_with_all_that_hangs_on_it_and_a_young_one_stays(project):
    make_whole(project, OLD)
    young = make_whole(project, YOUNG)
    roll_up()
    assert delete_old() == 1
    assert Trace.objects.get() == young
    assert {model.__name__: model.objects.count() for model in HANGING} == {
        **{model.__name__: 1 for model in HANGING},
        "TraceFacet": young.facets.count(),
    }
    assert delete_old() == 0


def test_the_other_project_is_treated_the_same(project, other_project):
    for place in (project, other_project):
        make_call(place, "old", started_at=OLD)
        make_call(place, "young", started_at=YOUNG)
    roll_up()
    assert delete_old() == 2
    assert names() == ["young", "young"]


@pytest.mark.parametrize("days", [None, 0])
def test_without_the_setting_everything_is_kept(project, settings, days, django_assert_num_queries):
    settings.RETENTION_DAYS = days
    make_call(project, started_at=OLD - timedelta(days=20))
    roll_up()
    with django_assert_num_queries(0):
        assert delete_old() == 0
    assert Trace.objects.count() == 1


def test_the_setting_is_off_by_default():
    assert real_settings.is_overridden("RETENTION_DAYS")
    assert real_settings.default_settings.RETENTION_DAYS is None


def test_a_trace_is_as_old_as_the_end_of_its_root(project):
    for name, ended_at in (("just", LIMIT - SECOND), ("not yet", LIMIT), ("later", LIMIT + SECOND)):
        make_span(make_trace(project, started_at=OLD), name, ended_at=ended_at, duration_ms=None)
    # The end of a child does not count, only its start.
    trace = make_trace(project, started_at=OLD)
    root = make_span(trace, "long child")
    make_span(trace, "child", parent=root, ended_at=YOUNG, duration_ms=None)
    assert delete_old() == 2
    assert names() == ["later", "not yet"]


def test_a_root_that_failed_and_never_ended_counts_from_its_start(project):
    make_span(make_trace(project, started_at=OLD), "old", status=Status.ERROR, duration_ms=None)
    make_span(make_trace(project, started_at=YOUNG), "young", status=Status.ERROR, duration_ms=None)
    assert delete_old() == 1
    assert names() == ["young"]


def test_what_runs_stays_however_old_it_is(project):
    make_span(make_trace(project, started_at=OLD), "root runs", status=Status.RUNNING)
    trace = make_trace(project, started_at=OLD)
    root = make_span(trace, "child runs")
    make_span(trace, "child", parent=root, status=Status.RUNNING)
    assert delete_old() == 0
    recording.change(Span.objects.get(name="child"), status=Status.OK, ended_at=NOW)
    assert delete_old() == 1
    assert names() == ["root runs"]


def test_what_still_gets_spans_stays(project):
    trace = make_trace(project, started_at=OLD)
    root = make_span(trace, "session")
    make_span(trace, "today", parent=root, started_at=NOW)
    assert delete_old() == 0


@pytest.mark.parametrize("state", [Evaluation.State.QUEUED, Evaluation.State.RUNNING])
def test_what_is_being_judged_stays_until_it_is(project, state):
    trace = make_call(project, started_at=OLD)
    evaluation = Evaluation.objects.create(project=project, span=trace.spans.get(), state=state)
    roll_up()
    assert delete_old() == 0
    Evaluation.objects.filter(pk=evaluation.pk).update(state=Evaluation.State.DONE)
    assert delete_old() == 1


def test_an_evaluation_outlives_the_trace_of_its_judge(project):
    judged = make_call(project, "judged", started_at=YOUNG).spans.get()
    judge = make_call(project, "judge", started_at=OLD).spans.get()
    Evaluation.objects.create(project=project, span=judged, judge_span=judge, state=Evaluation.State.DONE, score=80)
    roll_up()
    assert delete_old() == 1
    evaluation = Evaluation.objects.get()
    assert (evaluation.score, evaluation.judge_span) == (80, None)


def test_an_input_of_a_batch_outlives_its_call(project):
    span = make_call(project, started_at=OLD).spans.get()
    batch = Batch.objects.create(project=project, name="batch", total_count=1)
    item = BatchItem.objects.create(batch=batch, number=0, state=BatchItem.State.DONE, span=span)
    roll_up()
    assert delete_old() == 1
    item.refresh_from_db()
    assert (item.state, item.span) == (BatchItem.State.DONE, None)


# --- figures of the past ----------------------------------------------------------------------------------------------


def test_the_figures_of_past_days_do_not_change(project):
    for number, started_at in enumerate((OLD, OLD + timedelta(hours=5), OLD - timedelta(days=4), YOUNG, NOW)):
        make_call(project, started_at=started_at, input_tokens=10**number)
    roll_up()
    before, rows = calls_by_day(project), list(UsageRow.objects.order_by("pk").values())
    assert delete_old() == 3
    roll_up()
    assert calls_by_day(project) == before
    assert sum(calls for calls, _ in before.values()) == 5
    assert list(UsageRow.objects.order_by("pk").values()) == rows
    assert not UsageStale.objects.exists()


def test_a_trace_waits_until_its_hours_are_added_up(project):
    make_call(project, started_at=OLD)
    assert delete_old() == 0
    roll_up()
    UsageStale.objects.create(project=project, hour=hour_of(OLD))
    assert delete_old() == 0
    roll_up()
    assert delete_old() == 1
    assert sum(calls for calls, _ in calls_by_day(project).values()) == 1


def test_what_was_never_billed_waits_for_nobody(project):
    make_span(make_trace(project, started_at=OLD), kind=Kind.TOOL)
    assert delete_old() == 1


# --- portions ---------------------------------------------------------------------------------------------------------


def test_many_traces_go_in_many_small_transactions(project, monkeypatch):
    monkeypatch.setattr(retention, "PAGE", 7)
    monkeypatch.setattr(retention, "MOST_TRACES", 3)
    for number in range(40):
        # Of every five one stays, so that pages have to be passed.
        status = Status.OK if number % 5 else Status.RUNNING
        make_call(project, started_at=OLD + timedelta(seconds=number // 3), status=status)
    roll_up()
    sizes: list[retention.Deleted] = []
    original = retention._delete

    def counted(*arguments: Any) -> retention.Deleted:
        sizes.append(original(*arguments))
        return sizes[-1]

    monkeypatch.setattr(retention, "_delete", counted)
    assert delete_old() == 32
    assert sum(each.traces for each in sizes) == 32
    assert max(each.traces for each in sizes) == 3
    assert set(Trace.objects.values_list("status", flat=True)) == {Status.RUNNING}


def test_a_large_trace_goes_in_pieces_and_its_root_last(project, monkeypatch):
    monkeypatch.setattr(retention, "MOST_SPANS", 4)
    trace = make_trace(project, started_at=OLD)
    root = make_span(trace, "root")
    for number in range(1, 15):
        make_span(trace, parent=root, after_ms=number, kind=Kind.LLM, input_tokens=1)
    roll_up()
    before = calls_by_day(project)
    ticks = itertools.count()
    monkeypatch.setattr(retention.time, "monotonic", lambda: float(next(ticks)))
    # Time runs out after two pieces.
    assert delete_old(patience_s=4) == 0
    assert Span.objects.count() == 7
    assert Span.objects.filter(name="root").exists()
    assert delete_old(patience_s=100) == 1
    assert not Span.objects.exists()
    roll_up()
    assert calls_by_day(project) == before


def test_a_run_ends_when_its_time_is_over(project):
    make_call(project, started_at=OLD)
    roll_up()
    assert delete_old(patience_s=0) == 0
    assert Trace.objects.count() == 1


def test_what_somebody_has_just_written_to_is_left_to_the_next_run(project, monkeypatch):
    make_call(project, started_at=OLD)
    roll_up()

    def refused(*_: Any) -> retention.Deleted:
        raise IntegrityError("a row still points there")

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_delete", refused)
        assert delete_old() == 0
    assert delete_old() == 1


def _queries(project: Project, count: int) -> int:
    for number in range(count):
        make_whole(project, OLD + timedelta(seconds=number))
    roll_up()
    with CaptureQueriesContext(connection) as queries:
        assert delete_old() == count
    return len(queries)


def test_a_transaction_takes_the_same_queries_for_few_and_for_many(project):
    few = _queries(project, 2)
    assert _queries(project, retention.MOST_TRACES) <= few + 5


def test_pages_and_spans_are_found_by_an_index(project):
    for number in range(30):
        make_call(project, started_at=OLD + timedelta(minutes=number))
    roll_up()
    with CaptureQueriesContext(connection) as queries:
        assert delete_old() == 30
    statements = [query["sql"] for query in queries if query["sql"].startswith(("SELECT", "DELETE"))]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # So small a table is read whole, or sorted, for nothing: what is asked is whether an index could do it.
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        plans = [_plan(cursor, statement) for statement in statements]
    wanted = [plan for plan in plans if "trace" in plan or "span" in plan]
    assert len(wanted) > 5
    for plan in wanted:
        assert "Seq Scan on traces_" not in plan
        assert "SCAN traces_" not in plan
    page = next(plan for plan in plans if "trace_newest" in plan)
    assert "TEMP B-TREE" not in page
    assert "Sort" not in page


def _plan(cursor: Any, statement: str) -> str:
    how = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    cursor.execute(f"{how} {statement}")
    return "\n".join(str(row[-1]) for row in cursor.fetchall())


# --- the job ----------------------------------------------------------------------------------------------------------


def test_the_clock_sends_the_job_and_does_not_wait_for_it(project):
    entry = real_settings.CELERY_BEAT_SCHEDULE["delete_old"]
    assert app.tasks[entry["task"]].name == delete_old_job.name
    assert entry["options"]["queue"] == real_settings.CELERY_TASK_DEFAULT_QUEUE
    make_call(project, started_at=OLD)
    roll_up()
    delete_old_job()
    assert not Trace.objects.exists()


def test_nothing_that_hangs_on_a_span_keeps_it_there():
    """A model that forbids it would stop everything older than it."""
    relations = [
        field
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "remote_field", None) and field.concrete and field.related_model in (Span, Trace)
    ]
    assert {field.remote_field.on_delete.__name__ for field in relations} == {"CASCADE", "SET_NULL"}


def test_a_late_mark_does_not_take_the_past_away(project):
    for name in ("gone", "kept"):
        make_call(project, name, started_at=OLD, status=Status.OK if name == "gone" else Status.RUNNING)
    roll_up()
    before = calls_by_day(project)
    assert delete_old() == 1
    recording.change(Span.objects.get(name="kept"), score=50)
    assert calls_by_day(project) == before
    roll_up()
    assert calls_by_day(project) == before
