"""The list of functions: what each row says, how it is sorted, searched and paged, and who sees it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from functions.models import Completion, Function, Revision
from functions.pages.function_list import PAGE_SIZE, tone_of
from functions.pages.strips import strip_of
from opperweb.accounts.models import Project
from tests.traces.factories import make_call
from traces.analytics.rollups import roll_up
from traces.models import Span

LIST = "/projects/acme/functions/"
NOW = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch, alice_client: Client) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def make_function(project: Project, name: str, model: Any = "openai/gpt-4o", **values: Any) -> Function:
    function = Function.objects.create(project=project, name=name, **values)
    for number in (1, 2):
        Revision.objects.create(function=function, number=number, digest=str(number), model=model)
    return function


def call(function: Function, ago: timedelta, **values: Any) -> Span:
    at = NOW - ago
    trace = make_call(function.project, function.name, started_at=at, function_name=function.name, **values)
    span = trace.spans.get()
    Completion.objects.create(span=span, project=function.project, function=function, state="done", created_at=at)
    return span


def page_text(client: Client, query: str = "") -> str:
    response = client.get(f"{LIST}{query}")
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u202f", " ").split())


def rows_of(html: str) -> list[str]:
    return [words(row) for row in re.findall(r"<tr[^>]* data-row>.*?</tr>", html, re.DOTALL)]


def names_of(html: str) -> list[str]:
    return re.findall(r'class="row-link"[^>]* title="([^"]*)"', html)


def test_a_row_says_what_its_function_came_to_in_a_day(alice_client: Client, project: Project) -> None:
    models = ["openai/gpt-4.1-nano", "openai/gpt-4o-mini"]
    function = make_function(project, "mini_kb_query", models, description="Answer a question")
    for _number in range(9):
        call(function, 5 * HOUR, score=90, cost_usd=Decimal("0.5"), duration_ms=900)
    call(function, 2 * timedelta(minutes=1), status="error")
    call(function, 30 * HOUR)
    roll_up()
    (row,) = rows_of(page_text(alice_client))
    assert row.startswith("mini_kb_query Answer a question openai/gpt-4.1-nano +1 10 calls 90.0 % ")
    assert row.endswith(" $4.50 score 90 2 2 min")


def test_a_function_that_nobody_calls_fades(alice_client: Client, project: Project) -> None:
    call(make_function(project, "old"), 3 * DAY)
    make_function(project, "never", model=None)
    html = page_text(alice_client)
    never, old = rows_of(html)
    assert html.count('class="unused"') == 2
    assert never.endswith("No calls 0 calls – – – – – 2 –")
    assert old.endswith("2 17 Nov")
    week = page_text(alice_client, "?range=7d")
    assert week.count('class="unused"') == 1
    assert "Calls, 7 days" in week


def test_success_is_coloured_where_it_is_low() -> None:
    assert [tone_of(share) for share in (None, 1, 0.98, 0.979, 0.9, 0.899)] == [
        "", "", "", "is-warn", "is-warn", "is-err",
    ]  # fmt: skip


def test_it_begins_with_the_function_called_most_and_sorts_by_any_head(alice_client: Client, project: Project) -> None:
    one, two, three = (make_function(project, name) for name in ("beta", "Alpha", "gamma"))
    call(one, HOUR, duration_ms=5000, cost_usd=Decimal("1"), score=10)
    for _ in range(2):
        call(two, 2 * HOUR, duration_ms=100, cost_usd=Decimal("3"), score=99, status="error")
    assert names_of(page_text(alice_client)) == ["Alpha", "beta", "gamma"]
    for sort, first, last in (
        ("name", "Alpha", "gamma"),
        ("-name", "gamma", "Alpha"),
        ("calls", "gamma", "Alpha"),
        ("success", "Alpha", "gamma"),
        ("-success", "beta", "gamma"),
        ("-p50", "beta", "gamma"),
        ("p95", "Alpha", "gamma"),
        ("-cost", "Alpha", "gamma"),
        ("score", "beta", "gamma"),
        ("-last", "beta", "gamma"),
        ("last", "Alpha", "gamma"),
        ("nonsense", "Alpha", "gamma"),
    ):
        names = names_of(page_text(alice_client, f"?sort={sort}"))
        assert (names[0], names[-1]) == (first, last), sort
    html = page_text(alice_client, "?sort=-cost&q=a")
    assert 'aria-sort="descending"><a href="?q=a&amp;sort=cost">' in html
    assert three.name in html


def test_every_word_is_looked_for_in_name_and_description(alice_client: Client, project: Project) -> None:
    make_function(project, "rank_facts", description="Order them by how well they fit")
    make_function(project, "list_facts")
    assert names_of(page_text(alice_client, "?q=FACTS%20order")) == ["rank_facts"]
    none = page_text(alice_client, "?q=%3Cb%3Enothing&range=7d")
    assert "No function found" in none
    assert "&lt;b&gt;nothing" in none
    assert 'href="?range=7d"' in none
    assert alice_client.get(f"{LIST}?q=%F0%9F&range=x&sort=-&page=x").status_code == 200


def test_a_hundred_stand_on_a_page(alice_client: Client, project: Project) -> None:
    Function.objects.bulk_create(Function(project=project, name=f"f{number:03}") for number in range(PAGE_SIZE + 3))
    first = page_text(alice_client, "?sort=name")
    assert len(names_of(first)) == PAGE_SIZE
    assert 'rel="next" href="?sort=name&amp;page=2"' in first
    second = page_text(alice_client, "?sort=name&page=2")
    assert names_of(second) == ["f100", "f101", "f102"]
    assert 'rel="prev" href="?sort=name"' in second
    assert "103" in words(second)
    for page in ("99", "0", "-1", "9" * 30, "²"):
        assert names_of(page_text(alice_client, f"?sort=name&page={page}"))


def test_a_project_without_functions_says_how_one_comes_to_be(alice_client: Client, project: Project) -> None:
    html = page_text(alice_client)
    assert "No functions yet" in html
    assert "/projects/acme/traces/" in html


def test_a_model_that_nobody_can_read_breaks_no_list(alice_client: Client, project: Project) -> None:
    make_function(project, "odd", model=[])
    assert names_of(page_text(alice_client)) == ["odd"]


def test_strangers_and_other_projects_are_kept_apart(
    alice_client: Client, charlie_client: Client, project: Project, other_project: Project
) -> None:
    call(make_function(other_project, "theirs"), HOUR)
    make_function(project, "ours")
    assert names_of(page_text(alice_client)) == ["ours"]
    assert charlie_client.get(LIST).status_code == 404
    assert charlie_client.post("/projects/umbrella/functions/").status_code == 405


def test_the_number_of_queries_is_fixed(alice_client: Client, project: Project) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            page_text(alice_client)
        return [query["sql"] for query in captured.captured_queries]

    call(make_function(project, "first"), 5 * HOUR)
    roll_up()
    queries()
    few = queries()
    for number in range(20):
        call(make_function(project, f"f{number}"), number * HOUR)
    roll_up()
    many = queries()
    assert len(many) == len(few) <= 11
    assert not [sql for sql in many if "spanbody" in sql.lower()]


def test_a_strip_has_its_own_scale_and_red_at_its_feet() -> None:
    assert strip_of([]).is_empty
    assert strip_of([(0, 0), (0, 0)]).is_empty
    strip = strip_of([(10, 0), (10, 5), (4, 4)])
    assert strip.calls == "M0 20v-20h4v20zM5 10v-10h4v10z"
    assert strip.errors == "M5 20v-10h4v10zM10 20v-8h4v8z"
    # One failure among ten thousand can be seen.
    assert strip_of([(10_000, 1)]).errors == "M0 20v-1h4v1z"
