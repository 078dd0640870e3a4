"""Values without parts on the wire: texts, numbers and enumerations, with the rules a dialect enforces for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from functions.schemas.codec import KEEP, AtMostOne, JsonText, Step
from functions.schemas.dialects.budget import Budget
from functions.schemas.dialects.containers import AsText, Converted
from functions.schemas.dialects.rules import NUMBER_RULES, Rules
from functions.schemas.dialects.shapes import NULL, distinct, is_of_type, kinds_of, nullable, one_or_many
from functions.schemas.dialects.words import Words
from functions.schemas.flatten import NoValue, annotations_of, types_of
from opperweb import json

RULES_BY_TYPE = {
    "string": ("pattern", "format", "minLength", "maxLength", "contentEncoding", "contentMediaType", "contentSchema"),
    "integer": NUMBER_RULES,
    "number": NUMBER_RULES,
    "array": ("items", "prefixItems", "additionalItems", "contains", "minItems", "maxItems", "uniqueItems"),
    "object": (
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependencies",
        "dependentRequired",
    ),
}
LONGEST_ENUM_IN_WORDS = 2_000


@dataclass(frozen=True)
class Scalars:
    """Converts scalars and enumerations; `as_text` makes a text with JSON in it."""

    rules: Rules
    budget: Budget
    words: Words
    as_text: AsText

    def scalar(self, schema: dict[str, Any], types: list[str], where: str) -> Converted:
        if len(types) > 1 and not self.budget.take_union():
            if len(bare := [name for name in types if name != "null"]) > 1:
                return self.as_text(schema, where)
            wire, step = self.scalar({key: schema[key] for key in schema if key != "description"}, bare, where)
            return listed(wire, step, annotations_of(schema), where, self.words)
        rules = {
            rule: schema[rule] for name in types for rule in RULES_BY_TYPE.get(name, ()) if self._keeps(rule, schema)
        }
        return self.words.described({"type": one_or_many(types), **rules}, schema, where), KEEP

    def _keeps(self, rule: str, schema: dict[str, Any]) -> bool:
        value = schema.get(rule)
        if rule not in self.rules.kept:
            return False
        if rule == "pattern":
            return isinstance(value, str) and not self.rules.refused_pattern.search(value)
        if rule == "format":
            return isinstance(value, str) and value in self.rules.formats
        return isinstance(value, int | float) and not isinstance(value, bool) and self.budget.take_bound()

    def enumeration(self, schema: dict[str, Any], where: str) -> Converted:
        types = types_of(schema)
        values = distinct([schema["const"]] if "const" in schema else schema["enum"])
        values = [value for value in values if not types or is_of_type(value, types)]
        kinds = kinds_of(values)
        if not values:
            raise NoValue(f"{where or 'the schema'} allows no value at all")
        if self.rules.takes_anything and self.budget.take_enum(len(values)):
            return self.words.described({"enum": values}, schema, where), KEEP
        if {"array", "object"} & {*kinds}:
            return self._enumerated_texts(values, schema, where)
        bare = [kind for kind in kinds if kind != "null"]
        if self.rules.has_plain_enums and (len(bare) > 1 or bare == ["boolean"]):
            return self._in_words(values, kinds, schema, where)
        if len(kinds) > 1 and not self.budget.take_union():
            return self._enumerated_texts(values, schema, where)
        if not self.budget.take_enum(len(values)):
            return self._in_words(values, kinds, schema, where)
        if not self.rules.has_plain_enums or len(kinds) == 1:
            wire: dict[str, Any] = NULL if kinds == ["null"] else {"type": one_or_many(kinds), "enum": values}
            return self.words.described(wire, schema, where), KEEP
        wire = {"type": bare[0], "enum": [value for value in values if value is not None]}
        return self.words.described(nullable(wire, in_enums=False), schema, where), KEEP

    def _enumerated_texts(self, values: list[Any], schema: dict[str, Any], where: str) -> Converted:
        if not self.budget.take_enum(len(values)):
            return self.as_text(schema, where)
        self.words.note("Values of an enumeration that are not of one simple kind travel as JSON text")
        return self.words.described({"type": "string", "enum": [*map(json.dumps, values)]}, schema, where), JsonText()

    def _in_words(self, values: list[Any], kinds: list[str], schema: dict[str, Any], where: str) -> Converted:
        self.words.thinned(where, f"one of {len(values)} values" if len(values) > 1 else "a fixed value")
        said = f"{'one of ' if len(values) > 1 else 'always '}{', '.join(map(json.dumps, values))}"
        said = said if len(said) <= LONGEST_ENUM_IN_WORDS else said[:LONGEST_ENUM_IN_WORDS] + "…"
        return self.words.described({"type": one_or_many(kinds)}, schema, where, said), KEEP


def listed(wire: dict[str, Any], step: Step, schema: dict[str, Any], where: str, words: Words) -> Converted:
    """Return a list of one or none for what may be null, without a union."""
    wire = {"type": "array", "items": wire}
    return words.described(wire, schema, where, "a list of one, or empty for null"), AtMostOne(step)
