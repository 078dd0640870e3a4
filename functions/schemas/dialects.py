"""A caller's schema as a vendor's strict mode takes it, and the way back from its answers to the caller's shape.

What a strict mode cannot enforce goes into the descriptions in words, is named in the notes, and is checked here later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

import jsonschema_rs

from functions.schemas.clauses import clauses_of
from functions.schemas.codec import (
    IDENTITY,
    KEEP,
    Branch,
    Codec,
    Entries,
    Field,
    Fields,
    Items,
    JsonText,
    Keep,
    Named,
    Step,
    Tuple,
    Union,
    Wrapped,
)
from functions.schemas.flatten import ANNOTATIONS, Flattener, NotExpressible, NoValue, types_of
from functions.schemas.limits import check_limits
from functions.schemas.walk import subschemas
from opperweb import json

__all__ = ["IDENTITY", "Codec", "Dialect", "NotExpressible", "Wire", "to_dialect"]

Dialect = Literal["openai"]
Converted = tuple[dict[str, Any], Step]

MOST_NOTES = 30
SCALARS = ("string", "integer", "number", "boolean", "null")
FORMATS = frozenset(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])
# Lookaround, back references and named groups: what strict modes do not run.
UNUSUAL_PATTERN = re.compile(r"\(\?(?!:)|\\[1-9kKpPbBAZzG]")
NUMBER_RULES = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
RULES_BY_TYPE = {
    "string": ("pattern", "format", "minLength", "maxLength", "contentEncoding", "contentMediaType", "contentSchema"),
    "integer": NUMBER_RULES,
    "number": NUMBER_RULES,
    "array": ("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"),
    "object": [
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
    ],
}
TYPES_BY_RULE = {rule: name for name, rules in RULES_BY_TYPE.items() for rule in rules}
# Keywords that are worked into the shape, or say nothing by themselves.
SHAPING = frozenset(
    [
        "type",
        "enum",
        "const",
        "anyOf",
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "items",
        "prefixItems",
        "then",
        "else",
        "additionalItems",
        "unevaluatedProperties",
        "unevaluatedItems",
        "dependentSchemas",
        "nullable",
    ]
)


@dataclass(frozen=True)
class Wire:
    """A schema for the wire; `is_thinned` tells that it lets more through than the caller's."""

    schema: dict[str, Any]
    codec: Codec
    notes: tuple[str, ...] = ()
    is_thinned: bool = False


def to_dialect(schema: dict[str, Any], dialect: Dialect) -> Wire:
    """Return `schema` as the strict mode of `dialect` takes it; raise NotExpressible where there is no such form."""
    wire = _kept(json.dumps(schema), dialect)
    if isinstance(wire, str):
        raise NotExpressible(wire)
    return wire


@lru_cache(maxsize=256)
def _kept(text: str, dialect: Dialect) -> Wire | str:
    try:
        return _Conversion(json.loads(text)).wire()
    except NotExpressible as reason:
        return str(reason)
    except RecursionError:
        return "the schema is nested too deep"


class _Conversion:
    """One schema on its way to the wire."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.flattener = Flattener(root)
        self.definitions: dict[str, dict[str, Any]] = {}
        self.named: dict[str, tuple[str, Named]] = {}
        self.open: list[str] = []
        self.notes: dict[str, None] = {}
        self.is_thinned = False

    def wire(self) -> Wire:
        _refuse_moving_references(self.root)
        schema, step = self.convert(self.flattener.flat_root(), "")
        if schema.get("type") != "object":
            self.note("The answer travels as the field “value” of an object")
            schema, step = _closed({"value": schema}), Wrapped(step)
        _refuse_empty_circles(self.definitions)
        if self.definitions:
            schema = {**schema, "$defs": self.definitions}
        check_limits(schema)
        codec = IDENTITY if isinstance(step, Keep) else Codec(step)
        return Wire(schema, codec, tuple(self.notes)[:MOST_NOTES], self.is_thinned)

    def note(self, text: str) -> None:
        self.notes[text] = None

    # --- one place of the schema -----------------------------------------------------------------------------------

    def convert(self, schema: Any, where: str) -> Converted:
        if schema is False:
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        if schema is True or not isinstance(schema, dict):
            return self._anything({}, where)
        schema = self.flattener.flat(schema)
        if "$ref" in schema:
            return self._reference(schema, where)
        if isinstance(union := schema.get("anyOf"), list):
            return self._union(schema, union, where)
        if "const" in schema or isinstance(schema.get("enum"), list):
            return self._enumeration(schema, where)
        return self._typed(schema, _types_or_guess(schema), where)

    def _typed(self, schema: dict[str, Any], types: list[str], where: str) -> Converted:
        if not types:
            return self._anything(schema, where)
        if all(name in SCALARS for name in types):
            return self._scalar(schema, types, where)
        if len(types) > 1:
            forms = [{**{key: schema[key] for key in schema if _concerns(key, name)}, "type": name} for name in types]
            return self._union({key: schema[key] for key in schema if key in ANNOTATIONS}, forms, where)
        return self._object(schema, where) if types == ["object"] else self._array(schema, where)

    def _reference(self, schema: dict[str, Any], where: str) -> Converted:
        reference = schema["$ref"]
        target = self.flattener.target(reference)
        if target is True:
            return self._anything(schema, where)
        if (
            isinstance(schema.get("description"), str)
            and isinstance(target, dict)
            and not self._holds_itself(reference)
        ):
            return self.convert({**target, "description": schema["description"]}, where)
        if reference not in self.named:
            name = _free_name(reference, self.definitions)
            self.named[reference] = (name, Named())
            self.definitions[name] = {}
            self.definitions[name], self.named[reference][1].step = self.convert(target, name)
        name, step = self.named[reference]
        return {"$ref": f"#/$defs/{name}"}, step.step if isinstance(step.step, Keep) and self.definitions[
            name
        ] else step

    def _holds_itself(self, reference: str) -> bool:
        waiting, seen = [reference], set[str]()
        while waiting:
            target = self.flattener.target(waiting.pop())
            for _, part in subschemas(target if isinstance(target, dict) else {}):
                inner = part.get("$ref")
                if inner == reference:
                    return True
                if isinstance(inner, str) and inner not in seen:
                    seen.add(inner)
                    waiting.append(inner)
        return False

    def _union(self, schema: dict[str, Any], forms: list[Any], where: str) -> Converted:
        branches: dict[str, tuple[dict[str, Any], Branch]] = {}
        for form in forms:
            if form is False:
                continue
            wire, step = self.convert(form, where)
            caller = form if isinstance(form, dict) else {}
            fits_wire = _Check(partial(_with_definitions, wire, self.definitions)).fits
            branch = Branch(step, fits_wire, _Check(partial(_standing_alone, caller, self.root)).fits)
            branches.setdefault(json.dumps(wire), (wire, branch))
        if not branches:
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        wires = [wire for wire, _ in branches.values()]
        steps = [branch for _, branch in branches.values()]
        step = KEEP if all(isinstance(each.step, Keep) for each in steps) else Union(steps)
        if len(wires) == 1:
            return self._described(wires[0], schema, where, known=frozenset(wires[0])), steps[0].step
        return self._described({"anyOf": wires}, schema, where), step

    def _enumeration(self, schema: dict[str, Any], where: str) -> Converted:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        if any(isinstance(value, dict | list) for value in values):
            self.note("Values of an enumeration that are lists or objects travel as JSON text")
            return self._described(_enum([json.dumps(value) for value in values]), schema, where), JsonText()
        types = types_of(schema)
        fitting = [value for value in values if not types or _is_one_of(value, types)]
        if not fitting:
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        return self._described(_enum(fitting), schema, where), KEEP

    def _scalar(self, schema: dict[str, Any], types: list[str], where: str) -> Converted:
        rules = {rule: schema[rule] for name in types for rule in RULES_BY_TYPE.get(name, ()) if _is_kept(rule, schema)}
        wire = {"type": types[0] if len(types) == 1 else types, **rules}
        return self._described(wire, schema, where, known=frozenset(rules)), KEEP

    def _anything(self, schema: dict[str, Any], where: str, kind: str = "value") -> Converted:
        self.note("Values of no known shape travel as JSON text")
        words = schema.get("description")
        text = f"{words} (any JSON {kind}, as text)" if isinstance(words, str) else f"any JSON {kind}, as text"
        return self._described({"type": "string"}, {**schema, "description": text}, where), JsonText()

    # --- lists and objects -----------------------------------------------------------------------------------------

    def _array(self, schema: dict[str, Any], where: str) -> Converted:
        limits = {rule: schema[rule] for rule in ("minItems", "maxItems") if isinstance(schema.get(rule), int)}
        items = schema.get("items", True)
        prefix = schema.get("prefixItems") or (items if isinstance(items, list) else [])
        if prefix:
            return self._tuple(schema, prefix, schema.get("additionalItems") if items is prefix else items, where)
        if items is False:
            wire = {"type": "array", "items": {"type": "string"}, "maxItems": 0}
            return self._described(wire, schema, where), KEEP
        if items is True or items == {}:
            return self._anything(schema, where, "list")
        item, step = self.convert(items, f"{where}[]")
        wire = {"type": "array", "items": item, **limits}
        return self._described(wire, schema, where, known=frozenset(limits)), KEEP if step is KEEP else Items(step)

    def _tuple(self, schema: dict[str, Any], prefix: list[Any], rest: Any, where: str) -> Converted:
        parts = [self.convert(part, f"{where}[{place}]") for place, part in enumerate(prefix)]
        least, most = schema.get("minItems"), schema.get("maxItems")
        is_longer = isinstance(rest, dict) or (isinstance(least, int) and least > len(prefix))
        if is_longer:
            parts.append(self.convert(rest if isinstance(rest, dict) else True, f"{where}[]"))
        wires = list({json.dumps(wire): wire for wire, _ in parts}.values())
        steps = [step for _, step in parts]
        limit = most if is_longer or (isinstance(most, int) and most < len(prefix)) else len(prefix)
        shortest = max(least if isinstance(least, int) else 0, len(prefix))
        wire: dict[str, Any] = {"type": "array", "items": wires[0] if len(wires) == 1 else {"anyOf": wires}}
        wire["minItems"] = min(shortest, limit) if isinstance(limit, int) else shortest
        if isinstance(limit, int):
            wire["maxItems"] = limit
        self._thinned(where, "the order of the kinds of items") if len(wires) > 1 else None
        step = KEEP if all(step is KEEP for step in steps) else Tuple(steps[: len(prefix)], steps[-1])
        return self._described(wire, schema, where, known=frozenset(("minItems", "maxItems"))), step

    def _object(self, schema: dict[str, Any], where: str) -> Converted:
        known = schema["properties"] if isinstance(schema.get("properties"), dict) else {}
        required = [name for name in schema.get("required") or () if isinstance(name, str)]
        others = _schema_of_others(schema)
        if any(known.get(name) is False for name in required):
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        fields = {name: part for name, part in known.items() if part is not False}
        fields |= {name: True if others is None else others for name in required if name not in known}
        if not fields and others is not None:
            return self._map(schema, others, where)
        if not fields and schema.get("additionalProperties") is not False:
            return self._anything(schema, where, "object")
        wires: dict[str, Any] = {}
        steps: dict[str, Field] = {}
        for name, part in fields.items():
            try:
                wires[name], steps[name] = self._field(part, name in required, f"{where}.{name}" if where else name)
            except NoValue:
                if name in required:
                    raise
        others_name, entries = "", None
        if others is not None:
            others_name = _free_name("other_fields", fields)
            wires[others_name], entries = self._entries(others, where)
        is_plain = entries is None and all(each.step is KEEP and not each.is_optional for each in steps.values())
        return self._described(_closed(wires), schema, where), KEEP if is_plain else Fields(steps, others_name, entries)

    def _field(self, schema: Any, is_required: bool, where: str) -> tuple[dict[str, Any], Field]:
        wire, step = self.convert(schema, where)
        if is_required:
            return wire, Field(step)
        self.note("Fields that may be left out are null instead")
        takes_null = _takes_null(wire, self.definitions) and not isinstance(step, JsonText)
        return wire if takes_null else _nullable(wire), Field(step, is_optional=True, takes_null=takes_null)

    def _map(self, schema: dict[str, Any], others: Any, where: str) -> Converted:
        wire, step = self._entries(others, where)
        return self._described(wire, schema, where), step

    def _entries(self, others: Any, where: str) -> tuple[dict[str, Any], Entries]:
        self.note("Fields with free names travel as a list of key and value")
        value, step = self.convert(others, f"{where}.*")
        return {"type": "array", "items": _closed({"key": {"type": "string"}, "value": value})}, Entries(step)

    # --- words -----------------------------------------------------------------------------------------------------

    def _described(
        self, wire: dict[str, Any], schema: dict[str, Any], where: str, known: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """Add the description, and what the wire schema cannot say as clauses behind it."""
        clauses = {keyword: clause for keyword, clause in clauses_of(schema) if keyword not in known}
        for keyword in schema:
            if keyword not in known and keyword not in SHAPING and keyword not in ANNOTATIONS and keyword != "$ref":
                self._thinned(where, clauses.get(keyword) or f"the rule “{keyword}”")
        words = schema.get("description") or wire.get("description")
        text = words.strip() if isinstance(words, str) else ""
        if clauses:
            text = f"{text} ({'; '.join(clauses.values())})".strip()
        if not text or "$ref" in wire:
            return wire
        return {**wire, "description": text}

    def _thinned(self, where: str, rule: str) -> None:
        self.is_thinned = True
        self.note(f"{where or 'the value'}: {rule} is asked for in words and checked here"[:300])


class _Check:
    """Whether a value fits a schema; compiled when it is first asked for."""

    def __init__(self, schema: Callable[[], dict[str, Any]]) -> None:
        self.schema = schema

    @cached_property
    def validator(self) -> jsonschema_rs.Draft202012Validator | None:
        try:
            return jsonschema_rs.Draft202012Validator(self.schema(), validate_formats=True, offline=True)
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
            return None

    def fits(self, value: Any) -> bool:
        try:
            return self.validator is None or self.validator.is_valid(value)
        except ValueError:
            return False


def _with_definitions(wire: dict[str, Any], definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {**wire, "$defs": definitions}


def _standing_alone(part: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Return `part` so that it can be used alone: the schema it was cut from goes along under a name of its own."""
    return {**_pointing_at_root(part), "$defs": {"root": {**root, "$id": "urn:root"}}}


def _pointing_at_root(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: f"urn:root{item}" if key == "$ref" and isinstance(item, str) else _pointing_at_root(item)
            for key, item in value.items()
            if key not in ("$defs", "definitions", "$id")
        }
    return [_pointing_at_root(item) for item in value] if isinstance(value, list) else value


def _refuse_moving_references(root: dict[str, Any]) -> None:
    for path, part in subschemas(root):
        reference = part.get("$ref")
        if "$dynamicRef" in part or (
            isinstance(reference, str) and reference != "#" and not reference.startswith("#/")
        ):
            raise NotExpressible("the schema refers to its parts by other means than #/…")
        if path and isinstance(part.get("$id"), str):
            raise NotExpressible("a part of the schema has an $id of its own")


def _refuse_empty_circles(definitions: Mapping[str, dict[str, Any]]) -> None:
    for name in definitions:
        seen = {name}
        while (reference := definitions[name].get("$ref")) is not None:
            name = reference.removeprefix("#/$defs/")
            if name in seen:
                raise NotExpressible("the schema refers to itself and to nothing else")
            seen.add(name)


def _types_or_guess(schema: dict[str, Any]) -> list[str]:
    named = types_of(schema)
    return named or list(dict.fromkeys(TYPES_BY_RULE[rule] for rule in schema if rule in TYPES_BY_RULE))


def _concerns(keyword: str, name: str) -> bool:
    return TYPES_BY_RULE.get(keyword, name) == name or keyword in RULES_BY_TYPE.get(name, ())


def _is_kept(rule: str, schema: dict[str, Any]) -> bool:
    value = schema.get(rule)
    if rule == "pattern":
        return isinstance(value, str) and not UNUSUAL_PATTERN.search(value)
    if rule == "format":
        return value in FORMATS if isinstance(value, str) else False
    return rule in NUMBER_RULES and isinstance(value, int | float) and not isinstance(value, bool)


def _schema_of_others(schema: dict[str, Any]) -> Any:
    """Return the schema of fields with free names; None where they are not asked for."""
    patterns = schema.get("patternProperties")
    found = [part for part in (patterns.values() if isinstance(patterns, dict) else ()) if part is not False]
    if isinstance(others := schema.get("additionalProperties"), dict) and others:
        found.append(others)
    if not found:
        return None
    return found[0] if len(found) == 1 else {"anyOf": found}


def _closed(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _enum(values: Iterable[Any]) -> dict[str, Any]:
    distinct = list({json.dumps(value): value for value in values}.values())
    types = list(dict.fromkeys(_type_of(value) for value in distinct))
    if "number" in types and "integer" in types:
        types.remove("integer")
    return {"type": types[0] if len(types) == 1 else types, "enum": distinct}


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "number"


def _is_one_of(value: Any, types: list[str]) -> bool:
    name = _type_of(value)
    return name in types or (name == "integer" and "number" in types) or (name == "number" and value == value // 1)


def _nullable(wire: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that takes null too."""
    if "anyOf" in wire:
        return {**wire, "anyOf": [*wire["anyOf"], {"type": "null"}]}
    types = types_of(wire)
    if types and all(name in SCALARS for name in types):
        enum = {"enum": [*wire["enum"], None]} if "enum" in wire else {}
        return {**wire, "type": [*types, "null"], **enum}
    words = {"description": wire["description"]} if "description" in wire else {}
    bare = {key: value for key, value in wire.items() if key != "description"}
    return {"anyOf": [bare, {"type": "null"}], **words}


def _takes_null(wire: dict[str, Any], definitions: dict[str, dict[str, Any]], depth: int = 20) -> bool:
    if "$ref" in wire:
        return depth > 0 and _takes_null(definitions[wire["$ref"].removeprefix("#/$defs/")], definitions, depth - 1)
    return "null" in types_of(wire) or any(_takes_null(each, definitions, depth - 1) for each in wire.get("anyOf", ()))


def _free_name(wanted: str, taken: Iterable[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_-]", "_", wanted.rsplit("/", 1)[-1])[:60].strip("_") or "root"
    name, number = base, 2
    while name in set(taken):
        name, number = f"{base}_{number}", number + 1
    return name
