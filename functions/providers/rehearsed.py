"""A value in the shape of any JSON Schema, made of the words of an input: the same question, the same value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from functions.providers.input_words import Words
from functions.providers.joined_schemas import both, is_of, weight
from functions.providers.patterns import matching
from functions.providers.rehearsed_leaves import number_for, text_for
from functions.schemas.validator import InvalidSchema, Validator
from functions.schemas.walk import target_of

VARIATIONS = 12
MOST_STEPS = 4_000
DEEP = 4
DEEPEST = 30
TYPE_BY_KEYWORD = {
    "properties": "object", "required": "object", "additionalProperties": "object", "patternProperties": "object",
    "minProperties": "object", "propertyNames": "object", "items": "array", "prefixItems": "array",
    "minItems": "array", "contains": "array", "pattern": "string", "minLength": "string", "maxLength": "string",
    "format": "string", "minimum": "number", "maximum": "number", "exclusiveMinimum": "number",
    "exclusiveMaximum": "number", "multipleOf": "number",
}  # fmt: skip


class Impossible(Exception):
    """No value fits, or none was found with a reasonable effort."""


def value_for(schema: dict[str, Any], text: str) -> Any:
    """Return a value that fits the schema wherever one can be found; otherwise the nearest that was tried."""
    try:
        validator = Validator(schema)
    except InvalidSchema:
        return Words(text).next()
    nearest: tuple[int, Any] | None = None
    for variation in range(VARIATIONS):
        try:
            value = _Maker(schema, text, variation).make(schema, "", 0)
        except (Impossible, RecursionError):
            continue
        problems = len(validator.problems(value))
        if not problems:
            return value
        if nearest is None or problems < nearest[0]:
            nearest = (problems, value)
    return nearest[1] if nearest else None


class _Maker:
    """Walks through a schema. Each variation chooses other branches, the later ones leave out what is optional."""

    def __init__(self, root: dict[str, Any], text: str, variation: int) -> None:
        self.root = root
        self.words = Words(text)
        self.variation = variation
        self.is_sparse = variation % 4 == 3
        self.steps = 0

    def make(self, schema: Any, key: str, depth: int) -> Any:
        self.steps += 1
        if schema is False or depth > DEEPEST or self.steps > MOST_STEPS:
            raise Impossible
        if not isinstance(schema, dict):
            return self.words.next(key)
        schema = self._merged(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(options := schema.get("enum"), list) and options:
            return self._option(options, schema)
        for union in ("oneOf", "anyOf"):
            if isinstance(branches := schema.get(union), list) and branches:
                return self._branch(schema, union, key, depth)
        return self._typed(schema, key, depth)

    def _typed(self, schema: dict[str, Any], key: str, depth: int) -> Any:
        kind = self._type_of(schema, depth)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, key, depth)
        if kind in ("integer", "number"):
            return number_for(schema, self.words, self.variation, is_whole=kind == "integer")
        if kind == "boolean":
            return self.variation % 2 == 0
        return None if kind == "null" else text_for(schema, key, self.words, self.variation)

    # --- what stands above types --------------------------------------------------------------------------------------

    def _merged(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema with its references, `allOf` and, by variation, `then` or `else` drawn in."""
        for _ in range(50):
            drawn: list[Any] = []
            rest = dict(schema)
            if isinstance(reference := rest.pop("$ref", None), str):
                try:
                    drawn.append(target_of(self.root, reference))
                except KeyError:
                    raise Impossible from None
            everything = rest.pop("allOf", None)
            drawn += everything if isinstance(everything, list) else []
            condition = rest.pop("if", None)
            then, otherwise = rest.pop("then", None), rest.pop("else", None)
            if isinstance(condition, dict):
                drawn += [
                    part for part in ((condition, then), (otherwise,), ())[self.variation % 3] if part is not None
                ]
            if not drawn:
                return rest
            schema = rest
            for part in drawn:
                schema = both(schema, part)
        raise Impossible

    def _option(self, options: list[Any], schema: dict[str, Any]) -> Any:
        kinds = schema.get("type")
        names = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else None
        fitting = [option for option in options if names is None or is_of(option, names)] or options
        heard = self.words.text.casefold()
        spoken = [
            option
            for option in fitting
            if isinstance(option, str) and re.search(rf"(?<!\w){re.escape(option.casefold())}(?!\w)", heard)
        ]
        return spoken[0] if spoken and not self.variation else fitting[self.variation % len(fitting)]

    def _branch(self, schema: dict[str, Any], union: str, key: str, depth: int) -> Any:
        branches = list(schema[union])
        rest = {name: value for name, value in schema.items() if name != union}
        shift = self.variation % len(branches)
        branches = branches[shift:] + branches[:shift]
        if depth >= DEEP:
            branches.sort(key=weight)
        else:
            # Something is more telling than nothing.
            branches.sort(key=lambda branch: isinstance(branch, dict) and branch.get("type") == "null")
        for branch in branches:
            try:
                return self.make(both(rest, branch), key, depth + 1)
            except Impossible:
                continue
        raise Impossible

    def _type_of(self, schema: dict[str, Any], depth: int) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, list) and kinds:
            if depth > DEEP and "null" in kinds:
                return "null"
            some = [kind for kind in kinds if kind != "null"] or ["null"]
            return str(some[self.variation % len(some)])
        if isinstance(kinds, str):
            return kinds
        return next((kind for keyword, kind in TYPE_BY_KEYWORD.items() if keyword in schema), "string")

    # --- objects and lists --------------------------------------------------------------------------------------------

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        most = schema.get("maxProperties", 1_000)
        names = [*properties, *(name for name in required if name not in properties)]
        value: dict[str, Any] = {}
        is_lean = self.is_sparse or depth > DEEP
        optional_room = most - len(required)
        for name in names:
            is_required = name in required
            if not is_required and (is_lean or optional_room <= 0):
                continue
            try:
                value[name] = self.make(properties.get(name, self._schema_of_other(schema, name)), name, depth + 1)
                optional_room -= not is_required
            except Impossible:
                if is_required:
                    raise
        self._add_others(schema, value, depth, is_lean=is_lean or bool(properties))
        return value

    def _add_others(self, schema: dict[str, Any], value: dict[str, Any], depth: int, *, is_lean: bool) -> None:
        least = max(int(schema.get("minProperties", 0)), 0)
        wanted = least
        if not is_lean and isinstance(schema.get("additionalProperties"), dict) and schema.get("maxProperties") != 0:
            wanted = max(least, 1)
        for name in self._other_names(schema):
            if len(value) >= wanted:
                return
            if name not in value:
                try:
                    value[name] = self.make(self._schema_of_other(schema, name), name, depth + 1)
                except Impossible:
                    if least:
                        raise
                    return

    def _other_names(self, schema: dict[str, Any]) -> Iterator[str]:
        rule = schema.get("propertyNames")
        if isinstance(rule, dict):
            rule = self._merged(rule)
            if isinstance(rule.get("enum"), list):
                yield from (name for name in rule["enum"] if isinstance(name, str))
            elif isinstance(rule.get("pattern"), str):
                for number in range(20):
                    yield from matching(rule["pattern"], f"{chr(97 + number)}{number}")
        for pattern in schema.get("patternProperties") or {}:
            for number in range(20):
                for name in matching(pattern, f"{chr(97 + number)}{number}"):
                    # A pattern is often a beginning alone.
                    yield from (name, *(longer for longer in (f"{name}{number}",) if re.search(pattern, longer)))
        yield from dict.fromkeys(re.findall(r"[a-z]{3,20}", self.words.text.lower())[:100])
        yield from (f"key_{number}" for number in range(1_000))

    def _schema_of_other(self, schema: dict[str, Any], name: str) -> Any:
        for pattern, inner in (schema.get("patternProperties") or {}).items():
            try:
                if re.search(pattern, name):
                    return inner
            except re.error:
                continue
        return schema.get("additionalProperties", schema.get("unevaluatedProperties", True))

    def _array(self, schema: dict[str, Any], key: str, depth: int) -> list[Any]:
        first = schema.get("prefixItems") or []
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 1_000))
        inner = schema.get("items", schema.get("unevaluatedItems", True))
        if inner is False:
            most = min(most, len(first))
        count = min(max(least, len(first), 0 if self.is_sparse or depth > DEEP else 2), most)
        value: list[Any] = []
        contained = schema.get("contains")
        must_contain = int(schema.get("minContains", 1)) if contained is not None else 0
        count = min(max(count, must_contain + len(first)), most)
        for index in range(count * 4):
            if len(value) >= count:
                break
            if len(value) < len(first):
                item = first[len(value)]
            else:
                is_due = contained is not None and len(value) < len(first) + must_contain
                item = both(contained, inner) if is_due else inner
            self._append(value, item, key if index == 0 else "", depth, schema, least=least)
        return value

    def _append(self, value: list[Any], item: Any, key: str, depth: int, schema: dict[str, Any], *, least: int) -> None:
        try:
            made = self.make(item, key, depth + 1)
        except Impossible:
            if len(value) < least:
                raise
            return
        if schema.get("uniqueItems") and made in value:
            made = self._another(item, value)
            if made is None:
                return
        value.append(made)

    def _another(self, item: Any, taken: list[Any]) -> Any:
        """Return a value for the item that is not taken yet, or None."""
        item = self._merged(item) if isinstance(item, dict) else {}
        for option in item.get("enum") or ():
            if option not in taken:
                return option
        if item.get("type") in ("integer", "number"):
            step = item.get("multipleOf", 1)
            return max(number for number in taken if isinstance(number, int | float)) + step
        return f"{taken[-1]} {len(taken) + 1}" if item.get("type", "string") == "string" else None
