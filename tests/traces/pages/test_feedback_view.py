"""What people and programs said of a span, and what a correction changes, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from opperweb.accounts.models import ApiKey, Project, User
from tests.traces.factories import make_call
from traces.evaluation_models import Feedback
from traces.models import Span
from traces.pages.feedback_view import MOST_CHARACTERS, difference, differences_of, feedback_of


@pytest.fixture
def span(project: Project) -> Span:
    return make_call(project, output={"answer": "Mars"}).spans.get()


def kinds(output: Any, corrected: Any) -> dict[str, list[tuple[str, str]]]:
    return {each.name: [(p.kind, p.text) for p in each.pieces] for each in differences_of(output, corrected)}


def test_only_fields_that_differ_are_told() -> None:
    assert kinds({"a": "one two", "b": 1, "gone": "x"}, {"a": "one three", "b": 1, "new": [1]}) == {
        "a": [("same", "one "), ("removed", "two"), ("added", "three")],
        "gone": [("removed", "x")],
        "new": [("added", "[\n  1\n]")],
    }
    assert kinds("Mars", "Jupiter") == {"": [("removed", "Mars"), ("added", "Jupiter")]}
    assert kinds("Mars", "Mars") == {}


def test_more_than_a_diff_is_read_for_is_shown_as_a_whole_and_cut() -> None:
    pieces = difference("a" * 2 * MOST_CHARACTERS, "b")
    assert [(piece.kind, len(piece.text)) for piece in pieces] == [("removed", MOST_CHARACTERS), ("added", 1)]


def test_who_said_it_is_a_person_a_key_or_somebody_who_has_left(span: Span, alice: User) -> None:
    key, _ = ApiKey.objects.make(span.project, "backend-prod")
    for who in ({"author": alice}, {"api_key": key}, {}):
        Feedback.objects.create(project=span.project, span=span, score=1, **who)
    view = feedback_of(span, None)
    assert sorted(each.who for each in view.opinions) == ["", "Alice", "backend-prod"]
    assert (view.good, view.bad) == (3, 0)


def test_a_comment_alone_is_neither_good_nor_bad(span: Span, alice: User) -> None:
    Feedback.objects.create(project=span.project, span=span, author=alice, comment="Hm")
    view = feedback_of(span, None)
    assert (view.good, view.bad, view.opinions[0].comment) == (0, 0, "Hm")


def test_numbers_are_written_as_people_read_them(span: Span) -> None:
    for value in (4.0, 0.25, 1.5e300, -0.1):
        span.metrics.create(dimension="helpfulness", value=value)
    assert {row.value for row in feedback_of(span, None).metrics} == {"4", "0.25", "1.5e+300", "-0.1"}


def test_many_opinions_take_as_many_queries_as_one(span: Span, alice: User, django_assert_num_queries: Any) -> None:
    key, _ = ApiKey.objects.make(span.project, "backend-prod")
    for number in range(20):
        Feedback.objects.create(project=span.project, span=span, api_key=key, comment=str(number))
        span.metrics.create(dimension="n", value=number, api_key=key)
    Feedback.objects.create(project=span.project, span=span, author=alice, correction={"answer": "Jupiter"})
    with django_assert_num_queries(2):
        view = feedback_of(span, {"answer": "Mars"})
        said = [(each.who, each.differences) for each in view.opinions]
        [row.metric.api_key and row.metric.api_key.name for row in view.metrics]
    assert len(said) == 21
