"""The classes of Pydantic source, as a tree of Python's syntax → the JSON Schema of the outermost model."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from functions.schemas.pydantic_types import PLAIN, NotUnderstood, last_name, options, schema_of, with_rules
from functions.schemas.walk import subschemas
from opperweb import json

ENUMS = frozenset(["Enum", "IntEnum", "StrEnum"])
# Arguments of Field() that leave no trace in a schema.
SILENT = frozenset(
    ["default", "default_factory", "alias_priority", "validation_alias", "serialization_alias", "exclude", "frozen",
     "repr", "init", "init_var", "kw_only", "strict", "validate_default", "strip_whitespace", "to_lower", "to_upper",
     "discriminator", "coerce_numbers_to_str", "union_mode", "allow_inf_nan", "fail_fast"]
)  # fmt: skip
KNOWN = SILENT | {
    "title", "description", "examples", "deprecated", "json_schema_extra", "ge", "gt", "le", "lt", "multiple_of",
    "min_length", "max_length", "pattern", "alias",
}  # fmt: skip
RENAMED = {"min_items": "min_length", "max_items": "max_length", "regex": "pattern"}
EMPTY = frozenset(["list", "set", "frozenset", "tuple", "dict"])
REQUIRED = object()
UNTOLD = object()


class Models:
    """The models, choices and names of one piece of source."""

    def __init__(self, tree: ast.Module) -> None:
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.aliases = dict(_aliases(tree))
        self.models = [name for name in self.classes if self._is_model(name, set())]
        self.definitions: dict[str, dict[str, Any]] = {}
        self.resolving: list[str] = []

    def schema(self) -> dict[str, Any]:
        """Return the schema of the model that no other uses, the last of them; raise NotUnderstood."""
        if not self.models:
            raise NotUnderstood("No class is a BaseModel", next(iter(self.classes.values()), ast.Module([], [])))
        root = self._root()
        schema = self._model(root)
        self.definitions.pop(root, None)
        used = self._used(schema)
        definitions = {name: part for name, part in sorted(self.definitions.items()) if name in used}
        if root in used:
            return {"$defs": dict(sorted({**definitions, root: schema}.items())), "$ref": f"#/$defs/{root}"}
        return {"$defs": definitions, **schema} if definitions else schema

    def _root(self) -> str:
        used: set[str] = set()
        for name in self.models:
            node = self.classes[name]
            named = {last_name(each) for each in ast.walk(node)} | set(_names_in_texts(node))
            used |= named - {name, ""}
        unused = [name for name in self.models if name not in used]
        return unused[-1] if unused else self.models[-1]

    def _used(self, schema: dict[str, Any]) -> set[str]:
        used: set[str] = set()
        waiting = [schema]
        while waiting:
            for _, part in subschemas(waiting.pop()):
                name = str(part.get("$ref", "")).removeprefix("#/$defs/")
                if name and name not in used:
                    used.add(name)
                    waiting += [self.definitions[name]] if name in self.definitions else []
        return used

    # --- names --------------------------------------------------------------------------------------------------

    def named(self, node: ast.expr, name: str) -> dict[str, Any]:
        """Return what a name stands for: a reference to a class of the source, an alias, or a plain type."""
        if name in self.classes:
            self._define(node, name)
            return {"$ref": f"#/$defs/{name}"}
        if name in self.aliases:
            if name in self.resolving:
                raise NotUnderstood(f"{name} stands for itself", node)
            self.resolving.append(name)
            try:
                return schema_of(self.aliases[name], self)
            finally:
                self.resolving.pop()
        if name in PLAIN:
            return dict(PLAIN[name])
        raise NotUnderstood(f"The type {ast.unparse(node)[:80]} is not known; paste its class too", node)

    def _define(self, node: ast.expr, name: str) -> None:
        if name in self.definitions:
            return
        self.definitions[name] = {}
        if name in self.models:
            self.definitions[name] = self._model(name)
        elif self._is_enum(name):
            self.definitions[name] = self._enum(self.classes[name])
        else:
            raise NotUnderstood(f"{name} is neither a BaseModel nor an Enum", node)

    def _is_model(self, name: str, seen: set[str]) -> bool:
        if name in seen or name not in self.classes:
            return False
        bases = [last_name(base) for base in self.classes[name].bases]
        return "BaseModel" in bases or any(self._is_model(base, {*seen, name}) for base in bases)

    def _is_enum(self, name: str) -> bool:
        return any(last_name(base) in ENUMS for base in self.classes[name].bases)

    # --- classes ------------------------------------------------------------------------------------------------

    def _model(self, name: str) -> dict[str, Any]:
        schema: dict[str, Any] = {"title": name, "type": "object"}
        fields: dict[str, tuple[str, dict[str, Any], bool]] = {}
        for each in self._with_bases(name, set()):
            node = self.classes[each]
            schema |= self._config(node)
            for statement in node.body:
                for own_name, field in self._field_of(statement):
                    fields[own_name] = field
        if words := ast.get_docstring(self.classes[name]):
            schema["description"] = inspect.cleandoc(words)
        schema["properties"] = {shown: part for shown, part, _ in fields.values()}
        if required := [shown for shown, _, is_required in fields.values() if is_required]:
            schema["required"] = required
        return schema

    def _with_bases(self, name: str, seen: set[str]) -> Iterator[str]:
        """Yield the models whose fields a model has, its own last."""
        node = self.classes[name]
        for base in node.bases:
            inner = last_name(base)
            if isinstance(base, ast.Subscript) or (inner not in self.classes and inner not in ("BaseModel", "ABC")):
                raise NotUnderstood(f"{node.name} stands on {ast.unparse(base)[:80]}, which is not known", base)
            if inner in self.models and inner not in seen:
                yield from self._with_bases(inner, seen | {name})
        yield name

    def _config(self, node: ast.ClassDef) -> dict[str, Any]:
        """Return what model_config says of the schema: whether other fields are taken, and another title."""
        given: dict[str, Any] = {}
        for statement in node.body:
            is_config = isinstance(statement, ast.Assign) and last_name(statement.targets[0]) == "model_config"
            if isinstance(statement, ast.Assign) and is_config and isinstance(statement.value, ast.Call):
                given = {each.arg: each.value for each in statement.value.keywords if each.arg in ("extra", "title")}
        texts = {name: value.value for name, value in given.items() if isinstance(value, ast.Constant)}
        extra = {"forbid": {"additionalProperties": False}, "allow": {"additionalProperties": True}}
        title = {"title": texts["title"]} if isinstance(texts.get("title"), str) else {}
        return extra.get(str(texts.get("extra")), {}) | title

    def _field_of(self, node: ast.stmt) -> Iterator[tuple[str, tuple[str, dict[str, Any], bool]]]:
        """Yield the field of a statement, where it is one: its name, the name in JSON, its schema, if required."""
        if isinstance(node, ast.Assign):
            name = last_name(node.targets[0])
            if name.startswith(("_", "model_config")):
                return
            raise NotUnderstood(f"{name or 'This'} has no type; write {name or 'name'}: type = …", node)
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            return
        name = node.target.id
        is_for_class = isinstance(node.annotation, ast.Subscript) and last_name(node.annotation.value) == "ClassVar"
        if name.startswith("_") or is_for_class or last_name(node.annotation) == "ClassVar" or name == "model_config":
            return
        inner = schema_of(node.annotation, self)
        noted = self._noted(node.annotation)
        is_field = isinstance(node.value, ast.Call) and last_name(node.value.func) == "Field"
        own = self.field(node.value) if is_field and isinstance(node.value, ast.Call) else {}
        given = {**noted, **own}
        default = own.get("default", REQUIRED) if is_field else self._default(node.value)
        if default is REQUIRED:
            default = noted.get("default", REQUIRED)
        shown = str(given.get("alias") or name)
        schema = with_rules(inner, own, node.value or node)
        yield name, (shown, _titled(schema, inner, shown) | _defaulted(default), default is REQUIRED)

    def _noted(self, node: ast.expr) -> Mapping[str, Any]:
        """Return what the Field() of an Annotated around a whole field says of the field itself."""
        if not isinstance(node, ast.Subscript) or last_name(node.value) != "Annotated":
            return {}
        notes = node.slice.elts[1:] if isinstance(node.slice, ast.Tuple) else []
        given: dict[str, Any] = {}
        for note in notes:
            if isinstance(note, ast.Call) and last_name(note.func) == "Field":
                given |= self.field(note)
        return {key: value for key, value in given.items() if key in ("default", "alias")}

    def field(self, node: ast.Call) -> Mapping[str, Any]:
        """Return the arguments of Field() by name; `default` may be REQUIRED or UNTOLD."""
        given: dict[str, Any] = {}
        if node.args:
            given["default"] = self._default(node.args[0])
        for keyword in node.keywords:
            name = RENAMED.get(keyword.arg or "", keyword.arg or "")
            if name not in KNOWN:
                raise NotUnderstood(
                    f"Field() has the argument {keyword.arg or '**'}, which is not understood", keyword.value
                )
            if name == "default":
                given[name] = self._default(keyword.value)
            elif name == "default_factory":
                given["default"] = UNTOLD
            elif name not in SILENT:
                given[name] = self.value(keyword.value)
        return given

    def _default(self, node: ast.expr | None) -> Any:
        if node is None or (isinstance(node, ast.Constant) and node.value is Ellipsis):
            return REQUIRED
        return self.value(node)

    def value(self, node: ast.expr) -> Any:
        """Return a value that stands in the source, as JSON holds it; a member of an Enum is its value."""
        if isinstance(node, ast.Attribute) and last_name(node.value) in self.classes:
            owner = self.classes[last_name(node.value)]
            members = dict(_members(owner)) if self._is_enum(owner.name) else {}
            if node.attr in members:
                return members[node.attr]
        if isinstance(node, ast.Call) and not node.args and not node.keywords and last_name(node.func) in EMPTY:
            return {} if last_name(node.func) == "dict" else []
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return [self.value(item) for item in node.elts]
        try:
            value = ast.literal_eval(node)
            # Through JSON: a tuple becomes a list, and what JSON cannot hold is found.
            return json.loads(json.dumps(value))
        except (ValueError, TypeError, RecursionError):
            raise NotUnderstood(f"The value {ast.unparse(node)[:80]} is not understood", node) from None

    def _enum(self, node: ast.ClassDef) -> dict[str, Any]:
        words = ast.get_docstring(node)
        schema = options([value for _, value in _members(node)], node, is_const=False)
        return schema | {"title": node.name} | ({"description": inspect.cleandoc(words)} if words else {})


def _members(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    """Yield the members of an Enum with their values."""
    number = 0
    is_text = any(last_name(base) == "StrEnum" for base in node.bases)
    for statement in node.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        name = statement.targets[0].id
        if name.startswith("_"):
            continue
        if isinstance(statement.value, ast.Call) and last_name(statement.value.func) == "auto":
            number += 1
            yield name, name.lower() if is_text else number
            continue
        try:
            value = ast.literal_eval(statement.value)
        except ValueError:
            value = UNTOLD
        if not isinstance(value, str | int | float | None):
            raise NotUnderstood(f"The value of {node.name}.{name} is not understood", statement)
        number = value if isinstance(value, int) else number
        yield name, value


def _aliases(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names given to types: Names = list[str]."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _names_in_texts(node: ast.ClassDef) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.isidentifier():
            yield each.value


def _titled(schema: dict[str, Any], inner: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the schema with the title that Pydantic makes of the name: references, also to or none, have none."""
    branches = inner.get("anyOf") or [inner]
    others = [branch for branch in branches if branch != {"type": "null"}]
    if "title" in schema or (len(others) == 1 and "$ref" in others[0]):
        return schema
    return {**schema, "title": name.replace("_", " ").strip().title()}


def _defaulted(default: Any) -> dict[str, Any]:
    return {} if default is REQUIRED or default is UNTOLD else {"default": default}
