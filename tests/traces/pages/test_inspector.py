"""The panel of a span shows whatever models and senders put into it."""

from __future__ import annotations

import pytest

from tests.traces.factories import make_attempt, make_call, make_span, make_trace

ODD = "\0\ud800<markup>"


@pytest.mark.parametrize("tab", ["output", "input", "prompt", "raw", "details"])
def test_characters_that_are_no_text_do_not_break_a_page(alice_client, project, tab):
    trace = make_trace(project)
    span = make_span(trace, "ask", kind="llm", input=ODD, output={ODD: ODD}, meta={ODD: [ODD]}, error={"message": ODD})
    make_attempt(
        span, outcome="rejected", problems=[{"path": ODD, "message": ODD}], notes=[ODD], request_headers={ODD: ODD},
        request_body=ODD, response_body=ODD, messages=[{"role": ODD, "note": ODD, "parts": [{"text": ODD}]}],
    )  # fmt: skip
    answer = alice_client.get(f"/projects/{project.slug}/traces/{trace.id}/", {"tab": tab})
    assert answer.status_code == 200
    assert "<markup>" not in answer.content.decode()


def test_only_attempts_of_the_rows_shown_are_read(alice_client, project, django_assert_max_num_queries):
    trace = make_trace(project)
    for number in range(3):
        make_attempt(make_span(trace, f"ask {number}", kind="llm"))
    with django_assert_max_num_queries(14):
        alice_client.get(f"/projects/{project.slug}/traces/{trace.id}/")


def page_of(client, project, trace, **query):
    return client.get(f"/projects/{project.slug}/traces/{trace.id}/", query).content.decode()


def test_an_answer_from_the_cache_says_that_nobody_was_asked(alice_client, project):
    trace = make_call(project, output="Jupiter", is_cached=True, attempt_count=0)
    assert "From the cache: no request was made." in page_of(alice_client, project, trace)
    assert "Hit, no request was made" in page_of(alice_client, project, trace, tab="details")
    assert "From the cache" not in page_of(alice_client, project, make_call(project, output="Jupiter"))


def test_a_stream_that_was_stopped_shows_what_had_come_and_that_it_was_cut_off(alice_client, project):
    trace = make_call(project, output="The Great", status="stopped", error_message="The caller left")
    page = page_of(alice_client, project, trace)
    assert "The Great" in page
    assert "Cut off: this is what had come" in page
    trace = make_call(project, status="stopped", error_message="The caller left")
    assert "Nothing had come before" in page_of(alice_client, project, trace)


def test_a_prompt_names_the_files_that_were_sent(alice_client, project):
    trace = make_call(project, attempt_count=0)
    file = {"type": "image", "media_type": "image/png", "file_name": "", "bytes": 4000}
    make_attempt(trace.spans.get(), messages=[{"role": "user", "parts": [{"type": "text", "text": "What?"}, file]}])
    assert "image/png, 4.0\u202fkB" in page_of(alice_client, project, trace, tab="prompt")


def test_a_stream_that_failed_leads_to_what_had_come_of_it(alice_client, project):
    for first_token_ms in (None, 40.5):
        trace = make_call(project, status="error", error_message="cut", attempt_count=0)
        make_attempt(trace.spans.get(), outcome="failed", error_kind="connection", first_token_ms=first_token_ms)
        told = "A part of the answer had come" in page_of(alice_client, project, trace)
        assert told is (first_token_ms is not None)
