"""Tokens by kind, and how the time was spent, as the tab Details tells them."""

from __future__ import annotations

from traces.models import Attempt, Span
from traces.pages.timing import timing_of, tokens_per_second
from traces.pages.tokens import token_lines


def told(span, *attempts):
    return [(str(line.words), line.tokens) for line in token_lines(span, attempts)]


def test_parts_stand_below_what_they_are_part_of():
    span = Span(input_tokens=1000, cached_tokens=200, cache_write_tokens=100, output_tokens=90, reasoning_tokens=40)
    first = Attempt(more_tokens={"input_audio_tokens": 30, "cache_write_1h_tokens": 60})
    second = Attempt(more_tokens={"input_audio_tokens": 12, "output_image_tokens": 50, "new_kind_tokens": 1})
    assert told(span, first, second) == [
        ("Input", 1000),
        ("of which cached", 200),
        ("of which written to the cache", 100),
        ("of which written for 1 h", 60),
        ("of which audio", 42),
        ("Output", 90),
        ("of which reasoning", 40),
        ("of which images", 50),
        ("new kind tokens", 1),
    ]


def test_what_is_not_known_is_not_told():
    assert told(Span()) == []
    assert told(Span(input_tokens=5, cached_tokens=0), Attempt(more_tokens=["odd"])) == [("Input", 5), ("Output", None)]


def test_the_time_of_a_stream_has_four_parts():
    last = Attempt(duration_ms=1000, queue_ms=100, first_byte_ms=200, first_token_ms=300, output_tokens=120)
    parts = timing_of([Attempt(duration_ms=5), last])
    assert [(str(part.label), part.ms) for part in parts] == [
        ("Queue", 100),
        ("To first byte", 200),
        ("Then to first token", 100),
        ("Generation", 600),
    ]
    assert tokens_per_second([last]) == 200


def test_without_a_first_token_the_first_byte_ends_the_wait():
    parts = timing_of([Attempt(duration_ms=1000, first_byte_ms=400)])
    assert [(str(part.label), part.ms) for part in parts] == [("To first byte", 400), ("Generation", 600)]
    assert timing_of([]) == []
    assert tokens_per_second([]) is None
