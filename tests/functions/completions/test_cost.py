"""Costs come from a price list that is installed, and are unknown rather than guessed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from functions.completions.cost import price_for
from functions.providers.chat import Usage

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_known_model_has_a_price_with_its_source():
    kept = price_for("openai", "gpt-4o-mini", NOW).as_json()
    assert (kept["input"], kept["cached"], kept["output"], kept["per"]) == ("0.15", "0.075", "0.6", "1M tokens")
    assert kept["model"] == "gpt-4o-mini"
    assert kept["source"].startswith("genai-prices ")
    assert "2020" < kept["date"] <= "2026-11-01"


def test_cached_tokens_are_part_of_the_input_at_their_own_price():
    cost = price_for("openai", "gpt-4o-mini", NOW).cost_of(Usage(1000, 400, None, 100, 50))
    assert cost == (600 * Decimal("0.15") + 400 * Decimal("0.075") + 100 * Decimal("0.6")) / 10**6


def test_a_long_input_may_cost_more_for_each_token():
    price = price_for("gemini", "gemini-2.5-pro", NOW)
    assert price.cost_of(Usage(400_000, None, None, 0)) > 2 * price.cost_of(Usage(200_000, None, None, 0))


@pytest.mark.parametrize(
    ("provider", "model"), [("fake", "gpt-4o-mini"), ("openai", "gpt-99-nonesuch"), ("", ""), ("openai", "")]
)
def test_no_price_is_none(provider, model):
    assert price_for(provider, model, NOW) is None


def test_unknown_tokens_have_no_cost_and_no_tokens_cost_nothing():
    price = price_for("openai", "gpt-4o-mini", NOW)
    assert price.cost_of(Usage()) is None
    assert price.cost_of(Usage(0, 0, 0, 0, 0)) == 0


def test_numbers_that_contradict_each_other_never_raise():
    price = price_for("anthropic", "claude-sonnet-4-5", NOW)
    assert price.cost_of(Usage(10, 500, 500, 10)) is None or price.cost_of(Usage(10, 500, 500, 10)) >= 0
