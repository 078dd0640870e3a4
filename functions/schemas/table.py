"""A JSON Schema as rows that people read and edit: field, type in words, description, constraints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.schemas.field_places import (
    UNIONS,
    Place,
    fields_place,
    items_of,
    kinds_of,
    part_at,
    place_of,
    properties_of,
    required_of,
    steps_to,
)
from functions.schemas.field_words import FORMAT_WORDS, TYPE_WORDS, media_words, rules_in_words, type_words
from functions.schemas.problems import in_words
from functions.schemas.walk import Path

MOST_DEPTH = 8
MOST_ROWS = 500
LIST_OF = "list of "
CHOICE = "one of"
# What an editor offers; each may also be a list of it, and may be none.
SIMPLE_KINDS = (
    "text", "whole number", "number", "yes or no", CHOICE, "date and time", "date", "picture", "sound", "object"
)  # fmt: skip
LIMITS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
}
WORDS = frozenset(["title", "description", "default", "$comment", "$schema", "$id", "$defs", "definitions"])
# Rules that a row says in its own way.
SHOWN = WORDS | {
    "type", "enum", "const", "format", "properties", "required", "items", "pattern", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "multipleOf",
    "minProperties", "maxProperties", "uniqueItems", "contentMediaType", "contentEncoding",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One row. `path` holds the names from the root; the items of a list add no step to it.

    `kind` is what an editor offers for the type, empty where the table cannot edit it; `least` and `most` are the
    limits of its length, its number of items or its value. `json_text` is the part of the schema no column can say.
    """

    path: Path
    name: str
    depth: int
    type_words: str
    description: str = ""
    title: str = ""
    constraints: str = ""
    pattern: str = ""
    options: tuple[str, ...] = ()
    is_required: bool = False
    is_nullable: bool = False
    kind: str = ""
    enum: tuple[Any, ...] = ()
    least: int | float | None = None
    most: int | float | None = None
    default: Any = None
    json_text: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def around(self) -> str:
        """Return the fields it stands in, from the outermost: sources, quotes."""
        return ", ".join(map(str, self.path[:-1]))

    @property
    def is_editable(self) -> bool:
        return bool(self.kind)


def rows_of(schema: Mapping[str, Any] | None) -> list[Field]:
    """Return the rows of a schema: its fields, each with those inside of it below.

    A first row without a name stands for the whole where it is no plain object, or has rules of its own.
    """
    if schema is None:
        return []
    root = root_of(schema)
    rows = (
        [root] if root.json_text or root.type_words != "object" or not properties_of(place_of(schema, schema)) else []
    )
    for row in _rows_inside(schema, schema, (), frozenset(["#"])):
        rows.append(row)
        if len(rows) > MOST_ROWS * 4:
            break
    return rows


def root_of(schema: Mapping[str, Any]) -> Field:
    """Return the row of the whole: its title, its description and its rules."""
    return _row(schema, schema, (), is_required=True)


def field_at(schema: Mapping[str, Any], path: Path) -> Field:
    """Return the row of the field at `path`; raise KeyError where there is none."""
    is_required = True
    for around, name in steps_to(schema, path):
        is_required = name in required_of(around)
    return _row(schema, part_at(schema, path), path, is_required=is_required)


def _rows_inside(root: Mapping[str, Any], part: Any, path: Path, around: frozenset[str]) -> Iterator[Field]:
    """Yield the rows of what stands inside of `part`, in order."""
    count = 0
    waiting: list[tuple[Any, Path, frozenset[str], bool]] = _children(root, part, path, around)[::-1]
    while waiting:
        inner, inner_path, references, is_required = waiting.pop()
        count += 1
        children = [] if count > MOST_ROWS else _children(root, inner, inner_path, references)
        is_open = len(inner_path) < MOST_DEPTH and count + len(waiting) + len(children) <= MOST_ROWS
        place = fields_place(root, inner)
        is_round = place is not None and bool(place.references & references)
        is_cut = bool(children) and not is_open
        yield _row(root, inner, inner_path, is_required=is_required, is_cut=is_cut, is_round=is_round)
        if is_open and not is_round:
            waiting += children[::-1]


def _children(
    root: Mapping[str, Any], part: Any, path: Path, around: frozenset[str]
) -> list[tuple[Any, Path, frozenset[str], bool]]:
    place = fields_place(root, part)
    fields = properties_of(place) if place is not None else None
    if place is None or not fields:
        return []
    references, required = around | place.references, required_of(place)
    return [(inner, (*path, name), references, name in required) for name, inner in fields.items()]


def _row(
    root: Mapping[str, Any], part: Any, path: Path, *, is_required: bool, is_cut: bool = False, is_round: bool = False
) -> Field:
    place = place_of(root, part)
    schema = place.seen
    ends = _ends(root, place)
    rules = ends.seen
    options = _options(ends)
    words = type_words(root, part)
    least, most = _limits(place)
    return Field(
        path=path,
        name=str(path[-1]) if path else "",
        depth=max(len(path) - 1, 0),
        type_words=f"{words}, as above" if is_round else words,
        description=str(schema.get("description") or rules.get("description") or ""),
        title=str(schema.get("title") or ""),
        constraints=", ".join(_constraints(place, ends, path, is_required=is_required)),
        pattern=str(rules.get("pattern") or ""),
        options=tuple(in_words(option) if not isinstance(option, str) else option for option in options),
        is_required=is_required,
        is_nullable=place.is_nullable,
        kind=kind_of(root, place) if isinstance(part, dict) else "",
        enum=tuple(options),
        least=least,
        most=most,
        default=schema.get("default"),
        json_text=_json_text(root, part, is_cut=is_cut),
        schema=schema,
    )


def _ends(root: Mapping[str, Any], place: Place) -> Place:
    """Return the place of the items of a list of plain values, or the place itself."""
    items = items_of(place)
    inner = place_of(root, items) if items is not None else place
    return place if kinds_of(inner) in (["object"], ["array"]) else inner


def _options(place: Place) -> list[Any]:
    schema = place.seen
    if "const" in schema:
        return [schema["const"]]
    enum = schema.get("enum")
    if not isinstance(enum, list):
        return []
    return [option for option in enum if option is not None] if place.is_nullable else enum


def _constraints(place: Place, ends: Place, path: Path, *, is_required: bool) -> Iterator[str]:
    if path:
        yield "required" if is_required else "optional"
    yield from filter(None, rules_in_words(place.seen, kinds_of(place)))
    if ends is not place:
        yield from (f"each {words}" for words in rules_in_words(ends.seen, kinds_of(ends)))


def kind_of(root: Mapping[str, Any], place: Place) -> str:
    """Return the simple type of a field as an editor offers it; empty where it has none."""
    items = items_of(place)
    if items is not None:
        inner = place_of(root, items)
        kind = _plain_kind(inner)
        return f"{LIST_OF}{kind}" if kind and not inner.is_nullable else ""
    return _plain_kind(place)


def _plain_kind(place: Place) -> str:
    schema, kinds = place.seen, kinds_of(place)
    if any(key in schema for key in ("anyOf", "oneOf", "allOf", "$ref", "not", "if")) or len(kinds) > 1:
        return ""
    if isinstance(schema.get("enum"), list):
        return CHOICE
    if "const" in schema or not kinds:
        return ""
    if media := media_words(place):
        return media if media in SIMPLE_KINDS and kinds == ["string"] else ""
    if kinds == ["object"]:
        return "object" if properties_of(place) is not None else ""
    words = FORMAT_WORDS.get(str(schema.get("format")), "text") if kinds == ["string"] else TYPE_WORDS.get(kinds[0], "")
    return words if words in SIMPLE_KINDS else ""


def _limits(place: Place) -> tuple[int | float | None, int | float | None]:
    kinds = kinds_of(place)
    if len(kinds) != 1 or kinds[0] not in LIMITS or "enum" in place.seen:
        return None, None
    low, high = (place.seen.get(keyword) for keyword in LIMITS[kinds[0]])
    return _number(low), _number(high)


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _json_text(root: Mapping[str, Any], part: Any, *, is_cut: bool) -> str:
    """Return as JSON what the columns do not say: the whole part where it is cut, else the rules without words."""
    if is_cut or not isinstance(part, dict | bool):
        return _text(part)
    left: dict[str, Any] = {}
    place = place_of(root, part)
    for _ in range(MOST_DEPTH):
        left |= {key: value for key, value in place.seen.items() if not _is_shown(key, value, place)}
        items = items_of(place)
        if items is None:
            break
        place = place_of(root, items)
    return _text(left) if left else ""


def _is_shown(keyword: str, value: Any, place: Place) -> bool:
    if keyword == "items":
        return isinstance(value, bool) or items_of(place) is not None
    if keyword == "additionalProperties":
        return isinstance(value, bool) or _is_bare(value)
    if keyword in UNIONS:
        return isinstance(value, list) and all(map(_is_bare, value))
    if keyword == "properties":
        return properties_of(place) is not None
    return keyword in SHOWN


def _is_bare(value: Any) -> bool:
    """Tell whether the words for its type say all that a schema does."""
    return isinstance(value, dict) and value.keys() <= {"type", "title"} and value.get("type") != "object"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
