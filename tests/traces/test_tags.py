"""A tag in writing."""

from __future__ import annotations

import pytest

from traces.tags import read_tag, write_tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("env=production", ("env", "production")),
        ("env:production", ("env", "production")),
        ("url=http://a", ("url", "http://a")),
        ("time:12=30", ("time", "12=30")),
        ("user", ("user", None)),
        ("empty=", ("empty", "")),
    ],
)
def test_a_tag_is_read_up_to_its_first_separator(text: str, tag: tuple[str, str | None]) -> None:
    assert read_tag(text) == tag


def test_a_tag_is_written_with_an_equals_sign() -> None:
    assert write_tag("env", "production") == "env=production"
    assert write_tag("user", None) == "user"
