"""A schema becomes rows that people read, and nothing of it is lost on the way."""

from __future__ import annotations

import pytest

from functions.schemas.table import field_at, root_of, rows_of

SOURCE = {
    "type": "object",
    "title": "Source",
    "properties": {
        "fact": {"type": "integer", "minimum": 0, "description": "Position of the fact"},
        "quote": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    },
    "required": ["fact"],
}
OUTPUT = {
    "type": "object",
    "title": "KBQueryOutput",
    "properties": {
        "facts": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 200},
        "question": {"type": "string", "maxLength": 2000, "description": "The question to answer"},
        "classification": {"enum": ["easy", "medium", "hard"]},
        "answer": {"type": "string", "pattern": r"^The answer is [A-Za-z0-9\s]+$"},
        "sources": {"type": "array", "items": {"$ref": "#/$defs/Source"}},
    },
    "required": ["facts", "question", "answer"],
    "$defs": {"Source": SOURCE},
}


def only(part, root=None):
    [row] = [
        row for row in rows_of({"type": "object", "properties": {"a": part}, **(root or {})}) if row.path == ("a",)
    ]
    return row


def test_the_fields_stand_in_order_with_those_inside_of_them_below():
    rows = rows_of(OUTPUT)
    assert [(row.path, row.depth) for row in rows] == [
        (("facts",), 0),
        (("question",), 0),
        (("classification",), 0),
        (("answer",), 0),
        (("sources",), 0),
        (("sources", "fact"), 1),
        (("sources", "quote"), 1),
    ]
    assert [row.type_words for row in rows] == [
        "list of text", "text", "one of 3", "text", "list of object", "whole number", "text or none"
    ]  # fmt: skip


def test_rules_are_put_into_words_and_a_pattern_stands_apart():
    facts, question, classification, answer, sources, fact, quote = rows_of(OUTPUT)
    assert facts.constraints == "required, 1 to 200 items"
    assert question.constraints == "required, up to 2,000 characters"
    assert classification.options == ("easy", "medium", "hard")
    assert answer.pattern == r"^The answer is [A-Za-z0-9\s]+$"
    assert answer.constraints == "required"
    assert sources.constraints == "optional, may be empty"
    assert fact.constraints == "required, 0 or more"
    assert quote.constraints == "optional, default none"
    assert not any(row.json_text for row in rows_of(OUTPUT))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "yes or no"),
        ({"type": "string", "format": "date-time"}, "date and time"),
        ({"type": ["string", "null"]}, "text or none"),
        ({"type": ["string", "integer"]}, "text or whole number"),
        ({"anyOf": [{"type": "string"}, {"type": "number"}]}, "text or number"),
        ({"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}, "text or number or none"),
        ({"anyOf": [{"type": "object"}, {"type": "object"}]}, "object, 2 forms"),
        ({"anyOf": [{"const": n} for n in range(9)]}, "one of 9 forms"),
        ({"enum": ["a", "b", None]}, "one of 3"),
        ({"enum": ["a", "b", None], "type": ["string", "null"]}, "one of 2 or none"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, "list of list of text"),
        ({"type": "array"}, "list"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}, "list: text, then number"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of whole number"),
        ({"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"}, "picture"),
        ({"type": "array", "items": {"type": "string", "contentMediaType": "audio/wav"}}, "list of sound"),
        ({"type": "object", "properties": {"_opper_media_input": {"type": "string"}}}, "file"),
        ({"$ref": "#/$defs/S"}, "text"),
        ({"allOf": [{"$ref": "#/$defs/S"}]}, "text"),
        ({"$ref": "#/$defs/nowhere"}, "any value"),
        ({}, "any value"),
        (True, "any value"),
        (False, "nothing"),
        ({"type": 3}, "none"),
    ],
)
def test_a_type_is_told_in_words(part, words):
    assert only(part, {"$defs": {"S": {"type": "string"}}}).type_words == words


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 5}, "optional, 1 to 5"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "optional, more than 0, up to 1"),
        ({"type": "string", "minLength": 3}, "optional, at least 3 characters"),
        ({"type": "string", "minLength": 1, "maxLength": 1}, "optional, exactly 1 character"),
        (
            {"type": "array", "items": {"type": "string", "maxLength": 9}},
            "optional, may be empty, each up to 9 characters",
        ),
        (
            {"type": "array", "items": {}, "uniqueItems": True, "minItems": 1},
            "optional, at least 1 item, no item twice",
        ),
        ({"type": "integer", "multipleOf": 5, "default": 10}, "optional, a multiple of 5, default 10"),
        ({"type": "object", "properties": {"b": {}}, "additionalProperties": False}, "optional, no other fields"),
    ],
)
def test_a_rule_is_told_in_words(part, words):
    assert only(part).constraints == words


def test_words_beside_a_reference_win_over_those_of_the_definition():
    root = {"$defs": {"S": {"type": "string", "description": "Any", "maxLength": 3}}}
    row = only({"$ref": "#/$defs/S", "description": "This one"}, root)
    assert (row.description, row.most) == ("This one", 3)
    assert only({"$ref": "#/$defs/S"}, root).description == "Any"


def test_what_no_column_can_say_stays_visible_as_json():
    assert '"if"' in only({"type": "string", "if": {"const": "x"}}).json_text
    assert '"maxLength"' in only({"anyOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]}).json_text
    assert '"patternProperties"' in only({"type": "object", "patternProperties": {"^x": {}}}).json_text
    assert '"x-note"' in only({"type": "array", "items": {"type": "string", "x-note": 1}}).json_text
    assert '"$ref"' in only({"$ref": "http://example.com/x"}).json_text


def test_a_whole_that_is_no_plain_object_has_a_row_of_its_own():
    [row] = rows_of({"type": "array", "items": {"type": "string"}, "minItems": 1})
    assert (row.path, row.name, row.type_words, row.constraints) == ((), "", "list of text", "at least 1 item")
    rows = rows_of({"type": "object", "properties": {"a": {}}, "not": {"required": ["b"]}})
    assert [row.path for row in rows] == [(), ("a",)]
    assert '"not"' in rows[0].json_text
    assert root_of(OUTPUT).title == "KBQueryOutput"


def test_the_fields_of_a_referred_root_and_of_a_list_at_the_root_are_found():
    assert [row.path for row in rows_of({"$ref": "#/$defs/S", "$defs": {"S": SOURCE}})] == [("fact",), ("quote",)]
    assert [row.path for row in rows_of({"type": "array", "items": SOURCE})] == [(), ("fact",), ("quote",)]


def test_a_schema_that_refers_to_itself_ends():
    tree = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}},
    }
    rows = rows_of(tree)
    assert [row.path for row in rows] == [("name",), ("kids",)]
    assert rows[1].type_words == "list of object, as above"
    assert rows_of({"$ref": "#"})[0].type_words == "any value"
    loop = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert rows_of(loop)[0].type_words == "any value"


def test_definitions_that_multiply_fields_are_cut_and_what_is_cut_stays_as_json():
    parts = {
        f"d{n}": {"type": "object", "properties": {f"f{m}": {"$ref": f"#/$defs/d{n + 1}"} for m in range(20)}}
        for n in range(9)
    }
    rows = rows_of({"$ref": "#/$defs/d0", "$defs": {**parts, "d9": {}}})
    assert len(rows) <= 600
    assert any("#/$defs/" in row.json_text for row in rows)


def test_a_row_carries_what_an_editor_needs():
    row = field_at(OUTPUT, ("sources", "fact"))
    assert (row.kind, row.least, row.most, row.is_required, row.is_editable) == ("whole number", 0, None, True, True)
    assert field_at(OUTPUT, ("facts",)).kind == "list of text"
    assert field_at(OUTPUT, ("classification",)).enum == ("easy", "medium", "hard")
    assert field_at(OUTPUT, ("sources", "quote")).is_nullable
    assert not only({"anyOf": [{"type": "string"}, {"type": "integer"}]}).is_editable
    with pytest.raises(KeyError):
        field_at(OUTPUT, ("sources", "nowhere"))


def test_no_schema_has_no_rows():
    assert rows_of(None) == []


@pytest.mark.parametrize(
    "part",
    [
        {"type": "object", "properties": 3, "required": "a"},
        {"enum": "ab", "pattern": 3, "description": [1], "minimum": "x"},
        {"dependentRequired": {"a": 3}, "propertyNames": {"dependentRequired": {"a": 3}}},
        {"format": ["x"], "items": 3, "anyOf": {"a": 1}, "$ref": 5},
    ],
)
def test_a_schema_that_nobody_has_checked_can_still_be_looked_at(part):
    assert only(part).name == "a"
