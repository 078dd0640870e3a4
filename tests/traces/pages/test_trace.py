"""The page of a trace: what it shows, to whom, and how little it reads for it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.traces.factories import make_attempt, make_span, make_trace

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
