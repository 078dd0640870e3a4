"""A schema in words a model follows: compact types with their descriptions, about a third of the schema's length."""

from __future__ import annotations

import re
from typing import Any

from functions.schemas.clauses import clauses_of
from functions.schemas.flatten import Flattener, NotExpressible, types_of
from opperweb import json

NAMES = {"integer": "int", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}
LONGEST_COMMENT = 2_000
INDENT = "  "


def shape_of(schema: dict[str, Any], wrapped_as: str = "") -> str:
    """Return the shape of `schema`; with `wrapped_as`, the shape of an object that holds it as its one field."""
    try:
        return _Writer(schema).shape(wrapped_as)
    except (NotExpressible, RecursionError):
        # What cannot be said shorter is said as it is.
        shape = f"any JSON value that fits this JSON Schema: {json.dumps(schema)}"
        return f"{{ {wrapped_as}: … }}, with {wrapped_as} = {shape}" if wrapped_as else shape


def is_object_alone(schema: dict[str, Any]) -> bool:
    """Tell whether every value of `schema` is an object."""
    try:
        root = Flattener(schema).flat_root()
    except (NotExpressible, RecursionError):
        return False
    return "anyOf" not in root and (types_of(root) == ["object"] or (not types_of(root) and "properties" in root))


class _Writer:
    """Writes one schema; the definitions it refers to are named once, below."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.flattener = Flattener(root)
        self.names: dict[str, str] = {}
        self.waiting: list[str] = []

    def shape(self, wrapped_as: str) -> str:
        root = self.flattener.flat_root()
        comment = _commented("", _comment(root))
        text = self._type(root, 1 if wrapped_as else 0)
        lines = [f"{{\n{INDENT}{wrapped_as}: {text},{comment}\n}}" if wrapped_as else text + comment]
        while self.waiting:
            reference = self.waiting.pop(0)
            target = self.flattener.target(reference)
            target = self.flattener.flat(target) if isinstance(target, dict) else {}
            lines.append(_commented(f"{self.names[reference]} = {self._type(target, 0)}", _comment(target)))
        return "\n".join(lines)

    def _type(self, schema: Any, level: int) -> str:
        """Return the type of a schema that is flat already."""
        if not isinstance(schema, dict):
            return "any"
        if isinstance(reference := schema.get("$ref"), str):
            return self._name(reference)
        if isinstance(union := schema.get("anyOf"), list):
            return _either(self._part(each, level) for each in union if each is not False)
        if "const" in schema:
            return json.dumps(schema["const"])
        if isinstance(schema.get("enum"), list):
            return _either(json.dumps(value) for value in schema["enum"])
        types = types_of(schema) or (["object"] if "properties" in schema else [])
        types = types or (["array"] if "items" in schema else [])
        return _either(self._plain(schema, name, level) for name in types) or "any"

    def _part(self, schema: Any, level: int) -> str:
        return self._type(self.flattener.flat(schema) if isinstance(schema, dict) else schema, level)

    def _plain(self, schema: dict[str, Any], name: str, level: int) -> str:
        if name == "object":
            return self._object(schema, level)
        return self._list(schema, level) if name == "array" else NAMES.get(name, "any")

    def _list(self, schema: dict[str, Any], level: int) -> str:
        items = schema.get("items", True)
        prefix = schema.get("prefixItems") or (items if isinstance(items, list) else [])
        if prefix:
            parts = [self._part(part, level) for part in prefix]
            rest = [f"...{_in_brackets(self._part(items, level))}[]"] if isinstance(items, dict) else []
            return f"[{', '.join(parts + rest)}]"
        if items is False:
            return "[]"
        inner = self.flattener.flat(items) if isinstance(items, dict) else items
        words = _comment(inner) if isinstance(inner, dict) and not _holds_fields(inner) else ""
        return f"{_in_brackets(self._type(inner, level))}[]" + (f" /* each: {words} */" if words else "")

    def _object(self, schema: dict[str, Any], level: int) -> str:
        fields = schema["properties"] if isinstance(schema.get("properties"), dict) else {}
        required = schema.get("required") or []
        lines = [
            self._field(name, part, name in required, level + 1) for name, part in fields.items() if part is not False
        ]
        patterns = schema.get("patternProperties")
        for pattern, part in (patterns or {}).items() if isinstance(patterns, dict) else ():
            lines.append(f"{INDENT * (level + 1)}[name matching {pattern}]: {self._part(part, level + 1)},")
        others = schema.get("additionalProperties")
        if isinstance(others, dict) or (others is not False and not lines):
            lines.append(f"{INDENT * (level + 1)}[any name]: {self._part(others, level + 1)},")
        return "{\n" + "\n".join(lines) + f"\n{INDENT * level}}}" if lines else "{}"

    def _field(self, name: str, schema: Any, is_required: bool, level: int) -> str:
        schema = self.flattener.flat(schema) if isinstance(schema, dict) else {}
        key = name if re.fullmatch(r"[A-Za-z_$][\w$-]*", name) else json.dumps(name)
        line = f"{INDENT * level}{key}{'' if is_required else '?'}: {self._type(schema, level)},"
        return _commented(line, _comment(schema))

    def _name(self, reference: str) -> str:
        if reference not in self.names:
            base = re.sub(r"\W+", "_", reference.rsplit("/", 1)[-1]).strip("_")[:60] or "Root"
            name, number = base, 2
            while name in self.names.values():
                name, number = f"{base}_{number}", number + 1
            self.names[reference] = name
            self.waiting.append(reference)
        return self.names[reference]


def _comment(schema: dict[str, Any]) -> str:
    """Return the description and the rules that the type does not show, on one line."""
    words = schema.get("description")
    parts = (
        [" ".join(words.split())[:LONGEST_COMMENT].rstrip(" .;")] if isinstance(words, str) and words.strip() else []
    )
    parts += [clause for _, clause in clauses_of(schema)]
    return "; ".join(parts).replace("*/", "* /")


def _commented(line: str, comment: str) -> str:
    return f"{line} // {comment}" if comment else line


def _holds_fields(schema: dict[str, Any]) -> bool:
    return "$ref" in schema or ("properties" in schema and not _comment(schema))


def _either(parts: Any) -> str:
    return " | ".join(dict.fromkeys(parts))


def _in_brackets(text: str) -> str:
    return f"({text})" if " | " in text and not text.startswith("{") else text
