"""The parts of a schema are found, and data that looks like a schema is not."""

import pytest

from functions.schemas.walk import depth_of, subschemas, target_of


def test_every_part_is_found_with_its_path_and_data_is_left_alone():
    schema = {
        "properties": {"a": {"items": {"type": "string"}}},
        "anyOf": [True, {"not": {}}],
        "default": {"properties": {"b": {}}},
        "enum": [{"items": {}}],
    }
    found = {path for path, _ in subschemas(schema)}
    assert found == {(), ("properties", "a"), ("properties", "a", "items"), ("anyOf", 1), ("anyOf", 1, "not")}


def test_a_reference_is_followed_through_escapes_and_lists():
    schema = {"$defs": {"a/b~c d": {"anyOf": [1, {"type": "null"}]}}}
    assert target_of(schema, "#/$defs/a~1b~0c%20d/anyOf/1") == {"type": "null"}
    assert target_of(schema, "#") is schema


@pytest.mark.parametrize("reference", ["#/nowhere", "#anchor", "http://example.com/", "#/$defs/x/0"])
def test_a_reference_to_nothing_is_a_key_error(reference):
    with pytest.raises(KeyError):
        target_of({"$defs": {}}, reference)


def test_counting_levels_stops_where_it_is_enough():
    value = []
    for _ in range(5000):
        value = [value]
    assert depth_of(value, 100) > 100
    assert depth_of({"a": [1]}, 100) == 2
