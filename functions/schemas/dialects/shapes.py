"""The small pieces wire schemas are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from functions.schemas.flatten import types_of
from opperweb import json

SCALARS = ("string", "integer", "number", "boolean", "null")
NULL = {"type": "null"}


def closed(fields: dict[str, Any], required: Iterable[str] | None = None) -> dict[str, Any]:
    """Return an object with these fields and no others, in their order."""
    names = list(fields if required is None else required)
    return {"type": "object", "properties": fields, "required": names, "additionalProperties": False}


def distinct(values: Iterable[Any]) -> list[Any]:
    return list({json.dumps(value): value for value in values}.values())


def kinds_of(values: Iterable[Any]) -> list[str]:
    """Return the types of some values, each once; a whole number among others is a number."""
    kinds = list(dict.fromkeys(map(kind_of, values)))
    return [kind for kind in kinds if kind != "integer" or "number" not in kinds]


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict | list):
        return "object" if isinstance(value, dict) else "array"
    return "integer" if isinstance(value, int) else "number"


def is_of_type(value: Any, types: list[str]) -> bool:
    kind = kind_of(value)
    return (
        kind in types
        or (kind == "integer" and "number" in types)
        or (kind == "number" and "integer" in types and value == value // 1)
    )


def one_or_many(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def is_union(wire: Mapping[str, Any]) -> bool:
    return "anyOf" in wire or isinstance(wire.get("type"), list)


def nullable(wire: dict[str, Any], *, in_enums: bool = True) -> dict[str, Any]:
    """Return a schema that takes null too; without `in_enums` null stands beside an enumeration, not in it."""
    if "anyOf" in wire:
        return {**wire, "anyOf": [*wire["anyOf"], NULL]}
    types = types_of(wire)
    if types and all(name in SCALARS for name in types) and (in_enums or "enum" not in wire):
        enum = {"enum": [*wire["enum"], None]} if "enum" in wire else {}
        return {**wire, "type": [*types, "null"], **enum}
    words = {"description": wire["description"]} if "description" in wire else {}
    bare = {key: value for key, value in wire.items() if key != "description"}
    return {"anyOf": [bare, NULL], **words}


def takes_null(wire: Mapping[str, Any], definitions: Mapping[str, dict[str, Any]]) -> bool:
    waiting, seen = [wire], set[str]()
    while waiting:
        part = waiting.pop()
        if "null" in types_of({"type": part.get("type")}):
            return True
        waiting += part.get("anyOf", ())
        if (reference := part.get("$ref")) is not None and reference not in seen:
            seen.add(reference)
            waiting.append(definitions[reference.removeprefix("#/$defs/")])
    return False


def free_name(wanted: str, taken: Iterable[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_-]", "_", wanted.rsplit("/", 1)[-1])[:60].strip("_") or "root"
    name, number, used = base, 2, set(taken)
    while name in used:
        name, number = f"{base}_{number}", number + 1
    return name
