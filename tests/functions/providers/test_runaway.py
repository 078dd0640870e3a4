"""White space without an end is noticed inside JSON, and nowhere else."""

import pytest

from functions.providers.runaway import WhiteSpace, has_run_away

MANY = " \n" * 101


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":' + MANY + "1}", True),
        ('{"a": 1' + MANY, True),
        ("[1," + "\t" * 201 + "2]", True),
        ("[1," + "\t" * 200 + "2]", False),
        ('{"a": "' + " " * 500 + '"}', False),
        (r'{"a": "\"' + " " * 500 + '"}', False),
        ("words" + MANY + "words", False),
        (MANY + '{"a": 1}' + MANY, False),
        ("", False),
        (MANY, False),
    ],
)
def test_only_white_space_between_values_counts(text: str, expected: bool):
    assert has_run_away(text) is expected


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_are_watched_like_the_whole(size: int):
    text = '{"a": "x   ", "b":' + " " * 201
    space = WhiteSpace(is_json=False)
    assert any(space.add(text[start : start + size]) for start in range(0, len(text), size))
    assert space.add("1}")


def test_where_json_was_asked_for_nothing_else_may_come_first():
    assert WhiteSpace(is_json=True).add("\n" * 201)
    assert not WhiteSpace(is_json=False).add("\n" * 201)
