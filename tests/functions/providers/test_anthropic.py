"""Anthropic's dialect: questions and answers."""

from typing import Any

import pytest

from functions.providers import errors
from functions.providers.anthropic import Anthropic
from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Message, TextPart, Usage
from opperweb import json

ADAPTER = Anthropic("anthropic", "https://api.anthropic.com", "key")
SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z", "a"]}
HI = (Message.of_text("user", "hi"),)


def sent(**more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    wire = ADAPTER.request(ChatRequest(**{"model": "claude-haiku-4-5", "messages": HI, **more}))
    return json.loads(wire.body), wire.notes


def read(value: Any, status: int = 200, **headers: str) -> ChatReply:
    return ADAPTER.reply(status, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


def reply_with(*content: Any, stop_reason: Any = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": list(content),
        "stop_reason": stop_reason,
        **more,
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


# --- questions ------------------------------------------------------------------------------------------------------


def test_a_question_in_words():
    messages = (Message.of_text("system", "Be brief."), Message.of_text("user", "hi"))
    wire = ADAPTER.request(ChatRequest("claude-haiku-4-5", messages, {"temperature": 0.1}, {"Anthropic-Beta": "b"}))
    assert (wire.method, wire.url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert wire.headers == {
        "content-type": "application/json",
        "x-api-key": "key",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "b",
    }
    assert json.loads(wire.body) == {
        "model": "claude-haiku-4-5",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.1,
        "max_tokens": 16000,
    }
    assert wire.notes == ()
    assert wire.summary is None


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("http://127.0.0.1:1/proxy", "http://127.0.0.1:1/proxy/v1/messages"),
        ("http://127.0.0.1:1/?x=y", "http://127.0.0.1:1/v1/messages?x=y"),
    ],
)
def test_the_address_may_or_may_not_end_in_the_version(base_url: str, url: str):
    wire = Anthropic("a", base_url).request(ChatRequest("m", HI))
    assert wire.url == url
    assert "x-api-key" not in wire.headers


def test_turns_alternate_and_the_users_is_first_and_last():
    messages = (
        Message.of_text("system", "One."),
        Message.of_text("assistant", "Hello."),
        Message.of_text("user", "a"),
        Message.of_text("user", "b"),
        Message.of_text("system", "Two."),
        Message.of_text("assistant", ""),
    )
    body, notes = sent(messages=messages)
    assert body["system"] == "One.\n\nTwo."
    assert body["messages"] == [
        {"role": "user", "content": "Begin."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": "(nothing)"},
        {"role": "user", "content": "Go on."},
    ]
    assert len(notes) == 2


def test_media_stand_before_the_words():
    parts = (
        TextPart("what is it?"),
        MediaPart("image", "image/jpg", "AAAA"),
        MediaPart("file", "application/pdf", "CCCC", "a.pdf"),
        MediaPart("file", "text/plain", "aGk="),
    )
    wire = ADAPTER.request(ChatRequest("claude-haiku-4-5", (Message("user", parts),)))
    assert json.loads(wire.body)["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "CCCC"},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        {"type": "text", "text": "what is it?"},
    ]
    # What is kept of the request holds no bytes of the media.
    assert "AAAA" not in (wire.summary or "")
    assert "CCCC" not in (wire.summary or "")
    assert "what is it?" in (wire.summary or "")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (MediaPart("audio", "audio/wav", "AAAA"), "does not take audio"),
        (MediaPart("image", "image/bmp", "AAAA"), "JPEG, PNG, GIF or WebP"),
        (MediaPart("file", "application/zip", "AAAA"), "PDF or plain text"),
    ],
)
def test_media_that_no_claude_takes_are_refused_before_they_are_sent(part: MediaPart, words: str):
    with pytest.raises(errors.BadRequest, match=words):
        sent(messages=(Message("user", (part,)),))


@pytest.mark.parametrize("wants", ["image", "audio", "transcript"])
def test_nothing_but_words_can_be_asked_for(wants: str):
    with pytest.raises(errors.BadRequest, match="words alone"):
        sent(wants=wants)


def test_a_schema_is_sent_natively_and_in_the_order_of_its_author():
    body, _ = sent(strategy="native", schema=SCHEMA, options={"output_config": {"effort": "low"}})
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert list(body["output_config"]["format"]["schema"]["properties"]) == ["z", "a"]
    assert "tools" not in body


def test_a_schema_is_sent_as_a_tool_that_has_to_be_called():
    body, notes = sent(
        model="claude-3-5-haiku-latest", strategy="tool", schema=SCHEMA, options={"tools": [], "top_k": 4}
    )
    assert body["tools"] == [{"name": "answer", "description": "Takes the answer.", "input_schema": SCHEMA}]
    assert body["tool_choice"] == {"type": "tool", "name": "answer", "disable_parallel_tool_use": True}
    assert body["top_k"] == 4
    assert notes == ("the option tools was not sent: the output schema decides it",)
    assert sent(strategy="tool", schema=SCHEMA, is_strict=True)[0]["tools"][0]["strict"] is True


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("claude-fable-5", {}),
        ("claude-mythos-5", {}),
        ("claude-opus-5-5", {}),
        ("claude-sonnet-4-5", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
    ],
)
def test_a_model_that_thinks_is_only_offered_the_tool(model: str, options: dict[str, Any]):
    body, _ = sent(model=model, strategy="tool", schema=SCHEMA, options=options)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_with_the_strategy_text_nothing_tells_of_a_schema():
    body, _ = sent(strategy="text", schema=SCHEMA)
    assert set(body) == {"model", "messages", "max_tokens"}


@pytest.mark.parametrize(
    ("model", "strategies"),
    [
        ("claude-2.1", ("text",)),
        ("claude-instant-1.2", ("text",)),
        ("claude-3-haiku-20240307", ("tool", "text")),
        ("claude-sonnet-4-20250514", ("tool", "text")),
        ("claude-opus-4-1-20250805", ("tool", "text")),
        ("claude-sonnet-4-5-20250929", ("native", "tool", "text")),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", ("native", "tool", "text")),
        ("claude-opus-5-5", ("native", "tool", "text")),
        ("somebody-elses", ("native", "tool", "text")),
    ],
)
def test_models_are_asked_for_structure_in_the_ways_they_have(model: str, strategies: Any):
    assert ADAPTER.strategies(model) == strategies


def test_a_long_beginning_is_marked_for_the_cache():
    long = "x" * 4000
    body, _ = sent(messages=(Message.of_text("system", long), *HI))
    assert body["system"] == [{"type": "text", "text": long, "cache_control": {"type": "ephemeral"}}]
    assert sent(messages=(Message.of_text("system", long[1:]), *HI))[0]["system"] == long[1:]
    body, _ = sent(messages=(Message.of_text("system", long), *HI), options={"cache_control": {"type": "ephemeral"}})
    assert (body["system"], body["cache_control"]) == (long, {"type": "ephemeral"})


def test_an_answer_may_be_asked_for_piece_by_piece():
    assert sent(is_streamed=True)[0]["stream"] is True
    assert "stream" not in sent()[0]


# --- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_in_words():
    reply = read(reply_with(text("Jupi"), text("ter")), **{"Request-Id": "req_9"})
    assert (reply.text, reply.finish_reason, reply.raw_finish_reason) == ("Jupiter", "stop", "end_turn")
    assert (reply.model, reply.request_id) == ("claude-haiku-4-5-20251001", "req_9")
    assert reply.usage == Usage()


def test_native_json_is_the_text():
    assert read(reply_with(text('{"z":"a"}'))).text == '{"z":"a"}'


def test_the_arguments_of_the_tool_are_the_text_in_their_order():
    call = {"type": "tool_use", "id": "t", "name": "answer", "input": {"z": "å", "a": 1}}
    reply = read(reply_with(text("I shall answer."), call, stop_reason="tool_use"))
    assert (reply.text, reply.finish_reason, reply.notes) == ('{"z":"å","a":1}', "stop", ())


def test_a_tool_that_nobody_runs_is_told():
    call = {"type": "tool_use", "id": "t", "name": "search", "input": {}}
    reply = read(reply_with(call, stop_reason="tool_use"))
    assert reply.text is None
    assert reply.notes == ("the model called the tool search; nobody ran it",)


@pytest.mark.parametrize(
    ("raw", "ours"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("tool_use", "stop"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("refusal", "refused"), ("pause_turn", "failed"),
        ("something new", "failed"), (None, "failed"), (5, "failed"),
    ],
)  # fmt: skip
def test_finish_reasons_become_ours(raw: Any, ours: str):
    assert read(reply_with(text("x"), stop_reason=raw)).finish_reason == ours


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"category": "cyber", "explanation": "This is about weapons."}, "This is about weapons."),
        ({"category": "cyber", "explanation": None}, "cyber"),
        (None, ""),
    ],
)
def test_a_refusal_is_told_with_its_words(details: Any, words: str):
    reply = read(reply_with(stop_reason="refusal", stop_details=details))
    assert (reply.finish_reason, reply.refusal, reply.text) == ("refused", words, None)


def test_thinking_is_kept_apart_from_the_answer():
    blocks = ({"type": "thinking", "thinking": "Hmm. ", "signature": "s"}, {"type": "redacted_thinking", "data": "x"})
    reply = read(reply_with(*blocks, {"type": "thinking", "thinking": "So."}, text("42")))
    assert (reply.text, reply.thinking) == ("42", "Hmm. So.")


def test_an_empty_answer_has_no_text():
    assert read(reply_with()).text is None
    assert read(reply_with(text(""))).text == ""
    assert read(reply_with("odd", {"type": "text"}, {"type": "text", "text": 5})).text == ""


def test_an_answer_that_runs_away_into_white_space_has_failed():
    reply = read(reply_with(text('{"a": 1,' + "\n" * 300 + "}")))
    assert reply.finish_reason == "failed"
    assert "white-space" in reply.notes[0]
