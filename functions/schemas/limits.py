"""How large a schema a strict mode takes."""

from __future__ import annotations

from typing import Any

from functions.schemas.flatten import NotExpressible
from functions.schemas.walk import subschemas

MOST_PROPERTIES = 5_000
MOST_LEVELS = 10
MOST_CHARACTERS = 120_000
MOST_ENUM_VALUES = 1_000
LONG_ENUM, MOST_LONG_ENUM_CHARACTERS = 250, 15_000


def check_limits(schema: dict[str, Any]) -> None:
    """Raise NotExpressible where `schema`, already in the form of the wire, is too large."""
    properties = values = characters = 0
    for _, part in subschemas(schema):
        names = part.get("properties") or {}
        enum = part.get("enum") or []
        in_enum = sum(len(value) for value in enum if isinstance(value, str))
        properties += len(names)
        values += len(enum)
        characters += sum(map(len, names)) + sum(map(len, part.get("$defs") or {})) + in_enum
        if len(enum) > LONG_ENUM and in_enum > MOST_LONG_ENUM_CHARACTERS:
            raise NotExpressible(f"an enumeration has more than {MOST_LONG_ENUM_CHARACTERS:,} characters")
    _check("properties", properties, MOST_PROPERTIES)
    _check("values in enumerations", values, MOST_ENUM_VALUES)
    _check("characters in names and enumerations", characters, MOST_CHARACTERS)
    if _levels(schema) > MOST_LEVELS:
        raise NotExpressible(f"it is nested deeper than {MOST_LEVELS} levels")


def _check(what: str, count: int, most: int) -> None:
    if count > most:
        raise NotExpressible(f"it has {count:,} {what}, of which {most:,} are taken")


def _levels(schema: dict[str, Any]) -> int:
    """Return how many objects and lists stand inside each other; what a reference points at counts for itself."""
    inner = [*(schema.get("properties") or {}).values(), *(schema.get("anyOf") or ())]
    if isinstance(schema.get("items"), dict):
        inner.append(schema["items"])
    deepest = max(map(_levels, inner), default=0)
    named = max(map(_levels, (schema.get("$defs") or {}).values()), default=0)
    return max(deepest + (schema.get("type") in ("object", "array")), named)
