"""What a form shows of a field, and how a name of the form is made of a place in the value.

A name is the prefix and the steps, joined by dots: input.facts.0. Beside it may stand, of the same name,
~was (what an empty field stood for: none or empty), ~json (the value as JSON), ~rest (fields that the schema does not
name), ~file (an upload) and ~name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from functions.schemas.field_places import UNIONS, Place, items_of, kinds_of, properties_of
from functions.schemas.field_words import FORMAT_WORDS, MEDIA_MEMBER, MEDIA_NAMES, media_words
from functions.schemas.problems import Problem
from opperweb import json

Kind = Literal["text", "long text", "integer", "number", "boolean", "choice", "list", "group", "media", "json"]

WAS, AS_JSON, FILE, FILE_NAME, REST = "~was", "~json", "~file", "~name", "~rest"
NONE, EMPTY = "none", "empty"
MOST_DEPTH = 6
# A form may have 1,000 fields at most, those that say what an empty field stood for included.
MOST_FIELDS = 400
MOST_ITEMS = 100
# Browsers change the ends of lines, and what is no character cannot be sent.
CHANGED_ON_ITS_WAY = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# A text of at most this many characters has a field of one line.
SHORT = 100


@dataclass(frozen=True)
class FormField:
    """One field. `value` is the text in it; `fields` are the parts of a group or the items of a list.

    `options` are pairs of the text that is sent and the words for it. `was` and `rest` stand in fields of their own.
    """

    kind: Kind
    name: str
    label: str = ""
    value: str = ""
    type_words: str = ""
    description: str = ""
    placeholder: str = ""
    is_required: bool = False
    is_item: bool = False
    is_root: bool = False
    was: str = ""
    options: tuple[tuple[str, str], ...] = ()
    fields: tuple[FormField, ...] = ()
    rest: FormField | None = None
    accept: str = ""
    file_name: str = ""
    rows: int = 1
    error: str = ""

    @property
    def html_name(self) -> str:
        return self.name + AS_JSON if self.kind == "json" else self.name

    @property
    def described_by(self) -> str:
        """Return the ids of what is said about the field below it."""
        ids = [f"{self.name}~hint"] if self.description and not self.error else []
        return " ".join([*ids, f"{self.name}~error"] if self.error else ids)

    @property
    def was_name(self) -> str:
        return self.name + WAS

    @property
    def file_field(self) -> str:
        return self.name + FILE

    @property
    def file_name_field(self) -> str:
        return self.name + FILE_NAME

    @property
    def media_words(self) -> str:
        """Return the type of the file in a data URL."""
        head = self.value[:100]
        return head[5:].partition(";")[0].partition(",")[0] if head.startswith("data:") else ""


@dataclass(frozen=True)
class Upload:
    """A file that came with a form; `name` is what it was called."""

    media_type: str
    data: bytes
    name: str = ""


@dataclass(frozen=True)
class At:
    """Where in a form we are; `references` are those followed on the way, so that none is followed round."""

    name: str
    depth: int = 0
    is_required: bool = True
    is_item: bool = False
    references: frozenset[str] = field(default_factory=frozenset)

    def inside(self, step: str | int, place: Place, *, is_required: bool, is_item: bool = False) -> At:
        references = self.references | place.references
        return At(name_at(self.name, [step]), self.depth + 1, is_required, is_item, references)


def name_at(prefix: str, path: Iterable[str | int]) -> str:
    """Return the name in a form of a place in the value."""
    steps = (str(step).replace("~", "~0").replace(".", "~1") for step in path)
    return ".".join([prefix, *steps])


def kind_of(place: Place, at: At) -> Kind:
    """Return which kind of field holds the values of a place; json for what no other does."""
    schema, kinds = place.seen, kinds_of(place)
    if at.depth > MOST_DEPTH or place.references & at.references:
        return "json"
    if "const" in schema or isinstance(schema.get("enum"), list):
        return "choice"
    if any(key in place.core for key in (*UNIONS, "allOf", "$ref", "not", "if", "patternProperties")):
        return "json"
    if at.name.endswith(f".{MEDIA_MEMBER}") and kinds == ["string"]:
        return "media"
    if media_words(place) and len(kinds) == 1:
        return "media"
    if kinds == ["string"]:
        longest = schema.get("maxLength")
        is_short = schema.get("format") in FORMAT_WORDS or (isinstance(longest, int) and longest <= SHORT)
        return "text" if is_short else "long text"
    if kinds == ["array"]:
        return "list" if items_of(place) is not None else "json"
    if kinds == ["object"]:
        is_map = isinstance(schema.get("additionalProperties"), dict) or "propertyNames" in schema
        return "group" if properties_of(place) and not is_map else "json"
    plain: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean"}
    return plain.get(kinds[0], "json") if len(kinds) == 1 else "json"


def is_media_object(place: Place) -> bool:
    return kinds_of(place) == ["object"]


def media_members(place: Place) -> tuple[str, str]:
    """Return the members of an object that hold a file and its name; the second is empty where there is none."""
    fields = properties_of(place) or {}
    return MEDIA_MEMBER, next((name for name in MEDIA_NAMES if name in fields), "")


def with_problems(form: FormField, problems: Iterable[Problem]) -> FormField:
    """Return the form with what a validator found, each at the field that holds its place or the nearest around it."""
    names = {each.name for each in walked(form)}
    errors: dict[str, str] = {}
    for problem in problems:
        path = list(problem.path)
        while path and name_at(form.name, path) not in names:
            path.pop()
        inside = len(path) < len(problem.path)
        words = problem.sentence if inside else problem.message
        errors.setdefault(name_at(form.name, path), words[:1].upper() + words[1:])
    return with_errors(form, errors)


def with_errors(form: FormField, errors: Mapping[str, str]) -> FormField:
    """Return the form with the words for what is wrong, by the names of its fields."""
    return replace(
        form,
        error=errors.get(form.name, form.error),
        fields=tuple(with_errors(part, errors) for part in form.fields),
        rest=with_errors(form.rest, errors) if form.rest is not None else None,
    )


def walked(form: FormField) -> Iterable[FormField]:
    """Yield a field and all inside of it."""
    yield form
    for part in form.fields:
        yield from walked(part)


def text_of(value: Any) -> str | None:
    """Return a text that a browser sends back as it was; None for any other value."""
    if not isinstance(value, str) or CHANGED_ON_ITS_WAY.search(value):
        return None
    return value


def options_of(place: Place) -> list[tuple[str, Any]]:
    """Return the options of a choice with what is sent for each: the text itself, or JSON where not all are texts."""
    schema = place.seen
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    values = [value for value in values if value is not None] if takes_none(place) else values
    if all(isinstance(value, str) and value and text_of(value) == value for value in values):
        return [(value, value) for value in values]
    return [(json.dumps(value), value) for value in values]


def takes_none(place: Place) -> bool:
    """Tell whether an empty field may stand for none."""
    enum = place.seen.get("enum")
    return place.is_nullable or (isinstance(enum, list) and None in enum and len(enum) > 1)
