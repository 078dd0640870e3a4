"""The Usage page: figures, chart, table and CSV say the same, for every grouping, and every choice is a link."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Project
from tests.traces.factories import make_call
from traces.analytics.figures import Figures
from traces.analytics.rollups import roll_up
from traces.pages.usage_chart import ceiling, lined, stacked
from traces.pages.usage_table import percent_change, written
from traces.pages.usage_view import UsageView, step_of

USAGE = "/projects/acme/usage/"
NOW = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch, alice_client: Client) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def calls(project: Project) -> None:
    key = ApiKey.objects.make(project, "web")[0]
    day = timedelta(days=1)
    values: dict[str, Any] = {
        "api_key": key,
        "input_tokens": 1000,
        "output_tokens": 50,
        "function_name": "mini_kb_query",
    }
    make_call(project, started_at=NOW - day, cost_usd=Decimal("3"), tags={"user": "company_123"}, score=80, **values)
    make_call(project, started_at=NOW - day, cost_usd=Decimal("1"), tags={"user": "company_310"}, model="b/y")
    make_call(project, started_at=NOW - 2 * day, is_priced=False, status="error", duration_ms=9000, model="b/y")
    make_call(project, started_at=NOW - 40 * day, cost_usd=Decimal("2"), tags={"user": "company_123"})
    roll_up()


def page_text(client: Client, query: str = "") -> str:
    response = client.get(f"{USAGE}{query}")
    assert response.status_code == 200, response.headers
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u202f", " ").split())


def rows_of(html: str) -> list[str]:
    table = html[html.index('usage-table"') :]
    return [words(row) for row in re.findall(r"<tr.*?</tr>", table[table.index("<tbody") :], re.DOTALL)]


def table_of(client: Client, query: str) -> list[dict[str, str]]:
    response = client.get(f"{USAGE}{query}")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


@pytest.mark.usefixtures("calls")
def test_six_figures_say_what_it_came_to_and_how_it_changed(alice_client: Client) -> None:
    html = page_text(alice_client)
    figures = words(html[html.index("usage-figures") : html.index("usage-note")])
    for said in ("Cost $4.00 +100 %", "Calls 3 +200 %", "Tokens in 1,000", "Errors 33.3 % +33.3", "p95"):
        assert said in figures
    assert "1 call has no price" in words(html)


@pytest.mark.usefixtures("calls")
def test_a_row_says_share_cost_calls_tokens_success_and_change(alice_client: Client) -> None:
    rows = rows_of(page_text(alice_client))
    assert rows[0].startswith("openai/gpt-4.1-nano 75.0 % $3.00 1 calls 1,000 50 100.0 %")
    assert rows[0].endswith("+50 %")
    assert rows[1].startswith("b/y 25.0 % $1.00 2 calls 0 0 50.0 %")
    assert rows[1].endswith("new")


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?by=function", ["mini_kb_query", "No function"]),
        ("?by=key", ["web", "No API key"]),
        ("?by=tag&tag=user", ["company_123", "company_310", "No value"]),
        ("?by=tag&tag=user&sort=name", ["company_123", "company_310", "No value"]),
        ("?by=tag&tag=user&measure=errors", ["No value", "company_123", "company_310"]),
        ("?by=tag&tag=user&sort=cost", ["company_310", "company_123", "No value"]),
        ("?by=model&q=tag:user", ["openai/gpt-4.1-nano", "b/y"]),
        ("?q=status:error", ["b/y"]),
        ("?q=-tag:user=company_123&by=tag&tag=user", ["company_310", "No value"]),
    ],
)
def test_calls_are_told_apart_by_what_is_asked_for(alice_client: Client, query: str, names: list[str]) -> None:
    rows = rows_of(page_text(alice_client, query))
    assert [next(name for name in names if row.startswith(name)) for row in rows] == names


@pytest.mark.usefixtures("calls")
def test_a_row_leads_to_itself_alone_and_the_traces_are_one_link_away(alice_client: Client) -> None:
    html = page_text(alice_client, "?by=tag&tag=user&measure=calls")
    assert 'href="?q=tag:user=company_310&amp;by=tag&amp;tag=user&amp;measure=calls" title="company_310"' in html
    assert 'href="?q=-tag:user&amp;by=tag' in html
    assert 'href="/projects/acme/traces/?range=30d"' in html
    filtered = page_text(alice_client, "?q=tag:user=company_310&by=tag&tag=user")
    assert [row.split()[0] for row in rows_of(filtered)] == ["company_310"]
    assert 'href="/projects/acme/traces/?q=tag:user=company_310&amp;range=30d"' in filtered
    assert 'href="?by=tag&amp;tag=user" data-removes' in filtered


@pytest.mark.usefixtures("calls")
def test_columns_of_the_chart_stand_also_in_a_table(alice_client: Client) -> None:
    html = page_text(alice_client)
    assert "Cost by day" in html
    titles = [unescape(title) for title in re.findall(r"<title>(.*?)</title>", html, re.DOTALL)]
    assert "Thu 19 Nov 2026\nopenai/gpt-4.1-nano $3.00\nb/y $1.00\nTotal $4.00" in titles
    table = words(html[html.index("usage-time") : html.index("</table>")])
    assert "Thu 19 Nov 2026 $3.00 $1.00 $4.00" in table
    assert table.count("2026") == 30
    assert "from=2026-11-19T00:00:00Z&amp;to=2026-11-20T00:00:00Z" in html


@pytest.mark.usefixtures("calls")
def test_days_are_those_of_the_projects_zone(alice_client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(time_zone="Pacific/Auckland")
    lines = table_of(alice_client, "?csv=time&measure=calls")
    assert [line["from"] for line in lines if line["b/y"] != "0"] == [
        "2026-11-19T00:00:00+13:00",
        "2026-11-20T00:00:00+13:00",
    ]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("query", ["", "&by=tag&tag=user", "&by=key&measure=calls&sort=name"])
def test_the_csv_holds_what_is_shown_in_its_order(alice_client: Client, query: str) -> None:
    shown = rows_of(page_text(alice_client, f"?{query.removeprefix('&')}"))
    lines = table_of(alice_client, f"?csv=groups{query}")
    names = [next(iter(line.values())) for line in lines]
    assert [row.startswith(name) for row, name in zip(shown, names, strict=True)] == [True] * len(names)
    assert sum(int(line["calls"]) for line in lines) == 3
    assert sum(Decimal(line["cost_usd"] or 0) for line in lines) == 4


def test_a_cell_that_a_table_program_would_run_is_made_harmless(alice_client: Client, project: Project) -> None:
    for name in ("=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "-5"):
        make_call(project, started_at=NOW, model=name)
    names = [next(iter(line.values())) for line in table_of(alice_client, "?csv=groups")]
    assert sorted(names) == sorted(["'=1+1", "'+cmd", "'-2+3", "'@SUM(A1)", "'\tx", "'-5"])
    assert written([["a", "-3.5", -3]]) == "a,-3.5,-3\r\n"


def test_what_others_wrote_is_text_and_no_markup(alice_client: Client, project: Project) -> None:
    evil = '"><script>alert(1)</script>'
    make_call(project, started_at=NOW, model=evil, function_name=evil, tags={evil: evil})
    for query in ("", "?by=function", "?by=tag&tag=%22%3E%3Cscript%3E", "?q=%22%3E%3Cscript%3E&from=%3Cscript%3E"):
        html = page_text(alice_client, query)
        assert "<script>alert" not in html
        assert '"><script>' not in html
        assert "style=" not in html


def test_a_stranger_finds_nothing(charlie_client: Client, project: Project) -> None:
    assert charlie_client.get(USAGE).status_code == 404
    assert charlie_client.get(f"{USAGE}?csv=groups").status_code == 404


def test_without_calls_it_says_so_and_where_else_to_look(alice_client: Client, project: Project) -> None:
    make_call(project, started_at=NOW - timedelta(days=400))
    html = page_text(alice_client)
    assert "No calls" in html
    assert 'href="?range=all"' in html
    assert "Calls by month" in page_text(alice_client, "?range=all&measure=calls")


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("query", ["", "?by=tag&tag=user&q=tag:user", "?by=key", "?measure=p95", "?q=latency:>1ms"])
def test_the_number_of_queries_is_fixed(alice_client: Client, project: Project, query: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page_text(alice_client, query)
        return len(captured)

    queries()
    few = queries()
    key = ApiKey.objects.make(project, "nightly")[0]
    for number in range(40):
        started_at = NOW - timedelta(hours=17 * number)
        make_call(project, started_at=started_at, model=f"m/{number}", tags={"user": f"{number}"}, api_key=key)
    roll_up()
    assert queries() == few <= 14


@pytest.mark.usefixtures("calls")
def test_a_form_without_script_is_led_to_the_one_writing(alice_client: Client) -> None:
    response = alice_client.get(f"{USAGE}?q=&by=tag&tag=user&tag=env:production&model=b/y&name=&range=")
    assert response.status_code == 302
    assert response["Location"] == f"{USAGE}?q=tag:env=production%20model:b/y&by=tag&tag=user"
    assert alice_client.get(response["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("by=tag&tag=user", ("tag", "user", "cost", "")),
        ("by=tag", ("model", "", "cost", "")),
        ("tag=user", ("model", "", "cost", "")),
        ("by=colour&measure=beauty&sort=height", ("model", "", "cost", "")),
        ("by=key&measure=p95&sort=-calls", ("key", "", "p95", "-calls")),
    ],
)
def test_what_makes_no_sense_is_what_it_is_by_default(query: str, asked: tuple[str, ...]) -> None:
    view = UsageView.from_query(QueryDict(query))
    assert (view.by, view.tag, view.measure.name, view.sort) == asked


@pytest.mark.parametrize(
    ("query", "step", "start", "bars"),
    [
        ("range=1h", "minute", "2026-11-20T12:41:00", 60),
        ("range=24h", "hour", "2026-11-19T14:00:00", 24),
        ("range=7d", "day", "2026-11-14T00:00:00", 7),
        ("range=30d", "day", "2026-10-22T00:00:00", 30),
        ("from=2026-11-01&to=2026-11-02", "hour", "2026-11-01T00:00:00", 48),
    ],
)
def test_a_range_begins_with_a_whole_bar(
    alice_client: Client, project: Project, query: str, step: str, start: str, bars: int
) -> None:
    stretch = UsageView.from_query(QueryDict(query)).stretch(NOW, UTC, NOW)
    assert (stretch.step, stretch.start.isoformat()[:19]) == (step, start)
    make_call(project, started_at=max(stretch.start, min(NOW, stretch.end - timedelta(seconds=60))))
    assert len(table_of(alice_client, f"?{query}&csv=time")) == bars


@pytest.mark.parametrize(
    "query", ["from=0001-01-01", "to=9999-12-30", "from=9999-01-01", "from=2026-11-02&to=2026-11-01", "to=0001-01-01"]
)
def test_times_that_make_no_sense_show_a_page(alice_client: Client, project: Project, query: str) -> None:
    make_call(project, started_at=NOW - timedelta(minutes=5))
    page_text(alice_client, f"?{query}")


def test_the_axis_ends_at_a_round_number() -> None:
    assert [ceiling(most) for most in (0, 0.0031, 7, 17.28, 20, 99, 1001)] == [1, 0.004, 10, 20, 20, 100, 2000]


def test_a_column_is_as_high_as_its_parts_and_a_gap_breaks_a_line() -> None:
    chart = stacked([[10, 5], [0, 0]], ["a", "b"], css=["c1", "c2"], shown=str, height=100)
    assert [(bar.css, bar.y) for bar in chart.columns[0].bars] == [("c1", "50.0"), ("c2", "25.0")]
    assert chart.columns[1].bars == ()
    assert len(lined([[1, None, 2, 3]], ["a", "b", "c", "d"], shown=str).lines) == 2


def test_a_change_is_said_with_its_sign() -> None:
    assert [percent_change(change) for change in (0.14, -0.123, 0.001, 12.6, None)] == [
        "+14\u202f%",
        "−12\u202f%",
        "0\u202f%",
        "×\u202f14",
        "–",
    ]
    assert Figures().success_share is None


def test_lengths_have_bars_of_their_own() -> None:
    lengths = (timedelta(hours=1), timedelta(days=2), timedelta(days=3), timedelta(days=300), timedelta(days=4000))
    assert [step_of(length) for length in lengths] == ["minute", "hour", "day", "month", "year"]
