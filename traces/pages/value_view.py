"""An input or an output in the view that was chosen: as fields, as JSON, as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from traces.pages.field_view import Field, fields_of, plain_text_of
from traces.pages.json_view import JsonView, view_of

VIEWS = {"fields": "Fields", "json": "JSON", "text": "Text"}
MOST_TEXT = 1_000_000


@dataclass(frozen=True)
class ValueView:
    """A value; only the view that was chosen is worked out. `link` leads to the whole of it."""

    form: str
    part: str
    link: str
    fields: list[Field] = field(default_factory=list)
    json: JsonView | None = None
    text: str = ""


def value_view(value: Any, schema: Any, *, view: str, part: str, link: str) -> ValueView:
    """Return a value in a view."""
    if view == "json":
        return ValueView("json", part, link, json=view_of(value))
    if view == "text":
        return ValueView("text", part, link, text=plain_text_of(value)[:MOST_TEXT])
    return ValueView("fields", part, link, fields=fields_of(value, schema))
