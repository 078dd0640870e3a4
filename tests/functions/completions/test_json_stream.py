"""Fields are passed on while the JSON that holds them is still growing."""

import random
from typing import Any

import pytest

from functions.completions.json_stream import JsonStream
from functions.completions.listening import leaves_of
from opperweb import json

VALUE: dict[str, Any] = {
    "thoughts": 'Jupiter is "big" \\ and has a\nstorm: \u00e9 \U0001f600 \u2028',
    "people": [{"name": "Ann", "age": 3}, {"name": "", "age": -1.5e3, "is_here": True}],
    "nothing": None,
    "deep": [[["x"], [False]], []],
    "empty": {},
}


def pieces_of(text, sizes):
    stream, pieces = JsonStream(), []
    while text:
        size = next(sizes)
        pieces += stream.feed(text[:size])
        text = text[size:]
    return pieces


def joined(pieces):
    found = {}
    for path, piece in pieces:
        found[path] = found[path] + piece if isinstance(piece, str) and path in found else piece
    return found


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_every_way_of_cutting_the_text_gives_the_same_fields(size, escaped):
    text = __import__("json").dumps(VALUE, ensure_ascii=escaped, indent=1)
    pieces = pieces_of(text, iter(lambda: size, None))
    assert joined(pieces) == {path: value for path, value in leaves_of(VALUE) if value != ""}


def test_random_cuts_give_the_same_fields():
    chance = random.Random(7)
    text = json.dumps(VALUE)
    for _ in range(50):
        pieces = pieces_of(text, iter(lambda: chance.randint(1, 9), None))
        assert joined(pieces) == {path: value for path, value in leaves_of(VALUE) if value != ""}


def test_text_is_passed_on_before_its_end_has_come():
    stream = JsonStream()
    assert stream.feed('{"answer": "Jup') == [("answer", "Jup")]
    assert stream.feed("iter") == [("answer", "iter")]
    assert stream.feed('"}') == []
    assert stream.is_over


def test_a_number_is_passed_on_when_it_is_whole():
    stream = JsonStream()
    assert stream.feed('{"age": 4') == []
    assert stream.feed("2") == []
    assert stream.feed("}") == [("age", 42)]


def test_words_and_a_fence_around_the_value_are_passed_over():
    assert joined(pieces_of('Here it is:\n```json\n{"a": "b"}\n``` Done.', iter(lambda: 3, None))) == {"a": "b"}


@pytest.mark.parametrize("text", ['{"a": "b", oops', '{"a": "b"} {"a": "c"}', '{"a": "b"]', '{"a": "b", "c": nul}'])
def test_it_falls_silent_where_the_text_is_no_json(text):
    assert joined(pieces_of(text, iter(lambda: 1, None))) == {"a": "b"}


def test_half_a_pair_of_surrogates_is_replaced():
    assert joined(JsonStream().feed('{"a": "x\\ud83d y"}')) == {"a": "x\ufffd y"}


def test_hostile_depth_ends_it():
    stream = JsonStream()
    stream.feed("[" * 10_000)
    assert stream.is_over
