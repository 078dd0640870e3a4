"""Paging by key: no row twice, none left out, whatever the order."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from opperweb.accounts.models import Project
from opperweb.pages.paging import Order, page_of, place_of
from tests.traces.factories import make_trace
from traces.models import Trace

BY_TIME = Order.by_time("started_at")
BY_SCORE = Order.by_count("score")
BY_SCORE_UP = Order.by_count("score", is_descending=False)


@pytest.fixture
def seven_traces(project: Project) -> None:
    now = timezone.now()
    for number, score in enumerate([50, None, 90, 50, None, 10, 50]):
        make_trace(project, f"t{number}", score=score, started_at=now - timedelta(minutes=number // 2))


def names_of(order: Order, size: int) -> list[list[str]]:
    pages: list[list[str]] = []
    params: dict[str, str] = {}
    while True:
        page = page_of(Trace.objects.all(), params, order, size=size)
        pages.append([trace.name for trace in page.items])
        if page.older is None:
            return pages
        params = {"after": page.older}


@pytest.mark.usefixtures("seven_traces")
@pytest.mark.parametrize("order", [BY_TIME, BY_SCORE, BY_SCORE_UP])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_every_row_comes_once_and_in_order(order: Order, size: int) -> None:
    pages = names_of(order, size)
    assert [name for page in pages for name in page] == [
        trace.name for trace in Trace.objects.order_by(*order.expressions)
    ]
    assert all(len(page) == size for page in pages[:-1])


@pytest.mark.usefixtures("seven_traces")
@pytest.mark.parametrize("order", [BY_TIME, BY_SCORE, BY_SCORE_UP])
def test_the_way_back_shows_the_same_pages(order: Order) -> None:
    forward = names_of(order, 3)
    page = page_of(Trace.objects.all(), {}, order, size=3)
    while page.older:
        page = page_of(Trace.objects.all(), {"after": page.older}, order, size=3)
    backward = []
    while page.newer:
        page = page_of(Trace.objects.all(), {"before": page.newer}, order, size=3)
        backward.append([trace.name for trace in page.items])
    assert backward[::-1] == forward[:-1]


@pytest.mark.usefixtures("seven_traces")
def test_rows_without_a_value_come_last() -> None:
    for order in (BY_SCORE, BY_SCORE_UP):
        assert set(names_of(order, 7)[0][-2:]) == {"t1", "t4"}


def _written(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.usefixtures("seven_traces")
@pytest.mark.parametrize(
    "cursor",
    ["x", "=", "é", "a" * 500, "[]", *map(_written, ([], None, [1], [1, 2], ["1", "2"], ["x", 1], [None, True])),
     _written(["9" * 60, 1]), _written(["1", 2**70]), _written({"a": 1})],
)  # fmt: skip
def test_a_cursor_that_makes_no_sense_is_the_first_page(cursor: str) -> None:
    for order in (BY_TIME, BY_SCORE):
        first = page_of(Trace.objects.all(), {}, order, size=3).items
        assert page_of(Trace.objects.all(), {"after": cursor}, order, size=3).items == first
        assert page_of(Trace.objects.all(), {"before": cursor}, order, size=3).items == first


@pytest.mark.parametrize("order", [BY_TIME, BY_SCORE, BY_SCORE_UP])
def test_each_row_knows_its_place_and_its_neighbours(seven_traces, order):
    rows = list(Trace.objects.order_by(*order.expressions))
    for number, row in enumerate(rows, 1):
        place = place_of(Trace.objects.all(), row, order, most=100)
        assert (place.number, place.total) == (number, 7)
        assert place.previous == (rows[number - 2] if number > 1 else None)
        assert place.next == (rows[number] if number < 7 else None)


def test_places_are_counted_up_to_a_bound_in_at_most_five_queries(seven_traces, django_assert_max_num_queries):
    last = Trace.objects.order_by(*BY_TIME.expressions).last()
    with django_assert_max_num_queries(5):
        place = place_of(Trace.objects.all(), last, BY_TIME, most=3)
    assert (place.number, place.total) == (4, 4)


def test_a_row_that_the_list_does_not_hold_has_no_place(seven_traces):
    row = Trace.objects.first()
    assert place_of(Trace.objects.exclude(pk=row.pk), row, BY_TIME, most=100) is None
