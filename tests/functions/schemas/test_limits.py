"""What a vendor's documents refuse is found in a wire schema, however it came about."""

import pytest

from functions.schemas.limits import broken_rules

WORD = {"type": "string"}


def closed(required=None, **fields):
    names = list(fields) if required is None else required
    return {"type": "object", "properties": fields, "required": names, "additionalProperties": False}


TREE = closed(["a"], a=WORD, kids={"type": "array", "items": {"$ref": "#"}})


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "grammar"])
def test_a_plain_closed_object_is_taken_everywhere(dialect):
    assert broken_rules(closed(a=WORD, b={"type": "array", "items": {"enum": ["x"]}}), dialect) == []


@pytest.mark.parametrize(
    ("dialect", "schema", "complaint"),
    [
        ("openai", WORD, "the root is no object"),
        ("openai", {**closed(), "anyOf": [WORD]}, "the root is a union"),
        ("openai", closed([], a=WORD), "does not require all of its fields"),
        ("openai", {**closed(), "additionalProperties": True}, "is open to other fields"),
        ("openai", closed(a={}), "has no type"),
        ("openai", closed(a={"type": "array"}), "does not say what its items are"),
        ("openai", closed(a={**WORD, "minLength": 1}), "has the keyword minLength"),
        ("openai", closed(a={"oneOf": [WORD]}), "has the keyword oneOf"),
        ("openai", closed(a={**WORD, "pattern": "^(?!a)"}), "has a pattern that is not run"),
        ("openai", closed(a={**WORD, "format": "uri"}), "has the format uri"),
        ("openai", closed(a={"$ref": "#/$defs/x"}), "points at nothing"),
        ("openai", closed(a={"$ref": "#", "description": "x"}), "has words beside a reference"),
        ("openai", closed(a={"enum": [str(n) for n in range(1001)]}), "1,001 values in enumerations"),
        ("openai", closed(a={"enum": [f"{n:0100}" for n in range(251)]}), "more than 15,000 characters"),
        ("openai", closed(**{f"f{n}": WORD for n in range(5001)}), "5,001 properties"),
        ("openai", closed(**{f"{n:0130}": WORD for n in range(1000)}), "characters in names"),
        ("anthropic", TREE, "it holds itself"),
        ("anthropic", closed(a={"type": "number", "minimum": 1}), "has the keyword minimum"),
        ("anthropic", closed(a={"type": "array", "items": WORD, "minItems": 2}), "has minItems above 1"),
        ("anthropic", closed(a={**WORD, "pattern": r"\bx"}), "has a pattern that is not run"),
        ("anthropic", closed(**{"a b": WORD}), "a name that is not taken"),
        ("anthropic", closed([], **{f"f{n}": WORD for n in range(25)}), "25 fields that may be left out"),
        ("anthropic", closed(**{f"f{n}": {"type": ["string", "null"]} for n in range(17)}), "17 unions"),
        ("gemini", {**TREE, "required": ["a", "kids"]}, "it holds itself where no field"),
        ("gemini", closed(a={"enum": ["x", 1]}), "neither texts nor numbers"),
        ("gemini", closed(a={"enum": [str(n) for n in range(101)]}), "more than 100 values"),
        ("gemini", {**closed(a=WORD), "propertyOrdering": ["b"]}, "orders other fields"),
        ("gemini", closed(**{f"f{n}": {"type": "integer", "minimum": 0} for n in range(51)}), "51 bounds"),
        ("grammar", closed(a={"type": "text"}), "has an unknown type"),
    ],
)
def test_what_a_vendor_refuses_is_told(dialect, schema, complaint):
    assert any(complaint in each for each in broken_rules(schema, dialect))


@pytest.mark.parametrize("dialect", ["openai", "gemini", "grammar"])
def test_a_part_may_hold_itself_below_a_field_that_can_be_left_out(dialect):
    schema = {**TREE, "required": ["a", "kids"]} if dialect == "openai" else TREE
    assert broken_rules(schema, dialect) == []


@pytest.mark.parametrize(("levels", "is_taken"), [(10, True), (11, False)])
def test_levels_are_counted_as_objects_and_lists_inside_each_other(levels, is_taken):
    schema = WORD
    for number in range(levels):
        schema = closed(a=schema) if number % 2 or number == levels - 1 else {"type": "array", "items": schema}
    assert (broken_rules(schema, "openai") == []) is is_taken
