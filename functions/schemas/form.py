"""A JSON Schema as a form for one value, which works without scripts, and the way back from what was sent.

Between both stands what a browser sends: a mapping of names to texts. A value is written into one, a form is drawn
from one, and a value is read from one, so a form that was not accepted looks as it was sent. Whatever a field
cannot hold, because it does not fit the schema or the kind of field, goes through a field of JSON: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from functions.schemas.field_places import Place, items_of, place_of, properties_of, required_of
from functions.schemas.field_words import media_words, type_words
from functions.schemas.form_fields import (
    AS_JSON,
    FILE_NAME,
    MOST_FIELDS,
    REST,
    WAS,
    At,
    FormField,
    Kind,
    Upload,
    kind_of,
    options_of,
    with_errors,
    with_problems,
)
from functions.schemas.form_reading import BESIDE, MISSING, indices, steps_below, value_of
from functions.schemas.form_writing import ANY_TEXT, posted_of
from functions.schemas.problems import in_words

__all__ = [
    "MISSING",
    "FormField",
    "Upload",
    "apply_list_button",
    "form_from",
    "form_of",
    "posted_of",
    "value_of",
    "with_errors",
    "with_problems",
]

MOST_ROWS = 12
LINE = 70
YES_OR_NO = (("true", "yes"), ("false", "no"))
ACCEPTED = {"picture": "image/*", "sound": "audio/*", "file": "image/*,audio/*,application/pdf"}


def form_of(schema: dict[str, Any] | None, value: Any = MISSING, prefix: str = "input") -> FormField:
    """Return the form for a value of a schema; of an empty one without a value. No schema: one long text."""
    return form_from(schema, {} if value is MISSING else posted_of(schema, value, prefix), prefix)


def form_from(
    schema: dict[str, Any] | None,
    post: Mapping[str, str],
    prefix: str = "input",
    errors: Mapping[str, str] | None = None,
) -> FormField:
    """Return the form as it was sent, with the words for what is wrong by the names of the fields."""
    root = ANY_TEXT if schema is None else schema
    drawn = replace(_Drawing(root, post).field(root, At(prefix), ""), is_root=True)
    return with_errors(drawn, errors) if errors else drawn


def apply_list_button(post: Mapping[str, str]) -> dict[str, str] | None:
    """Return what was sent with an item more (add=input.facts) or less (remove=input.facts.2).

    None where no button of a list was pressed.
    """
    added, removed = post.get("add"), post.get("remove")
    if not added and not removed:
        return None
    kept = {name: text for name, text in post.items() if name not in ("add", "remove")}
    if removed:
        kept = {name: text for name, text in kept.items() if not _is_within(name, removed)}
    if added:
        places = indices(steps_below(list(kept)).get(added, {}))
        kept[f"{added}.{places[-1] + 1 if places else 0}{WAS}"] = ""
    return kept


def _is_within(name: str, around: str) -> bool:
    return name == around or name.startswith(f"{around}.") or BESIDE.sub("", name) == around


class _Drawing:
    """Draws the fields of one form; it counts them, since references can multiply them."""

    def __init__(self, root: dict[str, Any], post: Mapping[str, str]) -> None:
        self.root = root
        self.post = post
        self.below = steps_below(list(post))
        self.count = 0

    def field(self, part: Any, at: At, label: str) -> FormField:
        place = place_of(self.root, part)
        kind = self._kind(place, at)
        self.count += 1
        schema = place.seen
        drawn = FormField(
            kind=kind,
            name=at.name,
            label=label,
            value=self.post.get(at.name + AS_JSON if kind == "json" else at.name, ""),
            type_words=type_words(self.root, part),
            description=str(schema.get("description") or "") if not at.is_item else "",
            placeholder=in_words(schema["default"]) if schema.get("default") not in (None, "", [], {}) else "",
            is_required=at.is_required and not at.is_item,
            is_item=at.is_item,
            was=self.post.get(at.name + WAS, ""),
        )
        return self._with_parts(drawn, place, at)

    def _kind(self, place: Place, at: At) -> Kind:
        if at.name + AS_JSON in self.post:
            return "json"
        kind = kind_of(place, at)
        is_too_much = kind in ("group", "list") and self.count > MOST_FIELDS and at.name not in self.below
        if kind == "group" and len(properties_of(place) or {}) > MOST_FIELDS and at.name not in self.below:
            is_too_much = True
        return "json" if is_too_much else kind

    def _with_parts(self, drawn: FormField, place: Place, at: At) -> FormField:
        if drawn.kind == "group":
            return replace(drawn, fields=tuple(self._parts(place, at)), rest=self._rest(at))
        if drawn.kind == "list":
            return replace(drawn, fields=tuple(self._items(place, at, drawn)))
        if drawn.kind == "boolean":
            return replace(drawn, options=YES_OR_NO)
        if drawn.kind == "choice":
            options = tuple((sent, value if isinstance(value, str) else sent) for sent, value in options_of(place))
            return replace(drawn, options=options)
        if drawn.kind == "media":
            accept = ACCEPTED.get(media_words(place), ACCEPTED["file"])
            return replace(drawn, accept=accept, file_name=self.post.get(at.name + FILE_NAME, ""))
        if drawn.kind == "text" and "\n" in drawn.value:
            # A field of one line would lose them.
            drawn = replace(drawn, kind="long text")
        return replace(drawn, rows=_rows(drawn.value)) if drawn.kind in ("long text", "json") else drawn

    def _parts(self, place: Place, at: At) -> Iterator[FormField]:
        required = required_of(place)
        for name, part in (properties_of(place) or {}).items():
            yield self.field(part, at.inside(name, place, is_required=name in required), name)

    def _items(self, place: Place, at: At, drawn: FormField) -> Iterator[FormField]:
        places = indices(self.below.get(at.name, {}))
        if not places and drawn.is_required and not drawn.was and self.count < MOST_FIELDS:
            # A first one to type into.
            places = [0]
        for position, index in enumerate(places, 1):
            inside = at.inside(index, place, is_required=True, is_item=True)
            yield self.field(items_of(place), inside, f"{drawn.label} {position}".strip())

    def _rest(self, at: At) -> FormField | None:
        text = self.post.get(at.name + REST + AS_JSON)
        if text is None:
            return None
        words = "fields that the schema does not name"
        return FormField("json", at.name + REST, "other fields", text, words, rows=_rows(text))


def _rows(text: str) -> int:
    """Return how many lines a text takes, about, up to those that a field grows to."""
    return min(sum(1 + len(line) // LINE for line in text.split("\n")[:MOST_ROWS]), MOST_ROWS)
