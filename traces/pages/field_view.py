"""A value and its schema → labelled fields as people read them: name, type in words, what it means, does it fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from traces.media import MEDIA_TYPE, media_in
from traces.pages.json_view import compact, indented, readable
from traces.pages.media_view import MEMBER, MediaView, given_media, media_view, pointer, with_chips

MAX_DEPTH = 4
MAX_ITEMS = 100
MAX_TEXT = 50_000
LONGEST_NAME = 100
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
    """`form` is text, code, word, media, list or group; the last two have their parts in `fields`."""

    name: str = ""
    type: str = ""
    description: str = ""
    check: Check | None = None
    form: str = "text"
    text: str = ""
    fields: list[Field] = field(default_factory=list)
    left_out: int = 0
    media: MediaView | None = None

    @property
    def is_short(self) -> bool:
        return self.form == "text" and len(self.text) <= 80 and "\n" not in self.text

    @property
    def is_plain_list(self) -> bool:
        return all(part.form == "text" for part in self.fields)

    @property
    def is_gallery(self) -> bool:
        return all(part.form == "media" for part in self.fields)


def fields_of(value: Any, schema: Any = None) -> list[Field]:
    """Return the fields of a value: those of an object, else one without a name."""
    root = schema if isinstance(schema, Mapping) else {}
    resolved = _resolved(root, root)
    if isinstance(value, dict) and value:
        return _group(value, resolved, _At(root))
    return [_field("", value, resolved, _At(root))]


@dataclass(frozen=True)
class _At:
    """Where in a value we are: how deep, and which JSON pointer leads there. `root` is the whole schema."""

    root: Mapping[str, Any]
    depth: int = 0
    place: str = ""

    def inside(self, step: Any) -> _At:
        return _At(self.root, self.depth + 1, pointer(self.place, step))


def _group(value: dict[str, Any], schema: Mapping[str, Any], at: _At) -> list[Field]:
    known = schema.get("properties")
    known = known if isinstance(known, Mapping) else {}
    # In the order of the schema: a model may answer in another.
    names = [*(name for name in known if name in value), *(name for name in value if name not in known)]
    fields = [
        _field(name, value[name], _resolved(known.get(name), at.root), at.inside(name)) for name in names[:MAX_ITEMS]
    ]
    if len(names) > MAX_ITEMS:
        fields[-1].left_out = len(names) - MAX_ITEMS
    return fields


def _field(name: str, value: Any, schema: Mapping[str, Any], at: _At) -> Field:
    shown = Field(readable(name), type_in_words(schema, value, at.root), readable(str(schema.get("description") or "")))
    shown.media = _media_of(value, schema, at)
    if shown.media is not None:
        shown.form, shown.type = "media", ""
        return shown
    shown.check = check_of(value, schema)
    if isinstance(value, str):
        shown.text, shown.left_out = readable(value[:MAX_TEXT]), max(len(value) - MAX_TEXT, 0)
    elif isinstance(value, list | dict) and value and at.depth > MAX_DEPTH:
        shown.form, shown.text = "code", indented(with_chips(value))[:MAX_TEXT]
    elif isinstance(value, list) and value:
        shown.form, shown.left_out = "list", max(len(value) - MAX_ITEMS, 0)
        items = _resolved(schema.get("items"), at.root)
        shown.fields = [_field("", item, items, at.inside(step)) for step, item in enumerate(value[:MAX_ITEMS])]
    elif isinstance(value, dict) and value:
        shown.form, shown.fields = "group", _group(value, schema, at)
    elif isinstance(value, list | dict):
        shown.form, shown.text = "word", "empty list" if isinstance(value, list) else "no fields"
    elif value is None:
        shown.form, shown.text = "word", "none"
    else:
        shown.text = compact(value)
    return shown


def _media_of(value: Any, schema: Mapping[str, Any], at: _At) -> MediaView | None:
    """Return the file that a value is: a text, or an object that does nothing but hold one."""
    if isinstance(value, dict):
        given = given_media(value)
        return media_view(given[0], pointer(at.place, MEMBER), readable(given[1][:LONGEST_NAME])) if given else None
    media = media_in(value, _declared(schema)) if isinstance(value, str) else None
    return media_view(media, at.place) if media is not None else None


def _declared(schema: Mapping[str, Any]) -> str:
    """Return which file a schema says that a text in base64 holds."""
    media_type = schema.get("contentMediaType")
    is_in_base64 = str(schema.get("contentEncoding")).lower() in ("base64", "base64url")
    return (
        media_type.lower() if is_in_base64 and isinstance(media_type, str) and MEDIA_TYPE.fullmatch(media_type) else ""
    )


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
    """Return a value as plain text: a text as it is, the fields of an object under their names, files by their size."""
    value = with_chips(value)
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        parts = (f"{name}\n{inner if isinstance(inner, str) else indented(inner)}" for name, inner in value.items())
        return readable("\n\n".join(parts))
    return indented(value)
