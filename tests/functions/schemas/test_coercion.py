"""The right thing in the wrong type is read as what is meant; nothing is made up."""

import pytest

from functions.schemas.coercion import coerced
from functions.schemas.validator import Validator


@pytest.mark.parametrize(
    ("schema", "value", "meant"),
    [
        ({"type": "integer"}, "3", 3),
        ({"type": "integer"}, "3.0", 3),
        ({"type": "number"}, " -2.5e1 ", -25.0),
        ({"type": "boolean"}, "True", True),
        ({"type": ["integer", "null"]}, "null", None),
        ({"type": "array", "items": {"type": "integer"}}, 3, [3]),
        ({"type": "array"}, "[1]", [1]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"enum": ["easy", "Straße"]}, "Easy.", "easy"),
        ({"enum": ["café"]}, "CAFE", "café"),
        ({"enum": [1, 2]}, "2", 2),
        ({"const": "yes"}, '"Yes"', "yes"),
    ],
)
def test_what_is_meant_is_read_and_told(schema, value, meant):
    read, problems, notes = coerced(value, Validator(schema))
    assert read == meant
    assert type(read) is type(meant)
    assert problems == []
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, "3.5"),
        ({"type": "integer"}, "three"),
        ({"type": "integer"}, "1" * 5000),
        ({"type": "number"}, "1e999"),
        ({"type": "integer"}, None),
        ({"type": "boolean"}, "yes"),
        ({"type": "array"}, None),
        ({"enum": ["a", "A"]}, "á"),
        ({"enum": ["a"]}, ""),
        ({"type": "object", "required": ["a"]}, {}),
    ],
)
def test_what_would_be_a_guess_stays_a_problem(schema, value):
    read, problems, notes = coerced(value, Validator(schema))
    assert read == value
    assert problems
    assert notes == []


def test_many_places_are_read_and_the_original_stays_as_it_was():
    value = {"n": ["1"] * 120, "s": "x"}
    read, problems, _ = coerced(value, Validator({"properties": {"n": {"items": {"type": "integer"}}}}))
    assert problems == []
    assert read == {"n": [1] * 120, "s": "x"}
    assert value["n"][0] == "1"
