"""The stand-in answers in the shape of any schema, from the words of the input, the same each time."""

import base64
import io
import re
import struct
import wave
import zlib
from typing import Any

import pytest

from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Message, TextPart
from functions.providers.errors import (
    BadCredentials,
    BadRequest,
    Disconnected,
    ModelNotFound,
    RateLimited,
    ServerError,
    TimedOut,
)
from functions.providers.patterns import matching
from functions.providers.rehearsal import KNOWN, Rehearsal
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
    ("model", "error", "status"),
    [
        ("fail-400", BadRequest, 400),
        ("fail-401", BadCredentials, 401),
        ("fail-429", RateLimited, 429),
        ("fail-500", ServerError, 500),
        ("fail-timeout", TimedOut, None),
        ("fail-connection", Disconnected, None),
        ("fail-cut", Disconnected, None),
        ("flaky-1", ServerError, 500),
        ("slow-2s", TimedOut, None),
        ("transcript", BadRequest, 400),
        ("nothing", ModelNotFound, 404),
    ],
)
async def test_failures_come_to_order(model: str, error: type[Exception], status: int | None):
    exchange = await Rehearsal().ask(chat(model), timeout_seconds=0.01)
    assert type(exchange.error) is error
    assert exchange.http_status == status
    assert exchange.reply is None
    assert exchange.response_body
    async with Rehearsal().stream(chat(model), timeout_seconds=0.01) as stream:
        texts = [delta.text async for delta in stream]
    assert type(stream.exchange().error) is error
    assert stream.exchange().reply is None
    assert bool(texts) is (model == "fail-cut")
    assert stream.exchange().response_body


async def answered(model: str, schema: dict[str, Any] | None = None, **more: Any) -> ChatReply:
    exchange = await Rehearsal().ask(chat(model, schema, **more), timeout_seconds=5)
    assert exchange.error is None
    assert exchange.reply is not None
    return exchange.reply


async def test_a_refusal_is_an_answer_of_its_own():
    reply = await answered("fail-refused")
    assert (reply.finish_reason, reply.text) == ("refused", None)
    assert "rehearsal" in reply.refusal


async def test_a_flaky_model_fails_as_often_as_it_says():
    for number, error in ((1, ServerError), (2, ServerError), (3, type(None)), (4, type(None))):
        exchange = await Rehearsal().ask(chat("flaky-2", attempt_number=number), timeout_seconds=5)
        assert type(exchange.error) is error


async def test_an_empty_answer_and_one_in_prose():
    assert (await answered("empty")).text == ""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    text = (await answered("json-in-prose", schema)).text or ""
    found = re.search(r"```json\n(.+)\n```", text)
    assert found
    assert not text.startswith("{")
    assert Validator(schema).problems(json.loads(found[1])) == []


PARTS = (
    TextPart("What is it?"),
    MediaPart("image", "image/png", base64.b64encode(b"x" * 68).decode()),
    MediaPart("image", "image/jpeg", base64.b64encode(b"x").decode()),
    MediaPart("audio", "audio/wav", base64.b64encode(b"xx").decode()),
    MediaPart("file", "application/pdf", base64.b64encode(b"xxx").decode()),
)


async def test_media_in_the_input_are_named():
    messages = (Message("user", PARTS, "input"),)
    exchange = await Rehearsal().ask(ChatRequest("echo", messages), timeout_seconds=5)
    assert exchange.reply is not None
    assert (exchange.reply.text or "").endswith(
        "What is it? With it came 2 images (image/png, 68 bytes; image/jpeg, 1 bytes)"
        " and 1 recording (audio/wav, 2 bytes) and 1 file (application/pdf, 3 bytes)."
    )
    assert PARTS[1].data not in (exchange.request_body or "")
    exchange = await Rehearsal().ask(ChatRequest("transcript", messages), timeout_seconds=5)
    assert exchange.reply is not None
    assert (exchange.reply.text or "").endswith("did not listen to 1 recording (audio/wav, 2 bytes).")


async def test_a_picture_is_a_real_one_whose_colour_follows_the_input():
    first, again = await answered("image"), await answered("echo", wants="image")
    other = await Rehearsal().ask(ChatRequest("image", (Message.of_text("user", "other"),)), timeout_seconds=5)
    assert first.images == again.images
    assert other.reply is not None
    assert first.images != other.reply.images
    assert first.images[0] not in (other.response_body or "")
    data = base64.b64decode(first.images[0])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (32, 32)
    start, length = 8, 0
    names = []
    while start < len(data):
        length = int.from_bytes(data[start : start + 4], "big")
        names.append(data[start + 4 : start + 8])
        assert zlib.crc32(data[start + 4 : start + 8 + length]) == int.from_bytes(data[start + 8 + length :][:4], "big")
        start += 12 + length
    assert names == [b"IHDR", b"IDAT", b"IEND"]


async def test_speech_is_a_real_recording():
    reply = await answered("speech")
    assert (reply.text, reply.audio_media_type) == (None, "audio/wav")
    with wave.open(io.BytesIO(base64.b64decode(reply.audio or ""))) as recording:
        assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2)
        assert 0 < recording.getnframes() / recording.getframerate() < 1
    assert reply == await answered("speech")


@pytest.mark.parametrize("schema", [None, {"type": "object", "properties": {"a": strings()}, "required": ["a"]}])
async def test_a_stream_comes_word_by_word_and_says_the_same(schema: Any):
    async with Rehearsal().stream(chat("echo", schema), timeout_seconds=5) as stream:
        texts = [(await anext(stream)).text]
        early = stream.exchange().reply
        texts += [delta.text async for delta in stream]
    exchange = stream.exchange()
    assert early is not None
    assert (early.text, early.finish_reason) == (texts[0], "failed")
    assert len(texts) > 2
    assert exchange.reply == await answered("echo", schema)
    assert "".join(texts) == exchange.reply.text
    assert len(exchange.chunk_ms) == len(texts)
    assert exchange.chunk_ms[-1][1] == len((exchange.response_body or "").encode())
    assert exchange.first_token_ms is not None
    assert exchange.duration_ms is not None


async def test_a_stream_that_is_cut_says_half():
    whole = (await answered("echo")).text or ""
    async with Rehearsal().stream(chat("fail-cut"), timeout_seconds=5) as stream:
        said = "".join([delta.text async for delta in stream])
    assert whole.startswith(said)
    assert 0 < len(said) < len(whole)


def test_it_takes_any_schema_as_it_is():
    assert Rehearsal().dialect == "none"
    assert Rehearsal().strategies("echo") == ("native",)
    for model in KNOWN:
        assert Rehearsal().knows(model)
    assert "json-in-prose" in Rehearsal().unknown("x")
