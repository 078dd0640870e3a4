"""What waits for a reviewer, in which order, and what undoing a rating leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from functions import review
from opperweb.accounts.models import Project, User
from tests.traces.factories import make_call
from traces.evaluation_models import Evaluation, Feedback
from traces.filters import TraceFilter
from traces.models import Origin, Span, Status


def names(project: Project, user: User, query: str = "", **past: int) -> list[str]:
    until = timezone.now() - timedelta(**past)
    calls = review.waiting(project, user, wanted(query), until)
    return [span.name for span in calls.order_by("-started_at")]


def wanted(query: str = "") -> TraceFilter:
    return TraceFilter.from_query(QueryDict(query), default_range=review.DEFAULT_RANGE)


def make(project: Project, name: str, *, minutes: int = 1, **values: object) -> Span:
    started_at = timezone.now() - timedelta(minutes=minutes)
    span: Span = make_call(project, name, started_at=started_at, **values).spans.get()
    return span


def test_what_one_has_rated_waits_no_more_and_a_comment_is_no_rating(project: Project, alice: User, bob: User) -> None:
    for number, name in enumerate(("mine", "theirs", "said")):
        make(project, name, minutes=number + 1)
    spans = {span.name: span for span in Span.objects.all()}
    Feedback.objects.create(project=project, span=spans["mine"], author=alice, score=0.0)
    Feedback.objects.create(project=project, span=spans["theirs"], author=bob, score=0.0)
    Feedback.objects.create(project=project, span=spans["theirs"], score=1.0)
    Feedback.objects.create(project=project, span=spans["said"], author=alice, comment="hm")
    assert names(project, alice) == ["theirs", "said"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ok", "recovered", "playground"]),
        ("q=status:error", ["failed"]),
        ("q=status:running", []),
        ("q=error:rate_limit", ["failed"]),
        ("q=-status:ok", ["recovered"]),
        ("q=origin:evaluation", []),
        ("range=all", ["ok", "recovered", "playground", "old"]),
    ],
)
def test_answered_calls_wait_and_others_only_where_they_are_asked_for(
    project: Project, alice: User, query: str, found: list[str]
) -> None:
    make(project, "ok", minutes=1)
    make(project, "recovered", minutes=2, status=Status.RECOVERED)
    make(project, "failed", minutes=3, status=Status.ERROR, error_kind="rate_limit")
    make(project, "running", minutes=4, status=Status.RUNNING)
    make(project, "judge", minutes=5, origin=Origin.EVALUATION)
    make(project, "playground", minutes=6, origin=Origin.PLAYGROUND)
    make(project, "old", minutes=60 * 24 * 31)
    assert names(project, alice, query) == found


def test_a_range_ends_where_the_round_began(project: Project, alice: User) -> None:
    make(project, "new", minutes=5)
    make(project, "older", minutes=70)
    assert names(project, alice, "range=1h") == ["new"]
    assert names(project, alice, "range=1h", minutes=30) == ["older"]


def test_behind_the_last_one_comes_the_first_again(project: Project, alice: User) -> None:
    moment = timezone.now() - timedelta(minutes=1)
    spans = [make_call(project, str(number), started_at=moment).spans.get() for number in range(3)]
    calls = review.waiting(project, alice, wanted(), timezone.now())
    seen, at = [], None
    for _ in range(4):
        span = review.next_of(calls, at)
        assert span is not None
        seen.append(span.name)
        at = review.cursor_of(span)
    # Those of one moment too, each once.
    assert seen == ["2", "1", "0", "2"]
    assert review.place_of(calls, spans[1]) == review.Place(1, 1)
    assert review.count_of(calls) == 3


def test_opinions_are_for_whoever_has_one(project: Project, alice: User, bob: User) -> None:
    span = make(project, "call")
    states = Evaluation.State
    for state, score, is_repeat in ((states.DONE, 40, False), (states.DONE, 10, True), (states.FAILED, None, False)):
        Evaluation.objects.create(project=project, span=span, state=state, score=score, is_repeat=is_repeat)
    Feedback.objects.create(project=project, span=span, author=bob, score=1.0)
    Feedback.objects.create(project=project, span=span, score=0.2)
    Feedback.objects.create(project=project, span=span, comment="no rating")
    assert review.opinions_on(project, span.id, alice) is None
    own = Feedback.objects.create(project=project, span=span, author=alice)
    assert review.opinions_on(project, span.id, alice) is None
    Feedback.objects.filter(pk=own.pk).update(score=0.0)
    assert review.opinions_on(project, span.id, alice) == review.Opinions(False, 40, 1, 1)


def test_undo_takes_the_rating_and_leaves_the_words(project: Project, alice: User) -> None:
    span, other = make(project, "call"), make(project, "other")
    Feedback.objects.create(project=project, span=span, author=alice, score=1.0, comment="why", correction={"a": 1})
    Feedback.objects.create(project=project, span=other, author=alice, score=1.0)
    assert review.undo(span, alice, made_example=False)
    assert review.undo(other, alice, made_example=True)
    left = Feedback.objects.get()
    assert (left.span, left.score, left.comment, left.correction) == (span, None, "why", {"a": 1})
    assert not review.undo(span, alice, made_example=False)


def test_a_filter_of_another_list_keeps_its_time(project: Project) -> None:
    assert review.query_of(TraceFilter.from_query(QueryDict("q=tag:a&sort=cost"))) == "q=tag:a&range=24h"
    assert review.query_of(TraceFilter.from_query(QueryDict("range=30d"))) == ""
    fixed = review.query_of(TraceFilter.from_query(QueryDict("from=2026-01-01")))
    assert fixed.startswith("from=2026-01-01")
    assert "range" not in fixed
