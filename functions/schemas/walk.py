"""Where the schemas inside a schema stand, and what a local reference points at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

Path = tuple[str | int, ...]

# Keywords whose value is a schema, a list of schemas, or an object of schemas by name. All others hold data.
ONE_SCHEMA = frozenset(
    [
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
        "additionalItems",
    ]
)
LISTS_OF_SCHEMAS = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
MAPS_OF_SCHEMAS = frozenset(["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"])


def subschemas(schema: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every object schema in `schema`, itself first, with the path to it."""
    waiting: list[tuple[Path, Any]] = [((), schema)]
    while waiting:
        path, part = waiting.pop()
        if not isinstance(part, dict):
            continue
        yield path, part
        for keyword, value in part.items():
            if keyword in ONE_SCHEMA:
                waiting.append(((*path, keyword), value))
            elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
                waiting += (((*path, keyword, index), item) for index, item in enumerate(value))
            elif keyword in MAPS_OF_SCHEMAS and isinstance(value, dict):
                waiting += (((*path, keyword, name), item) for name, item in value.items())


def target_of(schema: dict[str, Any], reference: str) -> Any:
    """Return what a reference like #/$defs/Part points at in `schema`; raise KeyError where there is nothing."""
    if reference == "#":
        return schema
    if not reference.startswith("#/"):
        raise KeyError(reference)
    place: Any = schema
    for step in reference[2:].split("/"):
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and name in place:
            place = place[name]
        elif isinstance(place, list) and name.isdecimal() and len(name) < 6 and int(name) < len(place):
            place = place[int(name)]
        else:
            raise KeyError(reference)
    return place


def depth_of(value: Any, most: int) -> int:
    """Return how deep lists and objects are nested in `value`; it stops counting at `most` + 1."""
    depth, level = 0, [value]
    while level and depth <= most + 1:
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth += 1
    return depth - 1
