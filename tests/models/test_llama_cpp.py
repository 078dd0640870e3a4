"""A real model server: what a model of random weights says is accepted where it fits, and fails with a reason else."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import jsonschema
import pytest

from functions.providers.chat import ChatRequest, Message, TextPart
from functions.providers.http_provider import HttpProvider
from functions.providers.openai import OpenAI
from traces.models import Attempt, AttemptBody, Span, Status

pytestmark = pytest.mark.network_threads

CALLS_A_SCHEMA = 10
# Chance differs between processors; a schema that the server could not make a grammar of would hardly ever be met.
LEAST_MET = 3
# What a call may fail with: the reason is the model's, never ours.
HONEST = {"schema", "length", "server_error", "bad_reply", "empty"}


def thing(*required: str, **properties: Any) -> dict[str, Any]:
    """Return the schema of an object; without names all of its fields are required."""
    names = list(required or properties)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


TEXT = {"type": "string", "maxLength": 20}
TREE = {
    "type": "object",
    "properties": {"name": TEXT, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}},
    "required": ["name", "children"],
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "enum": thing(mood={"enum": ["calm", "glad", "sad"]}, why=TEXT),
    "literals": thing(kind={"const": "invoice"}, version={"const": 2}, is_paid={"enum": [True, "unknown", None]}),
    "nested": thing(person=thing(name=TEXT, home=thing(city=TEXT, zip={"type": "integer"})), note=TEXT),
    # No grammar knows that items must differ: that takes a repair.
    "lists": thing(
        tags={"type": "array", "items": TEXT, "minItems": 1, "maxItems": 4},
        dice={
            "type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 6},
            "minItems": 2, "maxItems": 3, "uniqueItems": True,
        },
    ),
    "optional": thing(
        "title", title=TEXT, subtitle={"type": ["string", "null"], "maxLength": 9}, pages={"type": "integer"}
    ),
    "map": thing(
        counts={"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}, "maxProperties": 5},
    ),
    "union": thing(
        shape={"anyOf": [
            thing(kind={"const": "circle"}, radius={"type": "number"}),
            thing(kind={"const": "box"}, width={"type": "number"}, height={"type": "number"}),
        ]},
    ),
    "numbers": thing(
        percent={"type": "integer", "minimum": 0, "maximum": 100},
        share={"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        even={"type": "integer", "multipleOf": 2},
    ),
    "pattern": thing(
        code={"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"}, day={"type": "string", "format": "date"}
    ),
    "recursive": {**TREE, "$defs": {"tree": TREE}},
}  # fmt: skip


def task(name: str, seed: int, **more: Any) -> dict[str, Any]:
    # The same seed gives the same answer to the same question, so another round needs another one.
    models = [{"name": "llamacpp/random", "options": {"max_tokens": 300, "seed": each}} for each in (seed, seed + 1000)]
    return {
        "name": f"random_{name}",
        "instructions": "Say anything.",
        "input": f"Number {seed}",
        "model": models,
        **more,
    }


def outcome_of(response: httpx.Response, schema: dict[str, Any]) -> str:
    """Tell what came of a call, after a look at all that must hold for it."""
    body = response.json()
    span = Span.objects.get(id=body.get("span_id") or response.headers["X-Opper-Span-Id"])
    outcomes = list(span.attempts.values_list("outcome", flat=True))
    if response.status_code == 200:
        jsonschema.validate(body["json_payload"], schema)
        assert outcomes[-1] == "accepted"
        assert "accepted" not in outcomes[:-1]
        assert span.status == (Status.OK if len(outcomes) == 1 else Status.RECOVERED)
        return "valid" if len(outcomes) == 1 else "repaired"
    assert body["type"] in ("StructuredGenerationError", "ProviderError"), body
    assert body["detail"]
    assert (span.status, span.error_kind in HONEST) == (Status.ERROR, True), span.error_kind
    assert outcomes
    assert "accepted" not in outcomes
    assert not span.attempts.filter(error_message="", problems=[]).exists()
    return "failed"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_answer_is_valid_or_repaired_or_fails_with_a_reason(program, tally, name):
    schema = SCHEMAS[name]
    counts = tally.setdefault(name, Counter())
    for seed in range(CALLS_A_SCHEMA):
        response = program.post("/v2/call", json=task(name, seed, output_schema=schema))
        counts[outcome_of(response, schema)] += 1
    assert counts.total() == CALLS_A_SCHEMA
    assert counts["valid"] + counts["repaired"] >= LEAST_MET


@pytest.mark.parametrize("is_streamed", [False, True], ids=["at once", "streamed"])
@pytest.mark.parametrize("strategy", ["native", "json", "tool"])
async def test_the_server_takes_each_way_of_asking_for_structure(model_server, strategy, is_streamed):
    provider = HttpProvider("llamacpp", "openai", OpenAI("llamacpp", f"{model_server}/v1"))
    chat = ChatRequest(
        "random",
        (Message("user", (TextPart("Say anything."),)),),
        options={"max_tokens": 300, "seed": 3},
        strategy=strategy,
        schema=SCHEMAS["nested"],
    )
    heard = None
    if is_streamed:
        async with provider.stream(chat, timeout_seconds=60) as stream:
            heard = "".join([delta.text or "" async for delta in stream])
            exchange = stream.exchange()
    else:
        exchange = await provider.ask(chat, timeout_seconds=60)
    assert exchange.error is None, exchange.error
    # This server lets a model talk before it calls a tool, and this model never gets further than that.
    if strategy != "tool":
        assert heard in (None, exchange.reply.text)
        value = json.loads(exchange.reply.text)
        # JSON mode promises JSON, and no more.
        jsonschema.validate(value, SCHEMAS["nested"] if strategy == "native" else {"type": "object"})


def test_an_answer_cut_at_the_limit_of_tokens_fails_with_a_reason(program):
    choice = {"name": "llamacpp/random", "options": {"max_tokens": 3, "seed": 1}}
    configuration = {"invocation.structured_generation.max_attempts": 1}
    cut = task("cut", 1, output_schema=SCHEMAS["nested"]) | {"model": choice, "configuration": configuration}
    assert outcome_of(program.post("/v2/call", json=cut), SCHEMAS["nested"]) == "failed"
    assert Attempt.objects.get().finish_reason == "length"


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(block.removeprefix("data: ")) for block in response.text.split("\n\n") if block[:5] == "data:"]


def test_text_is_streamed_as_it_is_said(program):
    first, *rest = events_of(program.post("/v2/call/stream", json=task("text", 1)))
    assert len(rest) > 1
    assert {event["chunk_type"] for event in rest} == {"text"}
    span = Span.objects.select_related("body").get(id=first["span_id"])
    assert span.body.output == "".join(event["delta"] for event in rest)
    assert (span.status, span.first_token_ms is not None) == (Status.OK, True)
    assert span.output_tokens > 1
    chunks = AttemptBody.objects.get(attempt__span=span).chunk_ms
    assert len(chunks) > 1


@pytest.mark.parametrize("name", ["enum", "nested", "lists", "union"])
def test_structure_is_streamed_field_by_field_and_checked_at_the_end(program, name):
    schema = SCHEMAS[name]
    ended_well = 0
    for seed in range(3):
        first, *rest = events_of(program.post("/v2/call/stream", json=task(name, seed, output_schema=schema)))
        span = Span.objects.select_related("body").get(id=first["span_id"])
        if rest[-1]["chunk_type"] == "error":
            assert (span.status, span.error_kind in HONEST) == (Status.ERROR, True), rest[-1]
            continue
        ended_well += 1
        assert {event["chunk_type"] for event in rest} == {"json"}
        jsonschema.validate(span.body.output, schema)
        _assert_same(rest, span.body.output)
    assert ended_well


def _assert_same(events: list[dict[str, Any]], value: dict[str, Any]) -> None:
    """Put the texts of a stream together and compare them with what was kept."""
    joined: dict[str, str] = {}
    for event in events:
        if isinstance(event["delta"], str):
            joined[event["json_path"]] = joined.get(event["json_path"], "") + event["delta"]
    kept = {path: leaf for path, leaf in _leaves(value) if isinstance(leaf, str) and leaf}
    assert {path: joined.get(path) for path in kept} == kept


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in _leaves(each, f"{path}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [leaf for number, each in enumerate(value) for leaf in _leaves(each, f"{path}[{number}]")]
    return [(path, value)]
