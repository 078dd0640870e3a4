"""What the columns of a file of examples mean: which part of an example each holds, and a value as cells and back.

A column holds a whole value ("input"), one field of it ("input.question"), a whole value as JSON ("input (json)"), or
the comment. A value that cells of fields cannot say exactly goes into the column of JSON: so nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.schemas.field_places import Place, kinds_of, place_of, properties_of, required_of
from opperweb import json

Schema = dict[str, Any] | None

MISSING: Final = object()
COMMENT = "comment"
SIDES = ("input", "output", "expected")
AS_JSON = " (json)"
MOST_FIELDS = 60
# A table program takes a cell that begins so for a formula: an apostrophe before it says that it is text.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")
SPACES = re.compile(r"[\s_-]+")
# What other people call these columns.
OTHER_NAMES = {
    "input": ("prompt", "question", "query", "text", "request"),
    "output": ("completion", "answer", "response", "label", "result", "reply"),
    "expected": ("correct", "correct_answer", "corrected", "ideal", "target", "reference", "gold"),
    COMMENT: ("comments", "note", "notes", "remark"),
}


class NotAValue(Exception):
    """A cell that cannot be read; `place` is what its column holds."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


@dataclass(frozen=True)
class Shape:
    """The schemas of a function, by which cells are read and written."""

    input_schema: Schema = None
    output_schema: Schema = None

    def schema(self, side: str) -> Schema:
        return self.input_schema if side == "input" else self.output_schema

    def fields(self, side: str) -> dict[str, Any]:
        """Return the schemas of a side's fields by their names; empty where its values have none."""
        schema = self.schema(side)
        fields = properties_of(place_of(schema, schema)) if schema is not None else None
        return fields if fields and len(fields) <= MOST_FIELDS else {}

    @property
    def targets(self) -> tuple[str, ...]:
        """What a column may hold, in the order of an example."""
        return (*(name for side in SIDES for name in self._names(side)), COMMENT)

    def columns(self, side: str) -> tuple[str, ...]:
        """Return the columns that a side is written to."""
        fields = tuple(f"{side}.{name}" for name in self.fields(side))
        return (*(fields or (side,)), f"{side}{AS_JSON}")

    def _names(self, side: str) -> tuple[str, ...]:
        return (side, *(f"{side}.{name}" for name in self.fields(side)), f"{side}{AS_JSON}")


# --- which column holds what --------------------------------------------------------------------------------------


def guess(columns: Sequence[str], shape: Shape) -> dict[str, str]:
    """Return what each column seems to hold; an empty text where nothing is like it. Nothing is held twice."""
    guessed: dict[str, str] = {}
    taken: set[str] = set()
    # What is named exactly comes before what is only alike.
    for certainty in (_exactly, _nearly, _as_a_field, _as_others_say):
        for column in columns:
            found = certainty(column, shape) if column not in guessed else ""
            if found and found not in taken:
                guessed[column] = found
                taken.add(found)
    return {column: guessed.get(column, "") for column in columns}


def _exactly(column: str, shape: Shape) -> str:
    return column if column in shape.targets else ""


def _nearly(column: str, shape: Shape) -> str:
    return next((name for name in shape.targets if _plain(name) == _plain(column)), "")


def _as_a_field(column: str, shape: Shape) -> str:
    places = [(side, name) for side in ("input", "output") for name in shape.fields(side)]
    return next((f"{side}.{name}" for side, name in places if _plain(name) == _plain(column)), "")


def _as_others_say(column: str, shape: Shape) -> str:
    side = next((side for side, names in OTHER_NAMES.items() if _plain(column) in names), "")
    if side in ("", COMMENT) or not shape.fields(side):
        return side
    fields = shape.fields(side)
    # An object is in no column of plain texts, unless it is all there is to say.
    return f"{side}.{next(iter(fields))}" if len(fields) == 1 else ""


def _plain(name: str) -> str:
    return SPACES.sub("_", name.strip().lower())


# --- cells → value ------------------------------------------------------------------------------------------------


def value_of(cells: Mapping[str, Any], side: str, shape: Shape, *, is_text: bool) -> Any:
    """Return the value of a side from cells by what they hold; MISSING where none is given. Raises NotAValue."""
    schema = shape.schema(side)
    whole = _given(cells, f"{side}{AS_JSON}", is_text=is_text)
    if whole is not MISSING:
        return _json_in(whole, f"{side}{AS_JSON}") if is_text else whole
    whole = _given(cells, side, is_text=is_text)
    if whole is not MISSING:
        return _whole_in(whole, schema) if is_text else whole
    fields = shape.fields(side)
    given = {name: _given(cells, f"{side}.{name}", is_text=is_text) for name in fields}
    if schema is None or all(cell is MISSING for cell in given.values()):
        return MISSING
    required = required_of(place_of(schema, schema))
    value: dict[str, Any] = {}
    for name, cell in given.items():
        place = place_of(schema, fields[name])
        if cell is not MISSING:
            value[name] = _in_place(cell, place) if is_text else cell
        elif is_text and name in required and f"{side}.{name}" in cells:
            # An empty cell of a field that must be there.
            value |= {name: None} if place.is_nullable else {name: ""} if _is_text(place) else {}
    return value


def _given(cells: Mapping[str, Any], name: str, *, is_text: bool) -> Any:
    cell = cells.get(name, MISSING)
    if not is_text or cell is MISSING:
        return cell
    return unguarded(cell) if cell else MISSING


def _json_in(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise NotAValue(place, f"is not JSON: {problem}"[:300]) from None


def _whole_in(text: str, schema: Schema) -> Any:
    if schema is not None:
        return _in_place(text, place_of(schema, schema))
    # Without a schema a value is a text, unless it looks as only JSON does.
    return _if_json(text) if text.lstrip()[:1] in ("{", "[", '"') else text


def _in_place(text: str, place: Place) -> Any:
    if _is_text(place):
        return text
    if kinds_of(place) == ["boolean"] and text.strip().lower() in ("true", "false"):
        return text.strip().lower() == "true"
    return _if_json(text)


def _if_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_text(place: Place) -> bool:
    options = place.seen.get("enum")
    if isinstance(options, list):
        return all(isinstance(option, str) or option is None for option in options)
    return kinds_of(place) == ["string"]


# --- value → cells ------------------------------------------------------------------------------------------------


def cells_of(value: Any, side: str, shape: Shape) -> list[str]:
    """Return the cells of a side for `shape.columns(side)`, from which the very same value is read again."""
    columns = shape.columns(side)
    if value is MISSING:
        return [""] * len(columns)
    plain = dict(zip(columns, [*_plain_cells(value, side, shape), ""], strict=True))
    if _says(plain, value, side, shape):
        return list(plain.values())
    return [*[""] * (len(columns) - 1), guarded(json.dumps(value))]


def _plain_cells(value: Any, side: str, shape: Shape) -> list[str]:
    fields = shape.fields(side)
    if not fields:
        return [_cell(value)]
    given = value if isinstance(value, dict) else {}
    return [_cell(given[name]) if name in given else "" for name in fields]


def _cell(value: Any) -> str:
    return guarded(value if isinstance(value, str) else json.dumps(value))


def _says(cells: Mapping[str, str], value: Any, side: str, shape: Shape) -> bool:
    try:
        "".join(cells.values()).encode()
        found = value_of(cells, side, shape, is_text=True)
    except (NotAValue, UnicodeEncodeError):
        return False
    return found is not MISSING and json.dumps(found) == json.dumps(value)


def guarded(text: str) -> str:
    """Return a cell that no table program takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return a cell as it was before it was guarded."""
    return text[1:] if GUARDED.match(text) else text
