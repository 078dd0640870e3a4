"""One annotation of a Pydantic model, as a tree of Python's syntax → the JSON Schema that Pydantic makes of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from opperweb import json

PLAIN: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "NoneType": {"type": "null"},
    "bytes": {"type": "string", "format": "binary"},
    "Any": {},
    "object": {},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "timedelta": {"type": "string", "format": "duration"},
    "UUID": {"type": "string", "format": "uuid"},
    "UUID4": {"type": "string", "format": "uuid4"},
    "EmailStr": {"type": "string", "format": "email"},
    "AnyUrl": {"type": "string", "format": "uri", "minLength": 1},
    "HttpUrl": {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083},
    "Path": {"type": "string", "format": "path"},
    "StrictStr": {"type": "string"},
    "StrictInt": {"type": "integer"},
    "StrictFloat": {"type": "number"},
    "StrictBool": {"type": "boolean"},
    "PositiveInt": {"type": "integer", "exclusiveMinimum": 0},
    "NonNegativeInt": {"type": "integer", "minimum": 0},
    "NegativeInt": {"type": "integer", "exclusiveMaximum": 0},
    "NonPositiveInt": {"type": "integer", "maximum": 0},
    "PositiveFloat": {"type": "number", "exclusiveMinimum": 0},
    "NonNegativeFloat": {"type": "number", "minimum": 0},
    "NegativeFloat": {"type": "number", "exclusiveMaximum": 0},
    "NonPositiveFloat": {"type": "number", "maximum": 0},
}
LISTS = frozenset(["list", "List", "Sequence", "Iterable", "Collection"])
SETS = frozenset(["set", "Set", "frozenset", "FrozenSet", "AbstractSet"])
TUPLES = frozenset(["tuple", "Tuple"])
MAPS = frozenset(["dict", "Dict", "Mapping", "MutableMapping"])
LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
NUMBERS = {
    "ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf"
}  # fmt: skip
TYPES: dict[type, str] = {str: "string", int: "integer", bool: "boolean", float: "number"}


class NotUnderstood(Exception):
    """A piece of source that gives no schema; `line` counts from 1."""

    def __init__(self, message: str, node: ast.AST) -> None:
        super().__init__(message)
        self.message = message
        self.line: int | None = getattr(node, "lineno", None)


class Names(Protocol):
    """What the names of the source stand for."""

    def named(self, node: ast.expr, name: str) -> dict[str, Any]: ...

    def value(self, node: ast.expr) -> Any: ...

    def field(self, node: ast.Call) -> Mapping[str, Any]: ...


def schema_of(node: ast.expr, names: Names) -> dict[str, Any]:
    """Return the schema of an annotation; raise NotUnderstood."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return {"type": "null"}
        if isinstance(node.value, str):
            return schema_of(_parsed(node, node.value), names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union(_alternatives(node), names)
    if isinstance(node, ast.Name | ast.Attribute):
        return _plain(node, names)
    if isinstance(node, ast.Subscript):
        return _subscript(node, names)
    raise NotUnderstood(f"The type {ast.unparse(node)[:80]} is not understood", node)


def _parsed(node: ast.Constant, text: str) -> ast.expr:
    """Return the annotation inside of a text: "Part"."""
    try:
        inner: ast.expr = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        raise NotUnderstood(f"The type {text[:80]!r} is not understood", node) from None
    for child in ast.walk(inner):
        ast.copy_location(child, node)
    return inner


def last_name(node: ast.AST) -> str:
    """Return BaseModel of pydantic.BaseModel; empty for what is no name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _plain(node: ast.Name | ast.Attribute, names: Names) -> dict[str, Any]:
    name = last_name(node)
    if name in LISTS:
        return {"type": "array", "items": {}}
    if name in SETS:
        return {"type": "array", "items": {}, "uniqueItems": True}
    if name in TUPLES:
        return {"type": "array", "items": {}}
    if name in MAPS:
        return {"type": "object", "additionalProperties": True}
    return names.named(node, name)


def _subscript(node: ast.Subscript, names: Names) -> dict[str, Any]:
    name = last_name(node.value)
    parts: Sequence[ast.expr] = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Optional" and len(parts) == 1:
        return _union([parts[0], ast.copy_location(ast.Constant(None), node)], names)
    if name == "Union":
        return _union([inner for part in parts for inner in _alternatives(part)], names)
    if name == "Literal":
        return _literal(node, parts, names)
    if name == "Annotated" and len(parts) > 1:
        return _annotated(parts, names)
    if name in LISTS | SETS and len(parts) == 1:
        unique = {"uniqueItems": True} if name in SETS else {}
        return {"type": "array", "items": schema_of(parts[0], names), **unique}
    if name in TUPLES:
        return _tuple(parts, names)
    if name in MAPS and len(parts) == 2:
        return _map(parts[0], parts[1], names)
    raise NotUnderstood(f"The type {ast.unparse(node)[:80]} is not understood", node)


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]


def _union(parts: Sequence[ast.expr], names: Names) -> dict[str, Any]:
    branches: list[dict[str, Any]] = []
    for part in parts:
        schema = schema_of(part, names)
        inner = schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]
        branches += [each for each in inner if each not in branches]
    null = [branch for branch in branches if branch == {"type": "null"}]
    branches = [branch for branch in branches if branch != {"type": "null"}] + null
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def _literal(node: ast.expr, parts: Sequence[ast.expr], names: Names) -> dict[str, Any]:
    return options([names.value(part) for part in parts], node, is_const=True)


def options(values: list[Any], node: ast.AST, *, is_const: bool) -> dict[str, Any]:
    """Return the schema of a choice, with its type where all options have one."""
    distinct = list({json.dumps(value): value for value in values}.values())
    if not distinct:
        raise NotUnderstood("A choice needs at least one option", node)
    kinds = {TYPES.get(type(value), "") for value in distinct}
    rule: dict[str, Any] = {"const": distinct[0]} if is_const and len(distinct) == 1 else {"enum": distinct}
    return rule | ({"type": kinds.pop()} if len(kinds) == 1 and "" not in kinds else {})


def _tuple(parts: Sequence[ast.expr], names: Names) -> dict[str, Any]:
    if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis:
        return {"type": "array", "items": schema_of(parts[0], names)}
    prefix = [schema_of(part, names) for part in parts]
    return {"type": "array", "prefixItems": prefix, "minItems": len(prefix), "maxItems": len(prefix)}


def _map(key: ast.expr, value: ast.expr, names: Names) -> dict[str, Any]:
    keys = {name: rule for name, rule in schema_of(key, names).items() if name != "type"}
    inner = schema_of(value, names)
    rules = {"propertyNames": keys} if keys else {}
    return {"type": "object", "additionalProperties": inner or True, **rules}


def _annotated(parts: Sequence[ast.expr], names: Names) -> dict[str, Any]:
    schema = schema_of(parts[0], names)
    for note in parts[1:]:
        if isinstance(note, ast.Call) and last_name(note.func) in ("Field", "StringConstraints"):
            schema = with_rules(schema, names.field(note), note)
    return schema


def with_rules(schema: dict[str, Any], given: Mapping[str, Any], node: ast.AST) -> dict[str, Any]:
    """Return `schema` with what Field() says of its values and in words; limits go to where their type stands."""
    rules = {
        name: given[name] for name in (*NUMBERS, "min_length", "max_length", "pattern") if given.get(name) is not None
    }
    if rules:
        schema = _limited(schema, rules, node)
    words = {name: given[name] for name in ("title", "description", "examples") if given.get(name) is not None}
    if given.get("deprecated"):
        words["deprecated"] = True
    return schema | words | (given.get("json_schema_extra") or {})


def _limited(schema: dict[str, Any], rules: Mapping[str, Any], node: ast.AST) -> dict[str, Any]:
    branches = schema.get("anyOf")
    if isinstance(branches, list) and len(branches) == 2 and branches[1] == {"type": "null"}:
        return {**schema, "anyOf": [_limited(branches[0], rules, node), branches[1]]}
    kind = str(schema.get("type"))
    limited = dict(schema)
    for name, value in rules.items():
        if name in NUMBERS and kind in ("integer", "number"):
            limited[NUMBERS[name]] = value
        elif name in ("min_length", "max_length") and kind in LENGTHS:
            limited[LENGTHS[kind][name == "max_length"]] = value
        elif name == "pattern" and kind == "string":
            limited["pattern"] = value
        else:
            raise NotUnderstood(f"{name} does not go with this type", node)
    return limited
