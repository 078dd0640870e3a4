"""Streams from Anthropic come to the same reply as a whole answer."""

from typing import Any

import pytest

from functions.providers import HttpProvider, errors
from functions.providers.adapter import ServerSentEvent, StreamReader
from functions.providers.anthropic import Anthropic
from functions.providers.chat import ChatDelta, ChatRequest, Message, Usage
from functions.providers.sse import EventDecoder
from opperweb import json
from tests.upstream import Upstream, streamed

WORDS = """\
event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],\
"model":"claude-opus-4-6","stop_reason":null,"usage":{"input_tokens":25,"cache_read_input_tokens":100,\
"cache_creation_input_tokens":50,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30},\
"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"The largest…"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQ"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Jup"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"iter 🪐"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15,\
"output_tokens_details":{"thinking_tokens":5}}}

event: message_stop
data: {"type":"message_stop"}

"""
USAGE = Usage(175, 100, 50, 15, 5, 30)
DELTAS = [ChatDelta(thinking="The largest…"), ChatDelta("Jup"), ChatDelta("iter 🪐")]


def reader(strategy: Any = "", **headers: str) -> StreamReader:
    chat = ChatRequest("claude-opus-4-6", (Message.of_text("user", "hi"),), strategy=strategy, is_streamed=True)
    return Anthropic("anthropic", "http://127.0.0.1:1").stream(chat, headers)


def fed(stream: StreamReader, body: str, size: int = 100_000) -> list[ChatDelta]:
    decoder, data = EventDecoder(), body.encode()
    events = (event for start in range(0, len(data), size) for event in decoder.feed(data[start : start + size]))
    return [delta for event in events if (delta := stream.read(event)) is not None]


def event(value: dict[str, Any]) -> str:
    return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n"


def block(index: int, **content: Any) -> str:
    return event({"type": "content_block_start", "index": index, "content_block": content})


def piece(index: int, type_: str, **content: Any) -> str:
    return event({"type": "content_block_delta", "index": index, "delta": {"type": type_, **content}})


def closed(index: int) -> str:
    return event({"type": "content_block_stop", "index": index})


def end(stop_reason: str, **more: Any) -> str:
    return event({"type": "message_delta", "delta": {"stop_reason": stop_reason, **more}}) + event(
        {"type": "message_stop"}
    )


def test_a_whole_stream():
    stream = reader(**{"Request-Id": "req_9"})
    assert fed(stream, WORDS) == DELTAS
    assert stream.is_over
    reply = stream.reply()
    assert (reply.text, reply.thinking) == ("Jupiter 🪐", "The largest…")
    assert (reply.finish_reason, reply.raw_finish_reason) == ("stop", "end_turn")
    assert (reply.model, reply.request_id, reply.usage, reply.notes) == ("claude-opus-4-6", "req_9", USAGE, ())


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_any_cut_of_the_bytes_gives_the_same(size: int, line_end: str):
    stream = reader()
    assert fed(stream, WORDS.replace("\n", line_end), size) == DELTAS
    assert (stream.reply().text, stream.reply().usage) == ("Jupiter 🪐", USAGE)


CALL = (
    block(0, type="text", text="")
    + piece(0, "text_delta", text="I shall answer.")
    + closed(0)
    + block(1, type="tool_use", id="t", name="answer", input={})
    + piece(1, "input_json_delta", partial_json="")
    + piece(1, "input_json_delta", partial_json='{"city": "Mal')
    + piece(1, "input_json_delta", partial_json='mö"}')
    + closed(1)
    + end("tool_use")
)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_pieces_of_the_tools_arguments_are_the_text(size: int):
    stream = reader("tool")
    assert fed(stream, CALL, size) == [ChatDelta('{"city": "Mal'), ChatDelta('mö"}')]
    reply = stream.reply()
    assert (reply.text, reply.finish_reason, reply.notes) == ('{"city": "Malmö"}', "stop", ())


def test_a_call_whose_arguments_come_at_once_or_not_at_all():
    stream = reader("tool")
    body = block(0, type="tool_use", id="t", name="answer", input={"a": 1}) + closed(0) + end("tool_use")
    assert fed(stream, body) == [ChatDelta('{"a":1}')]
    stream = reader("tool")
    assert fed(stream, block(0, type="tool_use", id="t", name="answer", input={}) + closed(0)) == [ChatDelta("{}")]


def test_of_two_calls_the_first_counts_and_strange_ones_are_told():
    stream = reader("tool")
    body = (
        block(0, type="tool_use", id="s", name="search", input={})
        + piece(0, "input_json_delta", partial_json='{"q": 1}')
        + closed(0)
        + block(1, type="tool_use", id="t", name="answer", input={})
        + piece(1, "input_json_delta", partial_json='{"a": 1}')
        + closed(1)
        + block(2, type="tool_use", id="u", name="answer", input={})
        + piece(2, "input_json_delta", partial_json='{"a": 2}')
        + closed(2)
        + end("tool_use")
    )
    assert fed(stream, body) == [ChatDelta('{"a": 1}')]
    assert stream.reply().text == '{"a": 1}'
    assert stream.reply().notes == (
        "the model called the tool search; nobody ran it",
        "the model called the tool answer; nobody ran it",
    )


def test_words_instead_of_a_call_are_the_answer_once_it_is_clear_that_no_call_comes():
    stream = reader("tool")
    words = block(0, type="text", text="") + piece(0, "text_delta", text='{"a":') + piece(0, "text_delta", text=" 1}")
    assert fed(stream, words) == []
    assert stream.reply().text == '{"a": 1}'
    assert fed(stream, closed(0) + end("end_turn")) == [ChatDelta('{"a": 1}')]
    assert (stream.reply().text, stream.reply().finish_reason) == ('{"a": 1}', "stop")


def test_a_stream_that_was_cut_has_failed_and_tells_what_is_known():
    before, _, _ = WORDS.partition("event: content_block_start")
    stream = reader()
    assert fed(stream, before) == []
    reply = stream.reply()
    assert (reply.text, reply.finish_reason, reply.raw_finish_reason) == (None, "failed", "")
    # What the beginning says of the output is no count of it.
    assert reply.usage == Usage(175, 100, 50, None, None, 30)
    middle, _, _ = WORDS.partition("event: message_delta")
    stream = reader()
    assert fed(stream, middle) == DELTAS
    assert (stream.reply().text, stream.reply().finish_reason) == ("Jupiter 🪐", "failed")
    assert not stream.is_over


def test_an_answer_is_whole_once_its_end_was_told():
    body, _, _ = WORDS.partition("event: message_stop")
    stream = reader()
    fed(stream, body)
    assert not stream.is_over
    assert stream.reply().finish_reason == "stop"


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("overloaded_error", errors.Overloaded),
        ("rate_limit_error", errors.RateLimited),
        ("api_error", errors.ServerError),
        ("invalid_request_error", errors.BadRequest),
        ("", errors.ServerError),
    ],
)
def test_an_error_after_a_good_beginning_is_raised(type_: str, kind: type[errors.ProviderError]):
    stream = reader()
    start, _, _ = WORDS.partition("event: message_delta")
    assert fed(stream, start) == DELTAS
    with pytest.raises(errors.ProviderError, match="Not now") as caught:
        fed(stream, event({"type": "error", "error": {"type": type_, "message": "Not now"}}))
    assert type(caught.value) is kind
    assert stream.reply().text == "Jupiter 🪐"


@pytest.mark.parametrize(
    "body",
    [
        'event: error\ndata: {"error": {"type": "overloaded_error", "message": "Not now"}}\n\n',
        'data: {"error": {"type": "overloaded_error", "message": "Not now"}}\n\n',
        'event: error\ndata: {"message": "Not now"}\n\n',
    ],
)
def test_an_error_is_known_by_its_name_or_by_what_it_holds(body: str):
    with pytest.raises(errors.ProviderError, match="Not now"):
        fed(reader(), body)


def test_bad_lines_are_passed_over_and_counted():
    stream = reader()
    head, mark, tail = WORDS.partition("event: content_block_stop")
    assert fed(stream, f"{head}event: content_block_delta\ndata: {{oops\n\ndata: 5\n\n{mark}{tail}") == DELTAS
    assert stream.reply().notes == ("events of the stream that could not be read and were left out: 2",)


def test_events_of_kinds_to_come_are_passed_over():
    stream = reader()
    odd = [
        {"type": "something_new"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {}}},
        {"type": "content_block_delta", "delta": None},
        {"type": "content_block_start", "content_block": 5},
        {"type": "content_block_stop"},
        {"type": "message_delta", "delta": [], "usage": "x"},
        {"no type": 1},
    ]
    assert [stream.read(ServerSentEvent("message", json.dumps(each))) for each in odd] == [None] * len(odd)
    assert stream.reply().finish_reason == "failed"


def test_without_usage_nothing_is_known_of_it():
    stream = reader()
    fed(stream, block(0, type="text", text="Hi") + end("end_turn"))
    assert (stream.reply().text, stream.reply().usage) == ("Hi", Usage())


@pytest.mark.parametrize(("raw", "ours"), [("max_tokens", "length"), ("pause_turn", "failed"), ("refusal", "refused")])
def test_other_ends(raw: str, ours: str):
    stream = reader()
    fed(stream, piece(0, "text_delta", text="a") + end(raw, stop_details={"category": "bio", "explanation": None}))
    reply = stream.reply()
    assert (reply.finish_reason, reply.raw_finish_reason) == (ours, raw)
    assert reply.refusal == ("bio" if raw == "refusal" else "")


def test_white_space_without_an_end_is_left():
    stream = reader("native")
    fed(stream, piece(0, "text_delta", text='{"a": 1,') + piece(0, "text_delta", text="\n" * 150))
    with pytest.raises(errors.BadReply, match="white-space"):
        fed(stream, piece(0, "text_delta", text="\n" * 51))


# --- over the network -----------------------------------------------------------------------------------------------


async def exchanged(upstream: Upstream) -> tuple[list[str], Any]:
    url = upstream.url.removesuffix("/v1")
    provider = HttpProvider("a", "anthropic", Anthropic("a", url, "sk-ant-secret"), "sk-ant-secret")
    chat = ChatRequest("claude-opus-4-6", (Message.of_text("user", "hi"),), is_streamed=True)
    async with provider.stream(chat, timeout_seconds=5) as stream:
        texts = [delta.text async for delta in stream if delta.text]
        return texts, stream.exchange()


async def test_an_answer_comes_piece_by_piece_and_no_key_is_kept(upstream: Upstream):
    upstream.script("claude-opus-4-6", streamed(WORDS.encode()))
    texts, exchange = await exchanged(upstream)
    assert texts == ["Jup", "iter 🪐"]
    assert (exchange.error, exchange.reply.text, exchange.reply.usage) == (None, "Jupiter 🪐", USAGE)
    assert upstream.requests[0].path == "/v1/messages"
    assert upstream.requests[0].headers["x-api-key"] == "sk-ant-secret"
    assert upstream.requests[0].json["stream"] is True
    assert "secret" not in str(exchange)


async def test_a_cut_in_the_middle_is_an_error(upstream: Upstream):
    middle, _, _ = WORDS.partition("event: message_delta")
    upstream.script("claude-opus-4-6", streamed(middle.encode(), ending="cut"))
    texts, exchange = await exchanged(upstream)
    assert texts == ["Jup", "iter 🪐"]
    assert isinstance(exchange.error, errors.Disconnected)
