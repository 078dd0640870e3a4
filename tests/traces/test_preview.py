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
        ([], ""),
        (3.5, "3.5"),
        ({"image": "data:image/png;base64," + "A" * 8000}, "image, png, 6 kB"),
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
