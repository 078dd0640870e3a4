"""A value → what a browser would send for it: the texts of a form's fields, by their names."""

from __future__ import annotations

import json
from typing import Any, Final

from functions.schemas.field_places import Place, items_of, place_of, properties_of, required_of
from functions.schemas.form_fields import (
    AS_JSON,
    EMPTY,
    FILE_NAME,
    MOST_FIELDS,
    MOST_ITEMS,
    NONE,
    REST,
    WAS,
    At,
    is_media_object,
    kind_of,
    media_members,
    options_of,
    takes_none,
    text_of,
)

ANY_TEXT: Final[dict[str, Any]] = {"type": "string"}


def posted_of(schema: dict[str, Any] | None, value: Any, prefix: str = "input") -> dict[str, str]:
    """Return the texts of the form of a value, by name; those of fields that are left out are not among them."""
    writer = _Writer(ANY_TEXT if schema is None else schema)
    writer.write(writer.root, value, At(prefix))
    return writer.post


class _Writer:
    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.post: dict[str, str] = {}

    def write(self, part: Any, value: Any, at: At) -> None:
        place = place_of(self.root, part)
        if value is None and takes_none(place) and kind_of(place, at) != "json":
            self.post[at.name + WAS] = NONE
        elif not self._is_written(place, value, at):
            self.post[at.name + AS_JSON] = json_text(value)

    def _is_written(self, place: Place, value: Any, at: At) -> bool:
        """Write a value into fields of its kind; tell if it fitted there."""
        kind = kind_of(place, at)
        if kind == "group":
            return self._group(place, value, at)
        if kind == "list":
            return self._list(place, value, at)
        if kind == "media" and is_media_object(place):
            return self._media(place, value, at)
        text: str | None = None
        if kind in ("text", "long text", "media"):
            text = text_of(value)
        elif kind == "boolean" and isinstance(value, bool):
            text = "true" if value else "false"
        elif kind == "choice":
            wanted = json.dumps(value)
            text = next((sent for sent, option in options_of(place) if json.dumps(option) == wanted), None)
        elif type(value) is int and kind in ("integer", "number"):
            text = json.dumps(value)
        elif type(value) is float and kind == "number":
            text = repr(value)
        if text is None:
            return False
        self.post[at.name] = text
        if not text:
            self.post[at.name + WAS] = EMPTY
        return True

    def _group(self, place: Place, value: Any, at: At) -> bool:
        fields = properties_of(place) or {}
        if not isinstance(value, dict) or len(self.post) + len(fields) > MOST_FIELDS:
            return False
        if not value:
            self.post[at.name + WAS] = EMPTY
        required = required_of(place)
        for name in fields:
            if name in value:
                self.write(fields[name], value[name], at.inside(name, place, is_required=name in required))
        rest = {name: inner for name, inner in value.items() if name not in fields}
        if rest:
            self.post[at.name + REST + AS_JSON] = json_text(rest)
        return True

    def _list(self, place: Place, value: Any, at: At) -> bool:
        if not isinstance(value, list) or len(value) > MOST_ITEMS or len(self.post) + len(value) > MOST_FIELDS:
            return False
        if not value:
            self.post[at.name + WAS] = EMPTY
        for index, item in enumerate(value):
            self.write(items_of(place), item, at.inside(index, place, is_required=True, is_item=True))
        return True

    def _media(self, place: Place, value: Any, at: At) -> bool:
        member, name_member = media_members(place)
        if not isinstance(value, dict) or not {member} <= value.keys() <= {member, name_member}:
            return False
        text, name = text_of(value[member]), text_of(value.get(name_member, "no name"))
        if not text or not name:
            return False
        self.post[at.name] = text
        if name_member in value:
            self.post[at.name + FILE_NAME] = name
        return True


def json_text(value: Any) -> str:
    """Return a value as JSON to read and edit; with what a browser would change written as escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if text_of(text) is not None else json.dumps(value, indent=2)
