"""The panel of a span shows whatever models and senders put into it."""

from __future__ import annotations

import pytest

from tests.traces.factories import make_attempt, make_span, make_trace

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
    with django_assert_max_num_queries(12):
        alice_client.get(f"/projects/{project.slug}/traces/{trace.id}/")
