"""A schema in compact types: short, complete, each definition once."""

from functions.prompts.schema_text import is_object_alone, shape_of

PART = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "qty": {"type": "integer", "minimum": 1}},
    "required": ["name", "qty"],
}


def test_fields_stand_with_their_types_descriptions_and_rules():
    schema = {
        "type": "object",
        "properties": {
            "thoughts": {"type": "string", "description": "Elaborate\nreasoning."},
            "answer": {"type": "string", "pattern": "^The"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
            "more": {"$ref": "#/$defs/Part"},
        },
        "required": ["thoughts", "answer", "parts", "more"],
        "$defs": {"Part": PART},
    }
    assert shape_of(schema) == (
        "{\n"
        "  thoughts: string, // Elaborate reasoning\n"
        "  answer: string, // matches ^The\n"
        '  tags?: ("a" | "b")[], // at most 3 items\n'
        "  parts: Part[],\n"
        "  more: Part,\n"
        "}\n"
        "Part = {\n"
        "  name: string,\n"
        "  qty: int, // at least 1\n"
        "}"
    )


def test_small_schemas_are_one_line():
    assert shape_of({"type": ["string", "null"]}) == "string | null"
    assert shape_of({}) == "any"
    assert shape_of({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}) == "[string, int]"
    assert shape_of({"const": "x"}) == '"x"'
    assert shape_of({"type": "integer", "description": "Age"}) == "int // Age"


def test_maps_and_odd_names_are_shown():
    assert shape_of({"type": "object", "additionalProperties": {"type": "number"}}) == "{\n  [any name]: number,\n}"
    assert shape_of({"type": "object", "properties": {"a b": {}}}) == '{\n  "a b"?: any,\n}'


def test_a_schema_that_holds_itself_is_named():
    tree = {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}}
    assert shape_of(tree).splitlines()[1] == "  kids?: Root[],"


def test_what_cannot_be_said_shorter_is_said_as_it_is():
    assert "JSON Schema" in shape_of({"allOf": [{"$ref": "#"}]})


def test_objects_are_told_from_what_needs_a_field_around_it():
    assert is_object_alone(PART)
    assert is_object_alone({"$ref": "#/$defs/P", "$defs": {"P": PART}})
    assert not is_object_alone({"type": "array"})
    assert not is_object_alone({"anyOf": [PART, PART | {"required": []}]})
    assert shape_of({"type": "integer"}, "value") == "{\n  value: int,\n}"
