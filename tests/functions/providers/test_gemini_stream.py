"""Streams from Gemini come to the same reply as a whole answer."""

import base64
from typing import Any

import pytest

from functions.providers import HttpProvider, errors
from functions.providers.adapter import StreamReader
from functions.providers.chat import ChatDelta, ChatRequest, Message, Usage
from functions.providers.gemini import Gemini
from functions.providers.sse import EventDecoder
from opperweb import json
from tests.upstream import Reply, Upstream, streamed

WORDS = """\
data: {"candidates": [{"content": {"parts": [{"text": "The largest…","thought": true}],"role": "model"},"index": 0}],\
"usageMetadata": {"promptTokenCount": 25,"thoughtsTokenCount": 4,"totalTokenCount": 29},\
"modelVersion": "gemini-2.5-flash","responseId": "r-1"}

data: {"candidates": [{"content": {"parts": [{"text": "Jup"}],"role": "model"},"index": 0}],\
"usageMetadata": {"promptTokenCount": 25,"candidatesTokenCount": 1,"thoughtsTokenCount": 5,"totalTokenCount": 31},\
"modelVersion": "gemini-2.5-flash","responseId": "r-1"}

data: {"candidates": [{"content": {"parts": [{"text": "iter"},{"text": " 🪐"}],"role": "model"},\
"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 25,"candidatesTokenCount": 10,\
"thoughtsTokenCount": 5,"totalTokenCount": 40},"modelVersion": "gemini-2.5-flash","responseId": "r-1"}

"""
DELTAS = [ChatDelta(thinking="The largest…"), ChatDelta("Jup"), ChatDelta("iter 🪐")]
USAGE = Usage(25, None, None, 15, 5)


def reader(strategy: Any = "") -> StreamReader:
    chat = ChatRequest("gemini-2.5-flash", (Message.of_text("user", "hi"),), strategy=strategy, is_streamed=True)
    return Gemini("gemini", "http://127.0.0.1:1").stream(chat, {})


def fed(stream: StreamReader, body: str, size: int = 100_000) -> list[ChatDelta]:
    decoder, data = EventDecoder(), body.encode()
    events = (event for start in range(0, len(data), size) for event in decoder.feed(data[start : start + size]))
    return [delta for event in events if (delta := stream.read(event)) is not None]


def event(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"


def chunk(*parts: Any, finish: str | None = None) -> str:
    end = {} if finish is None else {"finishReason": finish}
    return event({"candidates": [{"content": {"parts": list(parts), "role": "model"}, **end}]})


def test_a_whole_stream():
    stream = reader()
    assert fed(stream, WORDS) == DELTAS
    reply = stream.reply()
    assert (reply.text, reply.thinking) == ("Jupiter 🪐", "The largest…")
    assert (reply.finish_reason, reply.raw_finish_reason) == ("stop", "STOP")
    assert (reply.model, reply.request_id, reply.usage, reply.notes) == ("gemini-2.5-flash", "r-1", USAGE, ())
    # Only the end of the connection tells that nothing more comes.
    assert not stream.is_over


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_any_cut_of_the_bytes_gives_the_same(size: int, line_end: str):
    stream = reader()
    assert fed(stream, WORDS.replace("\n", line_end), size) == DELTAS
    assert (stream.reply().text, stream.reply().usage) == ("Jupiter 🪐", USAGE)


def test_a_finish_reason_on_every_chunk_cuts_nothing_off():
    stream = reader()
    body = chunk({"text": "a"}, finish="STOP") + chunk({"text": "b"}, finish="STOP")
    assert fed(stream, body) == [ChatDelta("a"), ChatDelta("b")]
    assert stream.reply().text == "ab"


def test_the_call_of_the_function_comes_at_once():
    stream = reader("tool")
    call = {"functionCall": {"name": "answer", "args": {"city": "Malmö"}}}
    body = chunk({"text": "I shall answer."}) + chunk(call) + chunk({"text": ""}, finish="STOP")
    assert fed(stream, body) == [ChatDelta('{"city":"Malmö"}')]
    reply = stream.reply()
    assert (reply.text, reply.finish_reason) == ('{"city":"Malmö"}', "stop")


def test_words_instead_of_a_call_are_the_answer_once_it_is_clear_that_no_call_comes():
    stream = reader("tool")
    assert fed(stream, chunk({"text": '{"a":'}) + chunk({"text": " 1}"})) == []
    assert fed(stream, chunk(finish="STOP")) == [ChatDelta('{"a": 1}')]
    assert (stream.reply().text, stream.reply().finish_reason) == ('{"a": 1}', "stop")


def test_a_stream_that_was_cut_has_failed_and_tells_what_is_known():
    assert (reader().reply().text, reader().reply().finish_reason) == (None, "failed")
    stream = reader()
    first, second, _, _ = WORDS.split("\n\n")
    assert fed(stream, f"{first}\n\n{second}\n\n") == DELTAS[:2]
    reply = stream.reply()
    assert (reply.text, reply.finish_reason, reply.raw_finish_reason) == ("Jup", "failed", "")
    assert reply.usage == Usage(25, None, None, 6, 5)


@pytest.mark.parametrize("is_list", [False, True])
def test_an_error_after_a_good_beginning_is_raised(is_list: bool):
    stream = reader()
    error = {"error": {"code": 503, "message": "Not now", "status": "UNAVAILABLE"}}
    assert fed(stream, WORDS.split("\n\n")[0] + "\n\n") == DELTAS[:1]
    with pytest.raises(errors.Overloaded, match=r"^HTTP 503: Not now$"):
        fed(stream, event([error] if is_list else error))
    assert stream.reply().thinking == "The largest…"


def test_bad_lines_are_passed_over_and_counted():
    stream = reader()
    first, rest = WORDS.split("\n\n", 1)
    assert fed(stream, f"{first}\n\ndata: {{oops\n\ndata: 5\n\n{rest}") == DELTAS
    assert stream.reply().notes == ("events of the stream that could not be read and were left out: 2",)


def test_without_usage_nothing_is_known_of_it():
    stream = reader()
    fed(stream, chunk({"text": "Hi"}, finish="STOP"))
    assert (stream.reply().text, stream.reply().usage) == ("Hi", Usage())


def test_a_question_that_was_blocked_is_refused():
    stream = reader()
    assert fed(stream, event({"promptFeedback": {"blockReason": "SAFETY"}})) == []
    assert (stream.reply().finish_reason, stream.reply().raw_finish_reason) == ("refused", "SAFETY")


@pytest.mark.parametrize(("raw", "ours"), [("MAX_TOKENS", "length"), ("OTHER", "failed"), ("RECITATION", "refused")])
def test_other_ends(raw: str, ours: str):
    stream = reader()
    fed(stream, chunk({"text": "a"}, finish=raw))
    assert (stream.reply().finish_reason, stream.reply().raw_finish_reason) == (ours, raw)


def test_sound_is_joined_over_the_pieces():
    stream = reader()
    for half in (b"\1\2", b"\3\4"):
        data = base64.b64encode(half).decode()
        fed(stream, chunk({"inlineData": {"mimeType": "audio/L16;rate=24000", "data": data}}, finish="STOP"))
    sound = base64.b64decode(stream.reply().audio or "")
    assert (sound[:4], sound[44:]) == (b"RIFF", b"\1\2\3\4")


def test_white_space_without_an_end_is_left():
    stream = reader("native")
    fed(stream, chunk({"text": '{"a": 1,'}) + chunk({"text": " " * 150}))
    with pytest.raises(errors.BadReply, match="white-space"):
        fed(stream, chunk({"text": "\t" * 51}))


# --- over the network -----------------------------------------------------------------------------------------------

# The name of the model stands in the address, not in the body.
NO_NAME = "None"


async def exchanged(upstream: Upstream) -> tuple[list[str], Any]:
    provider = HttpProvider("g", "gemini", Gemini("g", upstream.url, "AIza-secret"), "AIza-secret")
    chat = ChatRequest("gemini-2.5-flash", (Message.of_text("user", "hi"),), is_streamed=True)
    async with provider.stream(chat, timeout_seconds=5) as stream:
        texts = [delta.text async for delta in stream if delta.text]
        return texts, stream.exchange()


async def test_an_answer_comes_piece_by_piece_and_no_key_is_kept(upstream: Upstream):
    upstream.script(NO_NAME, streamed(WORDS.encode()))
    texts, exchange = await exchanged(upstream)
    assert texts == ["Jup", "iter 🪐"]
    assert (exchange.error, exchange.reply.text, exchange.reply.usage) == (None, "Jupiter 🪐", USAGE)
    assert upstream.requests[0].path == "/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert upstream.requests[0].headers["x-goog-api-key"] == "AIza-secret"
    assert "secret" not in str(exchange)


async def test_an_end_without_a_finish_reason_is_an_error(upstream: Upstream):
    first, second, _, _ = WORDS.split("\n\n")
    upstream.script(NO_NAME, streamed(f"{first}\n\n{second}\n\n".encode()))
    texts, exchange = await exchanged(upstream)
    assert texts == ["Jup"]
    assert isinstance(exchange.error, errors.Disconnected)


async def test_an_error_in_a_list_instead_of_a_stream_is_read(upstream: Upstream):
    error = [{"error": {"code": 503, "message": "Not now", "status": "UNAVAILABLE"}}]
    for status in (200, 503):
        upstream.script(NO_NAME, Reply(json.dumps(error).encode(), status))
        texts, exchange = await exchanged(upstream)
        assert texts == []
        assert isinstance(exchange.error, errors.Overloaded)
