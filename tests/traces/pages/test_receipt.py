"""What a call cost, line by line."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from tests.traces.factories import make_attempt, make_call
from traces import totals
from traces.models import Attempt, Trace
from traces.pages.receipt import receipt_of

PRICE = {
    "model": "gpt", "input": "0.10", "cached": "0.025", "output": "0.40", "source": "openai.com", "date": "2026-11-03",
}  # fmt: skip
LINES = [
    {"kind": "input", "tokens": 300, "price": "1", "cost_usd": "0.0003"},
    {"kind": "cache_write_1h", "tokens": 100, "price": "2", "cost_usd": "0.0002"},
    {"kind": "output_audio", "tokens": 10, "price": None, "cost_usd": None},
]


def an_attempt(**values):
    return Attempt(**{"outcome": "accepted", "input_tokens": 418, "output_tokens": 70, "price": PRICE, **values})


def test_the_lines_are_those_that_were_kept_by_kind():
    [group] = receipt_of([an_attempt(price={**PRICE, "lines": LINES})]).groups
    assert [(str(line.words), line.tokens, line.price, line.cost_usd) for line in group.lines] == [
        ("Input", 300, Decimal(1), Decimal("0.0003")),
        ("Written to cache, 1 h", 100, Decimal(2), Decimal("0.0002")),
        ("Audio out", 10, None, None),
    ]


def test_without_kept_lines_cached_tokens_have_a_line_and_a_price_of_their_own():
    [group] = receipt_of([an_attempt(cached_tokens=384, cost_usd=Decimal("0.000041"))]).groups
    assert [(str(line.words), line.tokens, line.cost_usd) for line in group.lines] == [
        ("Input", 34, Decimal("0.0000034")),
        ("Input from cache", 384, Decimal("0.0000096")),
        ("Output", 70, Decimal("0.000028")),
    ]
    assert (group.source, group.day) == ("openai.com", "3 Nov 2026")


def test_cached_tokens_that_cost_nothing_are_not_priced_as_fresh_ones():
    [group] = receipt_of([an_attempt(cached_tokens=384, price={**PRICE, "cached": "0"})]).groups
    assert group.lines[1].cost_usd == 0


def test_failed_attempts_are_part_of_the_total():
    attempts = [an_attempt(outcome="rejected", cost_usd=Decimal("0.01")), an_attempt(cost_usd=Decimal("0.02"))]
    receipt = receipt_of(attempts)
    assert (receipt.total_usd, receipt.failed_usd, receipt.unpriced) == (Decimal("0.03"), Decimal("0.01"), 0)


def test_no_price_is_counted_and_never_nothing():
    receipt = receipt_of([an_attempt(price=None)])
    assert receipt.total_usd is None
    assert receipt.unpriced == 1
    assert receipt.groups[0].lines[0].cost_usd is None


@pytest.mark.parametrize(
    ("computed", "reported", "words", "is_same", "is_far"),
    [
        ("0.01", "0.01", "", True, False),
        ("0.01", "0.010004", "", True, False),
        ("0.01", "0.01004", "+0.4\u202f%", False, False),
        ("0.01", "0.0102", "+2.0\u202f%", False, True),
        ("0.01", "0.0097", "-3.0\u202f%", False, True),
        ("0", "0", "", True, False),
        ("0", "0.01", "+100.0\u202f%", False, True),
        ("0.01", None, "", False, False),
        (None, "0.01", "", False, False),
    ],
)
def test_what_the_provider_reports_stands_beside_it(computed, reported, words, is_same, is_far):
    figures = [None if text is None else Decimal(text) for text in (computed, reported)]
    [group] = receipt_of([an_attempt(cost_usd=figures[0], reported_cost_usd=figures[1])]).groups
    assert (group.difference, group.is_same, group.is_far) == (words, is_same, is_far)


@pytest.mark.parametrize(
    "price",
    [
        [],
        {"input": "x"},
        {"input": "NaN", "output": []},
        {"input": {}},
        {"lines": [{"kind": "input", "tokens": 5, "price": "NaN", "cost_usd": []}, 7, {"kind": 5}]},
        {"lines": [{"kind": "input", "tokens": 5}], "source": 5, "date": {}},
    ],
)
def test_a_price_that_makes_no_sense_is_none(price):
    assert receipt_of([an_attempt(price=price)]).groups[0].lines[0].price is None


# --- on the page ------------------------------------------------------------------------------------------------------


def details_of(client, trace):
    span = trace.spans.get()
    path = reverse("traces:detail", args=[trace.project.slug, trace.id], query={"span": span.id, "tab": "details"})
    return re.sub(r"<[^>]+>", " ", client.get(path).content.decode())


def test_the_same_sum_stands_in_the_list_on_the_page_and_in_the_api(alice_client, api, project):
    trace = make_call(project)
    span = trace.spans.get()
    parts = [Decimal("0.0024999999"), Decimal("0.0400000001")]
    for cost_usd, outcome in zip(parts, ("rejected", "accepted"), strict=True):
        make_attempt(span, cost_usd=cost_usd, outcome=outcome, input_tokens=10, output_tokens=1, price=PRICE)
    span.cost_usd = sum(parts)
    span.save()
    trace = Trace.objects.get()
    totals.recount(trace)
    trace.save()
    assert trace.cost_usd == span.cost_usd == receipt_of(span.attempts.all()).total_usd == Decimal("0.0425")
    assert "$0.0425" in alice_client.get("/projects/acme/traces/?range=all").content.decode()
    page = details_of(alice_client, trace)
    assert "$0.0425000" in page
    assert "$0.0025000" in page
    assert "$0.0400000" in page
    spans = api.get(f"/v2/traces/{trace.id}").json()["spans"]
    assert [one["data"]["cost"] for one in spans] == [0.0425]


def test_no_price_leads_to_where_one_is_set(alice_client, bob_client, project):
    trace = make_call(project, is_priced=False)
    make_attempt(trace.spans.get(), requested_model="local/llama 3", input_tokens=10, output_tokens=1)
    path = reverse("traces:detail", args=["acme", trace.id], query={"span": trace.spans.get().id, "tab": "details"})
    link = "/projects/acme/settings/prices/new/?model=local%2Fllama%203"
    page = alice_client.get(path).content.decode()
    assert "No price" in page
    assert link in page
    # A reader cannot set one.
    assert link not in bob_client.get(path).content.decode()


def test_what_is_known_is_summed_and_called_so(alice_client, project):
    trace = make_call(project)
    span = trace.spans.get()
    make_attempt(span, cost_usd=Decimal("0.001"), price=PRICE, input_tokens=10, output_tokens=1, outcome="rejected")
    make_attempt(span, input_tokens=10, output_tokens=1)
    page = details_of(alice_client, trace)
    assert "Sum of what is known" in page
    assert "1 part has no price" in page
    assert "failed attempts $0.0010000, 100.0\u202f%" in page
