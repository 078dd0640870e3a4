"""The overview of a function, and the head that all its pages share: by its name, whatever characters that has."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from functions.figures import last_days
from functions.models import Completion, DatasetExample, Function, Revision
from functions.pages.function_page import head_of
from functions.pages.overview.charts import flags_of
from functions.pages.overview.error_groups import MOST_READ, alike, error_groups
from opperweb.accounts.models import Project
from tests.traces.factories import make_call
from traces.analytics.rollups import roll_up
from traces.models import Span, Trace

OVERVIEW = "/projects/acme/functions/mini_kb_query/overview/"
NOW = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch, alice_client: Client) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def function(project: Project) -> Function:
    return make_function(project, "mini_kb_query")


def make_function(project: Project, name: str) -> Function:
    function = Function.objects.create(project=project, name=name, created_at=NOW - 60 * DAY)
    for number, days in ((1, 50), (2, 9), (3, 2)):
        Revision.objects.create(function=function, number=number, digest=str(number), created_at=NOW - days * DAY)
    return function


def call(function: Function, ago: timedelta, revision: int = 3, **values: Any) -> Span:
    at = NOW - ago
    trace = make_call(function.project, started_at=at, function_name=function.name, revision_number=revision, **values)
    span = trace.spans.get()
    Completion.objects.create(span=span, project=function.project, function=function, state="done", created_at=at)
    return span


def page_text(client: Client, query: str = "", path: str = OVERVIEW) -> str:
    response = client.get(f"{path}{query}")
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u202f", " ").split())


def section(html: str, title: str) -> str:
    start = html.index(f'id="{title}"')
    return html[start : html.index("</section>", start)]


# --- the head -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "a/overview",
        "overview",
        "new",
        "with space",
        "ünïcode/ß",
        "50 %",
        "a?b#c",
        "a+b&c",
        "%2F",
        "a//b",
        "名前",
        "settings/x",
    ],
)
def test_a_function_of_any_name_has_its_page(alice_client: Client, project: Project, name: str) -> None:
    make_function(project, name)
    make_function(project, "a")
    address = reverse("functions:function", args=["acme", name])
    html = page_text(alice_client, path=address)
    assert f'<h1 title="{name.replace("&", "&amp;")}">' in html
    assert address in unescape(page_text(alice_client, path="/projects/acme/functions/"))


def test_the_address_of_a_function_leads_to_its_overview(alice_client: Client, project: Project) -> None:
    make_function(project, "team/x y")
    response = alice_client.get("/projects/acme/functions/team/x%20y/")
    assert response.status_code == 302
    assert response["Location"] == "/projects/acme/functions/team/x%20y/overview/"


def test_what_is_not_there_is_not_found(
    alice_client: Client, charlie_client: Client, function: Function, other_project: Project
) -> None:
    make_function(other_project, "theirs")
    for path in ("nothing/overview/", "nothing/", "theirs/overview/", "mini_kb_query/nothing/"):
        assert alice_client.get(f"/projects/acme/functions/{path}").status_code == 404
    assert charlie_client.get(OVERVIEW).status_code == 404
    assert charlie_client.get("/projects/umbrella/functions/theirs/overview/").status_code == 200
    assert alice_client.post(OVERVIEW).status_code == 405


def test_the_head_names_the_live_revision_and_copies_the_id(alice_client: Client, function: Function) -> None:
    head = page_text(alice_client).partition("<main")[0]
    assert "revision 3, live" in head
    assert f'data-copy-text="{function.id}"' in head
    assert 'aria-current="page">Overview' in head


def test_a_head_counts_in_two_queries(function: Function, project: Project, django_assert_num_queries: Any) -> None:
    DatasetExample.objects.bulk_create(DatasetExample(function=function) for _ in range(4))
    with django_assert_num_queries(2):
        head = head_of(RequestFactory().get("/"), project, "mini_kb_query")
        assert (head.revision_count, head.example_count, head.function.project) == (3, 4, project)
    assert head.newest
    assert head.newest.number == 3
    assert not head.may_edit


def test_a_function_without_a_revision_has_a_page_too(alice_client: Client, project: Project) -> None:
    Function.objects.create(project=project, name="bare")
    assert "live" not in page_text(alice_client, path="/projects/acme/functions/bare/overview/").partition("<main")[0]


# --- figures and charts -------------------------------------------------------------------------------------------


def test_boxes_say_what_it_came_to_and_what_the_live_revision_does(alice_client: Client, function: Function) -> None:
    for number in range(8):
        call(function, 5 * DAY, 2, status="error" if number < 2 else "ok", score=70, cost_usd=Decimal("0.25"))
    for number in range(2):
        call(function, DAY, score=90, repair_count=1, is_fallback=number == 0)
    call(function, 20 * DAY, 1)
    call(function, DAY, origin="playground", status="error")
    roll_up()
    html = page_text(alice_client)
    boxes = words(html[html.index("overview-boxes") : html.index("overview-charts")])
    for said in (
        "Calls 10 × 10 on the time before",
        "Success 80.0 % 100.0 % on revision 3",
        "Score 74 90 on revision 3",
        "Cost $2.00 $0.2000 a call",
        "Put right 20.0 % 10.0 % fell back",
    ):
        assert said in boxes
    assert 'is-ok">100.0' in html


def test_the_charts_stand_in_a_table_too_and_lead_to_their_calls(alice_client: Client, function: Function) -> None:
    call(function, 2 * DAY, cost_usd=Decimal("0.5"), score=61)
    call(function, 2 * DAY, status="error", model="b/other")
    html = page_text(alice_client, "?range=30d&q=key:none%20-tag:env=dev")
    assert "No call in this time" in html
    html = page_text(alice_client, "?range=30d&q=-tag:env=dev")
    table = html[html.index("usage-time") :]
    lines = [words(row) for row in re.findall(r"<tr>.*?</tr>", table[: table.index("</table>")], re.DOTALL)]
    assert lines[0] == "From Calls Errors p50 p95 Score Cost, gpt-4.1-nano Cost, other"
    assert len(lines) == 31
    (line,) = [line for line in lines[1:] if not line.endswith("0 0 – – – – –")]
    assert line.startswith("Wed 18 Nov 2026 2 1 ")
    assert line.endswith(" 61 $0.5000 $0")
    link = next(unescape(href) for href in re.findall(r'href="([^"]*)"', table) if "from=2026-11-18" in href)
    assert unquote(link).startswith("/projects/acme/completions/?q=function:mini_kb_query -tag:env=dev&from=2026-11-18")
    assert words(alice_client.get(link).content.decode()).count("own trace") == 2


def test_a_line_marks_where_a_revision_went_live(alice_client: Client, function: Function) -> None:
    call(function, DAY)
    html = page_text(alice_client)
    assert html.count('<g class="flag live">') == 4
    assert html.count('<g class="flag">') == 4
    assert "Revision 2 went live, 11 Nov 13:40" in html
    assert page_text(alice_client, "?range=24h").count('class="flag') == 0


def test_numbers_that_would_cover_each_other_leave_the_last(function: Function) -> None:
    stretch = last_days(14, NOW, UTC)
    revisions = [
        Revision(function=function, number=number, created_at=NOW - timedelta(hours=hours))
        for number, hours in ((4, 60), (5, 59), (6, 58))
    ]
    flags = flags_of(revisions, 6, stretch)
    assert [(flag.number, flag.has_number, flag.is_live) for flag in flags] == [
        (4, False, False),
        (5, False, False),
        (6, True, True),
    ]
    assert flags_of([], 6, stretch) == []


def test_models_are_listed_with_the_answers_that_were_kept(alice_client: Client, function: Function) -> None:
    for number in range(6):
        call(function, DAY, model="a/x", status="error" if number == 0 else "ok")
    call(function, DAY, model="a/x", is_cached=True)
    call(function, DAY, model="b/y")
    said = words(section(page_text(alice_client), "models-title"))
    assert "x 75.0 % 85.7 %" in said
    assert "y 12.5 % 100.0 %" in said
    assert said.endswith("from cache 12.5 % – –")


# --- the filter ---------------------------------------------------------------------------------------------------


def test_it_is_filtered_by_tag_and_model(alice_client: Client, function: Function) -> None:
    call(function, DAY, tags={"env": "production"}, status="error", error_message="in production")
    call(function, DAY, tags={"env": "staging"}, status="error", error_message="in staging", model="b/y")
    roll_up()
    html = page_text(alice_client, "?tag=env:production")
    assert "in production" in html
    assert "in staging" not in html
    assert "tag:env" in html
    assert 'href="?"' not in html.partition("filter-chip")[0]
    html = page_text(alice_client, "?q=model:b/y&range=7d")
    assert "in staging" in html
    assert "in production" not in html
    assert 'href="?range=7d"' in html


def test_what_the_figures_cannot_be_filtered_by_is_said(alice_client: Client, function: Function) -> None:
    call(function, DAY)
    html = page_text(alice_client, "?q=status:error%20words%20modle:x%20latency:abc%20tag:env")
    for said in ("<code>status:error</code>", "<code>words</code>", "<code>modle:x</code>", "<code>latency:abc</code>"):
        assert said in html
    assert "Did you mean model?" in html
    assert "No call in this time meets every part" in html
    assert page_text(alice_client, "?range=nonsense&from=x&to=y&sort=y&q=%22")


def test_nobody_called_is_said_with_a_way_on(alice_client: Client, function: Function) -> None:
    call(function, 25 * DAY)
    html = page_text(alice_client)
    assert "Nobody called this function" in html
    assert 'href="?range=30d"' in html
    assert "overview-boxes" in page_text(alice_client, "?range=30d")


# --- errors and scores --------------------------------------------------------------------------------------------


def test_errors_that_differ_in_numbers_and_names_are_one_line(alice_client: Client, function: Function) -> None:
    for number, ago in ((20, 3 * DAY), (7, DAY)):
        call(function, ago, status="error", error_message=f"429 rate limited, try again in {number}.5 s")
    call(function, DAY, status="error", error_message="Output is <not> JSON")
    call(function, DAY, status="error", origin="replay", error_message="not live")
    said = section(page_text(alice_client), "errors-title")
    assert words(said).startswith('id="errors-title">Errors by message All 3')
    assert "429 rate limited, try again in 7.5 s 2 66.7 % 19 Nov" in words(said)
    assert "Output is &lt;not&gt; JSON" in said
    assert "not live" not in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Time limit of 20 s reached", "Time limit of 5.5 s reached"),
        ('"answer" does not fit', '"question" does not fit'),
        (f"no such id {'0' * 8}-0000-0000-0000-{'a' * 12}", "no such id 12345678-1234-1234-1234-1234567890ab"),
        ("request req_9f8a7b6c5d4e3f2a1b failed", "Request  req_0a1b2c3d4e5f6a7b8c failed"),
    ],
)
def test_messages_of_one_sort_are_alike(one: str, other: str) -> None:
    assert alike(one) == alike(other)
    assert alike(one) != alike("something else")


def test_no_more_errors_are_read_than_can_be(project: Project, function: Function) -> None:
    trace = Trace.objects.create(project=project, started_at=NOW - DAY)
    Span.objects.bulk_create(
        Span(
            project=project,
            trace=trace,
            name="x",
            kind="llm",
            status="error",
            function_name="mini_kb_query",
            started_at=NOW - DAY - timedelta(seconds=number),
            error_message="word " * number if number < 20 else "many",
        )
        for number in range(MOST_READ + 5)
    )
    found = error_groups(function, last_days(14, NOW, UTC))
    assert found.read == MOST_READ
    assert not found.is_all
    assert found.shown[0].count == MOST_READ - 20
    assert found.left == 20 - (len(found.shown) - 1)


def test_the_lowest_scores_come_first_and_lead_to_their_traces(alice_client: Client, function: Function) -> None:
    for score in (90, 4, 26, 71, 18, 22, None):
        call(function, DAY, score=score, input=f"question {score}", output=f"<i>answer {score}</i>")
    call(function, DAY, score=1, origin="test", input="a test")
    said = section(page_text(alice_client), "lowest-title")
    assert re.findall(r"question (\d+)", said) == ["4", "18", "22", "26", "71"]
    assert "&lt;i&gt;answer 4&lt;/i&gt;" in said
    assert "a test" not in said
    assert len(re.findall(r'href="/projects/acme/traces/[0-9a-f-]+/\?span=', said)) == 5


def test_the_number_of_queries_is_fixed(alice_client: Client, function: Function) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            page_text(alice_client)
        return [query["sql"] for query in captured.captured_queries]

    call(function, 5 * HOUR, score=3)
    roll_up()
    queries()
    few = queries()
    for number in range(30):
        values: dict[str, Any] = {"status": "error", "error_message": "abcdefgh"[: number % 8]} if number % 2 else {}
        call(function, number * 7 * HOUR, number, score=number, model=f"m/{number}", **values)
    roll_up()
    many = queries()
    assert len(many) == len(few) <= 16
    assert not [sql for sql in many if "body" in sql.lower()]
