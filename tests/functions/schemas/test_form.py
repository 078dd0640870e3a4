"""A schema becomes a form that needs no scripts, and what a browser sends of it becomes the value again."""

from __future__ import annotations

import gzip
import json as standard_json
import random
from pathlib import Path

import pytest

from functions.schemas.form import (
    FormField,
    Upload,
    apply_list_button,
    form_from,
    form_of,
    posted_of,
    value_of,
    with_problems,
)
from functions.schemas.form_fields import name_at, walked
from functions.schemas.form_reading import steps_below
from functions.schemas.validator import Validator
from opperweb import json

REAL_SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "data" / "real-schemas.jsonl.gz"
TEXT = {"type": "string"}
INPUT = {
    "type": "object",
    "properties": {
        "facts": {"type": "array", "items": TEXT, "description": "Standalone facts"},
        "question": {"type": "string", "description": "The question"},
        "limit": {"type": "integer", "default": 3},
        "score": {"type": "number"},
        "is_short": {"type": "boolean"},
        "level": {"enum": ["easy", "hard"]},
        "note": {"anyOf": [TEXT, {"type": "null"}]},
        "place": {"type": "object", "properties": {"name": TEXT, "page": {"type": "integer"}}, "required": ["name"]},
        "either": {"anyOf": [TEXT, {"type": "integer"}]},
        "picture": {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"},
        "paper": {"type": "object", "properties": {"_opper_media_input": TEXT, "file_name": TEXT}},
        "when": {"type": "string", "format": "date"},
    },
    "required": ["facts", "question"],
}


def sent(form):
    """Return what a browser sends of a form that nobody touched."""
    post = {}
    for field in walked(form):
        if field.kind not in ("group", "list"):
            post[field.html_name] = field.value
        if field.was:
            post[field.was_name] = field.was
        if field.file_name:
            post[field.file_name_field] = field.file_name
        if field.rest:
            post[field.rest.html_name] = field.rest.value
    return post


def back(schema, value):
    got, problems = value_of(schema, sent(form_of(schema, value)))
    assert problems == {}
    return got


def exact(value):
    """Return a text in which 1, 1.0 and true differ, and the order of keys does not count."""
    return standard_json.dumps(value, sort_keys=True)


def by_name(form):
    return {field.name: field for field in walked(form)}


def test_each_type_has_its_kind_of_field():
    kinds = {field.label: field.kind for field in form_of(INPUT).fields}
    assert kinds == {
        "facts": "list",
        "question": "long text",
        "limit": "integer",
        "score": "number",
        "is_short": "boolean",
        "level": "choice",
        "note": "long text",
        "place": "group",
        "either": "json",
        "picture": "media",
        "paper": "media",
        "when": "text",
    }


def test_a_field_carries_its_name_its_words_and_its_value():
    form = by_name(form_of(INPUT, {"facts": ["One", "Two"], "question": "Why?", "place": {"name": "x"}}))
    assert form["input.facts.1"].value == "Two"
    assert form["input.facts.1"].label == "facts 2"
    assert (form["input.question"].type_words, form["input.question"].is_required) == ("text", True)
    assert form["input.question"].description == "The question"
    assert form["input.limit"].placeholder == "3"
    assert form["input.place.name"].value == "x"
    assert form["input.level"].options == (("easy", "easy"), ("hard", "hard"))


VALUES = [
    (INPUT, {"facts": [], "question": ""}),
    (INPUT, {"facts": ["", " Ünïcödé  ", "a\nb\n", "\n"], "question": "日本 🪐\t"}),
    (INPUT, {"facts": ["a"], "question": "q", "limit": 10**30, "score": -0.1, "is_short": False, "level": "hard"}),
    (INPUT, {"facts": ["a"], "question": "q", "note": None, "either": "1", "place": {"name": ""}}),
    (INPUT, {"facts": ["a"], "question": "q", "note": "", "either": 1, "place": {}}),
    (INPUT, {"facts": ["a"], "question": "q", "more": {"x": [1]}, "is.dotted~name": 1}),
    (INPUT, {"facts": ["a"], "question": "q", "picture": "data:image/png;base64,AAAA"}),
    (INPUT, {"facts": ["a"], "question": "q", "paper": {"_opper_media_input": "AAAA", "file_name": "a.pdf"}}),
    (INPUT, {"facts": ["a"], "question": "q", "paper": {"_opper_media_input": 3}}),
    (
        INPUT,
        {"facts": "no list", "question": 3, "limit": "3", "score": "x", "is_short": 1, "level": "odd", "place": [1]},
    ),
    (INPUT, {"facts": [1, None, {"x": 1}], "question": "a\r\nb", "limit": 1.5}),
    (INPUT, {"facts": ["a\0b", "\ud800"], "question": None}),
    (INPUT, ["not an object"]),
    (INPUT, {}),
    ({}, {"a": 1}),
    (True, None),
    (None, "A text\nof two lines"),
    (None, {"no": "text"}),
    (TEXT, ""),
    ({"type": ["string", "null"]}, None),
    ({"type": "array", "items": {"type": "object", "properties": {"a": TEXT}}}, [{}, {"a": ""}, {"a": "x", "b": 1}]),
    ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, [[], [1, 2], [3]]),
    ({"type": "array", "items": {"type": ["integer", "null"]}}, [None, 1, None]),
    ({"type": "array", "items": TEXT}, [str(n) for n in range(150)]),
    ({"enum": ["a", 1, None, "1", {"x": 1}, True, ""]}, "1"),
    ({"enum": ["a", 1, None, "1", {"x": 1}, True, ""]}, 1),
    ({"enum": ["a", 1, None, "1", {"x": 1}, True, ""]}, {"x": 1}),
    ({"enum": ["a", 1, None, "1", {"x": 1}, True, ""]}, None),
    ({"const": 3}, 3),
    ({"type": "object", "properties": {"a.b~c": TEXT, "": TEXT, "0": TEXT}}, {"a.b~c": "x", "": "y", "0": "z"}),
    ({"type": "object", "additionalProperties": TEXT}, {"any": "thing"}),
    (
        {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}},
        {"kids": [{"kids": []}, {}]},
    ),
]


@pytest.mark.parametrize(("schema", "value"), VALUES)
def test_every_value_comes_back_as_it_was(schema, value):
    assert exact(back(schema, value)) == exact(value)


def random_schema(rng, depth):
    plain = [
        TEXT,
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["a", "b"]},
        {"enum": [1, "x", None]},
    ]
    kinds = ["plain"] * 3 + ["list", "group", "union", "none"] * (depth > 0)
    kind = rng.choice(kinds)
    if kind == "plain":
        return rng.choice(plain)
    if kind == "list":
        return {"type": "array", "items": random_schema(rng, depth - 1)}
    if kind == "none":
        return {"anyOf": [random_schema(rng, 0), {"type": "null"}]}
    if kind == "union":
        return {"anyOf": [TEXT, {"type": "integer"}, {"type": "array", "items": TEXT}]}
    fields = {f"f{n}": random_schema(rng, depth - 1) for n in range(rng.randint(1, 4))}
    return {"type": "object", "properties": fields, "required": [name for name in fields if rng.random() < 0.6]}


def random_value(rng, schema):
    if "anyOf" in schema:
        return random_value(rng, rng.choice(schema["anyOf"]))
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema["type"]
    if kind == "array":
        return [random_value(rng, schema["items"]) for _ in range(rng.randint(0, 3))]
    if kind == "object":
        kept = [name for name in schema["properties"] if name in schema["required"] or rng.random() < 0.5]
        return {name: random_value(rng, schema["properties"][name]) for name in kept}
    values = {
        "string": ["", " ", "x", "a\nb", "é ☿", "1", "true", "null"],
        "integer": [0, -7, 2**70],
        "number": [0.5, 3, -1e300, 2.0],
        "boolean": [True, False],
        "null": [None],
    }
    return rng.choice(values[kind])


@pytest.mark.parametrize("seed", range(300))
def test_random_values_of_random_schemas_come_back(seed):
    rng = random.Random(seed)
    schema = random_schema(rng, 4)
    value = random_value(rng, schema)
    assert Validator(schema).problems(value) == []
    assert exact(back(schema, value)) == exact(value)


@pytest.mark.skipif(not REAL_SCHEMAS.exists(), reason="the corpus is other people's: it is never committed")
def test_values_of_real_schemas_come_back():
    with gzip.open(REAL_SCHEMAS) as corpus:
        entries = [json.loads(line) for line in list(corpus)[::10]]
    for entry in entries:
        for value in entry["valid"]:
            form = form_of(entry["schema"], value)
            assert len(sent(form)) < 1000
            got, problems = value_of(entry["schema"], sent(form))
            assert problems == {}, entry["name"]
            assert got == value, entry["name"]


def test_what_is_left_empty_is_left_out_where_it_may_be():
    post = sent(form_of(INPUT))
    assert value_of(INPUT, post) == ({"facts": [], "question": ""}, {})
    assert value_of(INPUT, post | {"input.place.page": "3"})[0]["place"] == {"name": "", "page": 3}


def test_a_field_that_was_emptied_is_left_out_or_none():
    schema = {"type": "object", "properties": {"a": TEXT, "b": {"type": ["string", "null"]}}, "required": ["b"]}
    post = sent(form_of(schema, {"a": "x", "b": "y"})) | {"input.a": "", "input.b": ""}
    assert value_of(schema, post) == ({"b": None}, {})


def test_ends_of_lines_of_browsers_are_those_of_the_value():
    assert value_of(None, {"input": "a\r\nb\rc"}) == ("a\nb\nc", {})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("input.limit", "1.5", "whole number"),
        ("input.limit", "9" * 5000, "whole number"),
        ("input.score", "1,5", "Type a number"),
        ("input.score", "1e999", "Type a number"),
        ("input.score", "NaN", "Type a number"),
        ("input.is_short", "maybe", "yes or no"),
        ("input.level", "odd", "one of the options"),
        ("input.either~json", "no quotes", "Not JSON"),
        ("input.either~json", "[" * 100_000, "Not JSON"),
        ("input~rest~json", "[1]", "curly brackets"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field_and_stays_as_it_was_typed(name, text, words):
    post = sent(form_of(INPUT, {"facts": ["a"], "question": "q"})) | {name: text}
    value, problems = value_of(INPUT, post)
    [(at, message)] = problems.items()
    assert name.startswith(at)
    assert words in message
    assert value["question"] == "q"
    form = form_from(INPUT, post, errors=problems)
    field = form.rest if at.endswith("~rest") else by_name(form)[at]
    assert (field.error, field.value) == (message, text)
    assert field.described_by == f"{at}~error"


def test_numbers_may_be_typed_with_spaces_around_and_a_sign():
    post = sent(form_of(INPUT)) | {"input.limit": " +7 ", "input.score": "-1.5e3"}
    value, problems = value_of(INPUT, post)
    assert (value["limit"], value["score"], problems) == (7, -1500.0, {})


def test_items_are_added_and_removed_by_buttons():
    post = sent(form_of(INPUT, {"facts": ["a", "b", "c"], "question": "q"}))
    fewer = apply_list_button({**post, "remove": "input.facts.1"})
    assert value_of(INPUT, fewer)[0]["facts"] == ["a", "c"]
    more = apply_list_button({**fewer, "add": "input.facts"})
    names = [field.name for field in by_name(form_from(INPUT, more))["input.facts"].fields]
    assert names == ["input.facts.0", "input.facts.2", "input.facts.3"]
    assert value_of(INPUT, more)[0]["facts"] == ["a", "c"]
    assert value_of(INPUT, more | {"input.facts.3": "d"})[0]["facts"] == ["a", "c", "d"]
    assert apply_list_button(post) is None


def test_an_item_that_is_a_group_is_removed_with_all_inside_of_it():
    schema = {
        "type": "array",
        "items": {"type": "object", "properties": {"a": TEXT, "b": {"type": "array", "items": TEXT}}},
    }
    post = sent(form_of(schema, [{"a": "1", "b": ["x"]}, {"a": "2", "b": []}]))
    assert value_of(schema, apply_list_button({**post, "remove": "input.0"})) == ([{"a": "2", "b": []}], {})


def test_a_required_list_offers_a_first_item_that_may_stay_empty():
    form = form_of(INPUT)
    assert [field.name for field in by_name(form)["input.facts"].fields] == ["input.facts.0"]
    assert value_of(INPUT, sent(form))[0]["facts"] == []


def test_a_file_becomes_a_data_url():
    files = {
        "input.picture~file": Upload("image/png", b"\x89PNG"),
        "input.paper~file": Upload("not a type", b"%PDF", "a.pdf"),
    }
    value, problems = value_of(INPUT, sent(form_of(INPUT)), files=files)
    assert problems == {}
    assert value["picture"] == "data:image/png;base64,iVBORw=="
    assert value["paper"] == {
        "_opper_media_input": "data:application/octet-stream;base64,JVBERg==",
        "file_name": "a.pdf",
    }


def test_a_text_of_several_lines_gets_a_field_that_holds_them():
    form = form_of({"type": "string", "maxLength": 50}, "a\nb")
    assert (form.kind, form.rows) == ("long text", 2)


def test_what_a_validator_finds_stands_at_the_field_or_at_the_nearest_around():
    value = {"facts": ["a", ""], "question": "q", "either": [1], "place": {}}
    schema = {
        **INPUT,
        "properties": {**INPUT["properties"], "facts": {"type": "array", "items": {**TEXT, "minLength": 1}}},
    }
    form = by_name(with_problems(form_of(schema, value), Validator(schema).problems(value)))
    assert form["input.facts.1"].error == "Must have at least 1 characters (has 0)"
    assert form["input.place.name"].error == "Is missing"
    assert form["input.either"].error
    assert not form["input.question"].error


def test_a_form_of_definitions_that_multiply_stays_small():
    parts = {
        f"d{n}": {"type": "object", "properties": {f"f{m}": {"$ref": f"#/$defs/d{n + 1}"} for m in range(20)}}
        for n in range(9)
    }
    for part in parts.values():
        part["required"] = list(part["properties"])
    schema = {"$ref": "#/$defs/d0", "$defs": {**parts, "d9": {}}}
    form = form_of(schema)
    assert sum(1 for _ in walked(form)) < 1000
    assert value_of(schema, {}) == ({f"f{m}": {} for m in range(20)}, {})


def test_names_of_fields_that_hold_dots_and_tildes_stay_apart():
    assert name_at("input", ["a.b", "c~d", 0]) == "input.a~1b.c~0d.0"


@pytest.mark.parametrize(
    "post",
    [
        {"input.facts.99999999999": "x", "input.facts.-1": "x", "input.facts.²": "x", "input.facts": "x"},
        {"input~json": ""},
        {"input.place": "x", "input.place.name.more": "x", "input..": "x", "": "x", "input~was": "odd"},
        {".".join(["input", *["place"] * 400]): "x"},
    ],
)
def test_what_no_form_sends_does_no_harm(post):
    value, _ = value_of(INPUT, post)
    assert value is None or isinstance(value, dict)
    assert isinstance(form_from(INPUT, post), FormField)


def test_a_name_of_more_steps_than_any_form_has_is_passed_over():
    assert steps_below(["input" + ".a" * 100_000, "input.b~was"]) == {"input": {"input.b": None}}


def test_a_number_that_is_not_given_at_all_is_said():
    assert value_of({"type": "integer"}, {"input": ""}) == (None, {"input": "Nothing is given"})


def test_posted_names_start_with_the_prefix():
    assert posted_of(TEXT, "x", "a.input") == {"a.input": "x"}
