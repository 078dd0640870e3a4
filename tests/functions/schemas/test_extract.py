"""JSON is found in a reply however a model wrapped it; what was cut off is not made up."""

import time

import pytest

from functions.schemas.extract import json_in


def values(text, is_complete=True):
    return [found.value for found in json_in(text, is_complete=is_complete)]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, "x"]}',
        '\ufeff  {"a": [1, "x"]}\n',
        '```json\n{"a": [1, "x"]}\n```',
        'Sure!\n```\n{"a": [1, "x"]}\n```\nAnything else?',
        'Here it is: {"a": [1, "x"]}. I hope it helps.',
        '<think>{"b": 1}? no</think>\n{"a": [1, "x"]}',
        '{"a": [1, "x",],}',
        "{'a': [1, 'x']}",
        '{a: [1, "x"]}',
        '{"a": [1, /* one */ "x"] // two\n}',
        '{"a": [1, "x"',
        '```json\n{"a": [1, "x"]',
    ],
)
def test_the_value_is_found_in_whatever_stands_around_it(text):
    assert values(text)[0] == {"a": [1, "x"]}


def test_the_whole_reply_may_be_a_bare_value():
    assert values("42") == [42]
    assert values('"x"') == ["x"]


def test_several_values_are_all_offered():
    assert values('See [1]. First {"a": 1}, then {"b": 2}') == [[1], {"a": 1}, {"b": 2}]


def test_words_of_python_and_control_characters_are_read():
    assert values("{'a': True, 'b': None, \"c\": \"x\ny\"}") == [{"a": True, "b": None, "c": "x\ny"}]


def test_repairs_are_told():
    assert json_in("{'a': 1,}")[0].notes == (
        "Repaired: single quotes read as double quotes",
        "Repaired: trailing comma removed",
    )


@pytest.mark.parametrize(
    "text", ['{"a": "cut in the mid', '{"a": 1, "b": tr', '{"a":', "[sic", "no JSON at all", "", "```json\n```"]
)
def test_what_is_cut_inside_of_a_value_is_not_made_up(text):
    assert values(text) == []


def test_brackets_are_left_open_where_the_reply_was_cut_off():
    assert values('{"a": [1, 2', is_complete=False) == []


def test_big_numbers_and_lone_surrogates_keep_what_they_are():
    assert values('{"a": 123456789012345678901234567890, "b": "\\ud800\\u0000",}') == [
        {"a": 123456789012345678901234567890, "b": "\ud800\x00"}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 1000 + "]" * 1000,
        "{" * 3_000_000,
        "1" * 100_000,
        "[1" + "1" * 100_000,
        '"' * 99_999,
    ],
)
def test_hostile_replies_are_read_in_no_time(text):
    started = time.monotonic()
    json_in(text)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("text", ['{"a": 1e999}', '{"a": -1e999,}', "[1e400]"])
def test_a_number_beyond_a_double_is_no_answer(text: str) -> None:
    assert [found.value for found in json_in(text, is_complete=True)] == []
