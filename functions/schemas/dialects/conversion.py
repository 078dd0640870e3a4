"""One schema on its way to the wire: part by part, each with the codec's step that leads back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from functions.schemas.codec import KEEP, JsonText, Keep, Named, Wrapped
from functions.schemas.dialects.budget import Budget
from functions.schemas.dialects.containers import Containers, Converted
from functions.schemas.dialects.rules import Rules
from functions.schemas.dialects.scalars import RULES_BY_TYPE, Scalars, listed
from functions.schemas.dialects.shapes import NULL, SCALARS, closed, free_name
from functions.schemas.dialects.telling import Check, standing_alone, with_definitions
from functions.schemas.dialects.words import Words
from functions.schemas.flatten import ANNOTATIONS, Flattener, NoValue, annotations_of, is_annotated_only, types_of
from functions.schemas.problems import in_words
from functions.schemas.unions import Branch, Forms, Union
from functions.schemas.walk import subschemas
from opperweb import json

TYPES_BY_RULE = {rule: name for name, rules in RULES_BY_TYPE.items() for rule in rules}
# These work other schemas into the part they stand in, which may come round to the same part again.
INLINING = frozenset(["$ref", "allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas"])
# What tells more of a value than its type.
STRUCTURE = frozenset(
    [*INLINING, "properties", "patternProperties", "additionalProperties", "items", "prefixItems", "enum", "const"]
)
# Parts inside each other, definitions included; deeper ones travel as text.
MOST_OPEN = 60
LONGEST_SHAPE = 500


@dataclass
class _Open:
    """A part whose conversion has begun. It gets a name when something inside refers to it again."""

    inside: int
    optionals_above: int
    name: str = ""
    step: Named = field(default_factory=Named)


class Conversion:
    """Converts one schema by the rules of one dialect."""

    def __init__(self, root: dict[str, Any], rules: Rules, flattener: Flattener) -> None:
        self.root = root
        self.rules = rules
        self.flattener = flattener
        self.words = Words()
        self.budget = Budget(rules)
        self.definitions: dict[str, dict[str, Any]] = {}
        self.named: dict[str, tuple[str, Named]] = {}
        self.open: dict[str, _Open] = {}
        self.scalars = Scalars(rules, self.budget, self.words, self._as_text)
        self.containers = Containers(rules, self.budget, self.words, self.definitions, self.convert, self._as_text)

    def converted(self) -> Converted:
        """Return the whole schema for the wire, and the step back from it."""
        schema, step = self.convert(self.flattener.flat_root(), "")
        while "$ref" in schema:
            schema = self.definitions[schema["$ref"].removeprefix("#/$defs/")]
        if not self.rules.takes_any_root and schema.get("type") != "object":
            self.words.note("The answer travels as the field “value” of an object")
            schema, step = closed({"value": schema}), Wrapped(step)
        used = _used(schema, self.definitions)
        return {**schema, "$defs": used} if used else schema, step

    def convert(self, schema: Any, where: str) -> Converted:
        if schema is False:
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        if not isinstance(schema, dict):
            schema = {}
        if len(self.open) > MOST_OPEN or self.budget.inside > MOST_OPEN:
            return self._as_text(schema, where)
        if isinstance(reference := schema.get("$ref"), str) and is_annotated_only(schema):
            return self._reference(reference, schema, where)
        return self._once(json.dumps(schema), schema, where) if schema.keys() & INLINING else self._part(schema, where)

    # --- parts that lead elsewhere ---------------------------------------------------------------------------------

    def _reference(self, reference: str, schema: dict[str, Any], where: str) -> Converted:
        target = self.flattener.target(reference)
        if not isinstance(target, dict):
            return self.convert(target, where)
        words = schema.get("description")
        if isinstance(words, str) and words != target.get("description") and reference not in self.open:
            # Nothing may stand beside a reference: its own words are kept on a copy of what it points at.
            parts = sum(1 for _ in subschemas(target))
            if self.budget.take_copy(parts):
                copy = {**target, "description": words}
                return self._once(json.dumps(copy), copy, where)
        if reference in self.open:
            return self._again(reference, {**target, **schema}, where)
        if reference not in self.named:
            name = free_name(reference, self.definitions)
            self.definitions[name] = {}
            with self.budget.apart():
                wire, step = self._once(reference, target, name, name)
            self.definitions[name], self.named[reference] = wire, (name, Named(step))
        name, named = self.named[reference]
        return {"$ref": f"#/$defs/{name}"}, KEEP if isinstance(named.step, Keep) else named

    def _once(self, key: str, schema: dict[str, Any], where: str, name: str = "") -> Converted:
        """Convert a part; where it turns out to hold itself it becomes a definition."""
        if key in self.open:
            return self._again(key, schema, where)
        opened = self.open[key] = _Open(self.budget.inside, self.budget.optionals_above, name)
        try:
            # What a reference points at may be nothing but another one.
            wire, step = self.convert(schema, where) if name and "$ref" in schema else self._part(schema, where)
        finally:
            del self.open[key]
        opened.step.step = step
        if name or not opened.name:
            return wire, step
        self.definitions[opened.name] = wire
        return {"$ref": f"#/$defs/{opened.name}"}, KEEP if isinstance(step, Keep) else opened.step

    def _again(self, key: str, schema: dict[str, Any], where: str) -> Converted:
        opened = self.open[key]
        if self.budget.inside == opened.inside:
            raise NoValue("the schema refers to itself and to nothing else")
        is_allowed = self.rules.recursion == "kept" or (
            self.rules.recursion == "below optional" and self.budget.optionals_above > opened.optionals_above
        )
        if not is_allowed:
            self.words.note("Parts that hold themselves travel as JSON text")
            return self._as_text(schema, where)
        if not opened.name:
            opened.name = free_name(where.replace("[]", "").rsplit(".", 1)[-1] or "root", self.definitions)
            self.definitions[opened.name] = {}
        return {"$ref": f"#/$defs/{opened.name}"}, KEEP if self.rules.takes_anything else opened.step

    # --- one part --------------------------------------------------------------------------------------------------

    def _part(self, schema: dict[str, Any], where: str) -> Converted:
        schema = self.flattener.flat(schema)
        if "$ref" in schema:
            return self.convert(schema, where)
        if isinstance(union := schema.get("anyOf"), list):
            return self._union(schema, union, where)
        if "const" in schema or isinstance(schema.get("enum"), list):
            return self.scalars.enumeration(schema, where)
        return self._typed(schema, _types_or_guess(schema), where)

    def _typed(self, schema: dict[str, Any], types: list[str], where: str) -> Converted:
        if not types:
            return self._as_text(schema, where)
        if all(name in SCALARS for name in types):
            return self.scalars.scalar(schema, types, where)
        if len(types) > 1:
            rules = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
            forms = [{**{key: rules[key] for key in rules if _concerns(key, name)}, "type": name} for name in types]
            return self._union(annotations_of(schema), forms, where)
        return self.containers.object(schema, where) if types == ["object"] else self.containers.array(schema, where)

    def _union(self, schema: dict[str, Any], forms: list[Any], where: str) -> Converted:
        is_union = self.budget.take_union()
        branches: dict[str, tuple[dict[str, Any], Branch]] = {}
        for form in forms:
            try:
                wire, step = self.convert(form, where)
            except NoValue:
                continue
            caller = form if isinstance(form, dict) else {}
            fits_wire = Check(partial(with_definitions, wire, self.definitions)).fits
            branch = Branch(step, fits_wire, Check(partial(standing_alone, caller, self.root)).fits)
            branches.setdefault(json.dumps(wire), (wire, branch))
        if not branches:
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        wires, steps = [wire for wire, _ in branches.values()], [branch for _, branch in branches.values()]
        if len(wires) == 1:
            self.budget.give_union_back()
            return self.words.described(wires[0], annotations_of(schema), where), steps[0].step
        if not is_union:
            return self._as_forms(schema, wires, steps, where)
        step = KEEP if all(isinstance(each.step, Keep) for each in steps) else Union(steps)
        return self.words.described({"anyOf": wires}, schema, where), step

    def _as_forms(
        self, schema: dict[str, Any], wires: list[dict[str, Any]], steps: list[Branch], where: str
    ) -> Converted:
        """Return a union without `anyOf`: a list of one or none for each of its forms."""
        self.words.note("Where one of several forms is due, each is a list, and one of them is filled")
        values = [(wire, branch) for wire, branch in zip(wires, steps, strict=True) if wire != NULL]
        if len(values) == 1:
            wire, branch = values[0]
            return listed(wire, branch.step, schema, where, self.words)
        names = [f"form_{number}" for number in range(1, len(wires) + 1)]
        lists = {name: {"type": "array", "items": wire} for name, wire in zip(names, wires, strict=True)}
        said = "fill one of the lists with one item, leave the others empty"
        return self.words.described(closed(lists), schema, where, said), Forms(names, Union(steps))

    # --- anything --------------------------------------------------------------------------------------------------

    def _as_text(self, schema: dict[str, Any], where: str, kind: str = "value") -> Converted:
        """Return a text that holds JSON, for what has no known shape or one that cannot be told."""
        if self.rules.takes_anything:
            return self.words.described({}, schema, where), KEEP
        if all(keyword not in STRUCTURE or value in (True, False, {}, []) for keyword, value in schema.items()):
            self.words.note("Values of no known shape travel as JSON text")
            return self.words.described({"type": "string"}, schema, where, f"any JSON {kind}, as text"), JsonText()
        self.words.is_thinned = True
        self.words.note(f"{where or 'the value'} travels as JSON text"[:300])
        shape = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
        said = f"a JSON {kind}, as text, that fits {in_words(shape, LONGEST_SHAPE)}"
        return self.words.described({"type": "string"}, annotations_of(schema), where, said), JsonText()


def _types_or_guess(schema: dict[str, Any]) -> list[str]:
    named = types_of(schema)
    return named or list(dict.fromkeys(TYPES_BY_RULE[rule] for rule in schema if rule in TYPES_BY_RULE))


def _concerns(keyword: str, name: str) -> bool:
    return TYPES_BY_RULE.get(keyword, name) == name or keyword in RULES_BY_TYPE.get(name, ())


def _used(schema: dict[str, Any], definitions: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the definitions that are still referred to, in their order."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        for _, part in subschemas(waiting.pop()):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in found:
                found.add(name)
                waiting.append(definitions[name])
    return {name: definition for name, definition in definitions.items() if name in found}
