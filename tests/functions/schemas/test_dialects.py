"""Any schema goes onto the wire in the form a strict mode takes, and answers come back in the caller's shape."""

from __future__ import annotations

import gzip
from pathlib import Path

import jsonschema_rs
import pytest

from functions.schemas.dialects import NotExpressible, to_dialect
from functions.schemas.validator import InvalidSchema, Validator
from functions.schemas.walk import subschemas
from opperweb import json

REAL_SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "data" / "real-schemas.jsonl.gz"
TREE = {"type": "object", "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}}}


def obj(required=None, **fields):
    return {"type": "object", "properties": fields, "required": list(fields) if required is None else required}


def test_a_schema_that_fits_strict_rules_is_only_closed():
    wire = to_dialect(obj(answer={"type": "string", "description": "Concise", "title": "Answer"}), "openai")
    assert wire.schema == {**obj(answer={"type": "string", "description": "Concise"}), "additionalProperties": False}
    assert wire.codec.is_identity
    assert wire.notes == ()
    assert not wire.is_thinned


def test_a_field_that_may_be_left_out_is_null_on_the_wire():
    wire = to_dialect(obj([], a={"type": "string"}, b={"type": ["integer", "null"]}), "openai")
    assert wire.schema["required"] == ["a", "b"]
    assert wire.schema["properties"]["a"]["type"] == ["string", "null"]
    assert wire.codec.encode({}) == {"a": None, "b": None}
    assert wire.codec.decode({"a": None, "b": None}) == {"b": None}


def test_a_rule_the_strict_mode_lacks_is_put_into_words_and_told():
    wire = to_dialect(obj(a={"type": "string", "minLength": 3, "description": "A name"}), "openai")
    assert wire.schema["properties"]["a"] == {"type": "string", "description": "A name (at least 3 characters)"}
    assert wire.is_thinned
    assert wire.notes == ("a: at least 3 characters is asked for in words and checked here",)


def test_a_plain_pattern_is_sent_and_one_with_lookaround_is_not():
    wire = to_dialect(obj(a={"type": "string", "pattern": "^a+$"}, b={"type": "string", "pattern": "^(?!a)"}), "openai")
    assert wire.schema["properties"]["a"]["pattern"] == "^a+$"
    assert "pattern" not in wire.schema["properties"]["b"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ({"type": "string"}, "x"),
        ({"anyOf": [obj(a={"type": "string"}), obj(b={"type": "integer"})]}, {"b": 1}),
        ({"$ref": "#/$defs/P", "$defs": {"P": obj(a={"type": "string"})}}, {"a": "x"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"one": 1, "two": 2}),
        ({**obj(a={"type": "string"}), "additionalProperties": {"type": "integer"}}, {"a": "x", "b": 2}),
        (obj(a={}), {"a": {"anything": [1, None]}}),
        (obj(a={"type": "array"}), {"a": [1, "x"]}),
        (obj(a={"enum": [{"x": 1}, [2], "s"]}), {"a": {"x": 1}}),
        (obj(a={"enum": ["a", 1, None]}), {"a": None}),
        (obj(a={"type": "array", "prefixItems": [{"type": "string"}, {}]}), {"a": ["x", {"y": 1}]}),
        (obj(a={"type": ["object", "null"], "additionalProperties": {"type": "string"}}), {"a": {"k": "v"}}),
        (obj(a={"oneOf": [{"type": "string"}, {"type": "object", "additionalProperties": {}}]}), {"a": {"k": [1]}}),
        ({"allOf": [obj(a={"type": "string"}), obj(b={"type": "integer"})]}, {"a": "x", "b": 1}),
        (TREE, {"name": "a", "kids": [{"name": "b"}, {"kids": []}]}),
    ],
)
def test_a_value_survives_the_way_there_and_back(schema, value):
    wire = to_dialect(schema, "openai")
    encoded = wire.codec.encode(value)
    assert jsonschema_rs.Draft202012Validator(wire.schema).is_valid(encoded)
    assert wire.codec.decode(encoded) == value
    assert_strict(wire.schema)


def assert_strict(schema):
    """Check the rules of the strict mode themselves."""
    assert schema["type"] == "object"
    for _, part in subschemas(schema):
        assert not part.keys() & {
            "oneOf",
            "allOf",
            "minLength",
            "maxLength",
            "not",
            "if",
            "uniqueItems",
            "default",
            "title",
        }
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])
        if "$ref" in part:
            assert len(part) == 1


def test_a_root_that_is_no_object_travels_in_a_field():
    wire = to_dialect({"type": "integer"}, "openai")
    assert list(wire.schema["properties"]) == ["value"]
    assert wire.codec.decode({"value": 3}) == 3
    assert wire.codec.decode(3) == 3


@pytest.mark.parametrize("answer", [None, 3, "x", [], {"a": {"key": 1}}, {"a": [{"key": 1, "value": 2}]}, {"z": "{"}])
def test_an_answer_in_no_promised_shape_is_handed_on(answer):
    schema = obj(a={"type": "object", "additionalProperties": {"type": "integer"}}, b={})
    to_dialect(schema, "openai").codec.decode(answer)


def test_rules_beside_a_union_are_pushed_into_it_and_contradictions_left_out():
    schema = obj(a={"type": "string", "anyOf": [{"type": "integer"}, {"enum": ["x"]}, {"enum": ["y"]}]})
    forms = to_dialect(schema, "openai").schema["properties"]["a"]["anyOf"]
    assert [form["enum"] for form in forms] == [["x"], ["y"]]


def test_an_optional_field_that_nothing_fits_is_left_out():
    wire = to_dialect(obj(["a"], a={"type": "string"}, b={"type": "boolean", "enum": ["x"]}), "openai")
    assert list(wire.schema["properties"]) == ["a"]


def levels(count):
    schema = {"type": "string"}
    for _ in range(count):
        schema = obj(a=schema)
    return schema


def bomb():
    """Each definition holds the next one twice, with a rule beside it."""
    named = {
        str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}, {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 9}]}
        for n in range(60)
    }
    return {"allOf": [{"$ref": "#/$defs/0"}], "$defs": {**named, "60": {"type": "object"}}}


@pytest.mark.parametrize(
    "schema",
    [
        levels(11),
        obj(a={"enum": [str(n) for n in range(1001)]}),
        obj(**{f"f{n}": {"type": "string"} for n in range(5001)}),
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"type": "object", "anyOf": [{"$ref": "#"}]},
        obj(a={"$ref": "#anchor"}, b={"$anchor": "anchor"}),
        obj(a=False),
        bomb(),
    ],
)
def test_a_schema_without_a_strict_form_says_why(schema):
    with pytest.raises(NotExpressible) as reason:
        to_dialect(schema, "openai")
    assert str(reason.value)


@pytest.mark.skipif(not REAL_SCHEMAS.exists(), reason="the corpus of real schemas is not here")
def test_real_schemas_make_no_trouble():
    broken = 0
    with gzip.open(REAL_SCHEMAS) as corpus:
        lines = list(corpus)[::10]
    for line in lines:
        entry = json.loads(line)
        try:
            validator = Validator(entry["schema"])
            wire = to_dialect(entry["schema"], "openai")
        except (NotExpressible, InvalidSchema):
            continue
        for value in entry["valid"]:
            broken += bool(
                validator.problems(wire.codec.decode(wire.codec.encode(value))) and not validator.problems(value)
            )
    assert broken <= 4
