"""What each dialect's vendor says its strict mode takes, held against a finished wire schema.

It is written from the vendors' documents and knows nothing of how a schema is converted, so that it can judge that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from functions.schemas.flatten import types_of
from functions.schemas.walk import Path, subschemas

SHAPE = frozenset(["type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "$ref", "$defs"])
WORDS = frozenset(["description"])
NUMBERS = frozenset(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
COUNTS = frozenset(["minItems", "maxItems"])
TYPES = frozenset(["string", "number", "integer", "boolean", "object", "array", "null"])
FORMATS = frozenset(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])
LOOKAROUND = re.compile(r"\(\?<?[=!]")
LOOKAROUND_OR_REFERENCE = re.compile(r"\(\?<?[=!]|\\[1-9bB]|\\k")
MOST_BROKEN = 20


@dataclass(frozen=True)
class Documented:
    """One dialect's documented rules. None: no such rule."""

    keywords: frozenset[str]
    is_closed: bool = False
    requires_all: bool = False
    must_be_typed: bool = True
    has_object_root: bool = False
    recursion: str = "any"
    refused_pattern: re.Pattern[str] = LOOKAROUND
    formats: frozenset[str] = FORMATS
    is_enum_of_one_kind: bool = False
    most_least_items: int | None = None
    field_name: re.Pattern[str] | None = None
    properties: int | None = None
    levels: int | None = None
    characters: int | None = None
    enum_values: int | None = None
    # An enumeration with more values than the first may have so many characters.
    long_enum: tuple[int, int] | None = None
    longest_enum: int | None = None
    optionals: int | None = None
    unions: int | None = None
    bounds: int | None = None


DOCUMENTED = {
    "openai": Documented(
        keywords=SHAPE | WORDS | NUMBERS | COUNTS | {"pattern", "format", "const"},
        is_closed=True,
        requires_all=True,
        has_object_root=True,
        properties=5_000,
        levels=10,
        characters=120_000,
        enum_values=1_000,
        long_enum=(250, 15_000),
    ),
    "anthropic": Documented(
        keywords=SHAPE | WORDS | {"pattern", "format", "const", "minItems", "default", "allOf"},
        is_closed=True,
        has_object_root=True,
        recursion="none",
        refused_pattern=LOOKAROUND_OR_REFERENCE,
        formats=FORMATS | {"uri"},
        most_least_items=1,
        field_name=re.compile(r"^[a-zA-Z0-9_.-]{1,64}$"),
        optionals=24,
        unions=16,
    ),
    # The vendor documents "too many states" without numbers; these are where it was seen to begin, and some room.
    "gemini": Documented(
        keywords=SHAPE | WORDS | COUNTS | {"minimum", "maximum", "prefixItems", "propertyOrdering"},
        recursion="below optional",
        is_enum_of_one_kind=True,
        characters=40_000,
        longest_enum=100,
        enum_values=1_000,
        optionals=100,
        bounds=50,
    ),
    "grammar": Documented(
        keywords=SHAPE | WORDS | NUMBERS | COUNTS | {"pattern", "format", "minLength", "maxLength", "prefixItems"},
        must_be_typed=False,
    ),
}


def broken_rules(schema: dict[str, Any], dialect: str) -> list[str]:
    """Return what a vendor would refuse `schema` for, at most 20 sentences; empty where it takes it."""
    rules = DOCUMENTED[dialect]
    parts = list(subschemas(schema))
    broken = [*_broken_root(schema, rules)]
    for path, part in parts:
        where = "/".join(map(str, path)) or "the root"
        broken += (f"{where[:200]} {complaint}" for complaint in _broken_part(part, rules))
        if len(broken) >= MOST_BROKEN:
            return broken[:MOST_BROKEN]
    broken += _broken_limits(schema, parts, rules)
    broken += _broken_references(schema, parts, rules)
    return broken[:MOST_BROKEN]


# --- the root, and each part by itself -----------------------------------------------------------------------------


def _broken_root(schema: dict[str, Any], rules: Documented) -> Iterator[str]:
    if rules.has_object_root and schema.get("type") != "object":
        yield "the root is no object"
    if rules.has_object_root and "anyOf" in schema:
        yield "the root is a union"


def _broken_part(part: dict[str, Any], rules: Documented) -> Iterator[str]:
    for keyword in part.keys() - rules.keywords:
        yield f"has the keyword {keyword[:50]}"
    if "$ref" in part and part.keys() - {"$ref", "$defs"}:
        yield "has words beside a reference"
    if rules.must_be_typed and not part.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
        yield "has no type"
    if not set(types_of(part)) <= TYPES:
        yield "has an unknown type"
    if "object" in types_of(part):
        yield from _broken_object(part, rules)
    if "array" in types_of(part) and rules.must_be_typed and not part.keys() & {"items", "prefixItems"}:
        yield "does not say what its items are"
    if isinstance(part.get("enum"), list):
        yield from _broken_enum(part["enum"], rules)
    if "pattern" in part and rules.refused_pattern.search(part["pattern"]):
        yield "has a pattern that is not run"
    if "format" in part and part["format"] not in rules.formats:
        yield f"has the format {part['format']}"
    if rules.most_least_items is not None and part.get("minItems", 0) > rules.most_least_items:
        yield f"has minItems above {rules.most_least_items}"


def _broken_object(part: dict[str, Any], rules: Documented) -> Iterator[str]:
    names = list(part.get("properties") or {})
    if rules.is_closed and part.get("additionalProperties") is not False:
        yield "is open to other fields"
    if rules.requires_all and sorted(names) != sorted(part.get("required") or []):
        yield "does not require all of its fields"
    if rules.field_name is not None and not all(map(rules.field_name.match, names)):
        yield "has a field with a name that is not taken"
    if not set(part.get("required") or []) <= set(names):
        yield "requires a field that it does not have"
    if "propertyOrdering" in part and sorted(part["propertyOrdering"]) != sorted(names):
        yield "orders other fields than it has"


def _broken_enum(values: list[Any], rules: Documented) -> Iterator[str]:
    if not values:
        yield "is an enumeration of nothing"
    if rules.must_be_typed and any(isinstance(value, dict | list) for value in values):
        yield "is an enumeration of lists or objects"
    if rules.is_enum_of_one_kind:
        is_text = [isinstance(value, str) for value in values]
        is_number = [isinstance(value, int | float) and not isinstance(value, bool) for value in values]
        if not all(is_text) and not all(is_number):
            yield "is an enumeration of neither texts nor numbers"
    if rules.longest_enum is not None and len(values) > rules.longest_enum:
        yield f"is an enumeration of more than {rules.longest_enum} values"
    if rules.long_enum is not None and len(values) > rules.long_enum[0]:
        characters = sum(len(value) for value in values if isinstance(value, str))
        if characters > rules.long_enum[1]:
            yield f"is an enumeration of more than {rules.long_enum[1]:,} characters"


# --- what is counted in the whole schema -----------------------------------------------------------------------------


def _broken_limits(
    schema: dict[str, Any], parts: list[tuple[Path, dict[str, Any]]], rules: Documented
) -> Iterator[str]:
    properties = optionals = unions = values = bounds = 0
    characters = sum(map(len, schema.get("$defs") or {}))
    for _, part in parts:
        names = part.get("properties") or {}
        enum = part.get("enum") or []
        properties += len(names)
        optionals += len(set(names) - set(part.get("required") or []))
        unions += "anyOf" in part or isinstance(part.get("type"), list)
        values += len(enum)
        bounds += len(part.keys() & (COUNTS | NUMBERS))
        characters += sum(map(len, names)) + sum(len(str(value)) for value in enum)
        characters += len(str(part["const"])) if "const" in part else 0
    yield from _above("properties", properties, rules.properties)
    yield from _above("fields that may be left out", optionals, rules.optionals)
    yield from _above("unions", unions, rules.unions)
    yield from _above("values in enumerations", values, rules.enum_values)
    yield from _above("bounds", bounds, rules.bounds)
    yield from _above("characters in names and enumerations", characters, rules.characters)
    if rules.levels is not None:
        yield from _above("levels", _levels(parts), rules.levels)


def _above(what: str, count: int, most: int | None) -> Iterator[str]:
    if most is not None and count > most:
        yield f"it has {count:,} {what}, of which {most:,} are taken"


def _levels(parts: list[tuple[Path, dict[str, Any]]]) -> int:
    """Return how many objects and lists stand inside each other; a definition counts for itself."""
    above: dict[Path, int] = {}
    for path, part in parts:
        is_definition = len(path) == 2 and path[0] == "$defs"
        around = (
            0
            if is_definition
            else next((above[path[:n]] for n in range(len(path) - 1, -1, -1) if path[:n] in above), 0)
        )
        above[path] = around + bool({"object", "array"} & set(types_of(part)))
    return max(above.values())


def _broken_references(
    schema: dict[str, Any], parts: list[tuple[Path, dict[str, Any]]], rules: Documented
) -> Iterator[str]:
    definitions = schema.get("$defs") or {}
    leads_to: dict[str, set[str]] = {"#": set(), **{name: set() for name in definitions}}
    for path, part in parts:
        if not isinstance(reference := part.get("$ref"), str):
            continue
        target = "#" if reference == "#" else reference.removeprefix("#/$defs/")
        if target not in leads_to:
            yield f"{reference[:100]} points at nothing"
        elif rules.recursion == "none" or not _is_below_optional(schema, path):
            # Where recursion may stand below fields that can be left out, only the other ways round are wrong.
            leads_to[str(path[1]) if path[0] == "$defs" else "#"].add(target)
    if rules.recursion != "any" and _has_circle(leads_to):
        yield "it holds itself" + ("" if rules.recursion == "none" else " where no field on the way can be left out")


def _is_below_optional(schema: dict[str, Any], path: Path) -> bool:
    """Tell whether one of the fields that lead to `path`, inside of its definition, may be left out."""
    start = 2 if path[0] == "$defs" else 0
    places: list[Any] = [schema]
    for step in path:
        places.append(places[-1][step])
    return any(
        path[number] == "properties"
        and "type" in places[number]
        and path[number + 1] not in (places[number].get("required") or [])
        for number in range(start, len(path) - 1)
    )


def _has_circle(leads_to: dict[str, set[str]]) -> bool:
    """Tell whether one can come back to a definition; those that lead nowhere are taken away until none is left."""
    left = {name: set(targets) for name, targets in leads_to.items()}
    while ends := [name for name, targets in left.items() if not targets]:
        for name in ends:
            del left[name]
        for targets in left.values():
            targets.difference_update(ends)
    return bool(left)
