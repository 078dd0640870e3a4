"""An exchange as the tab Raw shows it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.traces.factories import make_attempt, make_call
from traces.models import Attempt, AttemptBody
from traces.pages.exchange import MOST_CHUNKS, MOST_TEXT, Exchange, chunk_rows


def test_chunks_are_told_by_what_each_of_them_brought():
    rows = list(chunk_rows([[4.5, 100], [5, 100], [9, 250]]))
    assert [(row.ms, row.octets) for row in rows] == [(4.5, 100), (5.0, 0), (9.0, 150)]


@pytest.mark.parametrize("odd", [None, "x", {}, [None, 1, [], [1], ["a", "b"], [None, 2]]])
def test_no_chunks_are_too_odd(odd):
    assert list(chunk_rows(odd)) == []


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("native", "Schema sent natively"),
        ("tool", "Schema sent as a tool"),
        ("json", "JSON mode, with the shape in the prompt"),
        ("text", "The shape in the prompt alone"),
        ("other", "other"),
        ("", ""),
    ],
)
def test_the_strategy_is_told_in_words(strategy, words):
    assert Exchange(Attempt(strategy=strategy), None).strategy == words


def test_of_a_long_text_that_is_no_json_the_page_has_the_start_and_says_so(alice_client, project):
    trace = make_call(project, "stream", attempt_count=0)
    attempt = make_attempt(trace.spans.get(), response_body="data: x\n\n" * MOST_TEXT)
    chunks = [[number / 10, number * 9] for number in range(1, 1501)]
    AttemptBody.objects.filter(attempt=attempt).update(chunk_ms=chunks)
    address = reverse("traces:detail", args=[project.slug, trace.id], query={"tab": "raw"})
    page = alice_client.get(address).content.decode()
    assert page.count("data: x") <= MOST_TEXT
    assert "180000 characters" in page
    assert page.count('<td class="num">9\u202fB</td>') == MOST_CHUNKS
    assert "All 1500 chunks as text" in page
    assert "raw=chunks" in page
