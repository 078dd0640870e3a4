"""A $ref that leads back to itself is refused on entry; a schema that holds itself in a field or an item is fine."""

from typing import Any

import pytest

from functions.schemas.validator import InvalidSchema, Validator, check_schema

CIRCLE = {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"nodes": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["nodes"],
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "path", "way"),
    [
        ({"$ref": "#"}, ("$ref",), "# → #"),
        ({"$ref": "#/$defs/A", "$defs": CIRCLE}, ("$defs", "A", "$ref"), "#/$defs/B → #/$defs/A → #/$defs/B"),
        (
            {"type": "object", "properties": {"x": {"$ref": "#/$defs/A"}}, "$defs": CIRCLE},
            ("$defs", "B", "$ref"),
            "#/$defs/A → #/$defs/B → #/$defs/A",
        ),
        ({"anyOf": [{"type": "string"}, {"$ref": "#"}]}, ("anyOf", 1, "$ref"), "# → #"),
        (
            {"properties": {"x": {"allOf": [{"$ref": "#/properties/x"}]}}},
            ("properties", "x", "allOf", 0, "$ref"),
            "#/properties/x → #/properties/x",
        ),
        (
            {"$defs": {"a": {"$anchor": "one", "$ref": "#two"}, "b": {"$anchor": "two", "$ref": "#one"}}},
            ("$defs", "b", "$ref"),
            "#/$defs/a → #/$defs/b → #/$defs/a",
        ),
    ],
)
def test_a_reference_that_comes_back_to_itself_is_refused_with_its_place_and_its_way(
    schema: dict[str, Any], path: tuple[Any, ...], way: str
) -> None:
    for _time in range(2):
        with pytest.raises(InvalidSchema) as refused:
            check_schema(schema)
        assert refused.value.path == path
        assert refused.value.message == f"cyclic $ref: {way} comes back to itself with no field or item in between"


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        {"properties": {"child": {"$ref": "#"}}},
        {"anyOf": [{"type": "null"}, {"items": {"$ref": "#"}}]},
        {"type": "object", "additionalProperties": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}},
        {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "string"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/c"}, "c": {}}},
        {"properties": {"$ref": {"type": "string"}}, "const": {"$ref": "#"}},
    ],
)
def test_recursion_with_a_level_in_between_and_references_that_end_are_fine(schema: dict[str, Any]) -> None:
    check_schema(schema)


def test_a_tree_is_still_checked_at_every_level() -> None:
    assert not Validator(TREE).problems({"nodes": [{"nodes": []}]})
    assert [problem.path for problem in Validator(TREE).problems({"nodes": [{}]})] == [("nodes", 0, "nodes")]


def test_a_long_chain_takes_no_stack_and_names_its_first_steps() -> None:
    chain = {f"d{number}": {"$ref": f"#/$defs/d{number + 1}"} for number in range(150)}
    check_schema({"$ref": "#/$defs/d0", "$defs": {**chain, "d150": {}}})
    with pytest.raises(InvalidSchema, match=r"#/\$defs/d5 → … → #/\$defs/d1 comes back"):
        check_schema({"$ref": "#/$defs/d0", "$defs": {**chain, "d150": {"$ref": "#/$defs/d0"}}})


def test_a_schema_that_was_stored_before_still_checks_answers() -> None:
    assert Validator({"type": "object", "$ref": "#"}).problems(5)
