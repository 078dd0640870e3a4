"""Edits of a table of fields, worked into its JSON Schema; every keyword that the table does not know stays.

Each path names a field as it stands before the edits. A field inside of a definition is edited there, for all its uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any

from functions.schemas.edits import Add, Change, Edit, Move, Remove, TableError
from functions.schemas.field_kinds import set_kind, set_nullable
from functions.schemas.field_places import (
    Place,
    fields_place,
    items_of,
    kinds_of,
    part_at,
    place_of,
    properties_of,
)
from functions.schemas.field_rules import (
    WrongEdit,
    checked_name,
    put_limits,
    put_options,
    put_pattern,
    put_word,
    rebuild,
    rename_dependents,
    set_required,
)
from functions.schemas.table import CHOICE, LIST_OF, SIMPLE_KINDS, Field, field_at
from functions.schemas.validator import InvalidSchema, check_schema
from functions.schemas.walk import Path
from opperweb import json

__all__ = ["KINDS", "Add", "Change", "Edit", "Move", "Remove", "TableError", "changed"]

KINDS = (*SIMPLE_KINDS, *(f"{LIST_OF}{kind}" for kind in SIMPLE_KINDS))


def changed(schema: Mapping[str, Any] | None, edits: Sequence[Edit]) -> tuple[dict[str, Any] | None, list[TableError]]:
    """Return the schema with the edits made, and what is wrong with them; with anything wrong, the schema as it was.

    Renames are made last and at once, so two fields can change their names with each other.
    """
    before: dict[str, Any] | None = None if schema is None else deepcopy(dict(schema))
    if before is not None and (problem := _wrong_schema(before)) is not None:
        return before, [problem]
    table = _Table(deepcopy(before) if before is not None else {"type": "object", "properties": {}})
    for edit in _in_order(edits):
        table.make(edit)
    table.rename(edits)
    if not table.errors:
        table.check()
    if table.errors or (before is None and not edits):
        return before, table.errors
    return table.root, []


def _in_order(edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits so that none takes away what a later one needs: from the innermost, removals last."""
    gone = {edit.path for edit in edits if isinstance(edit, Remove)}
    kept = [edit for edit in edits if isinstance(edit, Remove) or edit.path not in gone]
    ranks = {Move: 0, Change: 1, Add: 2, Remove: 3}
    return sorted(kept, key=lambda edit: (ranks[type(edit)], -len(edit.path)))


class _Table:
    """A schema while it is edited; what goes wrong is collected."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.original = deepcopy(root)
        self.root = root
        self.errors: list[TableError] = []

    def make(self, edit: Edit) -> None:
        try:
            if isinstance(edit, Change):
                self._change(edit)
            elif isinstance(edit, Add):
                self._add(edit)
            elif isinstance(edit, Move):
                self._move(edit)
            else:
                self._remove(edit)
        except WrongEdit as wrong:
            self.errors.append(TableError(edit.path, wrong.message, wrong.part))

    # --- one field ----------------------------------------------------------------------------------------------

    def _change(self, edit: Change) -> None:
        try:
            edit = _only_new(edit, field_at(self.original, edit.path))
            part = part_at(self.root, edit.path)
        except KeyError:
            raise WrongEdit("There is no such field") from None
        is_for_schema = any(
            getattr(edit, each.name) is not None for each in fields(edit)[2:] if each.name != "is_required"
        )
        if is_for_schema and not isinstance(part, dict):
            raise WrongEdit("Its schema says only true or false; edit it as JSON Schema")
        if edit.kind is not None or edit.is_nullable is not None:
            self._retype(part, edit)
        if edit.description is not None:
            put_word(place_of(self.root, part), "description", edit.description.strip())
        self._constrain(part, edit)
        if edit.is_required is not None and edit.path:
            set_required(*self._around(edit.path), is_required=edit.is_required)

    def _retype(self, part: dict[str, Any], edit: Change) -> None:
        if edit.kind is not None:
            if edit.kind not in KINDS:
                raise WrongEdit(f"{edit.kind[:60]} is not a type of this table", "kind")
            if edit.kind.endswith(CHOICE) and not edit.enum:
                raise WrongEdit("Name at least one option", "enum")
            set_kind(self.root, part, edit.kind)
        if edit.is_nullable is not None:
            set_nullable(self.root, part, is_nullable=edit.is_nullable)

    def _constrain(self, part: Any, edit: Change) -> None:
        if edit.enum is None and edit.least is None and edit.most is None and edit.pattern is None:
            return
        place = place_of(self.root, part)
        items = items_of(place)
        ends = place_of(self.root, items) if items is not None else place
        if edit.enum is not None:
            put_options(ends, edit.enum)
        if edit.pattern is not None:
            put_pattern(ends, edit.pattern)
        put_limits(place, edit.least, edit.most)

    # --- the fields around ----------------------------------------------------------------------------------------

    def _around(self, path: Path) -> tuple[Place, str]:
        """Return the object in which a field stands, and the name of the field."""
        try:
            place = fields_place(self.root, part_at(self.root, path[:-1])) if path else None
        except KeyError:
            place = None
        if place is None or path[-1] not in (properties_of(place) or {}):
            raise WrongEdit("There is no such field")
        return place, str(path[-1])

    def _add(self, edit: Add) -> None:
        try:
            part = part_at(self.root, edit.path)
        except KeyError:
            raise WrongEdit("There is no such field to add one to") from None
        place = fields_place(self.root, part)
        if place is None:
            place = place_of(self.root, part)
            if kinds_of(place) not in (["object"], []) or place.core.get("anyOf") or place.core.get("oneOf"):
                raise WrongEdit("Only an object, or a list of objects, holds fields")
            place.core.update({"type": "object", "properties": {}})
        name = checked_name(edit.name)
        properties = place.holder_of("properties")["properties"]
        if name in properties:
            raise WrongEdit(f"There is a field {name} already", "name")
        if edit.kind not in KINDS:
            raise WrongEdit(f"{edit.kind[:60]} is not a type of this table", "kind")
        if edit.kind.endswith(CHOICE) and not edit.enum:
            raise WrongEdit("Name at least one option", "enum")
        added: dict[str, Any] = {}
        properties[name] = added
        set_kind(self.root, added, edit.kind)
        self._constrain(added, Change((), enum=edit.enum))
        if edit.is_nullable:
            set_nullable(self.root, added, is_nullable=True)
        put_word(place_of(self.root, added), "description", edit.description.strip())
        set_required(place, name, is_required=edit.is_required)

    def _remove(self, edit: Remove) -> None:
        place, name = self._around(edit.path)
        set_required(place, name, is_required=False)
        del place.holder_of("properties")["properties"][name]

    def _move(self, edit: Move) -> None:
        place, name = self._around(edit.path)
        properties = place.holder_of("properties")["properties"]
        names = list(properties)
        here = names.index(name)
        names.insert(min(max(here + edit.by, 0), len(names) - 1), names.pop(here))
        rebuild(properties, {each: properties[each] for each in names})

    def rename(self, edits: Sequence[Edit]) -> None:
        """Give fields their new names, all those of one object at once."""
        gone = {edit.path for edit in edits if isinstance(edit, Remove)}
        holders: dict[int, tuple[Place, dict[str, tuple[str, Path]]]] = {}
        for edit in edits:
            if not isinstance(edit, Change) or edit.name is None or not edit.path or edit.path in gone:
                continue
            if edit.name == edit.path[-1]:
                continue
            try:
                place, old = self._around(edit.path)
                holder = place.holder_of("properties")
                holders.setdefault(id(holder), (place, {}))[1][old] = checked_name(edit.name), edit.path
            except WrongEdit as wrong:
                self.errors.append(TableError(edit.path, wrong.message, wrong.part))
        for place, names in holders.values():
            self._rename(place, names)

    def _rename(self, place: Place, names: dict[str, tuple[str, Path]]) -> None:
        properties = place.holder_of("properties")["properties"]
        taken = {old for old in properties if old not in names}
        for new, path in names.values():
            if new in taken:
                self.errors.append(TableError(path, f"There is a field {new} already", "name"))
            taken.add(new)
        new_names = {old: new for old, (new, _) in names.items()}
        for old, new in new_names.items():
            if isinstance(properties[old], dict) and properties[old].get("title") == _title(old):
                properties[old]["title"] = _title(new)
        rebuild(properties, {new_names.get(name, name): part for name, part in properties.items()})
        holder = place.holder_of("required")
        if isinstance(holder.get("required"), list):
            holder["required"] = [new_names.get(name, name) for name in holder["required"]]
        rename_dependents(place.core, new_names)

    def check(self) -> None:
        problem = _wrong_schema(self.root)
        self.errors += [] if problem is None else [problem]


def _wrong_schema(schema: dict[str, Any]) -> TableError | None:
    try:
        check_schema(schema)
    except InvalidSchema as problem:
        return TableError((), problem.message)
    return None


def _only_new(edit: Change, row: Field) -> Change:
    """Return the edit without what is so already: a form sends every field, also those nobody touched."""
    same: dict[str, Any] = {}
    for part in ("description", "kind", "is_nullable", "is_required", "pattern"):
        given = getattr(edit, part)
        if given is not None and given == getattr(row, part):
            same[part] = None
    if edit.enum is not None and json.dumps(list(edit.enum)) == json.dumps(list(row.enum)) and "kind" in same:
        same["enum"] = None
    for part in ("least", "most"):
        given, known = getattr(edit, part), getattr(row, part)
        if given is not None and (given == known or (isinstance(given, str) and given.strip() == _typed(known))):
            same[part] = None
    if edit.pattern == "" and not row.pattern:
        same["pattern"] = None
    return replace(edit, **same)


def _typed(number: float | None) -> str:
    return "" if number is None else str(number)


def _title(name: str) -> str:
    """Return the title that Pydantic gives a field by its name."""
    return name.replace("_", " ").title()
