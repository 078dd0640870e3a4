"""Columns of a file of examples: what each seems to hold, and values that come back from cells as they were."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from functions.examples.columns import MISSING, NotAValue, Shape, cells_of, guarded, guess, unguarded, value_of

TEXT = {"type": "string"}
INPUT = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": TEXT}, "question": TEXT, "limit": {"type": "integer"}},
    "required": ["facts", "question"],
}
OUTPUT = {
    "type": "object",
    "properties": {
        "answer": TEXT,
        "is_known": {"type": "boolean"},
        "note": {"anyOf": [TEXT, {"type": "null"}]},
        "either": {"anyOf": [TEXT, {"type": "integer"}]},
        "level": {"enum": ["1", "2"]},
    },
    "required": ["answer", "note"],
}
SHAPE = Shape(INPUT, OUTPUT)


def test_columns_are_guessed_by_their_place_the_name_of_a_field_or_what_others_call_them() -> None:
    columns = ("Question", "input.facts", "is known", "Ideal", "remark", "id", "output (json)")
    assert guess(columns, SHAPE) == {
        "Question": "input.question",
        "input.facts": "input.facts",
        "is known": "output.is_known",
        "Ideal": "",
        "remark": "comment",
        "id": "",
        "output (json)": "output (json)",
    }
    assert guess(("prompt", "completion", "gold", "x"), Shape()) == {
        "prompt": "input",
        "completion": "output",
        "gold": "expected",
        "x": "",
    }


def test_nothing_is_held_by_two_columns() -> None:
    assert guess(("question", "input.question"), SHAPE) == {"question": "", "input.question": "input.question"}
    one = {"type": "object", "properties": {"text": TEXT}}
    assert guess(("prompt", "answer"), Shape(one, None)) == {"prompt": "input.text", "answer": "output"}


def read_csv(side: str, shape: Shape = SHAPE, **cells: str) -> Any:
    named = {f"{side}.{name}" if name != "whole" else side: text for name, text in cells.items()}
    return value_of(named, side, shape, is_text=True)


def test_cells_are_read_by_the_schema_of_their_field() -> None:
    assert read_csv("input", facts='["a", "b"]', question="5", limit="7") == {
        "facts": ["a", "b"],
        "question": "5",
        "limit": 7,
    }
    assert read_csv("output", answer="true", is_known="TRUE", note="", either="x", level="2") == {
        "answer": "true",
        "is_known": True,
        "note": None,
        "either": "x",
        "level": "2",
    }
    # What cannot be read stays text: the schema says what is wrong with it.
    assert read_csv("input", facts="a, b", question="", limit="") == {"facts": "a, b", "question": ""}


def test_a_value_without_a_schema_is_text_unless_only_json_looks_so() -> None:
    shape = Shape()
    assert [read_csv("input", shape, whole=text) for text in ("5", "true", '{"a": 1}', "[x", '"5"')] == [
        "5", "true", {"a": 1}, "[x", "5",
    ]  # fmt: skip


def test_nothing_given_is_missing_and_bad_json_is_told() -> None:
    assert read_csv("input", facts="", question="", limit="") is MISSING
    assert read_csv("expected") is MISSING
    with pytest.raises(NotAValue) as told:
        value_of({"input (json)": "{"}, "input", SHAPE, is_text=True)
    assert told.value.place == "input (json)"


def test_values_of_json_are_taken_as_they_are() -> None:
    cells: dict[str, Any] = {"input.facts": [], "input.question": "", "output": None}
    assert value_of(cells, "input", SHAPE, is_text=False) == {"facts": [], "question": ""}
    assert value_of(cells, "output", SHAPE, is_text=False) is None


VALUES: list[Any] = [
    {"facts": ["a\r\nb", "=1+1"], "question": "=cmd()", "limit": -3},
    {"facts": [], "question": ""},
    {"question": "the other order", "facts": []},
    {"facts": [], "question": "x", "more": {"a": None}},
    {"facts": "not a list", "question": 5, "limit": "7"},
    {"facts": [1.0, 1, True, None, 2**70]},
    {},
    None,
    "text",
    "",
    "5",
    '"quoted"',
    "'=twice",
    "''",
    "\ud800 half",
    5,
    1.5,
    False,
    [],
    [{"a": "é\n"}],
    "-1",
    " @x",
    "\tx",
]


@pytest.mark.parametrize("shape", [SHAPE, Shape(), Shape({"type": "string"}, {}), Shape({"type": "integer"}, OUTPUT)])
@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("side", ["input", "output", "expected"])
def test_any_value_comes_back_from_its_cells_as_it_was(side: str, value: Any, shape: Shape) -> None:
    out = io.StringIO()
    csv.writer(out).writerow(cells_of(value, side, shape))
    out.getvalue().encode()
    (cells,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    found = value_of(dict(zip(shape.columns(side), cells, strict=True)), side, shape, is_text=True)
    assert json.dumps(found) == json.dumps(value)


def test_a_value_that_fields_can_say_stands_in_them() -> None:
    value = {"facts": ["a"], "question": "why?", "limit": 3}
    assert cells_of(value, "input", SHAPE) == ['["a"]', "why?", "3", ""]
    assert cells_of(MISSING, "expected", SHAPE) == [""] * len(SHAPE.columns("expected"))


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra", "'=1", "''-", "'a", "a", "", "a=1"])
def test_no_cell_is_a_formula_and_each_comes_back(text: str) -> None:
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(guarded(text)) == text
