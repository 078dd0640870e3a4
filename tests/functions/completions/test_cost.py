"""Each token is counted once, at the price of its kind; what nobody knows is unknown, never 0."""

from decimal import Decimal

import pytest

from functions.completions.cost import Price, tokens_by_kind
from functions.providers.chat import Usage

D = Decimal
FIGURES = {"input": D("3"), "cached": D("0.3"), "cache_write": D("3.75"), "cache_write_1h": D("6"), "output": D("15")}
SONNET = Price("claude-sonnet-4-5", FIGURES, "test", "2026-01-01")


def test_cached_and_written_tokens_are_taken_out_of_the_input_and_have_prices_of_their_own():
    usage = Usage(10_000, 4_000, 3_000, 500, 200, cache_write_1h_tokens=1_000)
    lines = {line.kind: (line.tokens, line.cost_usd) for line in SONNET.lines(usage)}
    assert lines == {
        "input": (3_000, D("0.009")),
        "cached": (4_000, D("0.0012")),
        "cache_write": (2_000, D("0.0075")),
        "cache_write_1h": (1_000, D("0.006")),
        "output": (500, D("0.0075")),
    }
    assert SONNET.cost_of(usage) == D("0.0312")


def test_sound_and_pictures_have_prices_of_their_own():
    price = Price("omni", {"input": D(2), "input_audio": D(40), "output": D(8), "output_audio": D(80)}, "test", "")
    usage = Usage(1_000, 0, None, 600, None, input_audio_tokens=400, input_image_tokens=100, output_audio_tokens=500)
    lines = {line.kind: (line.tokens, line.price) for line in price.lines(usage)}
    # A picture without a price of its own costs what words cost.
    assert lines == {
        "input": (500, D(2)),
        "input_audio": (400, D(40)),
        "input_image": (100, D(2)),
        "output": (100, D(8)),
        "output_audio": (500, D(80)),
    }


def test_sound_that_came_from_the_cache_is_not_counted_twice():
    usage = Usage(100, 60, None, 0, None, input_audio_tokens=50, cached_audio_tokens=40)
    assert tokens_by_kind(usage)["input"] == 30
    assert sum(tokens_by_kind(usage).values()) == 100


def test_the_kinds_never_come_to_more_than_was_reported():
    usage = Usage(10, 500, 500, 10, None, output_audio_tokens=50)
    assert sum(tokens_by_kind(usage).values()) == 20


@pytest.mark.parametrize("usage", [Usage(), Usage(10, None, None, None), Usage(None, None, None, 10)])
def test_unknown_tokens_have_no_cost(usage):
    assert SONNET.cost_of(usage) is None


def test_no_tokens_cost_nothing():
    assert SONNET.cost_of(Usage(0, 0, 0, 0, 0)) == 0


def test_a_kind_without_any_price_makes_the_whole_unknown():
    only_input = Price("embedder", {"input": D("0.02")}, "test", "")
    assert only_input.cost_of(Usage(1000, None, None, 0)) == D("0.00002")
    assert only_input.cost_of(Usage(1000, None, None, 1)) is None


def test_what_is_kept_holds_the_figures_and_the_lines_without_exponents():
    kept = SONNET.as_json(Usage(1_000, 400, None, 1, None))
    assert (kept["input"], kept["cached"], kept["output"], kept["cache_write_1h"]) == ("3", "0.3", "15", "6")
    assert (kept["source"], kept["date"], kept["per"]) == ("test", "2026-01-01", "1M tokens")
    assert {line["kind"]: line["cost_usd"] for line in kept["lines"]} == {
        "input": "0.0018",
        "cached": "0.00012",
        "output": "0.000015",
    }
