"""The stand-in answers in the shape of any schema, from the words of the input, the same each time."""

import re
from typing import Any

import pytest

from functions.providers.chat import ChatRequest, Message
from functions.providers.errors import ModelNotFound, RateLimited, ServerError, TimedOut
from functions.providers.patterns import matching
from functions.providers.rehearsal import Rehearsal
from functions.providers.rehearsed import value_for
from functions.schemas.validator import Validator
from opperweb import json

INPUT = '{"facts": ["Jupiter is the largest planet.", "Saturn has 7 rings."], "question": "Which planet hosts it?"}'
TREE = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["name", "children"],
        }
    },
    "$ref": "#/$defs/Node",
}
LINKED = {
    "$defs": {
        "Link": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Link"}, {"type": "null"}]}},
            "required": ["next"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/Link",
}


def chat(model: str, schema: dict[str, Any] | None = None, **more: Any) -> ChatRequest:
    messages = (
        Message.of_text("system", "Answer.", "instructions"),
        Message.of_text("user", INPUT, "input"),
        Message.of_text("assistant", "x", "answer before"),
        Message.of_text("user", "The answer does not fit.", "added by retry"),
    )
    return ChatRequest(model=model, messages=messages, schema=schema, **more)


def strings(**rules: Any) -> dict[str, Any]:
    return {"type": "string", **rules}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"properties": {"a": True, "b": {}}, "required": ["a", "c"]},
        {"type": ["string", "null"]},
        {"const": {"a": [1]}},
        {"enum": [None, 1, "x"]},
        {"type": "null"},
        {"type": "boolean"},
        {"type": "integer", "minimum": 10, "maximum": 12},
        {"type": "integer", "multipleOf": 9, "minimum": 20},
        {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
        {"type": "number", "multipleOf": 0.25, "maximum": -1},
        strings(minLength=500),
        strings(maxLength=3),
        strings(maxLength=0),
        strings(pattern=r"^The answer to the question is [A-Za-z0-9\s]+$"),
        strings(pattern=r"^[A-Z]{3}-\d{4}(-x|-y)?$"),
        strings(pattern=r"^(?:\+49|0)[1-9][0-9]{3,12}$"),
        strings(pattern=r"^\p{Lu}\p{L}+$", default="Abc"),
        strings(pattern=r"^[^a-z]+$", minLength=5, maxLength=9),
        strings(pattern=r"(foo|bar)$"),
        *(strings(format=name) for name in (
            "date", "date-time", "time", "duration", "email", "uri", "uuid", "hostname", "ipv4", "ipv6", "regex",
            "uri-reference", "json-pointer", "relative-json-pointer", "uri-template", "made-up",
        )),
        {"type": "array", "items": strings(), "minItems": 4, "uniqueItems": True},
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "prefixItems": [strings(), {"type": "integer"}], "items": False, "minItems": 2},
        {"type": "array", "contains": {"const": 5}, "minItems": 2},
        {"type": "array", "maxItems": 0},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
        {"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "additionalProperties": False,
         "minProperties": 2},
        {"type": "object", "propertyNames": {"pattern": "^[A-Z]{2}$"}, "minProperties": 1},
        {"type": "object", "properties": {"a": strings(), "b": strings()}, "maxProperties": 1},
        {"type": "object", "properties": {"a": strings()}, "dependentRequired": {"a": ["b"]}},
        {"anyOf": [{"type": "object", "properties": {"a": False}, "required": ["a"]}, {"type": "integer"}]},
        {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        {"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        ]},
        {"allOf": [{"properties": {"a": strings()}, "required": ["a"]}, {"properties": {"b": {"type": "integer"}},
         "required": ["b"]}], "type": "object"},
        {"type": "object", "properties": {"k": {"enum": ["x", "y"]}}, "required": ["k"],
         "if": {"properties": {"k": {"const": "x"}}}, "then": {"required": ["z"]}},
        {"type": "integer", "not": {"const": 7}},
        TREE,
        LINKED,
    ],
    ids=lambda schema: json.dumps(schema)[:60],
)  # fmt: skip
def test_the_answer_fits_the_schema(schema: dict[str, Any]):
    value = value_for(schema, INPUT)
    assert Validator(schema).problems(value) == []
    assert value_for(schema, INPUT) == value


def test_the_words_are_those_of_the_input():
    schema = {
        "type": "object",
        "properties": {
            "question": strings(),
            "planet": {"enum": ["mars", "saturn"]},
            "count": {"type": "integer"},
            "answer": strings(pattern=r"^The answer is [A-Za-z ]+$"),
        },
    }
    value = value_for(schema, INPUT)
    assert value["question"] == "Which planet hosts it?"
    assert (value["planet"], value["count"]) == ("saturn", 7)
    assert value["answer"] == "The answer is Jupiter is the largest planet"


def test_what_no_value_fits_gets_the_nearest():
    schema = {"type": "object", "properties": {"a": False, "b": strings()}, "required": ["b"], "not": {}}
    assert "b" in value_for(schema, "words")
    assert value_for({"type": "object", "properties": {"a": False}, "required": ["a"]}, "words") is None


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"^(\w+)-\1$", r"^[\s\S]{3,}$", r"^.{0,5}$", r"^a{2}b*c?$", r"\u0041"])
def test_a_text_that_matches_is_found(pattern: str):
    text = next(matching(pattern, "some words"))
    assert re.search(pattern, text)


def test_a_broken_expression_matches_nothing():
    assert list(matching("([", "words")) == []


async def test_an_answer_says_that_it_is_no_language_models():
    exchange = await Rehearsal().ask(chat("echo"), timeout_seconds=5)
    assert exchange.reply is not None
    assert exchange.reply.text is not None
    assert "no language model" in exchange.reply.text
    assert "Which planet hosts it?" in exchange.reply.text
    assert exchange.reply.usage.input_tokens
    assert exchange.reply.usage.output_tokens
    assert "no language model" in exchange.notes[0]
    assert INPUT in json.loads(exchange.request_body or "")["messages"][1]["content"]


async def test_a_flaky_model_misses_the_schema_as_often_as_it_says():
    schema = {"type": "object", "properties": {"a": strings()}, "required": ["a"]}
    fits = []
    for number in (1, 2, 3):
        exchange = await Rehearsal().ask(chat("flaky-schema-2", schema, attempt_number=number), timeout_seconds=5)
        assert exchange.reply is not None
        fits.append(not Validator(schema).problems(json.loads(exchange.reply.text or "")))
    assert fits == [False, False, True]


@pytest.mark.parametrize(
    ("model", "error"),
    [("fail-429", RateLimited), ("fail-500", ServerError), ("slow-2s", TimedOut), ("nothing", ModelNotFound)],
)
async def test_failures_come_to_order(model: str, error: type[Exception]):
    exchange = await Rehearsal().ask(chat(model), timeout_seconds=0.01)
    assert type(exchange.error) is error
    assert exchange.reply is None
    assert exchange.response_body
