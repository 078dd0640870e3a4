"""Edits of a table reach the schema, each where it stands, and leave everything else as it was."""

from __future__ import annotations

import gzip
from copy import deepcopy
from pathlib import Path

import pytest

from functions.schemas.table import field_at, rows_of
from functions.schemas.table_edit import KINDS, Add, Change, Move, Remove, TableError, changed
from functions.schemas.validator import check_schema
from opperweb import json

REAL_SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "data" / "real-schemas.jsonl.gz"
SCHEMA = {
    "type": "object",
    "title": "Out",
    "x-own": {"kept": True},
    "properties": {
        "answer": {"type": "string", "title": "Answer", "x-hint": "kept", "maxLength": 9},
        "level": {"$ref": "#/$defs/Level"},
        "sources": {"type": "array", "items": {"$ref": "#/$defs/Source"}},
        "best": {"anyOf": [{"$ref": "#/$defs/Source"}, {"type": "null"}], "default": None},
    },
    "required": ["answer", "sources"],
    "$defs": {
        "Level": {"enum": ["low", "high"], "type": "string"},
        "Source": {
            "type": "object",
            "properties": {"fact": {"type": "integer"}, "quote": {"type": "string"}},
            "required": ["fact"],
        },
    },
}


def edited(*edits, schema=SCHEMA):
    before = deepcopy(schema)
    new, errors = changed(schema, edits)
    assert errors == []
    assert schema == before
    check_schema(new)
    return new


def refused(*edits, schema=SCHEMA):
    new, errors = changed(schema, edits)
    assert new == schema
    return errors


def test_a_name_changes_in_its_place_with_its_title_and_its_being_required():
    new = edited(Change(("answer",), name="reply_text"))
    assert list(new["properties"]) == ["reply_text", "level", "sources", "best"]
    assert new["properties"]["reply_text"]["title"] == "Reply Text"
    assert new["required"] == ["reply_text", "sources"]
    assert new["x-own"] == {"kept": True}


def test_two_fields_can_change_their_names_with_each_other():
    new = edited(Change(("answer",), name="level"), Change(("level",), name="answer"))
    assert new["properties"]["answer"] == {"$ref": "#/$defs/Level"}
    assert new["properties"]["level"]["maxLength"] == 9


def test_a_field_inside_of_a_definition_is_edited_there_for_all_its_uses():
    new = edited(Change(("best", "quote"), name="words", description="Taken from it", is_required=True))
    assert new["$defs"]["Source"]["properties"]["words"] == {"type": "string", "description": "Taken from it"}
    assert new["$defs"]["Source"]["required"] == ["fact", "words"]
    assert field_at(new, ("sources", "words")).description == "Taken from it"


def test_the_options_of_a_definition_change_there_and_a_description_stands_at_the_use():
    new = edited(Change(("level",), enum=["low", "middle", "high"], description="How hard"))
    assert new["$defs"]["Level"]["enum"] == ["low", "middle", "high"]
    assert new["properties"]["level"] == {"$ref": "#/$defs/Level", "description": "How hard"}


def test_a_form_that_sends_everything_changes_only_what_was_touched():
    rows = [Change(row.path, row.name, row.description, row.kind, row.is_nullable) for row in rows_of(SCHEMA)]
    touched = [
        Change(edit.path, "text", *(edit.description, edit.kind, edit.is_nullable))
        if edit.path == ("best", "quote")
        else edit
        for edit in rows
    ]
    assert edited(*touched)["$defs"]["Source"]["properties"].keys() == {"fact", "text"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_can_be_given_every_type_and_keeps_what_the_table_does_not_know(kind):
    new = edited(Change(("answer",), kind=kind, enum=["a", "b"] if kind.endswith("one of") else None))
    assert field_at(new, ("answer",)).kind == kind
    assert new["properties"]["answer"]["x-hint"] == "kept"


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_can_be_added(kind):
    new = edited(
        Add((), "new", kind, description="Fresh", enum=["a"] if kind.endswith("one of") else None, is_nullable=True)
    )
    row = field_at(new, ("new",))
    assert (row.is_nullable, row.is_required, row.description) == (True, True, "Fresh")
    assert new["properties"]["new"].keys() == {"anyOf", "description"}


def test_a_text_becomes_a_list_of_such_texts_and_back():
    listed = edited(Change(("answer",), kind="list of text"))
    assert listed["properties"]["answer"]["items"] == {"type": "string", "maxLength": 9}
    back = edited(Change(("answer",), kind="text"), schema=listed)
    assert back["properties"]["answer"] == SCHEMA["properties"]["answer"]


def test_a_number_keeps_its_limits_and_a_type_drops_what_is_not_its_own():
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "default": 3}}}
    assert edited(Change(("n",), kind="number"), schema=schema)["properties"]["n"] == {"type": "number", "minimum": 1}
    assert edited(Change(("n",), kind="text"), schema=schema)["properties"]["n"] == {"type": "string"}


def test_none_is_allowed_and_forbidden():
    new = edited(Change(("answer",), is_nullable=True))
    assert new["properties"]["answer"] == {
        "anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}],
        "title": "Answer",
        "x-hint": "kept",
    }
    assert edited(Change(("answer",), is_nullable=False), schema=new) == SCHEMA
    assert edited(Change(("best",), is_nullable=False))["properties"]["best"] == {"$ref": "#/$defs/Source"}
    both = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
    assert edited(Change(("a",), is_nullable=False), schema=both)["properties"]["a"] == {"type": "string"}


def test_limits_go_where_the_type_wants_them_and_are_taken_away():
    new = edited(Change(("answer",), least="2", most=""), Change(("sources",), least="1", most="5"))
    assert new["properties"]["answer"] == {"type": "string", "title": "Answer", "x-hint": "kept", "minLength": 2}
    assert (new["properties"]["sources"]["minItems"], new["properties"]["sources"]["maxItems"]) == (1, 5)
    numbers = {"type": "object", "properties": {"n": {"type": "number", "exclusiveMinimum": 0}}}
    new = edited(Change(("n",), least="0.5"), schema=numbers)
    assert new["properties"]["n"] == {"type": "number", "minimum": 0.5}


def test_a_pattern_is_written_and_taken_away():
    new = edited(Change(("answer",), pattern="^The"))
    assert new["properties"]["answer"]["pattern"] == "^The"
    assert edited(Change(("answer",), pattern=""), schema=new) == SCHEMA


def test_fields_are_removed_moved_and_made_optional():
    new = edited(Remove(("level",)), Move(("sources",), -1), Change(("answer",), is_required=False))
    assert list(new["properties"]) == ["answer", "sources", "best"]
    assert new["required"] == ["sources"]
    assert list(edited(Move(("answer",), 99))["properties"])[-1] == "answer"


def test_no_schema_and_a_field_more_is_an_object():
    new, errors = changed(None, [Add((), "question")])
    assert errors == []
    assert new == {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
    assert changed(None, []) == (None, [])


def test_a_field_is_added_inside_of_a_list_of_objects():
    new = edited(Add(("sources",), "page", "whole number", is_required=False))
    assert new["$defs"]["Source"]["properties"]["page"] == {"type": "integer"}
    assert new["$defs"]["Source"]["required"] == ["fact"]


@pytest.mark.parametrize(
    ("edit", "part", "words"),
    [
        (Change(("answer",), name="level"), "name", "There is a field level already"),
        (Change(("answer",), name="  "), "name", "A field needs a name"),
        (Change(("answer",), pattern="(["), "pattern", "is not a pattern"),
        (Change(("level",), enum=[]), "enum", "at least one option"),
        (Change(("level",), enum=["a", "a"]), "enum", "twice"),
        (Change(("answer",), kind="one of"), "enum", "at least one option"),
        (Change(("answer",), kind="poem"), "kind", "poem is not a type"),
        (Change(("answer",), least="many"), "least", "whole number"),
        (Change(("answer",), least="10"), "least", "more than the most"),
        (Change(("sources", "fact"), most="1,5"), "most", "Type a number"),
        (Change(("level",), pattern="x", kind="yes or no"), "pattern", "Only a text"),
        (Change(("nowhere",), name="x"), "", "no such field"),
        (Remove(("sources", "nowhere")), "", "no such field"),
        (Move((), 1), "", "no such field"),
        (Add((), "answer"), "name", "There is a field answer already"),
        (Add((), ""), "name", "A field needs a name"),
        (Add(("answer",), "x"), "", "Only an object"),
        (Add((), "x", "poem"), "kind", "poem is not a type"),
    ],
)
def test_an_edit_that_cannot_be_made_names_the_field_and_the_part(edit, part, words):
    errors = refused(edit)
    assert errors, edit
    assert (errors[0].path, errors[0].part) == (edit.path, part)
    assert words in errors[0].message


def test_one_wrong_edit_stops_them_all():
    assert refused(Remove(("answer",)), Change(("level",), name="sources")) == [
        TableError(("level",), "There is a field sources already", "name")
    ]


@pytest.mark.skipif(not REAL_SCHEMAS.exists(), reason="the corpus is other people's: it is never committed")
def test_real_schemas_come_back_as_they_were_from_a_table_that_nobody_touched():
    with gzip.open(REAL_SCHEMAS) as corpus:
        schemas = [json.loads(line)["schema"] for line in list(corpus)[::10]]
    for schema in schemas:
        untouched = [
            Change(
                row.path,
                name=row.name,
                description=row.description,
                kind=row.kind or None,
                is_nullable=row.is_nullable,
                is_required=row.is_required,
                enum=row.enum if row.kind.endswith("one of") else None,
                least="" if row.least is None else str(row.least),
                most="" if row.most is None else str(row.most),
                pattern=row.pattern,
            )
            for row in rows_of(schema)
            if row.path
        ]
        new, errors = changed(schema, untouched[:60])
        assert errors == []
        assert json.dumps(new) == json.dumps(schema)
