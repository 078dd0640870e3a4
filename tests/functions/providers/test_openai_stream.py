"""Streams in OpenAI's dialect, as its many servers send them, come to the same reply as a whole answer."""

import base64
from typing import Any

import pytest

from functions.providers import errors
from functions.providers.adapter import ServerSentEvent, StreamReader
from functions.providers.chat import ChatRequest, Message, Usage
from functions.providers.openai import OpenAI
from functions.providers.sse import EventDecoder
from opperweb import json
from tests.upstream import chunk, event

GENERIC = OpenAI("fake", "http://127.0.0.1:1/v1")
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
KNOWN = Usage(10, 4, None, 5)


def reader(strategy: Any = "", adapter: OpenAI = GENERIC, **headers: str) -> StreamReader:
    chat = ChatRequest("m", (Message.of_text("user", "hi"),), strategy=strategy, is_streamed=True)
    return adapter.stream(chat, headers)


def read(stream: StreamReader, *chunks: Any) -> list[str]:
    """Feed chunks; return the pieces of text."""
    texts = []
    for each in chunks:
        delta = stream.read(ServerSentEvent("message", each if isinstance(each, str) else json.dumps(each)))
        if delta is not None and delta.text:
            texts.append(delta.text)
    return texts


def call(index: int, arguments: str, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "type": "function", "function": function}]}


WHOLE = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Jup"}),
    chunk({"content": "iter 🪐"}),
    chunk({}, "stop"),
    chunk(usage=USAGE),
    "[DONE]",
]


def test_a_whole_stream():
    stream = reader(**{"X-Request-Id": "req_9"})
    assert read(stream, *WHOLE) == ["Jup", "iter 🪐"]
    assert stream.is_over
    reply = stream.reply()
    assert (reply.text, reply.finish_reason, reply.raw_finish_reason) == ("Jupiter 🪐", "stop", "stop")
    assert (reply.model, reply.request_id, reply.usage, reply.notes) == ("scripted", "req_9", KNOWN, ())


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_any_cut_of_the_bytes_gives_the_same(size: int, line_end: str):
    body = b": OPENROUTER PROCESSING" + 2 * line_end.encode() + b"".join(event(each, line_end) for each in WHOLE)
    stream, decoder, texts = reader(), EventDecoder(), []
    for start in range(0, len(body), size):
        for each in decoder.feed(body[start : start + size]):
            delta = stream.read(each)
            texts += [delta.text] if delta is not None else []
    assert texts == ["Jup", "iter 🪐"]
    assert stream.reply().text == "Jupiter 🪐"
    assert stream.reply().usage == KNOWN


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk({"content": "a"}, usage={"prompt_tokens": 10, "completion_tokens": 1}), chunk({}, "stop", usage=USAGE)],
        [chunk({"content": "a"}, usage=None), chunk({}, "stop", x_groq={"id": "r", "usage": USAGE})],
        [chunk({"content": "a"}), chunk({}, "stop"), chunk(usage=USAGE)],
        [chunk({"content": "a"}), chunk({}, "stop", usage=USAGE), chunk(usage={})],
    ],
)
def test_tokens_are_found_wherever_they_stand(chunks: list[Any]):
    stream = reader()
    read(stream, *chunks)
    assert stream.reply().usage == KNOWN


def test_tokens_that_never_come_are_unknown():
    stream = reader()
    read(stream, chunk({"content": "a"}), chunk({}, "stop"))
    assert stream.reply().usage == Usage()
    assert not stream.is_over


def test_a_stream_without_a_finish_reason_has_failed():
    stream = reader()
    assert stream.reply().finish_reason == "failed"
    read(stream, chunk({"content": "Jup"}))
    assert (stream.reply().text, stream.reply().finish_reason, stream.reply().raw_finish_reason) == (
        "Jup",
        "failed",
        "",
    )


@pytest.mark.parametrize(("raw", "ours"), [("length", "length"), ("content_filter", "refused"), ("new", "failed")])
def test_finish_reasons_become_ours(raw: str, ours: str):
    stream = reader()
    read(stream, chunk({"content": "a"}), chunk({}, raw))
    assert (stream.reply().finish_reason, stream.reply().raw_finish_reason) == (ours, raw)


def test_a_first_chunk_without_choices_is_passed_over():
    stream = reader()
    assert read(stream, chunk(prompt_filter_results=[{"prompt_index": 0}]), *WHOLE) == ["Jup", "iter 🪐"]


def test_arguments_of_the_call_are_the_text():
    stream = reader("tool")
    texts = read(
        stream,
        chunk({"content": "Let me see."}),
        chunk(call(0, "", "answer")),
        chunk(call(0, '{"planet": "Ju')),
        chunk(call(1, '{"other"', "another")),
        chunk(call(0, 'piter"}')),
        chunk({}, "tool_calls"),
    )
    assert texts == ['{"planet": "Ju', 'piter"}']
    assert (stream.reply().text, stream.reply().finish_reason) == ('{"planet": "Jupiter"}', "stop")


def test_who_ignores_the_tool_and_writes_is_heard_at_the_end():
    stream = reader("tool")
    assert read(stream, chunk({"content": '{"a": 1}'}), chunk({}, "stop")) == []
    assert stream.reply().text == '{"a": 1}'


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm", "content": ""},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    ],
)
def test_thinking_is_no_text(delta: dict[str, Any]):
    stream = reader()
    first = stream.read(ServerSentEvent("message", json.dumps(chunk(delta))))
    assert first is not None
    assert (first.text, first.thinking) == ("", "hm")
    read(stream, chunk({"content": "answer"}), chunk({}, "stop"))
    assert (stream.reply().text, stream.reply().thinking) == ("answer", "hm")


def test_a_refusal_comes_in_pieces():
    stream = reader()
    assert read(stream, chunk({"refusal": "I will "}), chunk({"refusal": "not."}), chunk({}, "stop")) == []
    reply = stream.reply()
    assert (reply.finish_reason, reply.refusal, reply.text) == ("refused", "I will not.", None)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"error": {"message": "slow down", "code": 429}}, errors.RateLimited),
        ({"error": {"message": "busy", "type": "overloaded_error"}}, errors.Overloaded),
        ({"error": {"message": "oh no", "type": "server_error"}}, errors.ServerError),
        ({"error": "text"}, errors.ServerError),
        ({"object": "error", "message": "no", "code": 400}, errors.BadRequest),
        (chunk({}, x_groq={"error": "over capacity"}), errors.ServerError),
        (chunk({"content": ""}, "error"), errors.ServerError),
    ],
)
def test_an_error_in_the_stream_is_raised(data: Any, kind: type[errors.ProviderError]):
    stream = reader()
    read(stream, chunk({"content": "Jup"}))
    with pytest.raises(errors.ProviderError) as caught:
        read(stream, data)
    assert type(caught.value) is kind


def test_lines_that_cannot_be_read_are_counted():
    stream = reader()
    assert read(stream, "{no json", WHOLE[1], "[1]", "5", *WHOLE[2:]) == ["Jup", "iter 🪐"]
    assert stream.reply().notes == ("events of the stream that could not be read and were left out: 3",)


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None}, {"choices": 5}, {"choices": [None]}, {"choices": [{"delta": None}]}, {"usage": []},
        {"choices": [{"delta": {"content": 5, "tool_calls": [None, {"function": 1}], "audio": 1, "refusal": 2}}]},
        {"choices": [{"index": 1, "delta": {"content": "of another choice"}}]}, {"x_groq": 1}, {"model": 5},
    ],
)  # fmt: skip
def test_odd_chunks_add_nothing(odd: Any):
    stream = reader()
    assert read(stream, odd, *WHOLE) == ["Jup", "iter 🪐"]
    assert stream.reply().text == "Jupiter 🪐"


@pytest.mark.parametrize("strategy", ["native", "tool", "json"])
def test_white_space_without_an_end_ends_the_stream(strategy: str):
    stream = reader(strategy)
    delta = (lambda text: call(0, text, "answer")) if strategy == "tool" else (lambda text: {"content": text})
    read(stream, chunk(delta('{"a":')))
    with pytest.raises(errors.BadReply, match="white-space"):
        read(stream, *[chunk(delta("\n" * 50))] * 5)


def test_white_space_in_prose_is_content():
    stream = reader()
    read(stream, chunk({"content": "poem" + " " * 300}), chunk({}, "stop"))
    assert stream.reply().finish_reason == "stop"


def test_speech_comes_as_samples_and_leaves_as_a_file():
    stream = reader()
    texts = read(
        stream,
        chunk({"audio": {"id": "a", "transcript": "Hel"}}),
        chunk({"audio": {"data": "AAEC"}}),
        chunk({"audio": {"data": "AwQF", "transcript": "lo"}}),
        chunk({}, "stop"),
    )
    reply = stream.reply()
    assert texts == ["Hel", "lo"]
    assert (reply.text, reply.audio_media_type) == ("Hello", "audio/wav")
    assert reply.audio is not None
    data = base64.b64decode(reply.audio)
    assert (data[:4], data[-6:]) == (b"RIFF", bytes(range(6)))


def test_an_empty_answer_in_json_mode_of_deepseek_can_be_asked_again():
    stream = reader("json", OpenAI("deepseek", "https://api.deepseek.com"))
    read(stream, chunk({"content": ""}), chunk({}, "stop"))
    with pytest.raises(errors.BadReply) as caught:
        stream.reply()
    assert caught.value.can_retry
