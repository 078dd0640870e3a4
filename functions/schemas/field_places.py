"""Where the rules of a field stand: behind its references, beside the null of a union, inside of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.schemas.walk import Path, target_of

MOST_STEPS = 20
UNIONS = ("anyOf", "oneOf")
NULL = {"type": "null"}


@dataclass(frozen=True)
class Place:
    """A field's schemas from its own to the one that holds the rules; `references` are those followed on the way."""

    chain: tuple[dict[str, Any], ...]
    is_nullable: bool = False
    references: frozenset[str] = frozenset()

    @property
    def own(self) -> dict[str, Any]:
        return self.chain[0]

    @property
    def core(self) -> dict[str, Any]:
        return self.chain[-1]

    @property
    def seen(self) -> dict[str, Any]:
        """Every rule and word in one schema; what stands nearer to the field wins."""
        merged = dict(self.core)
        for part in reversed(self.chain[:-1]):
            merged |= {key: value for key, value in part.items() if key not in _ways_on(part)}
        return merged

    def holder_of(self, keyword: str) -> dict[str, Any]:
        """Return the schema in which a keyword stands, or would have to stand."""
        return next((part for part in self.chain if keyword in part), self.core)


def place_of(root: Mapping[str, Any], part: Any) -> Place:
    """Return where the rules of `part` stand; a reference that leads nowhere or round is not followed."""
    chain = [part if isinstance(part, dict) else {} if part is not False else {"not": {}}]
    is_nullable, references = False, set[str]()
    for _ in range(MOST_STEPS):
        here = chain[-1]
        reference = here.get("$ref")
        if isinstance(reference, str):
            target = _target(root, reference)
            if reference in references or target is None:
                break
            references.add(reference)
            chain.append(target)
            continue
        branches = _branches(here)
        others = [branch for branch in branches if branch != NULL]
        if len(others) != 1 or not isinstance(others[0], dict):
            break
        is_nullable = is_nullable or len(branches) == 2
        chain.append(others[0])
    types = types_of(chain[-1])
    is_nullable = is_nullable or (len(types) > 1 and "null" in types)
    return Place(tuple(chain), is_nullable, frozenset(references))


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the types a schema names; what is no name of one is passed over."""
    named = schema.get("type")
    names = named if isinstance(named, list) else [named]
    return [name for name in names if isinstance(name, str)]


def _branches(schema: dict[str, Any]) -> list[Any]:
    """Return the branches of a union of one form, or of one form and null; else nothing."""
    lists = [key for key in (*UNIONS, "allOf") if isinstance(schema.get(key), list)]
    if len(lists) != 1:
        return []
    branches: list[Any] = schema[lists[0]]
    if len(branches) == 1:
        return branches
    is_null_and_one = lists[0] != "allOf" and len(branches) == 2 and NULL in branches
    return branches if is_null_and_one else []


def _ways_on(schema: dict[str, Any]) -> tuple[str, ...]:
    return ("$ref", *UNIONS, "allOf", "$defs", "definitions") if "$ref" not in schema else ("$ref", "$defs")


def _target(root: Mapping[str, Any], reference: str) -> dict[str, Any] | None:
    try:
        target = target_of(dict(root) if not isinstance(root, dict) else root, reference)
    except KeyError:
        return None
    return target if isinstance(target, dict) else None


def kinds_of(place: Place) -> list[str]:
    """Return the JSON types that a field may have beside null; told from its keywords where it names none."""
    schema = place.seen
    types = [name for name in types_of(schema) if name != "null"]
    if types or "type" in schema:
        return types or ["null"]
    if isinstance(schema.get("properties"), dict):
        return ["object"]
    return ["array"] if "items" in schema or "prefixItems" in schema else []


def items_of(place: Place) -> dict[str, Any] | None:
    """Return the schema of a list's items; None where it is no list, or one whose places differ."""
    schema = place.seen
    items = schema.get("items")
    is_list = kinds_of(place) == ["array"] and "prefixItems" not in schema
    return items if is_list and isinstance(items, dict) else None


def fields_place(root: Mapping[str, Any], part: Any) -> Place | None:
    """Return where the fields of `part` stand: its own, or those of the items of a list; None where there are none."""
    place = place_of(root, part)
    for _ in range(MOST_STEPS):
        if isinstance(properties_of(place), dict):
            return place
        items = items_of(place)
        if items is None:
            return None
        inner = place_of(root, items)
        place = Place(inner.chain, inner.is_nullable, inner.references | place.references)
    return None


def properties_of(place: Place) -> dict[str, Any] | None:
    """Return the fields of an object by name; None for what is no object, or one without named fields."""
    fields = place.seen.get("properties")
    return fields if isinstance(fields, dict) and kinds_of(place) == ["object"] else None


def required_of(place: Place) -> list[Any]:
    required = place.seen.get("required")
    return required if isinstance(required, list) else []


def steps_to(root: Mapping[str, Any], path: Path) -> Iterator[tuple[Place, str]]:
    """Yield, for each step of a path of names, the object and the name in it; raise KeyError where there is none."""
    part: Any = root
    for name in path:
        around = fields_place(root, part)
        fields = properties_of(around) if around is not None else None
        if around is None or fields is None or not isinstance(name, str) or name not in fields:
            raise KeyError(path)
        yield around, name
        part = fields[name]


def part_at(root: Mapping[str, Any], path: Path) -> Any:
    """Return the schema of the field at a path of names; raise KeyError where there is none."""
    part: Any = root
    for around, name in steps_to(root, path):
        part = (properties_of(around) or {})[name]
    return part
