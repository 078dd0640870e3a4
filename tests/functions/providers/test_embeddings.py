"""Vectors of texts: as each dialect asks for them, as each answers, and what is no vector."""

from __future__ import annotations

import math
from typing import Any

import pytest

from functions.providers import HttpProvider, Providers, UnknownModel
from functions.providers.anthropic import Anthropic
from functions.providers.chat import ChatRequest, Message
from functions.providers.embeddings import Embeddings
from functions.providers.errors import (
    BadCredentials,
    BadReply,
    BadRequest,
    ProviderError,
    QuotaExceeded,
    ServerError,
    TimedOut,
)
from functions.providers.gemini import Gemini
from functions.providers.openai import OpenAI
from functions.providers.rehearsal import Rehearsal
from opperweb import json
from tests.upstream import Reply, Upstream

KEY = "sk-very-secret-key"
OPENAI = OpenAI("fake", "http://127.0.0.1:1/v1/", KEY)
GEMINI = Gemini("gemini", "https://generativelanguage.googleapis.com", KEY)


def answer(*vectors: Any, **more: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "m-1", "usage": {"prompt_tokens": 5, "total_tokens": 5}, **more}


def read(adapter: Any, value: Any, count: int = 1, status: int = 200) -> Embeddings:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    found: Embeddings = adapter.embeddings(status, {}, body, count)
    return found


def test_openai_is_asked_for_all_texts_at_once():
    wire = OPENAI.embedding_request("m", ["one", "two"])
    assert (wire.method, wire.url) == ("POST", "http://127.0.0.1:1/v1/embeddings")
    assert wire.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(wire.body) == {"model": "m", "input": ["one", "two"], "encoding_format": "float"}


def test_azure_is_asked_at_the_address_of_the_model():
    azure = OpenAI("azure", "https://x.openai.azure.com?api-version=2024-10-21", KEY)
    wire = azure.embedding_request("text-embedding-3-small", ["one"])
    assert wire.url == (
        "https://x.openai.azure.com/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21"
    )
    assert wire.headers["api-key"] == KEY


def test_openais_vectors_are_put_in_order_and_made_as_long_as_each_other():
    value = answer([3, 4.0], [0, 2])
    value["data"].reverse()
    assert read(OPENAI, value, 2) == Embeddings(((0.6, 0.8), (0.0, 1.0)), "m-1", 5)


def test_gemini_is_asked_for_a_batch_of_which_each_entry_names_the_model():
    wire = GEMINI.embedding_request("gemini-embedding-001", ["one"])
    base = "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001"
    assert (wire.method, wire.url) == ("POST", f"{base}:batchEmbedContents")
    assert wire.headers["x-goog-api-key"] == KEY
    entry = {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "one"}]}}
    assert json.loads(wire.body) == {"requests": [entry]}


def test_geminis_vectors_come_without_tokens_mostly():
    assert read(GEMINI, {"embeddings": [{"values": [0, 5]}]}) == Embeddings(((0.0, 1.0),))
    value = {"embeddings": [{"values": [1]}], "usageMetadata": {"promptTokenCount": 7}}
    assert read(GEMINI, value).input_tokens == 7


def test_anthropic_makes_none_and_says_so():
    with pytest.raises(BadRequest, match="anthropic makes no embeddings"):
        Anthropic("anthropic", "https://api.anthropic.com", KEY).embedding_request("claude", ["one"])


@pytest.mark.parametrize(
    "value",
    [
        b"<html>", {}, [], {"data": []}, {"data": "x"}, answer(), answer([1], [1]), answer("AAAA"), answer([]),
        answer(["x"]), answer([None]), answer([[1]]), answer([10**400]), answer(b"[1e999]".decode()), {"data": [7]},
    ],
)  # fmt: skip
def test_what_is_no_vector_for_each_text_is_a_bad_reply(value: Any):
    with pytest.raises(BadReply):
        read(OPENAI, value)


def test_numbers_without_end_and_vectors_of_two_lengths_are_bad_replies():
    with pytest.raises(BadReply):
        read(OPENAI, b'{"data": [{"embedding": [1e999, 1]}]}')
    with pytest.raises(BadReply, match="different lengths"):
        read(OPENAI, answer([1], [1, 2]), 2)
    for value in (b"{", {"embeddings": [{"values": "x"}]}, {"embeddings": []}, {"embeddings": [5]}):
        with pytest.raises(BadReply):
            read(GEMINI, value)


def test_complaints_are_those_of_the_dialect():
    with pytest.raises(BadCredentials):
        read(OPENAI, {"error": {"message": "no"}}, status=401)
    with pytest.raises(QuotaExceeded):
        read(OPENAI, {"error": {"message": "no", "code": "insufficient_quota"}}, status=429)
    with pytest.raises(ProviderError):
        read(GEMINI, {"error": {"code": 500, "message": "no", "status": "INTERNAL"}}, status=500)


# --- over the network -------------------------------------------------------------------------------------------------


@pytest.fixture
def fake(upstream: Upstream) -> HttpProvider:
    return HttpProvider("fake", "openai", OpenAI("fake", upstream.url, KEY), KEY)


async def test_vectors_come_over_the_network(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", Reply(json.dumps(answer([2, 0])).encode()))
    assert await fake.embed("m", ["one"], timeout_seconds=5) == Embeddings(((1.0, 0.0),), "m-1", 5)
    assert upstream.requests[0].path == "/v1/embeddings"


async def test_every_failure_is_returned_and_holds_no_secret(fake: HttpProvider, upstream: Upstream):
    said = json.dumps({"error": {"message": f"your key {KEY} is wrong"}}).encode()
    upstream.script("m", Reply(said, 401), Reply(hangs=True), 500)
    wrong = await fake.embed("m", ["one"], timeout_seconds=5)
    assert isinstance(wrong, BadCredentials)
    assert KEY not in wrong.message + str(wrong)
    assert isinstance(await fake.embed("m", ["one"], timeout_seconds=0.1), TimedOut)
    assert isinstance(await fake.embed("m", ["one"], timeout_seconds=5), ServerError)
    nobody = HttpProvider("anthropic", "anthropic", Anthropic("anthropic", "http://127.0.0.1:9", KEY), KEY)
    assert isinstance(await nobody.embed("m", ["one"], timeout_seconds=5), BadRequest)


# --- without a model --------------------------------------------------------------------------------------------------


async def rehearsed(*texts: str, model: str = "embed") -> Any:
    return await Rehearsal().embed(model, texts, timeout_seconds=1)


def nearness(one: Any, other: Any) -> float:
    return float(sum(a * b for a, b in zip(one, other, strict=True)))


async def test_the_rehearsed_vectors_are_near_where_words_are_shared():
    found = await rehearsed("the parcel has not arrived", "the parcel arrived", "cold soup", "", "\ud800")
    first, near, far, empty, _ = found.vectors
    assert nearness(first, near) > 0.6 > 0.3 > nearness(first, far)
    assert math.isclose(nearness(first, first), 1)
    assert set(empty) == {0.0}
    assert found == await rehearsed("the parcel has not arrived", "the parcel arrived", "cold soup", "", "\ud800")


async def test_the_rehearsed_model_makes_vectors_and_nothing_else():
    asked = ChatRequest("embed", (Message.of_text("user", "hi"),))
    assert isinstance((await Rehearsal().ask(asked, timeout_seconds=1)).error, BadRequest)
    assert "makes no embeddings" in (await rehearsed("hi", model="echo")).message
    assert isinstance(await rehearsed("hi", model="fail-500"), ServerError)
    assert Providers({}).resolve("rehearsal/embed")[1] == "embed"
    with pytest.raises(UnknownModel):
        Providers({}).resolve("rehearsal/embeds")
