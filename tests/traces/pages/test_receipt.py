"""What a call cost, line by line."""

from __future__ import annotations

from decimal import Decimal

import pytest

from traces.models import Attempt
from traces.pages.receipt import receipt_of

PRICE = {"model": "gpt", "input": "0.10", "cached": "0.025", "output": "0.40", "source": "openai.com", "date": "3 Nov"}


def an_attempt(**values):
    return Attempt(**{"outcome": "accepted", "input_tokens": 418, "output_tokens": 70, "price": PRICE, **values})


def test_cached_tokens_have_a_line_and_a_price_of_their_own():
    [group] = receipt_of([an_attempt(cached_tokens=384, cost_usd=Decimal("0.000041"))]).groups
    assert [(line.words, line.tokens, line.cost_usd) for line in group.lines] == [
        ("Input", 34, Decimal("0.0000034")),
        ("Input from cache", 384, Decimal("0.0000096")),
        ("Output", 70, Decimal("0.000028")),
    ]
    assert group.source == "openai.com, 3 Nov"


def test_failed_attempts_are_part_of_the_total():
    attempts = [an_attempt(outcome="rejected", cost_usd=Decimal("0.01")), an_attempt(cost_usd=Decimal("0.02"))]
    receipt = receipt_of(attempts)
    assert (receipt.total_usd, receipt.failed_usd, receipt.unpriced) == (Decimal("0.03"), Decimal("0.01"), 0)


def test_no_price_is_counted_and_never_nothing():
    receipt = receipt_of([an_attempt(price=None)])
    assert receipt.total_usd is None
    assert receipt.unpriced == 1
    assert receipt.groups[0].lines[0].cost_usd is None


@pytest.mark.parametrize(("reported", "words"), [("0.01", "same"), ("0.0102", "+2.0\u202f%"), (None, "")])
def test_what_the_provider_reports_stands_beside_it(reported, words):
    attempt = an_attempt(cost_usd=Decimal("0.01"), reported_cost_usd=None if reported is None else Decimal(reported))
    assert receipt_of([attempt]).groups[0].difference == words


@pytest.mark.parametrize("price", [[], {"input": "x"}, {"input": "NaN", "output": []}, {"input": {}}])
def test_a_price_that_makes_no_sense_is_none(price):
    assert receipt_of([an_attempt(price=price)]).groups[0].lines[0].price is None
