"""A schema whose parts multiply is refused, or its values are counted first; any other costs nothing more."""

import pytest

from functions.schemas.effort import TooMuchWork, effort_of
from functions.schemas.validator import InvalidSchema, Validator


def ref(name):
    return {"$ref": f"#/$defs/{name}"}


def chain(count, part):
    return {"$defs": {**{f"d{n}": part(ref(f"d{n + 1}")) for n in range(count)}, f"d{count}": {}}, **ref("d0")}


def nested(levels, name="a", innermost=5):
    value = innermost
    for _ in range(levels):
        value = {name: value}
    return value


TWICE = {"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}, "required": ["b"]}]}


@pytest.mark.parametrize(
    "schema",
    [
        chain(60, lambda n: {"allOf": [n, n]}),
        chain(60, lambda n: {"anyOf": [n, {"oneOf": [n, {"type": "null"}]}]}),
        chain(60, lambda n: {"if": n, "then": n}),
        chain(300, lambda n: n),
        {"properties": {f"p{n}": {"pattern": rf"^(?!x)\w{{{n},90}}"} for n in range(80)}},
    ],
)
def test_parts_that_multiply_at_one_value_are_refused(schema):
    with pytest.raises(TooMuchWork):
        effort_of(schema)
    with pytest.raises(InvalidSchema, match="takes too much work"):
        Validator(schema)


def test_parts_that_multiply_from_level_to_level_are_counted_for_each_value():
    effort = effort_of(TWICE)
    assert effort is not None
    assert not effort.is_too_much(nested(5))
    assert effort.is_too_much(nested(60))
    assert [problem.rule for problem in Validator(TWICE).problems(nested(60))] == ["effort"]
    assert Validator(TWICE).problems(nested(5, innermost={})) == []


def test_a_deep_chain_that_doubles_at_each_level_is_counted_too():
    schema = chain(40, lambda n: {"allOf": [{"properties": {"a": n}}, {"properties": {"a": n}}]})
    effort = effort_of(schema)
    assert effort is not None
    assert effort.is_too_much(nested(40))
    assert not effort.is_too_much(nested(3))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}},
        {"properties": {"a": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}},
        {"anyOf": [{"properties": {"a": {"properties": {"x": {}}}}}, {"properties": {"a": {"properties": {"y": {}}}}}]},
        {"$ref": "#"},
        chain(500, lambda n: {"properties": {"a": n}}),
    ],
)
def test_what_only_follows_the_value_needs_no_counting(schema):
    assert effort_of(schema) is None
