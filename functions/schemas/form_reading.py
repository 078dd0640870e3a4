"""What a browser sent of a form → the value, and what is wrong with single fields."""

from __future__ import annotations

import base64
import json as standard_json
import re
from collections.abc import Mapping
from typing import Any, Final

from functions.schemas.field_places import Place, items_of, place_of, properties_of, required_of
from functions.schemas.form_fields import (
    AS_JSON,
    EMPTY,
    FILE,
    FILE_NAME,
    NONE,
    REST,
    WAS,
    At,
    Upload,
    is_media_object,
    kind_of,
    media_members,
    options_of,
    takes_none,
)
from functions.schemas.form_writing import ANY_TEXT
from opperweb import json

MISSING: Final = object()
INTEGER = re.compile(r"[+-]?\d{1,4000}", re.ASCII)
NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?", re.ASCII)
MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
# No form has a name of so many steps, and each of them would be kept with all before it.
MOST_STEPS = 30
BESIDE = re.compile(r"~[a-z].*")


def value_of(
    schema: dict[str, Any] | None,
    post: Mapping[str, str],
    prefix: str = "input",
    files: Mapping[str, Upload] | None = None,
) -> tuple[Any, dict[str, str]]:
    """Return the value that was sent, and by the name of its field what cannot be read.

    Fields that may be missing are left out where nothing is typed into them; so are empty items of a list.
    Whether the value fits the schema is for a validator to say.
    """
    root = ANY_TEXT if schema is None else schema
    reader = _Reader(root, post, files or {})
    value, _ = reader.read(root, At(prefix))
    if value is MISSING:
        reader.problems.setdefault(prefix, "Nothing is given")
    return None if value is MISSING else value, reader.problems


class _Reader:
    def __init__(self, root: dict[str, Any], post: Mapping[str, str], files: Mapping[str, Upload]) -> None:
        self.root = root
        self.post = post
        self.files = files
        self.problems: dict[str, str] = {}
        self.steps = steps_below([*post, *files])

    def read(self, part: Any, at: At) -> tuple[Any, bool]:
        """Return the value of a field, or MISSING, and whether nothing is given there."""
        if at.name + AS_JSON in self.post:
            return self._json(at.name)
        place = place_of(self.root, part)
        kind = kind_of(place, at)
        if kind == "group":
            return self._group(place, at)
        if kind == "list":
            return self._list(place, at)
        if kind == "media":
            return self._media(place, at)
        text = self._text(at.name)
        if kind == "json" or (not text and kind not in ("text", "long text")):
            return self._blank(place, at, MISSING, MISSING)
        if not text:
            return self._blank(place, at, "", "")
        if kind in ("text", "long text"):
            return text, False
        if kind == "choice":
            found = [option for sent, option in options_of(place) if sent == text]
            return (found[0], False) if found else self._wrong(at.name, "Choose one of the options")
        if kind == "boolean":
            known = {"true": True, "false": False}
            return (known[text], False) if text in known else self._wrong(at.name, "Choose yes or no")
        return self._number(at.name, text.strip(), is_whole=kind == "integer")

    def _text(self, name: str) -> str:
        return self.post.get(name, "").replace("\r\n", "\n").replace("\r", "\n")

    def _blank(self, place: Place, at: At, empty: Any, required: Any) -> tuple[Any, bool]:
        """Return what an empty field stands for: what it stood for before, else nothing, or the least there must be."""
        was = self.post.get(at.name + WAS)
        if was == NONE and takes_none(place):
            return None, False
        if was == EMPTY and empty is not MISSING:
            return empty, False
        if at.is_item or not at.is_required:
            return MISSING, True
        return (None if takes_none(place) else required), True

    def _wrong(self, name: str, message: str) -> tuple[Any, bool]:
        self.problems[name] = message
        return MISSING, False

    def _number(self, name: str, text: str, *, is_whole: bool) -> tuple[Any, bool]:
        if INTEGER.fullmatch(text):
            return int(text), False
        if is_whole:
            return self._wrong(name, "Type a whole number, as in 12")
        number = float(text) if NUMBER.fullmatch(text) else float("inf")
        return (number, False) if abs(number) < float("inf") else self._wrong(name, "Type a number, as in 1.5")

    def _json(self, name: str) -> tuple[Any, bool]:
        text = self.post[name + AS_JSON]
        if not text.strip():
            return MISSING, True
        try:
            return json.loads(text), False
        except standard_json.JSONDecodeError as problem:
            return self._wrong(name, f"Not JSON: {problem.msg}, line {problem.lineno}. Texts stand in quotes.")
        except (ValueError, RecursionError) as problem:
            return self._wrong(name, f"Not JSON: {problem}"[:200])

    def _group(self, place: Place, at: At) -> tuple[Any, bool]:
        fields, required = properties_of(place) or {}, required_of(place)
        value: dict[str, Any] = {}
        is_blank = True
        below = self.steps.get(at.name, {})
        for name, part in fields.items():
            inside = at.inside(name, place, is_required=name in required)
            # Only what was sent is looked into: references can multiply what a schema asks for.
            sent = inside.name in below
            inner, is_inner_blank = self.read(part, inside) if sent else (self._least(part, inside), True)
            is_blank = is_blank and is_inner_blank
            value |= {} if inner is MISSING else {name: inner}
        if at.name + REST + AS_JSON in self.post:
            rest, is_rest_blank = self._json(at.name + REST)
            is_blank = is_blank and is_rest_blank
            if isinstance(rest, dict):
                value |= rest
            elif rest is not MISSING:
                self.problems[at.name + REST] = "Other fields are an object, in curly brackets"
        return self._blank(place, at, {}, value) if is_blank else (value, False)

    def _least(self, part: Any, at: At) -> Any:
        """Return what a field holds that was not sent at all: the least there must be."""
        place = place_of(self.root, part)
        least: dict[str, Any] = {"group": {}, "list": [], "text": "", "long text": ""}
        return self._blank(place, at, MISSING, least.get(kind_of(place, at), MISSING))[0]

    def _list(self, place: Place, at: At) -> tuple[Any, bool]:
        items: list[Any] = []
        for index in indices(self.steps.get(at.name, {})):
            inside = at.inside(index, place, is_required=True, is_item=True)
            item, _ = self.read(items_of(place), inside)
            items += [] if item is MISSING else [item]
        is_wrong = any(name.startswith(f"{at.name}.") for name in self.problems)
        return (items, False) if items or is_wrong else self._blank(place, at, [], [])

    def _media(self, place: Place, at: At) -> tuple[Any, bool]:
        upload = self.files.get(at.name + FILE)
        text, name = self._text(at.name), self._text(at.name + FILE_NAME)
        if upload is not None and upload.data:
            text, name = data_url(upload), upload.name or name
        if not is_media_object(place):
            return (text, False) if text else self._blank(place, at, "", "")
        if not text:
            return self._blank(place, at, MISSING, MISSING)
        member, name_member = media_members(place)
        return {member: text} | ({name_member: name} if name_member and name else {}), False


def data_url(upload: Upload) -> str:
    """Return a file as a data URL."""
    media_type = upload.media_type if MEDIA_TYPE.fullmatch(upload.media_type) else "application/octet-stream"
    return f"data:{media_type};base64,{base64.b64encode(upload.data).decode()}"


def steps_below(names: list[str]) -> dict[str, dict[str, None]]:
    """Return the names right below each name, in the order they were sent."""
    below: dict[str, dict[str, None]] = {}
    for name in names:
        whole = BESIDE.sub("", name)
        if whole.count(".") > MOST_STEPS:
            continue
        while "." in whole:
            around = whole.rpartition(".")[0]
            known = below.setdefault(around, {})
            if whole in known:
                break
            known[whole] = None
            whole = around
    return below


def indices(names: Mapping[str, None]) -> list[int]:
    """Return the places of a list's items that were sent, in order."""
    steps = (name.rpartition(".")[2] for name in names)
    return sorted({int(step) for step in steps if step.isascii() and step.isdigit() and len(step) < 7})
