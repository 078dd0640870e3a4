"""Answers that come piece by piece from a server on loopback, and every way in which they do not."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from functions.providers import Exchange, HttpProvider, connections, transport
from functions.providers.chat import ChatRequest, Message
from functions.providers.errors import (
    BadReply,
    BadRequest,
    Disconnected,
    Overloaded,
    ProviderError,
    RateLimited,
    TimedOut,
)
from functions.providers.openai import OpenAI
from tests.upstream import Reply, Upstream, chunk, completion, event, failure, streamed

KEY = "sk-very-secret-key"
TEXT = "Jupiter ist größer 🪐"


def chat(model: str, text: str = TEXT, **more: Any) -> ChatRequest:
    return ChatRequest(model=model, messages=(Message.of_text("user", text),), is_streamed=True, **more)


@pytest.fixture
def fake(upstream: Upstream) -> HttpProvider:
    return HttpProvider("fake", "openai", OpenAI("fake", upstream.url, KEY), KEY)


async def streamed_from(provider: HttpProvider, question: ChatRequest, **seconds: float) -> tuple[list[str], Exchange]:
    async with provider.stream(question, **{"timeout_seconds": 5, **seconds}) as stream:
        texts = [delta.text async for delta in stream]
        return texts, stream.exchange()


@pytest.mark.parametrize("model", ["echo", "crlf", "split"])
async def test_words_come_one_by_one_and_come_to_the_whole(fake: HttpProvider, upstream: Upstream, model: str):
    texts, exchange = await streamed_from(fake, chat(model))
    assert texts == ["Jupiter", " ist", " größer", " 🪐"]
    assert exchange.error is None
    assert exchange.reply is not None
    assert (exchange.reply.text, exchange.reply.finish_reason) == (TEXT, "stop")
    assert (exchange.reply.usage.input_tokens, exchange.reply.usage.output_tokens) == (4, 4)
    assert upstream.requests[0].json["stream"] is True
    assert exchange.http_status == 200
    assert (exchange.response_body or "").count("data: ") == 8
    assert (exchange.response_body or "").rstrip().endswith("data: [DONE]")


async def test_times_are_kept_in_their_order(fake: HttpProvider):
    async with fake.stream(chat("echo"), timeout_seconds=5) as stream:
        async for _ in stream:
            pass
        exchange = stream.exchange()
    assert exchange.queue_ms is not None
    assert exchange.first_byte_ms is not None
    assert exchange.first_token_ms is not None
    assert exchange.duration_ms is not None
    assert 0 < exchange.first_byte_ms <= exchange.first_token_ms <= exchange.duration_ms
    assert exchange.chunk_ms == sorted(exchange.chunk_ms)
    assert exchange.chunk_ms[-1][1] == len((exchange.response_body or "").encode())


async def test_the_first_token_is_the_first_that_is_no_white_space(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", streamed(event(chunk({"content": " \n"})), event(chunk({}, "stop"))))
    texts, exchange = await streamed_from(fake, chat("m"))
    assert texts == [" \n"]
    assert exchange.first_token_ms is None


async def test_times_of_very_many_chunks_are_thinned_out(fake: HttpProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "MOST_TIMES", 10)
    arriving = transport.stream(fake.adapter.request(chat("echo")), provider="fake", patience=transport.Patience(5))
    for size in range(1, 101):
        arriving._size = size
        arriving._note_time()
    sizes = [size for _, size in arriving.chunk_ms]
    assert len(sizes) <= 10
    assert sizes[-1] > 80
    assert len({after - before for before, after in pairwise(sizes)}) == 1


@pytest.mark.parametrize(
    ("model", "texts", "error", "words"),
    [
        ("cut-before", [], Disconnected, "closed the connection"),
        ("cut-inside", ["Jupiter", " ist"], Disconnected, "closed the connection"),
        ("stream-error", ["Jupiter", " ist"], Overloaded, "scripted failure in the stream"),
        ("idle", ["Jupiter", " ist"], TimedOut, "sent nothing more for 0.1 s"),
        ("timeout", [], TimedOut, "did not begin to answer within 0.1 s"),
        ("refuse", [], Disconnected, "closed the connection"),
        ("fail-429", [], RateLimited, "HTTP 429"),
        ("html", [], BadReply, "a web page instead of JSON"),
    ],
)
async def test_each_failure_ends_the_words_and_is_told(
    fake: HttpProvider, model: str, texts: list[str], error: type[ProviderError], words: str
):
    seconds = 0.1 if model in ("idle", "timeout") else 5
    came, exchange = await streamed_from(fake, chat(model), first_byte_seconds=seconds, idle_seconds=seconds)
    assert came == texts
    assert type(exchange.error) is error
    assert exchange.error is not None
    assert words in exchange.error.message
    assert exchange.reply is None
    assert all(text.strip() in (exchange.response_body or "") for text in texts)


async def test_all_together_may_not_take_longer_than_the_time_there_is(fake: HttpProvider):
    texts, exchange = await streamed_from(fake, chat("idle"), timeout_seconds=0.1)
    assert texts == ["Jupiter", " ist"]
    assert isinstance(exchange.error, TimedOut)
    assert "did not answer within 0.1 s" in exchange.error.message


async def test_a_stream_that_ends_well_formed_without_a_finish_reason_was_cut(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", streamed(event(chunk({"content": "Jup"})), event("[DONE]")))
    texts, exchange = await streamed_from(fake, chat("m"))
    assert texts == ["Jup"]
    assert type(exchange.error) is Disconnected


@pytest.mark.parametrize("ending", ["cut", "silence", "whole"])
async def test_after_the_finish_reason_the_answer_is_complete(fake: HttpProvider, upstream: Upstream, ending: Any):
    events = [event(chunk({"content": "Jupiter"})), event(chunk({}, "stop"))]
    upstream.script("m", streamed(*events, ending=ending))
    _, exchange = await streamed_from(fake, chat("m"), idle_seconds=0.1)
    assert exchange.error is None
    assert exchange.reply is not None
    assert exchange.reply.text == "Jupiter"
    assert bool(exchange.reply.notes) is (ending != "whole")


async def test_a_bad_line_is_skipped_and_told(fake: HttpProvider):
    texts, exchange = await streamed_from(fake, chat("bad-line"))
    assert "".join(texts) == TEXT
    assert exchange.reply is not None
    assert "could not be read" in exchange.reply.notes[0]


async def test_a_server_that_cannot_stream_is_heard_all_the_same(fake: HttpProvider, upstream: Upstream):
    whole = completion("Jupiter")
    whole = Reply(whole.body.replace(b"chat.completion", b"chat_completion"), headers=whole.headers)
    upstream.script("m", whole)
    texts, exchange = await streamed_from(fake, chat("m"))
    assert texts == ["Jupiter"]
    assert exchange.reply is not None
    assert exchange.reply.usage.input_tokens == 10


async def test_an_error_that_calls_itself_a_success_is_one(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", Reply(b'{"error": {"code": 429, "message": "slow down"}}'))
    assert isinstance((await streamed_from(fake, chat("m")))[1].error, RateLimited)


@pytest.mark.parametrize("told", ["application/json", "text/plain", ""])
async def test_a_stream_is_known_by_its_first_bytes(fake: HttpProvider, upstream: Upstream, told: str):
    events = [b"\n", event(chunk({"content": "Jupiter"})), event(chunk({}, "stop")), event("[DONE]")]
    upstream.script("m", streamed(*events, headers={"content-type": told}))
    texts, exchange = await streamed_from(fake, chat("m"))
    assert texts == ["Jupiter"]
    assert exchange.error is None


async def test_an_error_may_call_itself_a_stream(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", streamed(b'{"error": {"code": 429, ', b'"message": "slow down"}}'))
    assert isinstance((await streamed_from(fake, chat("m")))[1].error, RateLimited)
    upstream.script("m", streamed(b"\n", ending="whole"))
    assert isinstance((await streamed_from(fake, chat("m")))[1].error, Disconnected)


async def test_an_unknown_finish_reason_is_a_reply_that_failed(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", streamed(event(chunk({"content": "a"})), event(chunk({}, "weird"))))
    _, exchange = await streamed_from(fake, chat("m"))
    assert exchange.error is None
    assert exchange.reply is not None
    assert (exchange.reply.finish_reason, exchange.reply.raw_finish_reason) == ("failed", "weird")


async def test_leaving_closes_the_connection(fake: HttpProvider, upstream: Upstream):
    async with fake.stream(chat("idle"), timeout_seconds=60) as stream:
        async for delta in stream:
            assert delta.text == "Jupiter"
            break
        exchange = stream.exchange()
    assert exchange.error is None
    assert exchange.reply is not None
    assert exchange.reply.finish_reason == "failed"
    while not upstream.left:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("model", ["idle", "timeout"])
async def test_whoever_is_stopped_is_stopped_and_leaves_the_place_free(
    fake: HttpProvider, upstream: Upstream, model: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transport, "MOST_AT_ONCE", 1)
    asking = asyncio.create_task(streamed_from(fake, chat(model), timeout_seconds=60))
    while not upstream.requests:
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while not upstream.left:
        await asyncio.sleep(0.001)
    assert (await streamed_from(fake, chat("echo")))[1].error is None


async def test_a_full_queue_is_waited_in_and_no_longer_than_there_is_time(
    fake: HttpProvider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transport, "MOST_AT_ONCE", 1)
    async with fake.stream(chat("idle"), timeout_seconds=60) as first:
        assert (await anext(first)).text == "Jupiter"
        _, exchange = await streamed_from(fake, chat("echo"), timeout_seconds=0.05)
        assert isinstance(exchange.error, TimedOut)
        assert exchange.http_status is None
    assert (await streamed_from(fake, chat("echo")))[1].error is None


async def test_no_key_is_kept_of_a_stream(fake: HttpProvider, upstream: Upstream):
    leak = event({"error": {"message": f"wrong key {KEY}", "code": 401}})
    upstream.script("m", streamed(event(chunk({"content": "a"})), leak, headers={"x-echo": KEY}))
    _, exchange = await streamed_from(fake, chat("m", extra_headers={"X-Api-Key": "another-secret"}))
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert exchange.error is not None
    assert "wrong key …" in exchange.error.message
    assert KEY not in repr(exchange)
    assert "another-secret" not in repr(exchange)


async def test_no_redirect_is_followed(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", Reply(status=307, headers={"location": upstream.url}))
    _, exchange = await streamed_from(fake, chat("m"))
    assert isinstance(exchange.error, BadReply)
    assert len(upstream.requests) == 1


async def test_a_stream_that_is_too_large_is_given_up(
    fake: HttpProvider, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transport, "MOST_BYTES", 1000)
    _, exchange = await streamed_from(fake, chat("echo", "word " * 1000))
    assert isinstance(exchange.error, BadReply)
    assert exchange.http_status == 200
    assert len(exchange.response_body or "") <= 1000


async def test_an_event_that_is_too_large_is_given_up(fake: HttpProvider, upstream: Upstream):
    async with fake.stream(chat("echo"), timeout_seconds=5) as stream:
        stream._decoder.most_bytes = 50
        assert [delta async for delta in stream] == []
    assert isinstance(stream.exchange().error, BadReply)


async def test_what_cannot_be_written_is_never_sent(fake: HttpProvider, upstream: Upstream):
    texts, exchange = await streamed_from(fake, chat("m", options={"a": {1, 2}}))
    assert texts == []
    assert isinstance(exchange.error, BadRequest)
    assert upstream.requests == []


async def test_waits_are_read_from_an_answer_that_is_no_stream(fake: HttpProvider, upstream: Upstream):
    upstream.script("m", failure(429, "slow down", **{"retry-after": "7"}))
    error = (await streamed_from(fake, chat("m")))[1].error
    assert error is not None
    assert error.retry_after_seconds == 7


async def test_a_connection_is_used_again_after_a_whole_stream(
    fake: HttpProvider, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "IDLE_SECONDS", 4)
    for _ in range(3):
        assert (await streamed_from(fake, chat("echo")))[1].error is None
    assert upstream.connections == 1
    await transport.close()


async def test_hostile_texts_survive_the_way(fake: HttpProvider):
    for text in ("\ud800 alone", "\0", "a\u2028b\u0085c", "x" * 1_000_000):
        texts, exchange = await streamed_from(fake, chat("echo", text))
        assert exchange.reply is not None
        assert "".join(texts) == exchange.reply.text == text
