"""The page of a trace: what it shows, to whom, and how little it reads for it."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.traces.factories import make_attempt, make_span, make_trace
from traces.models import AttemptBody, Span

NOW = timezone.now()
AGES = (("older", 3), ("middle", 2), ("newer", 1))
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def trace(project):
    trace = make_trace(project)
    root = make_span(trace, EVIL, kind="agent", tags={"env": EVIL}, output={"answer": EVIL})
    call = make_span(trace, "ask", parent=root, kind="llm", model="openai/gpt", output={"answer": "Jupiter"})
    make_attempt(call, outcome="rejected", problems=[{"path": "answer", "message": "must be short"}], request_body="{}")
    make_attempt(call, messages=[{"role": "user", "parts": [{"type": "text", "text": EVIL}]}], response_body=EVIL)
    return trace


def url_of(trace, **query):
    return reverse("traces:detail", args=[trace.project.slug, trace.id], query=query or None)


def test_a_trace_opens_at_its_first_model_call(alice_client, trace):
    page = alice_client.get(url_of(trace)).content.decode()
    assert "Jupiter" in page
    assert EVIL not in page


@pytest.mark.parametrize("tab", ["output", "input", "prompt", "raw", "details"])
@pytest.mark.parametrize("view", ["fields", "json", "text"])
def test_every_tab_shows_text_and_no_markup(alice_client, trace, tab, view):
    for span in trace.spans.all():
        answer = alice_client.get(url_of(trace, span=span.id, tab=tab, view=view))
        assert answer.status_code == 200
        assert EVIL not in answer.content.decode()


def test_a_stranger_finds_nothing(charlie_client, trace):
    assert charlie_client.get(url_of(trace)).status_code == 404


def test_htmx_gets_the_panel_alone(alice_client, trace):
    call = trace.spans.get(name="ask")
    headers = {"HX-Request": "true", "HX-Target": "inspector"}
    answer = alice_client.get(url_of(trace, span=call.id), headers=headers)
    assert "<html" not in answer.content.decode()
    assert "Jupiter" in answer.content.decode()
    assert "HX-Request" in answer["Vary"]


def test_more_rows_need_no_more_queries_and_no_exchange_is_read(alice_client, trace):
    alice_client.get(url_of(trace))
    with CaptureQueriesContext(
        connection,
    ) as few:
        alice_client.get(url_of(trace))
    for number in range(20):
        make_span(trace, f"more {number}")
    with CaptureQueriesContext(connection) as many:
        alice_client.get(url_of(trace))
    assert len(many) == len(few)
    assert not [query for query in many if "traces_attemptbody" in query["sql"] or '"input_schema"' in query["sql"]]


def test_a_part_is_sent_as_a_file_of_text(alice_client, trace):
    answer = alice_client.get(url_of(trace, span=trace.spans.get(name="ask").id, raw="response"))
    assert answer["Content-Type"].startswith("text/plain")
    assert "attachment" in answer["Content-Disposition"]


def test_a_trace_leads_to_its_neighbours_in_the_list_the_reader_came_from(alice_client, project):
    older, middle, newer = (make_trace(project, name, started_at=NOW - timedelta(minutes=age)) for name, age in AGES)
    for trace in (older, middle, newer):
        make_span(trace, trace.name, tags={"env": "test"})
    make_span(make_trace(project, "elsewhere", started_at=NOW - timedelta(minutes=2, seconds=30)), "elsewhere")
    page = alice_client.get(url_of(middle, list="q=tag:env=test")).content.decode()
    assert "2 of 3" in page
    assert f'{newer.id}/?list=q%3Dtag%3Aenv%3Dtest" rel="prev"' in page
    assert f'{older.id}/?list=q%3Dtag%3Aenv%3Dtest" rel="next"' in page
    assert "2 of 3" not in alice_client.get(url_of(middle)).content.decode()


def test_the_links_of_a_trace_keep_its_list_and_the_critical_path(alice_client, trace):
    page = alice_client.get(url_of(trace, list="q=x", cp="1", tab="input")).content.decode()
    assert page.count("b-path") == 2
    spans = [link for link in re.findall(r'href="(\?span=[^"]*)"', page) if "raw=" not in link]
    assert len(spans) > 5
    assert all("list=q%3Dx" in link and "cp=1" in link for link in spans)
    assert "b-path" not in alice_client.get(url_of(trace)).content.decode()


def test_a_long_exchange_is_copied_from_its_address_and_stands_in_the_page_once(alice_client, trace):
    call = trace.spans.get(name="ask")
    page = alice_client.get(url_of(trace, span=call.id, tab="raw")).content.decode()
    [address] = re.findall(r'data-copy-from="(\?[^"]*raw=response[^"]*)"', page)
    AttemptBody.objects.filter(response_body=EVIL).update(response_body="x" * 300_000)
    answer = alice_client.get(url_of(trace) + html.unescape(address))
    assert len(answer.content) == 300_000


def test_a_trace_of_2000_spans_takes_as_many_queries_as_a_small_one(alice_client, trace):
    address = url_of(trace, list="", cp="1")
    assert "data-part" not in alice_client.get(address).content.decode()
    with CaptureQueriesContext(connection) as few:
        alice_client.get(address)
    root = trace.spans.first()
    many_spans = [
        Span(
            project=trace.project, trace=trace, name=f"step {number}", parent_id=root.id, kind="tool", status="ok",
            started_at=trace.started_at, ended_at=trace.started_at + timedelta(seconds=1), duration_ms=1000,
        )
        for number in range(2000)
    ]  # fmt: skip
    Span.objects.bulk_create(many_spans)
    with CaptureQueriesContext(connection) as many:
        answer = alice_client.get(address)
    assert len(many) == len(few)
    assert answer.content.decode().count('role="row"') == 500
    # What is found is counted in these rows alone, and the count says so.
    assert 'data-part="in rows 1 to 500"' in answer.content.decode()
