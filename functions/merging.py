"""Bring two changes of one definition together: what only one side changed is taken, what both changed is asked for.

A definition is looked at by its fields, its configuration by its keys, and a schema by its properties and keywords.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opperweb import json

Path = tuple[str, ...]
Side = Literal["mine", "theirs"]

SCHEMAS = ("input_schema", "output_schema")
# Below these, a dictionary is a value and no part of a schema.
VALUES = frozenset(["const", "default", "examples", "enum"])


class _Missing:
    """Stands for a key that is not there, which is not the same as null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Part:
    """A place where the two sides differ from what they began with; `side` is None where both changed it."""

    path: Path
    before: Any
    mine: Any
    theirs: Any
    side: Side | None

    @property
    def id(self) -> str:
        """What a choice for this part is named by; another one as soon as a side changes again."""
        values = ["" if value is MISSING else json.dumps(value) for value in (self.before, self.mine, self.theirs)]
        return hashlib.sha256(json.dumps([self.path, *values]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Merge:
    """Both changes in one definition. Where a choice is still open, it holds what is mine."""

    definition: dict[str, Any]
    parts: tuple[Part, ...]
    # Both changed them; those of the parts for which no side is chosen yet are open.
    conflicts: tuple[Part, ...]
    open: tuple[Part, ...]


def merge(
    before: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    choices: Mapping[str, Side] | None = None,
) -> Merge:
    """Merge two definitions that were made from `before`; `choices` hold a side for the ids of parts both changed."""
    merging = _Merging(choices or {})
    definition = merging.keys((), before, mine, theirs)
    conflicts = tuple(part for part in merging.parts if part.side is None)
    still_open = tuple(part for part in conflicts if part.id not in merging.choices)
    return Merge(definition, tuple(merging.parts), conflicts, still_open)


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same as JSON; the order of keys counts."""
    if one is MISSING or other is MISSING:
        return one is other
    return json.dumps(one) == json.dumps(other)


class _Merging:
    def __init__(self, choices: Mapping[str, Side]) -> None:
        self.choices = choices
        self.parts: list[Part] = []

    def keys(
        self, path: Path, before: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = {}
        for key in _in_order(list(before), list(mine), list(theirs)):
            sides = (side.get(key, MISSING) for side in (before, mine, theirs))
            value = self.value((*path, key), *sides)
            if value is not MISSING:
                found[key] = value
        return found

    def value(self, path: Path, before: Any, mine: Any, theirs: Any) -> Any:
        if is_same(mine, theirs):
            return mine
        if _is_open(path) and all(isinstance(side, dict) for side in (before, mine, theirs)):
            return self.keys(path, before, mine, theirs)
        if is_same(before, mine):
            return self.taken(Part(path, before, mine, theirs, "theirs"))
        if is_same(before, theirs):
            return self.taken(Part(path, before, mine, theirs, "mine"))
        if _is_list_of_names(path, before, mine, theirs):
            return _merged_names(before, mine, theirs)
        return self.taken(Part(path, before, mine, theirs, None))

    def taken(self, part: Part) -> Any:
        self.parts.append(part)
        side = part.side or self.choices.get(part.id, "mine")
        return part.theirs if side == "theirs" else part.mine


def _is_open(path: Path) -> bool:
    """Tell whether what stands here is looked into, key by key."""
    if path[0] in SCHEMAS:
        return not VALUES & set(path[1:])
    return path == ("configuration",)


def _is_list_of_names(path: Path, *sides: Any) -> bool:
    is_required = path[0] in SCHEMAS and path[-1] == "required"
    return is_required and all(isinstance(side, list) and all(isinstance(name, str) for name in side) for side in sides)


def _merged_names(before: list[str], mine: list[str], theirs: list[str]) -> list[str]:
    """Return a list of names with what either side added and without what either side took away."""
    gone = {name for name in before if name not in mine or name not in theirs}
    return [name for name in dict.fromkeys([*mine, *theirs]) if name not in gone]


def _in_order(before: list[str], mine: list[str], theirs: list[str]) -> list[str]:
    """Return every key once, in my order if I moved any, else in theirs; an added one stays behind its neighbour."""
    kept = [key for key in before if key in mine]
    have_i_moved = [key for key in mine if key in kept] != kept
    order, other = (mine, theirs) if have_i_moved else (theirs, mine)
    return _joined(_joined(order, other), before)


def _joined(order: Iterable[str], other: list[str]) -> list[str]:
    found = list(order)
    known = set(found)
    for place, key in enumerate(other):
        if key in known:
            continue
        at = found.index(other[place - 1]) + 1 if place else 0
        found.insert(at, key)
        known.add(key)
    return found
