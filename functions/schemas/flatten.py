"""One level of a schema without `allOf`, `oneOf`, conditions and rules beside a union: easy to rewrite then.

Everything here may make a schema wider or narrower in places that no strict mode can express; the caller's own
schema is what an answer is held against in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from functions.schemas.walk import target_of
from opperweb import json

ANNOTATIONS = frozenset(
    [
        "title",
        "description",
        "default",
        "examples",
        "example",
        "$schema",
        "$id",
        "$comment",
        "id",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$defs",
        "definitions",
        "$anchor",
        "$vocabulary",
        "markdownDescription",
    ]
)
TIGHTER: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
# Where fields that stand below conditions are collected until everything else is merged: no keyword of a schema.
CONDITIONAL = "fields below conditions"
CONDITIONS = frozenset(["then", "else", "dependentSchemas", CONDITIONAL])
MOST_BRANCHES = 100
MOST_STEPS = 20_000


class NotExpressible(Exception):
    """The schema has no form that a strict mode takes; the message says why."""


class NoValue(NotExpressible):
    """A part of the schema fits nothing."""


class _Conflict(Exception):
    """Two schemas that no value fits both."""


class Flattener:
    """Flattens parts of one schema; it counts its steps, since references can multiply them without end."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.steps = 0
        # A union was left out, where two of them would have multiplied.
        self.is_wider = False

    def flat(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return an equal schema that is a union alone (`anyOf`), a reference alone, or neither."""
        self._count()
        schema = _without_lone_list(schema)
        if "$ref" in schema and is_annotated_only(schema):
            return schema
        try:
            schema = self._merged(schema, seen=())
        except _Conflict:
            raise NoValue("parts of the schema contradict each other") from None
        union = schema.get("anyOf")
        if not isinstance(union, list):
            return _with_conditional_fields(schema)
        branches = self._pushed({key: value for key, value in schema.items() if key != "anyOf"}, union)
        return branches[0] if len(branches) == 1 else {**annotations_of(schema), "anyOf": branches}

    def flat_root(self) -> dict[str, Any]:
        """Return the root, flattened, also where it is a reference to one of its own parts."""
        schema, seen = self.flat(self.root), set[str]()
        while isinstance(reference := schema.get("$ref"), str):
            target = self.target(reference)
            if reference in seen or not isinstance(target, dict):
                raise NotExpressible("the schema refers to nothing but itself")
            seen.add(reference)
            schema = self.flat(target)
        return schema

    def target(self, reference: Any) -> Any:
        try:
            return target_of(self.root, reference)
        except (KeyError, AttributeError, TypeError):
            raise NotExpressible(f"{str(reference)[:100]} cannot be resolved") from None

    def _count(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise NotExpressible("the schema is too large when its references are followed")

    def _merged(self, schema: Any, seen: tuple[str, ...]) -> dict[str, Any]:
        """Return `schema` with its reference, `allOf`, conditions and `oneOf` worked in."""
        self._count()
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            raise _Conflict
        merged = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "oneOf")}
        if isinstance(reference := schema.get("$ref"), str):
            if reference in seen:
                raise NotExpressible(f"{reference[:100]} refers to itself with more rules beside it")
            merged = self._both(merged, self._merged(self.target(reference), (*seen, reference)))
        for part in schema.get("allOf") or ():
            merged = self._both(merged, self._merged(part, seen))
        if conditional := [*self._conditional_fields(merged, seen), *merged.get(CONDITIONAL, ())]:
            merged = {key: value for key, value in merged.items() if key not in CONDITIONS}
            merged[CONDITIONAL] = conditional
        if isinstance(one_of := schema.get("oneOf"), list):
            if "anyOf" in merged:
                one_of = self._pushed({"anyOf": merged.pop("anyOf")}, one_of)
            merged["anyOf"] = one_of
        return merged

    def _conditional_fields(self, schema: dict[str, Any], seen: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        """Yield the fields that stand below a condition, with their schemas there."""
        parts = [schema.get("then"), schema.get("else")] if "if" in schema else []
        for keyword in ("dependentSchemas", "dependencies"):
            parts += schema[keyword].values() if isinstance(schema.get(keyword), dict) else ()
        for part in parts:
            if isinstance(part, dict):
                try:
                    found = self._merged(part, seen)
                except _Conflict:
                    continue
                fields = found.get("properties")
                yield from fields.items() if isinstance(fields, dict) else ()
                yield from found.get(CONDITIONAL, ())
                yield from ((name, True) for name in found.get("required") or () if isinstance(name, str))

    def _pushed(self, base: dict[str, Any], branches: list[Any]) -> list[dict[str, Any]]:
        """Return the branches, each with the rules of `base` worked in; those that contradict it are left out."""
        rules = {key: value for key, value in base.items() if key not in ANNOTATIONS}
        if len(branches) > MOST_BRANCHES:
            raise NotExpressible(f"a union has more than {MOST_BRANCHES} forms")
        if "anyOf" in rules and _forms(rules) * sum(map(_forms, branches)) > MOST_BRANCHES:
            # Each of these with each of those would be too many: the larger union is only held against the answer.
            self.is_wider = True
            if _forms(rules) > sum(map(_forms, branches)):
                del rules["anyOf"]
            else:
                return [base]
        if rules and all(
            isinstance(branch, dict) and branch.keys() <= {"required", "not", "title"} for branch in branches
        ):
            return [base]  # "at least one of these fields": checked here, not worth doubling the schema for
        kept = []
        for branch in branches:
            if branch is False:
                continue
            try:
                kept.append(self._both(rules, self._merged(branch, ())) if rules else branch)
            except _Conflict:
                continue
        if not kept:
            raise NoValue("a union has no form that can be met")
        return [{} if branch is True else branch for branch in kept]

    def _both(self, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        """Return a schema for what fits both, as far as it can be said."""
        both = dict(one)
        for keyword, value in other.items():
            both[keyword] = self._joined(keyword, one[keyword], value) if keyword in one else value
        if "const" in one and "const" in other and not _same(one["const"], other["const"]):
            raise _Conflict
        if "anyOf" in one and "anyOf" in other:
            both["anyOf"] = self._pushed({"anyOf": one["anyOf"]}, other["anyOf"])
        return both

    def _joined(self, keyword: str, one: Any, other: Any) -> Any:
        if keyword in ("properties", "patternProperties") and isinstance(one, dict) and isinstance(other, dict):
            return {**one, **{name: _all_of(one.get(name, True), schema) for name, schema in other.items()}}
        if keyword in ("items", "additionalProperties", "contains"):
            return _all_of(one, other)
        if keyword == CONDITIONAL:
            return [*one, *other]
        if keyword == "required" and isinstance(one, list) and isinstance(other, list):
            return list(dict.fromkeys([*one, *other]))
        if keyword == "type":
            return _common_types(one, other)
        if keyword == "enum":
            allowed = {json.dumps(each) for each in other}
            kept = [value for value in one if json.dumps(value) in allowed]
            if not kept:
                raise _Conflict
            return kept
        if keyword in TIGHTER and isinstance(one, int | float) and isinstance(other, int | float):
            return TIGHTER[keyword](one, other)
        return one


def annotations_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in ("title", "description") if isinstance(schema.get(key), str)}


def is_annotated_only(schema: dict[str, Any]) -> bool:
    """Tell whether a reference stands alone, or with words beside it that are no rules."""
    return all(key == "$ref" or key in ANNOTATIONS for key in schema)


def _with_conditional_fields(schema: dict[str, Any]) -> dict[str, Any]:
    """Let fields that only a condition names be there at all: on the wire every object is closed."""
    if CONDITIONAL not in schema:
        return schema
    schema = dict(schema)
    known = schema.get("properties") or {}
    added: dict[str, list[Any]] = {}
    for name, part in schema.pop(CONDITIONAL):
        if name not in known and part is not False and schema.get("additionalProperties") is not False:
            added.setdefault(name, []).append(part)
    for name, parts in added.items():
        shapes = [part for part in parts if part is not True] or [True]
        added[name] = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}  # type: ignore[assignment]
    return {**schema, "properties": {**known, **added}} if added else schema


def _without_lone_list(schema: dict[str, Any]) -> dict[str, Any]:
    """Return `{"allOf": [{"$ref": …}]}` as the reference that it is: old drafts know no words beside one."""
    while lists := [key for key in ("allOf", "anyOf", "oneOf") if isinstance(schema.get(key), list)]:
        around = {key: value for key, value in schema.items() if key != lists[0]}
        parts = schema[lists[0]]
        if len(parts) != 1 or not isinstance(parts[0], dict) or not around.keys() <= ANNOTATIONS:
            break
        if "$ref" in parts[0] and not is_annotated_only(parts[0]):
            break
        schema = {**parts[0], **annotations_of(around)}
    return schema


def types_of(schema: dict[str, Any]) -> list[str]:
    """Return the types a schema names, as a list; empty where it names none."""
    named = schema.get("type")
    return [named] if isinstance(named, str) else [each for each in named or () if isinstance(each, str)]


def _common_types(one: Any, other: Any) -> Any:
    first, second = types_of({"type": one}), types_of({"type": other})
    common = [name for name in first if name in second or (name == "integer" and "number" in second)]
    common += [name for name in second if name == "integer" and "number" in first and name not in common]
    if not common:
        raise _Conflict
    return common[0] if len(common) == 1 else common


def _all_of(one: Any, other: Any) -> Any:
    if one is False or other is False:
        return False
    if one is True or other is True or one == {} or other == {}:
        return other if one is True or one == {} else one
    return one if _same(one, other) else {"allOf": [one, other]}


def _forms(schema: Any) -> int:
    """Return how many forms a part has, with the unions inside of its unions."""
    union = schema.get("anyOf") if isinstance(schema, dict) else None
    return sum(map(_forms, union)) if isinstance(union, list) else 1


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)
