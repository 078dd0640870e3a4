"""Prices come from the project's own rows, then from a list that is installed, and are unknown rather than guessed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from functions.completions.cost import Price
from functions.completions.prices import OwnPrice, PriceBook, listed_price
from functions.providers.chat import Usage

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_known_model_has_a_price_with_its_source():
    kept = listed_price("openai", "gpt-4o-mini", NOW).as_json()
    assert (kept["input"], kept["cached"], kept["output"], kept["per"]) == ("0.15", "0.075", "0.6", "1M tokens")
    assert kept["model"] == "gpt-4o-mini"
    assert kept["source"].startswith("genai-prices ")
    assert "2020" < kept["date"] <= "2026-11-01"


def test_a_long_input_may_cost_more_for_each_token():
    short = listed_price("gemini", "gemini-2.5-pro", NOW, input_tokens=200_000)
    long = listed_price("gemini", "gemini-2.5-pro", NOW, input_tokens=200_001)
    assert long.cost_of(Usage(400_000, None, None, 0)) > short.cost_of(Usage(400_000, None, None, 0))


@pytest.mark.parametrize(
    ("provider", "model"), [("fake", "gpt-4o-mini"), ("openai", "gpt-99-nonesuch"), ("", ""), ("openai", "")]
)
def test_no_price_is_none(provider, model):
    assert listed_price(provider, model, NOW) is None


def test_a_vendor_under_a_name_of_ones_own_is_known_by_its_address():
    ours = listed_price("our-account", "gpt-4o-mini", NOW, base_url="https://api.openai.com/v1")
    assert ours == listed_price("openai", "gpt-4o-mini", NOW)
    assert listed_price("our-account", "gpt-4o-mini", NOW, base_url="http://127.0.0.1:1234/v1") is None


def test_a_row_of_the_project_goes_before_the_list_from_its_day_on():
    def own(day, figure):
        price = Price("gpt-4o-mini", {"input": Decimal(figure), "output": Decimal(figure)}, "contract", "")
        return OwnPrice(datetime(2026, 1, day, tzinfo=UTC), price)

    book = PriceBook({"openai/gpt-4o-mini": (own(20, "7"), own(10, "5"))})
    days = {day: book.price_for("openai", "gpt-4o-mini", datetime(2026, 1, day, tzinfo=UTC)) for day in (5, 15, 25)}
    assert [str(days[day].figures["input"]) for day in (5, 15, 25)] == ["0.15", "5", "7"]
