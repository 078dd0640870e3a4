"""A value and its schema → labelled fields as people read them: name, type in words, what it means, does it fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from traces.pages.json_view import compact, indented, media_of, readable

MAX_DEPTH = 4
MAX_ITEMS = 100
MAX_TEXT = 50_000
IMAGES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,", "data:image/webp;base64,")
AUDIO = ("data:audio/",)
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "group",
    "null": "none",
}


@dataclass(frozen=True)
class Check:
    words: str
    is_met: bool


@dataclass
class Field:
    """`form` is text, code, word, image, audio, list or group; the last two have their parts in `fields`."""

    name: str = ""
    type: str = ""
    description: str = ""
    check: Check | None = None
    form: str = "text"
    text: str = ""
    fields: list[Field] = field(default_factory=list)
    left_out: int = 0

    @property
    def is_short(self) -> bool:
        return self.form == "text" and len(self.text) <= 80 and "\n" not in self.text

    @property
    def is_plain_list(self) -> bool:
        return all(part.form == "text" for part in self.fields)


def fields_of(value: Any, schema: Any = None) -> list[Field]:
    """Return the fields of a value: those of an object, else one without a name."""
    root = schema if isinstance(schema, Mapping) else {}
    resolved = _resolved(root, root)
    if isinstance(value, dict) and value:
        return _group(value, resolved, root, 0)
    return [_field("", value, resolved, root, 0)]


def _group(value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> list[Field]:
    known = schema.get("properties")
    known = known if isinstance(known, Mapping) else {}
    # In the order of the schema: a model may answer in another.
    names = [*(name for name in known if name in value), *(name for name in value if name not in known)]
    fields = [_field(name, value[name], _resolved(known.get(name), root), root, depth) for name in names[:MAX_ITEMS]]
    if len(names) > MAX_ITEMS:
        fields[-1].left_out = len(names) - MAX_ITEMS
    return fields


def _field(name: str, value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Field:
    shown = Field(readable(name), type_in_words(schema, value, root), readable(str(schema.get("description") or "")))
    shown.check = check_of(value, schema)
    if isinstance(value, str):
        shown.form, shown.text = _form_of_text(value), readable(value)
        if shown.form == "text" and len(value) > MAX_TEXT:
            shown.text, shown.left_out = readable(value[:MAX_TEXT]), len(value) - MAX_TEXT
        elif shown.form == "word":
            shown.text = media_of(value)
    elif isinstance(value, list | dict) and value and depth >= MAX_DEPTH:
        shown.form, shown.text = "code", indented(value)[:MAX_TEXT]
    elif isinstance(value, list) and value:
        shown.form, shown.left_out = "list", max(len(value) - MAX_ITEMS, 0)
        items = _resolved(schema.get("items"), root)
        shown.fields = [_field("", item, items, root, depth + 1) for item in value[:MAX_ITEMS]]
    elif isinstance(value, dict) and value:
        shown.form, shown.fields = "group", _group(value, schema, root, depth + 1)
    elif isinstance(value, list | dict):
        shown.form, shown.text = "word", "empty list" if isinstance(value, list) else "no fields"
    elif value is None:
        shown.form, shown.text = "word", "none"
    else:
        shown.text = compact(value)
    return shown


def _form_of_text(text: str) -> str:
    if text.startswith(IMAGES):
        return "image"
    if text.startswith(AUDIO) and ";base64," in text[:80]:
        return "audio"
    if media_of(text):
        return "word"
    return "text"


def type_in_words(schema: Mapping[str, Any], value: Any = None, root: Mapping[str, Any] | None = None) -> str:
    """text, list of text, one of 3, text or none; of the value itself where the schema does not say."""
    root = root or schema
    options = schema.get("enum")
    if isinstance(options, list):
        return f"one of {len(options)}"
    for union in ("anyOf", "oneOf"):
        branches = schema.get(union)
        if isinstance(branches, list) and branches:
            words = [type_in_words(_resolved(branch, root), None, root) for branch in branches[:4]]
            return " or ".join(dict.fromkeys(filter(None, words)))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(WORDS.get(str(name), str(name)) for name in kind)
    if kind == "array":
        inner = type_in_words(_resolved(schema.get("items"), root), None, root)
        return f"list of {'groups' if inner == 'group' else inner}" if inner else "list"
    if isinstance(kind, str):
        return WORDS.get(kind, kind)
    return "" if schema or value is None else _type_of(value)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return WORDS["boolean"]
    names: dict[type, str] = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return WORDS[names.get(type(value), "null")]


# Which rule a schema holds, and how it is called when a value keeps it.
RULES = (
    (("enum",), "one of {count}", "none of {count}"),
    (("pattern",), "pattern met", "pattern not met"),
    (("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), "in range", "out of range"),
    (("minLength", "maxLength"), "length met", "length not met"),
    (("minItems", "maxItems"), "number met", "number not met"),
)


def check_of(value: Any, schema: Mapping[str, Any]) -> Check | None:
    """Tell whether a value keeps the first rule its schema names; None where there is none to keep."""
    if value is None:
        return None
    for rules, met, not_met in RULES:
        held = {rule: schema[rule] for rule in rules if rule in schema}
        if not held:
            continue
        options = schema.get("enum")
        count = len(options) if isinstance(options, list) else 0
        is_met = _keeps(value, held)
        return None if is_met is None else Check((met if is_met else not_met).format(count=count), is_met)
    return None


def _keeps(value: Any, rules: dict[str, Any]) -> bool | None:
    try:
        # The linear engine: a pattern is somebody's input and must not be able to hold up a page.
        return jsonschema_rs.validator_for(rules, pattern_options=jsonschema_rs.RegexOptions()).is_valid(value)
    except (ValueError, TypeError, RecursionError):
        return None


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference inside the same schema; anything else than a schema is one that says nothing."""
    for _ in range(10):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target: Any = root
        for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
            target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
        told = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**target, **told} if isinstance(target, Mapping) else told
    return {}


def plain_text_of(value: Any) -> str:
    """Return a value as plain text: a text as it is, the fields of an object under their names."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        parts = (f"{name}\n{inner if isinstance(inner, str) else indented(inner)}" for name, inner in value.items())
        return readable("\n\n".join(parts))
    return indented(value)
