"""Any schema goes onto the wire in the form a strict mode takes, and answers come back in the caller's shape."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import pytest

from functions.schemas.dialects import NotExpressible, to_dialect
from functions.schemas.dialects.conversion import Conversion
from functions.schemas.dialects.rules import RULES
from functions.schemas.flatten import MOST_STEPS, Flattener
from functions.schemas.limits import broken_rules
from functions.schemas.validator import InvalidSchema, Validator
from functions.schemas.walk import subschemas
from opperweb import json

REAL_SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "data" / "real-schemas.jsonl.gz"
DIALECTS = ("openai", "anthropic", "gemini", "grammar")
TREE = {"type": "object", "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}}}


def obj(required=None, **fields):
    return {"type": "object", "properties": fields, "required": list(fields) if required is None else required}


def test_a_schema_that_fits_strict_rules_is_only_closed():
    wire = to_dialect(obj(answer={"type": "string", "description": "Concise", "title": "Answer"}), "openai")
    assert wire.schema == {**obj(answer={"type": "string", "description": "Concise"}), "additionalProperties": False}
    assert wire.codec.is_identity
    assert wire.notes == ()
    assert not wire.is_thinned


def test_a_field_that_may_be_left_out_is_null_on_the_wire():
    wire = to_dialect(obj([], a={"type": "string"}, b={"type": ["integer", "null"]}), "openai")
    assert wire.schema["required"] == ["a", "b"]
    assert wire.schema["properties"]["a"]["type"] == ["string", "null"]
    assert wire.codec.encode({}) == {"a": None, "b": None}
    assert wire.codec.decode({"a": None, "b": None}) == {"b": None}


def test_a_rule_the_strict_mode_lacks_is_put_into_words_and_told():
    wire = to_dialect(obj(a={"type": "string", "minLength": 3, "description": "A name"}), "openai")
    assert wire.schema["properties"]["a"] == {"type": "string", "description": "A name (at least 3 characters)"}
    assert wire.is_thinned
    assert wire.notes == ("a: at least 3 characters is asked for in words and checked here",)


def test_a_plain_pattern_is_sent_and_one_with_lookaround_is_not():
    wire = to_dialect(obj(a={"type": "string", "pattern": "^a+$"}, b={"type": "string", "pattern": "^(?!a)"}), "openai")
    assert wire.schema["properties"]["a"]["pattern"] == "^a+$"
    assert "pattern" not in wire.schema["properties"]["b"]


VALUES = [
    ({"type": "array", "items": {"type": "integer"}}, [1, 2]),
    ({"type": "string"}, "x"),
    ({"anyOf": [obj(a={"type": "string"}), obj(b={"type": "integer"})]}, {"b": 1}),
    ({"$ref": "#/$defs/P", "$defs": {"P": obj(a={"type": "string"})}}, {"a": "x"}),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, {"one": 1, "two": 2}),
    ({"type": "object", "patternProperties": {"^x-": {"type": "integer"}}}, {"x-a": 1}),
    ({**obj(a={"type": "string"}), "additionalProperties": {"type": "integer"}}, {"a": "x", "b": 2}),
    (obj(a={}), {"a": {"anything": [1, None]}}),
    (obj(a={"type": "array"}), {"a": [1, "x"]}),
    (obj(a={"enum": [{"x": 1}, [2], "s"]}), {"a": {"x": 1}}),
    (obj(a={"enum": ["a", 1, None]}), {"a": None}),
    (obj(a={"enum": ["a", "b", None]}, b={"const": True}), {"a": None, "b": True}),
    (obj(a={"enum": [f"v{n}" for n in range(300)]}), {"a": "v299"}),
    (obj(a={"type": "array", "prefixItems": [{"type": "string"}, {}]}), {"a": ["x", {"y": 1}]}),
    (obj(a={"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}}), {"a": ["x", 1]}),
    (obj(a={"type": ["object", "null"], "additionalProperties": {"type": "string"}}), {"a": {"k": "v"}}),
    (obj(a={"oneOf": [{"type": "string"}, {"type": "object", "additionalProperties": {}}]}), {"a": {"k": [1]}}),
    ({"allOf": [obj(a={"type": "string"}), obj(b={"type": "integer"})]}, {"a": "x", "b": 1}),
    (TREE, {"name": "a", "kids": [{"name": "b"}, {"kids": []}]}),
    (obj(tree={"$ref": "#/$defs/t"}) | {"$defs": {"t": {**TREE, "required": ["kids"]}}}, {"tree": {"kids": []}}),
    (obj([], **{f"f{n}": {"type": "string"} for n in range(60)}), {"f1": "x", "f58": "y"}),
    (obj(**{f"f{n}": {"type": ["string", "null"]} for n in range(40)}), dict.fromkeys(f"f{n}" for n in range(40))),
    (obj(**{f"f{n}": {"type": ["string", "integer"]} for n in range(20)}), {f"f{n}": n for n in range(20)}),
    (obj(**{f"f{n}": {"anyOf": [obj(a={}), {"type": "array"}]} for n in range(20)}), {f"f{n}": [n] for n in range(20)}),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("schema", "value"), VALUES)
def test_a_value_survives_the_way_there_and_back(schema, value, dialect):
    Validator(schema)
    wire = to_dialect(schema, dialect)
    encoded = wire.codec.encode(value)
    assert broken_rules(wire.schema, dialect) == []
    assert Validator(wire.schema).problems(encoded) == []
    assert wire.codec.decode(encoded) == value


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_way_to_say_a_schema_makes_it_another_one(dialect):
    """A reference by identifier, by anchor, alone in a list, or with words beside it: it is the same part."""
    part = obj(a={"type": "string"})
    by_id = obj(x={"$ref": "/part"}) | {"$id": "http://example.com/", "$defs": {"p": {"$id": "/part", **part}}}
    by_anchor = obj(x={"$ref": "#p"}) | {"$defs": {"p": {"$anchor": "p", **part}}}
    in_a_list = obj(x={"allOf": [{"$ref": "#/$defs/p"}]}) | {"$defs": {"p": part}}
    plain = obj(x={"$ref": "#/$defs/p"}) | {"$defs": {"p": part}}
    wires = [to_dialect(schema, dialect).schema for schema in (by_id, by_anchor, in_a_list, plain)]
    assert wires[1:] == wires[:-1]


# --- what is different between the dialects ------------------------------------------------------------------------


def test_what_anthropic_counts_is_left_out_up_to_its_limit_then_null_then_a_list():
    fields = to_dialect(obj([], **{f"f{n}": {"type": "string"} for n in range(50)}), "anthropic").schema
    assert len(set(fields["properties"]) - set(fields["required"])) == 24
    assert sum(part["type"] == ["string", "null"] for part in fields["properties"].values()) == 16
    assert sum(part["type"] == "array" for part in fields["properties"].values()) == 10


def test_unions_beyond_what_anthropic_counts_are_lists_of_which_one_is_filled():
    schema = obj(**{f"f{n}": {"anyOf": [{"type": "string"}, obj(a={"type": "integer"})]} for n in range(17)})
    wire = to_dialect(schema, "anthropic")
    assert "anyOf" in wire.schema["properties"]["f15"]
    assert list(wire.schema["properties"]["f16"]["properties"]) == ["form_1", "form_2"]
    value = {f"f{n}": {"a": n} for n in range(17)}
    assert wire.codec.encode(value)["f16"] == {"form_1": [], "form_2": [{"a": 16}]}


def test_a_part_that_holds_itself_is_text_where_the_dialect_cannot_follow_it():
    wire = to_dialect(TREE, "anthropic")
    inner = wire.schema["$defs"]["root"]["properties"]["kids"]["items"] if "$defs" in wire.schema else None
    assert inner is not None
    assert inner["type"] == "string"
    assert "Parts that hold themselves travel as JSON text" in wire.notes
    encoded = wire.codec.encode({"name": "a", "kids": [{"name": "b", "kids": [{"name": "c"}]}]})
    assert encoded["kids"][0]["kids"] == ['{"name":"c"}']


def test_gemini_follows_a_part_that_holds_itself_only_below_a_field_that_may_be_left_out():
    assert "$defs" in to_dialect(TREE, "gemini").schema
    assert not to_dialect(TREE, "gemini").is_thinned
    required = {**TREE, "required": ["name", "kids"]}
    wire = to_dialect(required, "gemini")
    assert wire.is_thinned
    assert '"#/$defs' not in json.dumps(wire.schema["$defs"])


def test_gemini_keeps_tuples_bounds_and_order_but_no_patterns():
    tuples = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}
    schema = obj(["why", "n"], why={"type": "string", "pattern": "^a"}, n={"type": "integer", "minimum": 1}, t=tuples)
    wire = to_dialect(schema, "gemini").schema
    assert wire["propertyOrdering"] == ["why", "n", "t"]
    assert wire["required"] == ["why", "n"]
    assert wire["properties"]["why"] == {"type": "string", "description": "(matches ^a)"}
    assert wire["properties"]["n"] == {"type": "integer", "minimum": 1}
    assert [part["type"] for part in wire["properties"]["t"]["prefixItems"]] == ["string", "integer"]


def test_gemini_is_told_mixed_enumerations_in_words():
    part = to_dialect(obj(a={"enum": ["x", 1]}), "gemini").schema["properties"]["a"]
    assert part == {"type": ["string", "integer"], "description": '(one of "x", 1)'}


def test_a_grammar_takes_nearly_everything_as_it_is():
    schema = obj(
        ["a"],
        a={},
        b={"type": "string", "minLength": 2},
        c={"type": "object", "additionalProperties": {"type": "null"}},
    )
    wire = to_dialect(schema, "grammar")
    assert wire.schema == {**schema, "additionalProperties": False}
    assert wire.codec.is_identity


def test_fields_with_names_that_anthropic_refuses_travel_under_others():
    wire = to_dialect(
        obj(["$top"], **{"$top": {"type": "integer"}, "top": {}, "é" * 70: {"type": "string"}}), "anthropic"
    )
    assert list(wire.schema["properties"]) == ["top_2", "top", "root"]
    assert wire.schema["properties"]["top_2"]["description"] == "(stands for “$top”)"
    value = {"$top": 1, "top": [], "é" * 70: "x"}
    assert wire.codec.decode(wire.codec.encode(value)) == value
    assert wire.codec.decode({"$top": 1}) == {"$top": 1}
    assert broken_rules(wire.schema, "anthropic") == []


def test_anthropic_is_told_bounds_in_words():
    schema = obj(a={"type": "integer", "minimum": 1}, b={"type": "array", "items": {"type": "string"}, "minItems": 3})
    fields = to_dialect(schema, "anthropic").schema["properties"]
    assert fields["a"] == {"type": "integer", "description": "(at least 1)"}
    assert fields["b"]["minItems"] == 1
    assert fields["b"]["description"] == "(at least 3 items)"


# --- rules that no strict mode can express -------------------------------------------------------------------------


def test_null_says_left_out_where_only_that_fits():
    one_of = [{"required": ["a"]}, {"required": ["b"]}]
    schema = {**obj([], a={"type": ["string", "null"]}, b={"type": ["string", "null"]}), "oneOf": one_of}
    wire = to_dialect(schema, "openai")
    assert wire.codec.decode({"a": "x", "b": None}) == {"a": "x"}


def test_a_field_that_only_a_condition_names_can_be_answered():
    then = {"properties": {"b": {"type": "integer"}}, "required": ["b", "c"]}
    schema = {**obj(["a"], a={"type": "string"}), "if": {"properties": {"a": {"const": "x"}}}, "then": then}
    value = {"a": "x", "b": 1, "c": [1]}
    wire = to_dialect(schema, "openai")
    assert list(wire.schema["properties"]) == ["a", "b", "c"]
    assert wire.codec.decode(wire.codec.encode(value)) == value


def test_a_condition_does_not_narrow_a_field_that_is_there_anyway():
    schema = {"allOf": [{"if": {}, "then": {"properties": {"a": {"const": "y"}}}}], **obj(a={"type": "string"})}
    assert to_dialect(schema, "openai").schema["properties"]["a"] == {"type": "string"}


def test_what_no_value_fits_is_left_out_where_it_may_be():
    never = {"allOf": [{"type": "string"}, {"type": "integer"}]}
    maps = {"type": "object", "additionalProperties": never}
    more = {**obj(x={"type": "string"}), "patternProperties": {"^y": never}}
    wire = to_dialect(obj(["b", "c", "d"], a=never, b={"type": "array", "items": never}, c=maps, d=more), "openai")
    assert list(wire.schema["properties"]) == ["b", "c", "d"]
    assert wire.schema["properties"]["b"]["maxItems"] == 0
    value = {"b": [], "c": {}, "d": {"x": "y"}}
    assert wire.codec.decode(wire.codec.encode(value)) == value


def test_a_form_that_contradicts_what_is_required_is_left_out():
    forms = [{"properties": {"a": {"enum": ["x"]}}}, {"properties": {"a": {"enum": ["z"]}}}]
    schema = {**obj(a={"type": "string", "enum": ["x", "y"]}), "oneOf": forms}
    assert to_dialect(schema, "openai").schema["properties"]["a"]["enum"] == ["x"]


def test_only_keywords_that_are_rules_make_a_wire_schema_thinner():
    assert not to_dialect(obj(a={"type": "string", "x-order": 1, "minLength": 0}), "openai").is_thinned


def test_an_answer_can_be_shown_as_it_grows_where_its_parts_keep_their_places():
    assert to_dialect(obj([], a={"type": "string"}), "openai").codec.keeps_paths
    assert to_dialect(TREE, "openai").codec.keeps_paths
    assert not to_dialect({"type": "string"}, "openai").codec.keeps_paths
    assert not to_dialect(obj(a={}), "openai").codec.keeps_paths


def test_a_root_that_is_no_object_travels_in_a_field():
    wire = to_dialect({"type": "integer"}, "openai")
    assert list(wire.schema["properties"]) == ["value"]
    assert wire.codec.decode({"value": 3}) == 3
    assert wire.codec.decode(3) == 3


@pytest.mark.parametrize("answer", [None, 3, "x", [], {"a": {"key": 1}}, {"a": [{"key": 1, "value": 2}]}, {"z": "{"}])
def test_an_answer_in_no_promised_shape_is_handed_on(answer):
    schema = obj(a={"type": "object", "additionalProperties": {"type": "integer"}}, b={})
    to_dialect(schema, "openai").codec.decode(answer)


def test_rules_beside_a_union_are_pushed_into_it_and_contradictions_left_out():
    schema = obj(a={"type": "string", "anyOf": [{"type": "integer"}, {"enum": ["x"]}, {"enum": ["y"]}]})
    forms = to_dialect(schema, "openai").schema["properties"]["a"]["anyOf"]
    assert [form["enum"] for form in forms] == [["x"], ["y"]]


def test_an_optional_field_that_nothing_fits_is_left_out():
    wire = to_dialect(obj(["a"], a={"type": "string"}, b={"type": "boolean", "enum": ["x"]}), "openai")
    assert list(wire.schema["properties"]) == ["a"]


def levels(count):
    schema = {"type": "string"}
    for _ in range(count):
        schema = obj(a=schema)
    return schema


def bomb():
    """Each definition holds the next one twice, with a rule beside it."""
    named = {
        str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}, {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 9}]}
        for n in range(60)
    }
    return {"allOf": [{"$ref": "#/$defs/0"}], "$defs": {**named, "60": {"type": "object"}}}


@pytest.mark.parametrize(
    "schema",
    [
        obj(**{f"f{n}": {"type": "string"} for n in range(5001)}),
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"type": "object", "anyOf": [{"$ref": "#"}]},
        obj(a={"$ref": "#nowhere"}),
        obj(a=False),
        bomb(),
    ],
)
def test_a_schema_without_a_strict_form_says_why(schema):
    with pytest.raises(NotExpressible) as reason:
        to_dialect(schema, "openai")
    assert str(reason.value)


def test_what_is_too_deep_or_too_long_for_the_dialect_travels_as_text_or_in_words():
    deep = to_dialect(levels(12), "openai")
    value = "x"
    for _ in range(12):
        value = {"a": value}
    assert deep.is_thinned
    assert deep.codec.decode(deep.codec.encode(value)) == value
    long = to_dialect(obj(a={"enum": [str(n) for n in range(1001)]}), "openai")
    assert long.schema["properties"]["a"]["description"].startswith('(one of "0", "1"')


# --- schemas made to cost ------------------------------------------------------------------------------------------


def ref(name):
    return {"$ref": f"#/$defs/{name}"}


def chain(count, part):
    """Return a schema of definitions, each made of the next one by `part`."""
    return {"$defs": {**{f"d{n}": part(ref(f"d{n + 1}")) for n in range(count)}, f"d{count}": obj(z={})}, **ref("d0")}


HOSTILE = {
    "references with words": chain(60, lambda n: obj(a={**n, "description": "x"}, b={**n, "description": "y"})),
    "doubling allOf": chain(60, lambda n: {"allOf": [n, {"allOf": [n]}]}),
    "doubling anyOf": chain(60, lambda n: {"anyOf": [n, {"anyOf": [n, {"type": "null"}]}]}),
    "doubling conditions": chain(60, lambda n: {"then": n, "else": {"allOf": [n]}}),
    "rules beside references": chain(60, lambda n: obj(a={**n, "minProperties": 1}, b={**n, "minProperties": 2})),
    "thousands of references": chain(1_900, lambda n: obj(a=n)),
    "recursive anyOf": {"$defs": {"a": {"anyOf": [obj(x=ref("a")), obj(x=ref("a")), {"items": ref("a")}]}}, **ref("a")},
    "a circle of unions": {
        "$defs": {"a": {"anyOf": [ref("b"), {"type": "string"}]}, "b": {"anyOf": [ref("a"), ref("b")]}},
        **ref("a"),
    },
    "unions times unions": {
        "allOf": [{"anyOf": [obj(**{f"q{k}{n}": {"type": "integer"}}) for n in range(90)]} for k in range(6)]
    },
    "growing merges": {
        "$defs": {"n": obj(k={"allOf": [ref("n"), obj(k={"allOf": [ref("n"), obj(k={})]})]})},
        **ref("n"),
    },
    "everything holds everything": {
        "$defs": {f"d{n}": obj([], **{f"p{k}": {"anyOf": [ref(f"d{k}")]} for k in range(30)}) for n in range(30)},
        **ref("d0"),
    },
    "deep": levels(90),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_schema_made_to_cost_is_converted_or_refused_within_a_number_of_steps(name, dialect):
    flattener = Flattener(HOSTILE[name])
    schema = {}
    with suppress(NotExpressible):
        schema, _ = Conversion(HOSTILE[name], RULES[dialect], flattener).converted()
    assert sum(1 for _ in subschemas(schema)) < 20_000
    assert flattener.steps <= MOST_STEPS + 1


@pytest.mark.skipif(not REAL_SCHEMAS.exists(), reason="the corpus is other people's: it is never committed")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_real_schemas_make_no_trouble(dialect):
    with gzip.open(REAL_SCHEMAS) as corpus:
        lines = list(corpus)[::10]
    broken = []
    for line in lines:
        entry = json.loads(line)
        try:
            validator = Validator(entry["schema"])
        except InvalidSchema:
            continue
        wire = to_dialect(entry["schema"], dialect)
        for value in entry["valid"]:
            if validator.problems(wire.codec.decode(wire.codec.encode(value))) and not validator.problems(value):
                broken.append(entry["name"])
    assert broken == []
