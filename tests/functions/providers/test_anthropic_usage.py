"""Anthropic's tokens, whose cached ones stand beside the input."""

from typing import Any

import pytest

from functions.providers.anthropic_usage import usage_of, with_later
from functions.providers.chat import Usage


@pytest.mark.parametrize(
    ("given", "usage"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, Usage(input_tokens=10, output_tokens=5)),
        (
            {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 50, "output_tokens": 5,
             "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30}},
            Usage(160, 100, 50, 5, None, 30),
        ),
        (
            {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 3}},
            Usage(input_tokens=24, cache_write_tokens=23, cache_write_1h_tokens=3),
        ),
        (
            {"input_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 9,
             "output_tokens_details": {"thinking_tokens": 4}},
            Usage(input_tokens=1, cached_tokens=0, cache_write_tokens=0, output_tokens=9, reasoning_tokens=4),
        ),
        # What cannot be true.
        ({"input_tokens": 1, "output_tokens": 3, "output_tokens_details": {"thinking_tokens": 9}},
         Usage(input_tokens=1, output_tokens=3, reasoning_tokens=3)),
        ({"cache_read_input_tokens": 5, "output_tokens": 2}, Usage(output_tokens=2)),
        ({"input_tokens": -1, "output_tokens": "many"}, Usage()),
        ({"input_tokens": True, "output_tokens": 10**30, "cache_creation": []}, Usage()),
        (None, Usage()),
        ([], Usage()),
    ],
)  # fmt: skip
def test_tokens_are_counted_in_one_way_and_missing_ones_are_unknown(given: Any, usage: Usage):
    assert usage_of(given) == usage


def test_the_totals_of_a_stream_grow():
    start = {"input_tokens": 25, "cache_read_input_tokens": 7}
    end = {"input_tokens": 0, "cache_read_input_tokens": None, "output_tokens": 15}
    assert usage_of(with_later(start, end)) == Usage(input_tokens=32, cached_tokens=7, output_tokens=15)
    assert usage_of(with_later({"input_tokens": 0}, {"input_tokens": 30})).input_tokens == 30
