"""Problems are found with their paths and told in words; unusable schemas are refused without a look outside."""

import pytest

from functions.schemas.validator import InvalidSchema, Validator, check_schema


def sentences(schema, value):
    return [problem.sentence for problem in Validator(schema).problems(value)]


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        ({"type": "integer"}, "x", 'the value must be a whole number (is "x")'),
        ({"items": {"properties": {"qty": {"minimum": 1}}}}, [{"qty": 0}], "[0].qty must be at least 1 (is 0)"),
        ({"required": ["name"]}, {}, "name is missing"),
        ({"properties": {}, "additionalProperties": False}, {"b": 1}, "b is not one of the fields that are allowed"),
        ({"enum": ["a", 1]}, "c", 'the value must be one of "a", 1 (is "c")'),
        ({"const": 3}, 4, "the value must be 3 (is 4)"),
        ({"pattern": "^a"}, "b", 'the value must match ^a (is "b")'),
        ({"format": "email"}, "b", 'the value must be a valid email (is "b")'),
        ({"minLength": 3}, "b", "the value must have at least 3 characters (has 1)"),
        ({"maxItems": 1}, [1, 2], "the value must have at most 1 items (has 2)"),
        ({"uniqueItems": True}, [1, 1], "the value must not hold the same item twice"),
        ({"anyOf": [{"type": "null"}, {"required": ["a"], "type": "object"}]}, {}, "a is missing"),
    ],
)
def test_a_problem_is_a_sentence_about_its_place(schema, value, sentence):
    assert sentences(schema, value) == [sentence]


def test_what_fits_has_no_problems():
    assert (
        sentences({"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "number"}}}, [1, 2.5]) == []
    )


def test_at_most_fifty_problems_are_told():
    assert len(Validator({"items": {"type": "integer"}}).problems(["x"] * 500)) == 50


def test_a_problem_is_kept_short():
    kept = Validator({"maxLength": 1}).problems("x" * 10_000)[0].as_json()
    assert kept["rule"] == "maxLength"
    assert len(kept["value"]) < 300


@pytest.mark.parametrize("value", [10**400, "\ud800", "\x00", {"\udfff": 1}, 1e308, float("inf")])
def test_odd_values_are_judged_without_a_stumble(value):
    assert isinstance(Validator({"type": "boolean"}).problems(value), list)


def test_a_value_nested_without_end_is_a_problem():
    value = []
    for _ in range(1000):
        value = [value]
    assert [problem.rule for problem in Validator({"type": "array"}).problems(value)] == ["depth"]


def nested(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("string", "must be an object"),
        ({"type": "text"}, "must be one of|is not valid|fits none"),
        ({"$ref": "file:///etc/passwd"}, "points outside"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1/x"}}}, "points outside"),
        ({"$ref": "#/$defs/missing"}, "points at nothing"),
        ({"$ref": "#/title", "title": "x"}, "does not point at a schema"),
        ({"pattern": "("}, "not a pattern"),
        ({"description": "x" * 600_000}, "larger than 512 kB"),
        (nested(200), "nested deeper"),
        ({"anyOf": [{"$ref": "#"}] * 2001}, "more than 2000 references"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema, words):
    with pytest.raises(InvalidSchema, match=words):
        check_schema(schema)


def test_a_pattern_that_could_run_for_ever_is_cut_short():
    assert sentences({"pattern": r"^(?=(a+)+$)(a+)+$"}, "a" * 60 + "!")
