"""JSON in and out of the database loses nothing."""

import pytest

from opperweb import json


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": 2},
        12345678901234567890123456789012345678901234567890,
        -(2**70),
        "half a pair \ud800 and a NUL \x00",
        {"\udfff": ["\u2028"]},
        0.1,
        None,
        [[[[]]]],
    ],
)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    text = json.dumps(value)
    assert json.loads(text) == value
    assert "\x00" not in text
    text.encode()


def test_the_order_of_keys_is_kept() -> None:
    assert list(json.loads(json.dumps({"z": 1, "a": 2, "m": 3}))) == ["z", "a", "m"]


@pytest.mark.parametrize("text", ["NaN", "[1,]", "{", "Infinity", "", "1 2", "123456789012345678901234567890x"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(text)
