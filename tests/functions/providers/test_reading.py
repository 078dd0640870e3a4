"""What is taken from JSON that a vendor wrote."""

from typing import Any

import pytest

from functions.providers.reading import count_in, json_of, object_in, objects_in, text_in, word


def test_json_or_nothing():
    assert json_of(b'{"a": 1}') == {"a": 1}
    for body in (b"", b"{", b"\xff", "[" * 100_000):
        assert json_of(body) is None


def test_a_word_is_short_and_on_one_line():
    assert word("req_1\n\0") == "req_1"
    assert word("x" * 999) == "x" * 255
    assert word("x" * 999, 5) == "xxxxx"
    assert word(5) == word(None) == ""


@pytest.mark.parametrize(
    ("given", "count"),
    [(5, 5), (0, 0), (5.0, 5), (5.5, None), (-1, None), (True, None), ("5", None), (10**30, None), (None, None)],
)
def test_a_count_is_one_that_can_be_true(given: Any, count: int | None):
    assert count_in({"n": given}, "n") == count


def test_what_has_another_type_is_not_there():
    value = {"text": 5, "object": [1], "list": {"a": 1}, "mixed": [1, {"a": 1}, None]}
    assert text_in(value, "text") == ""
    assert object_in(value, "object") == {}
    assert objects_in(value, "list") == []
    assert objects_in(value, "mixed") == [{"a": 1}]
