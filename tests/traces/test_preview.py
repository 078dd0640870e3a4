"""The line a list shows of an input or an output."""

from typing import Any

import pytest

from traces.preview import preview


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, ""),
        ("Jupiter", "Jupiter"),
        ("two\n lines", "two lines"),
        ({"thoughts": "Because.", "answer": "Jupiter"}, "Because. · Jupiter"),
        ({"facts": ["One.", "Two.", "Three."], "question": "Which?"}, "One. · 2 more · Which?"),
        ({"a": None, "b": "", "c": 0, "d": False}, "0 · false"),
        ([], "empty"),
        ({}, "empty"),
        ({"a": None, "b": ""}, "empty"),
        ("", ""),
        (3.5, "3.5"),
        ({"image": "data:image/png;base64," + "A" * 8000}, "1 image"),
        ({"images": ["data:image/png;base64,AAAA"] * 3}, "3 images"),
        ({"audio": "data:audio/wav;base64,AAAA", "transcript": "Hello"}, "audio · Hello"),
        ({"page": {"_opper_media_input": "data:application/pdf;base64,AAAA"}, "question": "Why?"}, "1 file · Why?"),
        ({"photo": "/9j/" + "A" * 100}, "1 image"),
        (["data:image/png;base64,AAAA", "and words"], "1 image · 1 more"),
        ("half \ud800 and \x00", "half ? and \ufffd"),
    ],
)
def test_a_preview_shows_the_texts_in_order(value: Any, line: str) -> None:
    assert preview(value) == line


def test_a_preview_is_cut_at_300_characters() -> None:
    assert len(preview("x" * 10_000)) == 300
    assert preview("x" * 10_000).endswith("…")


def test_a_deep_or_wide_value_does_not_hang() -> None:
    deep: Any = "x"
    for _ in range(90):
        deep = [deep, {"a": deep}]
    assert preview(deep)
    assert preview({str(number): number for number in range(100_000)}).endswith("more")
