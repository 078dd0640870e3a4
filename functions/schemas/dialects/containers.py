"""Lists and objects on the wire: tuples, maps, fields that may be left out, and fields with free names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeGuard

from functions.schemas.codec import KEEP, Entries, Field, Fields, Items, Keep, Step, Tuple
from functions.schemas.dialects.budget import Budget
from functions.schemas.dialects.rules import Rules
from functions.schemas.dialects.shapes import closed, distinct, free_name, is_union, nullable, takes_null
from functions.schemas.dialects.words import Words
from functions.schemas.flatten import NoValue

Converted = tuple[dict[str, Any], Step]
NULL_WHERE_LEFT_OUT = "Fields that may be left out are null instead"


class AsText(Protocol):
    def __call__(self, schema: dict[str, Any], where: str, kind: str = "value") -> Converted: ...


@dataclass(frozen=True)
class Containers:
    """Converts lists and objects; `convert` does what is inside of them, `as_text` makes a text with JSON in it."""

    rules: Rules
    budget: Budget
    words: Words
    definitions: dict[str, dict[str, Any]]
    convert: Callable[[Any, str], Converted]
    as_text: AsText

    # --- lists -----------------------------------------------------------------------------------------------------

    def array(self, schema: dict[str, Any], where: str) -> Converted:
        if not self.budget.has_levels(1):
            return self.as_text(schema, where, "list")
        items = schema.get("items", True)
        prefix = schema.get("prefixItems") or (items if isinstance(items, list) else [])
        if prefix and isinstance(prefix, list):
            return self._tuple(schema, prefix, schema.get("additionalItems") if items is prefix else items, where)
        if items is False:
            return self._empty(schema, where)
        if (items is True or items == {}) and not self.rules.takes_anything:
            return self.as_text(schema, where, "list")
        try:
            with self.budget.deeper(1):
                item, step = self.convert(items, f"{where}[]")
        except NoValue:
            return self._empty(schema, where)
        wire = {"type": "array", "items": item, **self._lengths(schema.get("minItems"), schema.get("maxItems"))}
        return self.words.described(wire, schema, where), KEEP if step is KEEP else Items(step)

    def _empty(self, schema: dict[str, Any], where: str) -> Converted:
        if _is_count(least := schema.get("minItems")) and least > 0:
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        wire = {"type": "array", "items": {"type": "string"}, **self._lengths(None, 0)}
        return self.words.described(wire, schema, where, "always empty"), KEEP

    def _lengths(self, least: Any, most: Any) -> dict[str, int]:
        """Return what the dialect can be told about the length of a list."""
        lengths: dict[str, int] = {}
        cap = self.rules.most_least_items
        if _is_count(least) and "minItems" in self.rules.kept and least > 0 and self.budget.take_bound():
            lengths["minItems"] = least if cap is None else min(least, cap)
        if _is_count(most) and "maxItems" in self.rules.kept and self.budget.take_bound():
            lengths["maxItems"] = most
        return lengths

    def _tuple(self, schema: dict[str, Any], prefix: list[Any], rest: Any, where: str) -> Converted:
        least, most = schema.get("minItems"), schema.get("maxItems")
        is_longer = isinstance(rest, dict) or (_is_count(least) and least > len(prefix))
        with self.budget.deeper(1):
            parts = [self.convert(part, f"{where}[{place}]") for place, part in enumerate(prefix)]
            if is_longer:
                parts.append(self.convert(rest if isinstance(rest, dict) else True, f"{where}[]"))
        steps = [step for _, step in parts]
        step = KEEP if all(isinstance(each, Keep) for each in steps) else Tuple(steps[: len(prefix)], steps[-1])
        limit = most if is_longer or (_is_count(most) and most < len(prefix)) else len(prefix)
        shortest = max(least if _is_count(least) else 0, len(prefix))
        shortest = min(shortest, limit) if _is_count(limit) else shortest
        lengths = self._lengths(shortest, limit)
        said = "" if lengths == {"minItems": shortest, "maxItems": limit} else _in_items(shortest, limit)
        if self.rules.takes_tuples and not is_longer:
            wire: dict[str, Any] = {"type": "array", "prefixItems": [wire for wire, _ in parts], **lengths}
            return self.words.described(wire, schema, where, said), step
        wires = distinct(wire for wire, _ in parts)
        if len(wires) > 1:
            self.words.thinned(where, "the order of the kinds of items")
            if not self.budget.take_union():
                return self.as_text(schema, where, "list")
        wire = {"type": "array", "items": wires[0] if len(wires) == 1 else {"anyOf": wires}, **lengths}
        return self.words.described(wire, schema, where, said), step

    # --- objects ---------------------------------------------------------------------------------------------------

    def object(self, schema: dict[str, Any], where: str) -> Converted:
        known = schema["properties"] if isinstance(schema.get("properties"), dict) else {}
        required = [name for name in _list(schema.get("required")) if isinstance(name, str)]
        others = _schema_of_others(schema)
        if any(known.get(name) is False for name in required):
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        fields = {name: part for name, part in known.items() if part is not False}
        is_open = schema.get("additionalProperties") is not False and others is None
        fields |= {name: True if others is None else others for name in required if name not in known}
        fields |= {name: True for name in _names_in_conditions(schema) if is_open and name not in known}
        if not fields and others is not None:
            try:
                return self._map(schema, others, where)
            except NoValue:
                return self.words.described(closed({}), schema, where, "without any field"), KEEP
        least = schema.get("minProperties")
        if is_open and (not fields or (_is_count(least) and least > len(fields))):
            return self._free(schema, where)
        if not self.budget.has_levels(1 if others is None else 3):
            return self.as_text(schema, where, "object")
        with self.budget.deeper(1):
            return self._closed(schema, fields, frozenset(required), others, where)

    def _closed(
        self, schema: dict[str, Any], fields: dict[str, Any], required: frozenset[str], others: Any, where: str
    ) -> Converted:
        # Outer fields are served first where the dialect counts those that may be left out.
        gone = {name for name in fields if name not in required and self.budget.take_optional()}
        names = self._wire_names(fields)
        wires: dict[str, Any] = {}
        steps: dict[str, Field] = {}
        for name, part in fields.items():
            place = f"{where}.{name}" if where else name
            try:
                wire, steps[name] = self._field(part, place, name in required, can_be_gone=name in gone)
            except NoValue:
                if name in required:
                    raise
                continue
            wires[names.get(name, name)] = wire
            if name in names:
                wires[names[name]] = self.words.described(wire, {}, place, f"stands for “{name}”")
                steps[name] = replace(steps[name], wire_name=names[name])
        wire = closed(wires, [names.get(name, name) for name, each in steps.items() if each.absence != "gone"])
        others_name, entries = "", None
        if others is not None:
            # Where no value fits there are no other fields.
            with suppress(NoValue):
                others_name, entries = self._add_others(wire, schema, others, where)
        if self.rules.has_ordering and len(wire["properties"]) > 1:
            wire["propertyOrdering"] = list(wire["properties"])
        is_plain = entries is None and all(
            isinstance(each.step, Keep) and each.absence in ("never", "gone") and not each.wire_name
            for each in steps.values()
        )
        step = KEEP if is_plain else Fields(steps, others_name, entries)
        return self.words.described(wire, schema, where), step

    def _wire_names(self, fields: dict[str, Any]) -> dict[str, str]:
        """Return the names on the wire of those fields whose own names the dialect does not take."""
        names: dict[str, str] = {}
        for name in fields:
            if self.rules.field_name is not None and not self.rules.field_name.fullmatch(name):
                names[name] = free_name(name, {*fields, *names.values()})
                self.words.note("Fields with names that are not taken travel under others")
        return names

    def _field(self, schema: Any, where: str, is_required: bool, *, can_be_gone: bool) -> tuple[dict[str, Any], Field]:
        with self.budget.below_optional(can_be_gone and not is_required):
            wire, step = self.convert(schema, where)
        if is_required:
            return wire, Field(step)
        if can_be_gone:
            return wire, Field(step, "gone")
        if takes_null(wire, self.definitions):
            self.words.note(NULL_WHERE_LEFT_OUT)
            return wire, Field(step, "null", takes_null=True)
        if is_union(wire) or self.budget.take_union():
            self.words.note(NULL_WHERE_LEFT_OUT)
            return nullable(wire, in_enums=not self.rules.has_plain_enums), Field(step, "null")
        self.words.note("Fields that may be left out are lists of one or none")
        listed = {"type": "array", "items": wire, **self._lengths(None, 1)}
        words = f"{wire.get('description', '')} (a list of one, or empty where it is left out)".strip()
        return {**listed, "description": words}, Field(step, "list")

    def _add_others(
        self, wire: dict[str, Any], schema: dict[str, Any], others: Any, where: str
    ) -> tuple[str, Entries | None]:
        """Give the closed object `wire` a place for fields with free names."""
        if self.rules.takes_maps:
            value, step = self.convert(others, f"{where}.*")
            if isinstance(step, Keep):
                wire["additionalProperties"] = value
                return "", None
        name = free_name("other_fields", wire["properties"])
        wire["properties"][name], entries = self._entries(schema, others, where)
        wire["required"].append(name)
        return name, entries

    def _map(self, schema: dict[str, Any], others: Any, where: str) -> Converted:
        if not self.budget.has_levels(2):
            return self.as_text(schema, where, "object")
        if self.rules.takes_maps:
            with self.budget.deeper(1):
                value, step = self.convert(others, f"{where}.*")
            if isinstance(step, Keep):
                wire = {"type": "object", "additionalProperties": value}
                return self.words.described(wire, schema, where, self._names(schema, where)), KEEP
        wire, entries = self._entries(schema, others, where)
        return self.words.described(wire, schema, where), entries

    def _entries(self, schema: dict[str, Any], others: Any, where: str) -> tuple[dict[str, Any], Entries]:
        self.words.note("Fields with free names travel as a list of key and value")
        with self.budget.deeper(2):
            value, step = self.convert(others, f"{where}.*")
        key: dict[str, Any] = {"type": "string"}
        if said := self._names(schema, where):
            key["description"] = said
        return {"type": "array", "items": closed({"key": key, "value": value})}, Entries(step)

    def _names(self, schema: dict[str, Any], where: str) -> str:
        """Return what the names of a map's fields have to match, in words."""
        patterns = schema.get("patternProperties")
        if not isinstance(patterns, dict) or not patterns:
            return ""
        self.words.thinned(where, "what the names of fields match")
        return f"a name that matches {' or '.join(patterns)}"[:300]

    def _free(self, schema: dict[str, Any], where: str) -> Converted:
        if self.rules.takes_anything:
            return self.words.described({"type": "object"}, schema, where), KEEP
        return self.as_text(schema, where, "object")


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _in_items(least: int, most: Any) -> str:
    if least == most:
        return f"exactly {least} item{'' if least == 1 else 's'}"
    return f"at least {least} items" + (f" and at most {most}" if _is_count(most) else "")


def _names_in_conditions(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the fields that only rules name: on the wire every object is closed."""
    for keyword in ("dependentRequired", "dependencies"):
        dependent = schema.get(keyword)
        for name, needed in dependent.items() if isinstance(dependent, dict) else ():
            yield name
            yield from (each for each in _list(needed) if isinstance(each, str))


def _schema_of_others(schema: dict[str, Any]) -> Any:
    """Return the schema of fields with free names; None where they are not asked for."""
    patterns = schema.get("patternProperties")
    found = [part for part in (patterns.values() if isinstance(patterns, dict) else ()) if part is not False]
    if isinstance(others := schema.get("additionalProperties"), dict) and others:
        found.append(others)
    if not found:
        return None
    found = distinct(found)
    return found[0] if len(found) == 1 else {"anyOf": found}
