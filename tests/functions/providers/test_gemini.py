"""Gemini's dialect: questions and answers."""

from typing import Any

import pytest

from functions.providers import errors
from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Message, TextPart, Usage
from functions.providers.gemini import Gemini
from opperweb import json

BASE = "https://generativelanguage.googleapis.com"
ADAPTER = Gemini("gemini", BASE, "key")
SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z", "a"]}
HI = (Message.of_text("user", "hi"),)
INSTRUCTED = (Message.of_text("system", "Be brief."), *HI)


def sent(**more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    wire = ADAPTER.request(ChatRequest(**{"model": "gemini-2.5-flash", "messages": HI, **more}))
    return json.loads(wire.body), wire.notes


def read(value: Any, status: int = 200, **headers: str) -> ChatReply:
    return ADAPTER.reply(status, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


def reply_with(*parts: Any, finish: Any = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash-001", "responseId": "r-1", **more}


# --- questions ------------------------------------------------------------------------------------------------------


def test_a_question_in_words():
    wire = ADAPTER.request(ChatRequest("gemini-2.5-flash", INSTRUCTED, {"temperature": 0.1}, {"X-Title": "t"}))
    assert (wire.method, wire.url) == ("POST", f"{BASE}/v1beta/models/gemini-2.5-flash:generateContent")
    assert wire.headers == {"content-type": "application/json", "x-goog-api-key": "key", "x-title": "t"}
    assert json.loads(wire.body) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"temperature": 0.1},
    }
    assert wire.notes == ()
    assert wire.summary is None


@pytest.mark.parametrize(
    ("base_url", "model", "url"),
    [
        (f"{BASE}/v1beta", "gemini-2.5-pro", f"{BASE}/v1beta/models/gemini-2.5-pro:generateContent"),
        (f"{BASE}/v1/", "gemini-2.5-pro", f"{BASE}/v1/models/gemini-2.5-pro:generateContent"),
        ("http://127.0.0.1:1/proxy", "m", "http://127.0.0.1:1/proxy/v1beta/models/m:generateContent"),
        ("http://127.0.0.1:1?x=y", "m", "http://127.0.0.1:1/v1beta/models/m:generateContent?x=y"),
        (BASE, "models/gemini-2.5-pro", f"{BASE}/v1beta/models/gemini-2.5-pro:generateContent"),
        (BASE, "tunedModels/mine-1", f"{BASE}/v1beta/tunedModels/mine-1:generateContent"),
        (BASE, "../a b?c", f"{BASE}/v1beta/models/..%2Fa%20b%3Fc:generateContent"),
    ],
)
def test_the_address_holds_version_and_quoted_model(base_url: str, model: str, url: str):
    wire = Gemini("g", base_url).request(ChatRequest(model, HI))
    assert wire.url == url
    assert "x-goog-api-key" not in wire.headers


def test_an_answer_may_be_asked_for_piece_by_piece():
    wire = ADAPTER.request(ChatRequest("gemini-2.5-flash", HI, is_streamed=True))
    assert wire.url == f"{BASE}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    wire = Gemini("g", "http://127.0.0.1:1?x=y").request(ChatRequest("m", HI, is_streamed=True))
    assert wire.url == "http://127.0.0.1:1/v1beta/models/m:streamGenerateContent?alt=sse&x=y"


def test_turns_are_the_users_and_the_models():
    messages = (*HI, Message.of_text("assistant", "Hello."), Message.of_text("user", "a"), Message.of_text("user", "b"))
    assert sent(messages=messages)[0]["contents"] == [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"text": "Hello."}]},
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
    ]


def test_gemma_finds_its_instructions_in_the_first_turn():
    body, notes = sent(model="gemma-3-27b-it", messages=INSTRUCTED)
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Be brief."}, {"text": "hi"}]}]}
    assert len(notes) == 1


def test_media_stand_before_the_words():
    parts = (
        TextPart("what is it?"),
        MediaPart("image", "image/png", "AAAA"),
        MediaPart("audio", "audio/mpeg", "BBBB"),
        MediaPart("file", "application/pdf", "CCCC", "a.pdf"),
    )
    wire = ADAPTER.request(ChatRequest("gemini-2.5-flash", (Message("user", parts),)))
    assert json.loads(wire.body)["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "BBBB"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "CCCC"}},
        {"text": "what is it?"},
    ]
    # What is kept of the request holds no bytes of the media.
    assert "AAAA" not in (wire.summary or "")
    assert "what is it?" in (wire.summary or "")


def test_a_request_of_more_than_20_mb_is_refused_before_it_is_sent():
    large = Message("user", (MediaPart("image", "image/png", "A" * (20 * 1024 * 1024)),))
    with pytest.raises(
        errors.BadRequest, match=r"is too large: 20\.0 MB of at most 20 MB; send fewer or smaller files"
    ):
        sent(messages=(large,))


def test_a_schema_is_sent_natively_and_in_the_order_of_its_author():
    body, notes = sent(strategy="native", schema=SCHEMA, options={"responseSchema": {}, "topK": 5})
    assert body["generationConfig"] == {
        "topK": 5,
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }
    assert list(body["generationConfig"]["responseJsonSchema"]["properties"]) == ["z", "a"]
    assert notes == ("the option responseSchema was not sent: the output schema decides it",)


def test_a_schema_is_sent_as_a_function_that_has_to_be_called():
    body, notes = sent(strategy="tool", schema=SCHEMA, options={"tools": [{"googleSearch": {}}]})
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "answer", "description": "Takes the answer.", "parametersJsonSchema": SCHEMA}
            ]
        }
    ]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["answer"]}}
    assert "generationConfig" not in body
    assert notes == ("the option tools was not sent: the output schema decides it",)


def test_json_without_a_schema_and_words_alone():
    assert sent(strategy="json", schema=SCHEMA)[0]["generationConfig"] == {"responseMimeType": "application/json"}
    assert set(sent(strategy="text", schema=SCHEMA)[0]) == {"contents"}


@pytest.mark.parametrize(
    ("model", "strategies"),
    [
        ("gemini-2.5-flash", ("native", "tool", "json", "text")),
        ("gemini-flash-latest", ("native", "tool", "json", "text")),
        ("models/gemini-3-pro-preview", ("native", "tool", "json", "text")),
        ("gemma-3-27b-it", ("text",)),
        ("gemini-2.5-flash-image", ("text",)),
        ("gemini-2.5-pro-preview-tts", ("text",)),
        ("imagen-4.0-generate-001", ("text",)),
    ],
)
def test_models_are_asked_for_structure_in_the_ways_they_have(model: str, strategies: Any):
    assert ADAPTER.strategies(model) == strategies


# --- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_in_words():
    reply = read(reply_with({"text": "Jupi"}, {"text": "ter"}))
    assert (reply.text, reply.finish_reason, reply.raw_finish_reason) == ("Jupiter", "stop", "STOP")
    assert (reply.model, reply.request_id) == ("gemini-2.5-flash-001", "r-1")
    assert (reply.usage, reply.notes) == (Usage(), ())


def test_the_arguments_of_the_function_are_the_text_in_their_order():
    call = {"functionCall": {"name": "answer", "args": {"z": "å", "a": 1}}}
    reply = read(reply_with({"text": "I shall answer."}, call))
    assert (reply.text, reply.finish_reason) == ('{"z":"å","a":1}', "stop")
    assert read(reply_with({"functionCall": {"name": "answer"}})).text == "{}"


def test_a_function_that_nobody_runs_is_told():
    reply = read(reply_with({"functionCall": {"name": "search", "args": {"q": 1}}}))
    assert reply.text is None
    assert reply.notes == ("the model called the function search; nobody ran it",)


@pytest.mark.parametrize(
    ("raw", "ours"),
    [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "refused"), ("RECITATION", "refused"),
        ("BLOCKLIST", "refused"), ("PROHIBITED_CONTENT", "refused"), ("SPII", "refused"), ("LANGUAGE", "refused"),
        ("IMAGE_SAFETY", "refused"), ("IMAGE_PROHIBITED_CONTENT", "refused"), ("IMAGE_RECITATION", "refused"),
        ("MALFORMED_FUNCTION_CALL", "failed"), ("UNEXPECTED_TOOL_CALL", "failed"), ("TOO_MANY_TOOL_CALLS", "failed"),
        ("NO_IMAGE", "failed"), ("IMAGE_OTHER", "failed"), ("OTHER", "failed"), (None, "failed"), (5, "failed"),
    ],
)  # fmt: skip
def test_finish_reasons_become_ours(raw: Any, ours: str):
    assert read(reply_with({"text": "x"}, finish=raw)).finish_reason == ours


def test_a_refusal_is_told_with_its_words():
    value = reply_with(finish="SAFETY")
    value["candidates"][0] = {"finishReason": "SAFETY", "finishMessage": "It is unsafe."}
    reply = read(value)
    assert (reply.finish_reason, reply.refusal, reply.text) == ("refused", "It is unsafe.", None)


def test_a_question_that_was_blocked_is_refused():
    reply = read({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 8}})
    assert (reply.finish_reason, reply.raw_finish_reason, reply.text) == ("refused", "PROHIBITED_CONTENT", None)
    assert reply.usage == Usage(input_tokens=8)


def test_why_an_answer_failed_is_noted():
    value = reply_with(finish="MALFORMED_FUNCTION_CALL")
    value["candidates"][0]["finishMessage"] = "Malformed function call: answer("
    assert read(value).notes == ("the provider says: Malformed function call: answer(",)


def test_thinking_is_kept_apart_from_the_answer():
    reply = read(reply_with({"text": "Hmm.", "thought": True}, {"text": "42", "thoughtSignature": "x"}))
    assert (reply.text, reply.thinking) == ("42", "Hmm.")


def test_an_empty_answer_has_no_text():
    assert read(reply_with()).text is None
    assert read({"candidates": [{"finishReason": "STOP"}]}).text is None
    assert read({"candidates": [{"content": {"parts": ["odd", {"text": 5}, {"inlineData": 1}]}}]}).text is None


def test_an_answer_in_a_list_of_pieces_is_joined():
    pieces = [
        reply_with({"text": "Jupi"}, finish=None),
        reply_with({"text": "ter"}, usageMetadata={"promptTokenCount": 3}),
    ]
    reply = read(pieces)
    assert (reply.text, reply.finish_reason, reply.usage) == ("Jupiter", "stop", Usage(input_tokens=3))


def test_an_answer_that_runs_away_into_white_space_has_failed():
    reply = read(reply_with({"text": '{"a": 1,' + " " * 300 + "}"}))
    assert reply.finish_reason == "failed"
    assert "white-space" in reply.notes[0]
