"""The list of traces as people see it."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from opperweb.accounts.models import Project
from tests.traces.factories import make_call, make_span, make_trace
from traces.models import Kind, Status

LIST = "/projects/acme/traces/"
FRAGMENT = {"HX-Request": "true"}


def page_text(client: Client, query: str = "", **headers: str) -> str:
    response = client.get(f"{LIST}{query}", headers=headers or None)
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u202f", " ").split())


def test_a_row_says_what_happened(alice_client: Client, project: Project) -> None:
    make_call(
        project,
        "mini_kb_query",
        input={"question": "Which planet?"},
        output="Jupiter",
        duration_ms=920,
        input_tokens=412,
        output_tokens=96,
        cost_usd=Decimal("0.0001"),
        score=97,
        tags={"user": "company_123"},
    )
    html = page_text(alice_client)
    row = words(html[html.index("data-row") :])
    for said in (
        "mini_kb_query",
        "1 call",
        "Which planet?",
        "Jupiter",
        "gpt-4.1-nano",
        "412",
        "96",
        "$0.0001",
        "0.92 s",
        "97",
    ):
        assert said in row
    assert "user company_123" in row
    assert "Complete" in row


def test_second_lines_count_what_is_inside(alice_client: Client, project: Project) -> None:
    now = timezone.now()
    agent = make_trace(project, started_at=now - timedelta(minutes=3))
    root = make_span(agent, "agent", kind=Kind.AGENT)
    make_span(agent, "one", parent=root, kind=Kind.LLM, model="openai/gpt-4o-mini", input_tokens=9)
    make_span(agent, "two", parent=root, kind=Kind.LLM, model="openai/gpt-4.1-nano", status=Status.ERROR)
    make_call(project, "cached", is_cached=True)
    make_call(project, "stubborn", attempt_count=3, status=Status.ERROR, error_message="No valid output", output="x")
    make_call(project, "open", status=Status.RUNNING)
    text = words(page_text(alice_client))
    assert "3 spans · 2 calls · 1 error" in text
    assert "1 call · cached" in text
    assert "1 call · 3 attempts" in text
    assert "running · 1 call" in text
    assert "→ No valid output" in text
    assert "gpt-4o-mini +1" in text


def test_what_others_wrote_is_text_and_no_markup(alice_client: Client, project: Project) -> None:
    evil = "<script>alert(1)</script>"
    make_call(project, evil, input=evil, output=evil, model=evil, tags={evil: evil})
    for query in (
        "",
        "?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "?part=summary",
        "?q=%22%3E%3Cscript%3E&from=%3Cscript%3E",
    ):
        html = page_text(alice_client, query)
        assert "<script>alert" not in html
        assert '"><script>' not in html


def test_a_stranger_finds_nothing(charlie_client: Client, project: Project) -> None:
    make_call(project)
    assert charlie_client.get(LIST).status_code == 404
    assert charlie_client.get(f"{LIST}?part=summary", headers=FRAGMENT).status_code == 404


def test_another_project_is_never_mixed_in(alice_client: Client, project: Project, other_project: Project) -> None:
    make_call(project, "ours")
    theirs = make_call(other_project, "theirs", tags={"env": "secret"})
    assert "theirs" not in page_text(alice_client, "?range=all")
    assert "theirs" not in page_text(alice_client, f"?q={theirs.id}")


def test_the_number_of_queries_is_fixed_whatever_the_number_of_rows(alice_client: Client, project: Project) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            page_text(alice_client)
        return [query["sql"] for query in captured.captured_queries]

    make_call(project, tags={"a": "b"})
    queries()
    few = queries()
    for number in range(60):
        make_call(project, f"call {number}", tags={"a": "b", "n": str(number)}, input={"long": "x" * 500})
    many = queries()
    assert len(many) == len(few) <= 6
    assert not [sql for sql in many if "body" in sql.lower()]


@pytest.mark.parametrize("query", ["", "&sort=-cost", "&sort=tokens", "&sort=score", "&sort=latency"])
def test_pages_of_fifty_lead_on_and_back(alice_client: Client, project: Project, query: str) -> None:
    for number in range(60):
        make_call(project, f"call-{number:02}", cost_usd=Decimal(number % 7), input_tokens=number % 3 or None)
    first = page_text(alice_client, f"?{query}")
    older = re.search(r'rel="next" href="(\?[^"]+)"', first)
    assert older
    assert first.count("data-row") == 50
    second = page_text(alice_client, older[1].replace("&amp;", "&"))
    assert second.count("data-row") == 10
    newer = re.search(r'rel="prev" href="(\?[^"]+)"', second)
    assert newer
    names = re.findall(r'title="(call-\d\d)"', first)
    again = page_text(alice_client, newer[1].replace("&amp;", "&"))
    assert re.findall(r'title="(call-\d\d)"', again) == names
    assert not set(names) & set(re.findall(r'title="(call-\d\d)"', second))


def test_the_head_sorts_and_says_so(alice_client: Client, project: Project) -> None:
    make_call(project)
    html = page_text(alice_client, "?sort=-cost")
    assert re.search(r'class="c-cost num" aria-sort="descending"><a href="\?sort=cost"', html)
    assert 'href="?sort=-latency"' in html


def test_the_figures_are_a_fragment_of_their_own(alice_client: Client, project: Project) -> None:
    make_call(project, duration_ms=1240, cost_usd=Decimal("18.42"), score=87, input_tokens=5, output_tokens=6)
    make_call(project, status=Status.ERROR, duration_ms=6800)
    plain = page_text(alice_client)
    assert 'hx-get="?part=summary"' in plain
    assert "p95" not in plain
    fragment = page_text(alice_client, "?part=summary", **FRAGMENT)
    assert "<html" not in fragment
    assert "Errors, 50.0 %" in words(fragment)
    assert "$18.42" in fragment
    assert 'href="?q=status:error"' in fragment
    whole = page_text(alice_client, "?part=summary")
    assert "<html" in whole
    assert "p95" in whole


def test_a_form_without_script_is_led_to_the_one_writing(alice_client: Client, project: Project) -> None:
    make_call(project)
    response = alice_client.get(f"{LIST}?q=jupiter&q=status:ok&tag=env:production&name=&range=")
    assert response.status_code == 302
    assert response["Location"] == f"{LIST}?q=jupiter%20status:ok%20tag:env=production"


def test_a_pasted_id_leads_to_its_trace(alice_client: Client, project: Project) -> None:
    trace = make_call(project)
    there = reverse("traces:detail", args=[project.slug, trace.id])
    assert alice_client.get(LIST, {"q": str(trace.id)})["Location"] == there
    assert alice_client.get(LIST, {"q": f"id:{trace.spans.get().id}"})["Location"] == there


def test_chips_can_be_taken_away_and_fixed_tags_are_not_repeated(alice_client: Client, project: Project) -> None:
    make_call(project, tags={"env": "production", "user": "u1"})
    html = page_text(alice_client, "?q=tag:env=production%20status:ok")
    assert 'href="?q=status:ok"' in html
    assert 'title="user=u1"' in html
    assert 'title="env=production"' not in html
    assert 'href="?q=tag:env=production%20status:ok%20tag:user=u1"' in html


def test_an_unknown_key_is_shown_and_not_applied(alice_client: Client, project: Project) -> None:
    make_call(project, "kept")
    html = page_text(alice_client, "?q=latenzy:%3E2s")
    assert "Unknown filter. Did you mean latency?" in html
    assert "filter-chip err" in html
    assert "kept" in html


@pytest.mark.parametrize(
    "query",
    [
        "?q=" + "a" * 5000,
        "?q=a%01b",
        "?q=%ED%A0%80",
        "?" + "q=a:b%20" * 300,
        "?after=x&before=y",
        "?range=x&sort=y&from=z&to=0",
    ],
)
def test_hostile_addresses_get_a_page(alice_client: Client, project: Project, query: str) -> None:
    make_call(project, "kept")
    assert alice_client.get(f"{LIST}{query}", follow=True).status_code == 200


def test_nothing_found_names_the_filter_to_drop(alice_client: Client, project: Project) -> None:
    make_call(project, tags={"env": "production"})
    make_call(project, started_at=timezone.now() - timedelta(days=3), score=10)
    html = page_text(alice_client, "?q=tag:env=production%20score:%3C50")
    assert "No traces match" in html
    assert "Drop score:&lt;50" in html
    assert "Drop tag:env=production" not in html
    assert "Look at all times" in words(page_text(alice_client, "?q=score:10"))


def test_before_the_first_trace_the_page_says_how_to_send_one(alice_client: Client, project: Project) -> None:
    assert "first completion" in page_text(alice_client)
    assert "first completion" in page_text(alice_client, "?q=status:error")


def test_a_waiting_page_is_led_to_the_first_trace(alice_client: Client, project: Project) -> None:
    assert alice_client.get(f"{LIST}?part=first", headers=FRAGMENT).status_code == 204
    trace = make_call(project, status=Status.RUNNING)
    answer = alice_client.get(f"{LIST}?part=first", headers=FRAGMENT)
    assert answer["HX-Redirect"] == reverse("traces:detail", args=[project.slug, trace.id])


def test_a_link_of_the_list_asks_for_the_whole_page(alice_client: Client, project: Project) -> None:
    make_call(project)
    response: Any = alice_client.get(LIST, headers={**FRAGMENT, "HX-Boosted": "true"})
    assert b'id="trace-list"' in response.content
    assert b"<html" in response.content
    assert "HX-Request" in response["Vary"]


def test_every_field_of_all_filters_shows_what_is_asked(alice_client: Client, project: Project) -> None:
    make_call(project)
    html = page_text(alice_client, "?q=tag:env=production%20status:ok%20latency:%3E1ms%20jupiter%20-name:x&range=7d")
    assert 'name="tag" value="env=production"' in html
    assert 'value="ok" checked' in html
    assert 'name="latency" value="&gt;1ms"' in html
    assert 'name="q" value="jupiter -name:x"' in html
    assert '<input type="hidden" name="range" value="7d">' in html
