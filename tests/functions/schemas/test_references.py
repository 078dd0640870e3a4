"""References by identifier and by anchor become plain pointers; the names they were found by are gone."""

from functions.schemas.references import with_plain_references


def test_a_schema_with_plain_pointers_stays_as_it_is_but_for_its_own_names():
    schema = {"$id": "http://example.com/s", "$schema": "x", "properties": {"$id": {"$ref": "#/$defs/a"}}, "$defs": {}}
    assert with_plain_references(schema) == {"properties": {"$id": {"$ref": "#/$defs/a"}}, "$defs": {}}


def test_identifiers_and_anchors_are_followed_from_the_nearest_one_around():
    schema = {
        "$id": "http://example.com/root/",
        "properties": {
            "a": {"$ref": "parts/one"},
            "b": {"$ref": "#named"},
            "c": {"$ref": "http://example.com/root/parts/one#/properties/x"},
        },
        "$defs": {
            "o/ne": {"$id": "parts/one", "properties": {"x": {"$ref": "#/$defs/y"}}, "$defs": {"y": {}}},
            "n": {"$anchor": "named"},
        },
    }
    plain = with_plain_references(schema)
    assert [part["$ref"] for part in plain["properties"].values()] == [
        "#/$defs/o~1ne",
        "#/$defs/n",
        "#/$defs/o~1ne/properties/x",
    ]
    assert plain["$defs"]["o/ne"]["properties"]["x"]["$ref"] == "#/$defs/o~1ne/$defs/y"
    assert "$id" not in plain["$defs"]["o/ne"]
    assert "$id" in schema["$defs"]["o/ne"]


def test_the_draft_6_way_to_name_a_part_is_an_anchor():
    schema = {"properties": {"a": {"$ref": "#p"}}, "definitions": {"x": {"$id": "#p", "type": "string"}}}
    assert with_plain_references(schema)["properties"]["a"] == {"$ref": "#/definitions/x"}


def test_a_reference_that_leads_nowhere_stays():
    assert with_plain_references({"properties": {"a": {"$ref": "http://example.com/x"}}}) == {
        "properties": {"a": {"$ref": "http://example.com/x"}}
    }
