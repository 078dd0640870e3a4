"""Any value comes to a bounded list of lines."""

from __future__ import annotations

import pytest

from traces.pages.json_view import MAX_LINES, readable, view_of, view_of_text


def shown(value, **more):
    return [(line.kind, line.depth, line.key, line.text or line.size) for line in view_of(value, **more).lines]


def test_every_fold_opens_and_closes():
    assert shown({"a": [1]}) == [
        ("open", 0, None, "{"),
        ("open", 1, '"a"', "["),
        ("line", 2, None, "1"),
        ("close", 1, None, "]"),
        ("close", 0, None, "}"),
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (10**40, "1" + "0" * 40), ("", '""'), ([], "[]"), ({}, "{}")]
)
def test_a_value_alone_is_one_line(value, text):
    assert shown(value) == [("line", 0, None, text)]


def test_a_long_text_is_clipped_and_kept_whole():
    [line] = view_of("x" * 1000).lines
    assert len(line.text) < 310
    assert len(line.whole) == 1002
    assert line.rest == 702


def test_json_inside_a_text_is_opened_and_marked():
    view = view_of({"content": '{"answer": "Jupiter"}'})
    assert view.lines[1].note == "parsed from a string"
    assert view.lines[2].key == '"answer"'


def test_a_text_that_only_looks_like_json_stays_text():
    assert shown("{not json}") == [("line", 0, None, '"{not json}"')]


def test_what_does_not_fit_the_schema_is_marked():
    lines = view_of({"items": [{"qty": "two"}]}, {"items[0].qty"}).lines
    assert [line.key for line in lines if line.is_wrong] == ['"qty"']


def test_a_large_value_is_an_outline():
    view = view_of({"small": 1, "large": ["y" * 1000] * 400})
    assert view.is_outline
    assert [line.key for line in view.lines] == ["small", "large"]


def test_a_value_of_many_lines_is_cut():
    view = view_of(list(range(20_000)))
    assert view.is_cut
    assert len(view.lines) <= MAX_LINES + 1


def test_a_deep_value_needs_no_recursion():
    value: object = 1
    for _ in range(500):
        value = [value]
    assert view_of(value).lines


def test_no_json_is_none():
    assert view_of_text("<html>") is None
    assert view_of_text(None) is None


def test_odd_characters_can_be_sent():
    assert readable("\0\ud800").encode()
