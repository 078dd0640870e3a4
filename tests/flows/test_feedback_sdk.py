"""Feedback, saved examples and metrics by the real SDK, and what people say of one completion at the same moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from opperai import Opper, errors

from functions import feedback
from functions.models import DatasetExample
from opperweb.accounts.models import Project, User
from traces.evaluation_models import Feedback
from traces.models import Span, SpanMetric

pytestmark = pytest.mark.network_threads


@pytest.fixture
def opper(server: str, key: str) -> Any:
    return Opper(http_bearer=key, server_url=f"{server}/v2")


@pytest.fixture
def span_id(opper: Any) -> str:
    answer = opper.call(name="kb", instructions="Answer.", input={"question": "Which?"}, model="rehearsal/echo")
    span_id: str = answer.span_id
    return span_id


def test_feedback_is_given_and_read(opper: Any, span_id: str) -> None:
    given = opper.spans.submit_feedback(span_id=span_id, score=0.25, comment="Too long")
    assert (given.span_id, given.score, given.example_saved, given.comment) == (span_id, 0.25, False, "Too long")
    read = opper.spans.get(span_id=span_id)
    assert (read.feedback.score, read.feedback.comment) == (0.25, "Too long")
    assert opper.spans.submit_feedback(span_id=span_id, score=1, save_to_dataset=True).example_saved is True
    assert DatasetExample.objects.count() == 1


def test_a_score_out_of_range_and_a_span_that_is_not_there_are_typed_errors(opper: Any, span_id: str) -> None:
    with pytest.raises(errors.RequestValidationError) as refused:
        opper.spans.submit_feedback(span_id=span_id, score=1.5)
    assert refused.value.status_code == 422
    with pytest.raises(errors.NotFoundError):
        opper.spans.submit_feedback(span_id="00000000-0000-0000-0000-000000000000", score=1)
    assert not Feedback.objects.exists()


def test_examples_are_saved_from_a_span(opper: Any, span_id: str) -> None:
    saved = opper.spans.save_examples(span_id=span_id)
    entry = opper.datasets.get_entry(dataset_id=saved.dataset_id, entry_id=saved.dataset_entry_id)
    assert entry.input == '{"question":"Which?"}'


def test_metrics_are_made_listed_read_changed_and_deleted(opper: Any, span_id: str) -> None:
    made = opper.span_metrics.create_metric(span_id=span_id, dimension="helpfulness", value=4.5, comment="Clear")
    assert (made.dimension, made.value, made.comment, made.span_id) == ("helpfulness", 4.5, "Clear", span_id)
    listed = opper.span_metrics.list(span_id=span_id)
    assert (listed.meta.total_count, listed.data[0].id) == (1, made.id)
    assert opper.span_metrics.get(span_id=span_id, metric_id=made.id).value == 4.5
    changed = opper.span_metrics.update_metric(span_id=span_id, metric_id=made.id, value=-1)
    assert (changed.value, changed.dimension) == (-1, "helpfulness")
    trace = opper.traces.get(trace_id=opper.spans.get(span_id=span_id).trace_id)
    assert [metric.value for metric in trace.spans[0].metrics] == [-1]
    opper.span_metrics.delete(span_id=span_id, metric_id=made.id)
    assert not SpanMetric.objects.exists()


def test_a_metric_of_another_projects_span_is_not_found(server: str, other_key: str, opper: Any, span_id: str) -> None:
    stranger = Opper(http_bearer=other_key, server_url=f"{server}/v2")
    with pytest.raises(errors.NotFoundError):
        stranger.span_metrics.create_metric(span_id=span_id, dimension="x", value=1)
    assert not SpanMetric.objects.exists()


def test_people_who_rate_at_the_same_moment_lose_no_rating(opper: Any, span_id: str, project: Project) -> None:
    span = Span.objects.select_related("body").get(id=span_id)
    people = [User.objects.create_user(f"rater{number}@example.com") for number in range(4)]
    together = threading.Barrier(8)
    failed: list[BaseException] = []

    def rate(user: User, score: float) -> None:
        try:
            together.wait(10)
            feedback.give(span, feedback.Rater(user=user), score=score, comment=f"{score}")
        except BaseException as problem:
            failed.append(problem)
        finally:
            connection.close()

    # Each of them twice, as by a double press.
    raters = [threading.Thread(target=rate, args=(user, 1.0)) for user in people for _ in range(2)]
    for rater in raters:
        rater.start()
    for rater in raters:
        rater.join(30)
    assert not failed
    assert sorted(Feedback.objects.values_list("author__email", flat=True)) == [user.email for user in people]
