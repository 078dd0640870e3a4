"""A value with its schema as labelled fields."""

from __future__ import annotations

import pytest

from traces.pages.field_view import check_of, fields_of, plain_text_of, type_in_words

ANSWER = {
    "type": "object",
    "properties": {
        "thoughts": {"type": "string", "description": "Step by step"},
        "answer": {"type": "string", "pattern": "^The answer"},
    },
}


def test_fields_stand_in_the_order_of_the_schema():
    fields = fields_of({"more": 1, "answer": "The answer is Jupiter", "thoughts": "Well"}, ANSWER)
    assert [field.name for field in fields] == ["thoughts", "answer", "more"]
    assert fields[0].description == "Step by step"
    assert fields[1].check is not None
    assert fields[1].check.words == "pattern met"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "integer"}, "whole number"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"type": "array", "items": {"type": "object"}}, "list of groups"),
        ({"enum": ["a", "b", "c"]}, "one of 3"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or none"),
        ({"type": ["number", "null"]}, "number or none"),
    ],
)
def test_a_type_is_told_in_words(schema, words):
    assert type_in_words(schema) == words


@pytest.mark.parametrize(
    ("value", "schema", "words"),
    [
        ("a", {"enum": ["a", "b"]}, "one of 2"),
        ("c", {"enum": ["a", "b"]}, "none of 2"),
        (5, {"minimum": 1, "maximum": 9}, "in range"),
        (50, {"maximum": 9}, "out of range"),
        ("no", {"pattern": "^yes"}, "pattern not met"),
    ],
)
def test_a_check_says_whether_the_rule_is_kept(value, schema, words):
    check = check_of(value, schema)
    assert check is not None
    assert check.words == words


def test_a_rule_nobody_can_check_shows_no_check():
    assert check_of("a", {"pattern": "(((("}) is None
    assert check_of("a", {"type": "string"}) is None


def test_a_pattern_made_to_hang_does_not():
    assert check_of("a" * 5000 + "b", {"pattern": "^(a+)+$"}) is not None


def test_references_inside_the_schema_are_followed_and_rings_end():
    schema = {"properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/B"}}}
    schema["$defs"] = {"A": {"type": "integer"}, "B": {"$ref": "#/$defs/B"}}
    assert fields_of({"a": 1, "b": 2}, schema)[0].type == "whole number"


@pytest.mark.parametrize("schema", [None, True, [], {"properties": [1]}, {"items": 3}, {"$ref": 7}, {"enum": "x"}])
@pytest.mark.parametrize("value", [None, "", 0, [], {}, [[1, {"a": None}]], {"": {"b": [1]}}])
def test_no_schema_and_no_value_is_too_odd(value, schema):
    assert fields_of(value, schema)


def test_plain_text_names_the_fields_of_an_object():
    assert plain_text_of({"answer": "Jupiter", "moons": 95}) == "answer\nJupiter\n\nmoons\n95"
    assert plain_text_of("Jupiter") == "Jupiter"
