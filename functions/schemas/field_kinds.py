"""Gives a field another type: "text", "list of whole number", "one of"; what it says in words stays."""

from __future__ import annotations

from typing import Any

from functions.schemas.field_places import NULL, UNIONS, items_of, place_of, types_of
from functions.schemas.table import CHOICE, LIST_OF, kind_of

RULES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "whole number": {"type": "integer"},
    "number": {"type": "number"},
    "yes or no": {"type": "boolean"},
    CHOICE: {"type": "string", "enum": []},
    "date and time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "picture": {"type": "string", "contentMediaType": "image/*", "contentEncoding": "base64"},
    "sound": {"type": "string", "contentMediaType": "audio/*", "contentEncoding": "base64"},
    "object": {"type": "object", "properties": {}},
}
# What says of a field which values fit. Words, and keywords that nobody here knows, belong to any type.
OF_TYPES = frozenset(
    [
        "type", "format", "enum", "const", "items", "prefixItems", "additionalItems", "contains", "minContains",
        "maxContains", "uniqueItems", "minItems", "maxItems", "properties", "required", "additionalProperties",
        "patternProperties", "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties",
        "unevaluatedItems", "dependentRequired", "dependentSchemas", "minLength", "maxLength", "pattern", "minimum",
        "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "contentMediaType", "contentEncoding",
        "contentSchema", "$ref", "anyOf", "oneOf", "allOf", "not", "if", "then", "else",
    ]
)  # fmt: skip
WORDS = frozenset(["title", "description", "default", "examples", "deprecated", "$comment", "$defs", "definitions"])
OF_NUMBERS = frozenset(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
OF_TEXTS = frozenset(["minLength", "maxLength", "pattern"])


def set_kind(root: dict[str, Any], part: dict[str, Any], kind: str) -> None:
    """Give the field with the schema `part` a type of the table; a definition it referred to stays as it is."""
    place = place_of(root, part)
    old, was_nullable = kind_of(root, place), place.is_nullable
    if was_nullable:
        set_nullable(root, part, is_nullable=False)
    rules = {key: value for key, value in part.items() if key in OF_TYPES}
    if kind == f"{LIST_OF}{old}":
        new = {"type": "array", "items": rules}
    elif old == f"{LIST_OF}{kind}":
        items = items_of(place_of(root, part)) or {}
        new = {key: value for key, value in items.items() if key not in WORDS}
    else:
        inner = kind.removeprefix(LIST_OF)
        plain = RULES[inner] | _kept(place_of(root, part).seen, old, inner)
        new = {"type": "array", "items": plain} if inner != kind else plain
    words = {key: value for key, value in part.items() if key not in OF_TYPES and key not in ("default", "examples")}
    part.clear()
    part.update(words | new)
    if was_nullable:
        set_nullable(root, part, is_nullable=True)


def _kept(schema: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return the rules that both types know."""
    numbers = {"whole number", "number"}
    known = OF_NUMBERS if {old, new} <= numbers else OF_TEXTS if {old, new} <= {"text"} else frozenset()
    fresh: dict[str, Any] = {"enum": []} if new == CHOICE else {"properties": {}} if new == "object" else {}
    return {key: value for key, value in schema.items() if key in known} | fresh


def set_nullable(root: dict[str, Any], part: dict[str, Any], *, is_nullable: bool) -> None:
    """Let none be a value of the field, or no longer."""
    place = place_of(root, part)
    if place.is_nullable == is_nullable:
        return
    if is_nullable:
        rules = {key: part.pop(key) for key in [key for key in part if key in OF_TYPES]}
        part["anyOf"] = [rules, dict(NULL)]
        return
    for holder in place.chain:
        _without_null(holder)


def _without_null(holder: dict[str, Any]) -> None:
    if len(types := types_of(holder)) > 1 and "null" in types:
        left = [name for name in types if name != "null"]
        holder["type"] = left[0] if len(left) == 1 else left
    if isinstance(enum := holder.get("enum"), list) and None in enum:
        holder["enum"] = [option for option in enum if option is not None]
    for union in UNIONS:
        branches = holder.get(union)
        if isinstance(branches, list) and len(branches) == 2 and NULL in branches:
            del holder[union]
            only = next(branch for branch in branches if branch != NULL)
            words = dict(holder)
            holder.update(only)
            holder.update(words)
    if "default" in holder and holder["default"] is None:
        del holder["default"]
