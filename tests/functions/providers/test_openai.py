"""OpenAI's dialect: questions, answers, tokens and complaints, as its many servers have them."""

from decimal import Decimal
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from functions.providers import errors
from functions.providers.chat import ChatRequest, MediaPart, Message, TextPart, Usage
from functions.providers.openai import OpenAI
from functions.providers.openai_options import takes_sampling
from opperweb import json

ADAPTER = OpenAI("fake", "http://127.0.0.1:1/v1/", "key")
OFFICIAL = OpenAI("openai", "https://api.openai.com/v1", "key")


def sent(**more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    chat = {"model": "m", "messages": (Message.of_text("user", "hi"),), **more}
    wire = ADAPTER.request(ChatRequest(**chat))
    return json.loads(wire.body), wire.notes


def read(value: Any, status: int = 200, **headers: str):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ADAPTER.reply(status, headers, body)


def reply_with(message: Any = None, finish_reason: Any = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Jupiter"} if message is None else message
    return {"id": "c-1", "model": "m-2026", "choices": [{"message": message, "finish_reason": finish_reason}], **more}


# --- questions ------------------------------------------------------------------------------------------------------


def test_a_question_in_words():
    messages = (Message.of_text("system", "Be brief."), Message.of_text("user", "hi"))
    wire = ADAPTER.request(ChatRequest(model="m", messages=messages, options={"temperature": 0.1}))
    assert (wire.method, wire.url) == ("POST", "http://127.0.0.1:1/v1/chat/completions")
    assert wire.headers["authorization"] == "Bearer key"
    assert json.loads(wire.body) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "temperature": 0.1,
    }


def test_a_schema_is_sent_natively_and_in_the_order_of_its_author():
    schema = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}}
    body = OFFICIAL.request(
        ChatRequest("m", (Message.of_text("user", "hi"),), strategy="native", schema=schema, is_strict=True)
    ).body
    body = json.loads(body)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == ["z", "a"]
    # Servers that never heard of it may refuse `strict`.
    assert "strict" not in sent(strategy="native", schema=schema, is_strict=True)[0]["response_format"]["json_schema"]
    assert sent(strategy="json")[0]["response_format"] == {"type": "json_object"}
    assert "response_format" not in sent(strategy="text")[0]


def test_media_stand_before_the_words():
    parts = (
        TextPart("what is it?"),
        MediaPart("image", "image/png", "AAAA"),
        MediaPart("audio", "audio/x-wav", "BBBB"),
        MediaPart("file", "application/pdf", "CCCC", "a.pdf"),
    )
    content = sent(messages=(Message("user", parts),))[0]["messages"][0]["content"]
    assert content == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
        {"type": "text", "text": "what is it?"},
    ]


def test_options_that_would_change_the_conversation_are_left_out_and_told():
    body, notes = sent(options={"stream": True, "model": "other", "n": 3, "top_k": 5})
    assert (body["model"], body["top_k"]) == ("m", 5)
    assert "stream" not in body
    assert "n" not in body
    assert len(notes) == 3


def test_options_a_model_rejects_are_left_out_and_told():
    body, notes = sent(model="gpt-5-mini", options={"temperature": 0, "max_tokens": 9})
    assert "temperature" not in body
    assert "max_tokens" not in body
    assert body["max_completion_tokens"] == 9
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gpt-4.1-mini", None, True), ("o3", None, False), ("o4-mini", None, False), ("gpt-5", None, False),
        ("gpt-5-nano", None, False), ("gpt-5-chat-latest", None, True), ("gpt-5.1", None, True),
        ("gpt-5.2", "high", False), ("gpt-5.1-codex", None, False), ("gpt-5.5", None, False),
        ("gpt-5.6", "none", True), ("openai/o3-mini", None, False), ("olmo", None, True), ("slow-2s", None, True),
    ],
)  # fmt: skip
def test_models_that_think_take_no_temperature(model: str, effort: Any, expected: bool):
    assert takes_sampling(model, effort) is expected


def test_headers_of_the_connection_are_not_the_callers():
    wire = ADAPTER.request(
        ChatRequest("m", (Message.of_text("user", "hi"),), extra_headers={"Host": "evil", "X-Title": "t"})
    )
    assert "host" not in wire.headers
    assert wire.headers["x-title"] == "t"
    assert "Host" in wire.notes[0]


# --- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_in_words():
    reply = read(reply_with(), **{"X-Request-Id": "req_9"})
    assert (reply.text, reply.finish_reason, reply.model, reply.request_id) == ("Jupiter", "stop", "m-2026", "req_9")
    assert reply.usage == Usage()
    assert not reply.usage.is_known


@pytest.mark.parametrize(
    ("raw", "ours"),
    [("stop", "stop"), ("length", "length"), ("model_length", "length"), ("content_filter", "refused"),
     ("error", "failed"), ("something new", "failed"), (None, "failed"), (5, "failed")],
)  # fmt: skip
def test_finish_reasons_become_ours(raw: Any, ours: str):
    assert read(reply_with(finish_reason=raw)).finish_reason == ours


def test_a_refusal_is_told_with_its_words():
    reply = read(reply_with({"content": None, "refusal": "I will not."}))
    assert (reply.finish_reason, reply.refusal, reply.text) == ("refused", "I will not.", None)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": ""}, ""),
        ({"content": None}, None),
        ({}, None),
        ({"content": "answer", "reasoning_content": "thinking"}, "answer"),
        ({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}]}, "a"),
        ({"content": {"odd": 1}}, None),
    ],
)
def test_the_text_is_found_in_each_form(message: Any, text: str | None):
    assert read(reply_with(message)).text == text


def call(name: str, arguments: Any) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None, "tool_calls": [call("answer", '{"a": 1}')]}, '{"a": 1}'),
        ({"content": "Let me see.", "tool_calls": [call("answer", '{"a": 1}')]}, '{"a": 1}'),
        ({"content": "", "tool_calls": [call("other", "{}"), call("answer", '{"a": 1}')]}, '{"a": 1}'),
        ({"content": "", "tool_calls": [call("renamed", '{"a": 1}')]}, '{"a": 1}'),
        ({"content": "words", "tool_calls": [call("weather", "{}")]}, "words"),
        ({"content": "words", "tool_calls": [None, {"function": None}, call("answer", {"a": 1})]}, "words"),
        ({"content": '{"a": 1}', "tool_calls": None}, '{"a": 1}'),
    ],
)
def test_arguments_of_the_call_are_the_text(message: Any, text: str):
    reply = read(reply_with(message, "tool_calls"))
    assert (reply.text, reply.finish_reason) == (text, "stop")


@pytest.mark.parametrize(
    "message",
    [
        {"content": "answer", "reasoning_content": "hm"},
        {"content": "answer", "reasoning": "hm", "reasoning_details": [{}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text",
         "text": "answer"}]},
    ],
)  # fmt: skip
def test_thinking_is_kept_apart(message: Any):
    reply = read(reply_with(message))
    assert (reply.text, reply.thinking) == ("answer", "hm")


def test_an_answer_that_was_cut_says_so():
    reply = read(reply_with({"content": '{"a": "I was just'}, "length"))
    assert (reply.text, reply.finish_reason) == ('{"a": "I was just', "length")


def test_json_that_ran_away_into_white_space_has_failed():
    reply = read(reply_with({"content": '{"a":' + " " * 201 + "1}"}, usage={"prompt_tokens": 1}))
    assert (reply.finish_reason, reply.usage.input_tokens) == ("failed", 1)
    assert "white-space" in reply.notes[0]
    assert read(reply_with({"content": '{"a": 1}' + " " * 500})).finish_reason == "stop"


@pytest.mark.parametrize(
    ("given", "usage"),
    [
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4},
             "completion_tokens_details": {"reasoning_tokens": 2}},
            Usage(10, 4, None, 5, 2),
        ),
        # xAI counts reasoning beside the completion.
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22,
             "completion_tokens_details": {"reasoning_tokens": 7}},
            Usage(10, None, None, 12, 7),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 40}},
         Usage(50, 40, None, 1, None)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 3}, Usage(9, 3, None, 1, None)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "num_cached_tokens": 3}, Usage(9, 3, None, 1, None)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 3}, Usage(9, 3, None, 1, None)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cache_write_tokens": 5}}, Usage(9, None, 5, None, None)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cache_write_tokens": 50}}, Usage(9)),
        ({"prompt_tokens": -1, "completion_tokens": "many"}, Usage()),
        ({"prompt_tokens": 10**30, "completion_tokens": True, "completion_tokens_details": 5}, Usage()),
        (None, Usage()),
        ([], Usage()),
    ],
)  # fmt: skip
def test_tokens_are_counted_in_one_way_and_missing_ones_are_unknown(given: Any, usage: Usage):
    assert read(reply_with(usage=given)).usage == usage


@pytest.mark.parametrize(("cost", "kept"), [(0.0021, Decimal("0.0021")), ("x", None), (-1, None), (True, None)])
def test_what_a_router_says_it_cost_is_kept(cost: Any, kept: Decimal | None):
    assert read(reply_with(usage={"prompt_tokens": 1, "cost": cost})).reported_cost_usd == kept


# --- complaints -----------------------------------------------------------------------------------------------------


def said(message: str = "no", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, said("Incorrect API key provided: sk-abc***xyz"), errors.BadCredentials),
        (402, said(), errors.QuotaExceeded),
        (403, said(), errors.Forbidden),
        (404, said("The model does not exist", code="model_not_found"), errors.ModelNotFound),
        (404, {"error": 'model "x" not found'}, errors.ModelNotFound),
        (408, said(), errors.TimedOut),
        (409, said(), errors.Disconnected),
        (429, said(), errors.RateLimited),
        (429, said(code="insufficient_quota"), errors.QuotaExceeded),
        (498, said(), errors.Overloaded),
        (503, said(), errors.Overloaded),
        (500, said(), errors.ServerError),
        (502, b"<html>", errors.ServerError),
        (504, b"", errors.ServerError),
        (524, b"", errors.ServerError),
        (400, said(code="context_length_exceeded"), errors.ContextTooLong),
        (400, said("This model's maximum context length is 8192 tokens"), errors.ContextTooLong),
        (400, said(code="content_policy_violation"), errors.Refused),
        (400, said(innererror={"code": "ResponsibleAIPolicyViolation"}, code="content_filter"), errors.Refused),
        (400, said("Invalid schema for response_format 'answer'"), errors.SchemaRejected),
        (400, said("This model does not support response format"), errors.SchemaRejected),
        (400, said("No", param="response_format"), errors.SchemaRejected),
        (400, said(code="json_validate_failed", failed_generation="{oops"), errors.AnswerRejected),
        (400, said("bad temperature", type="invalid_request_error"), errors.BadRequest),
        (422, {"detail": [{"loc": ["body", "x"], "msg": "field required"}]}, errors.BadRequest),
        (400, {"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, errors.BadRequest),
        (413, b"", errors.BadRequest),
        (200, {"error": {"code": 429, "message": "slow down"}}, errors.RateLimited),
        (200, {"error": {"message": "Provider returned error"}}, errors.ServerError),
        (200, {"choices": None}, errors.ServerError),
        (200, {"choices": []}, errors.ServerError),
        (200, b"<!doctype html><title>Hello</title>", errors.BadReply),
        (200, b'{"choices": [{"mess', errors.BadReply),
        (200, b"", errors.BadReply),
        (200, b"[]", errors.BadReply),
        (204, b"", errors.BadReply),
        (302, b"", errors.BadReply),
        (200, {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "oops"}}},
         errors.ServerError),
        (200, {"object": "error", "message": "no", "code": 40001}, errors.ServerError),
        (529, said(type="overloaded_error"), errors.Overloaded),
        (520, b"", errors.ServerError),
        (400, {"object": "error", "message": "This model's maximum context length is 4096", "code": 400},
         errors.ContextTooLong),
        (413, said("Request too large for model: Limit 6000, Requested 9000", code="rate_limit_exceeded"),
         errors.ContextTooLong),
        (400, said("Prompt filtered", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation",
         "content_filter_result": {"hate": {"filtered": True, "severity": "high"}}}), errors.Refused),
        (400, said(code="tool_use_failed", failed_generation="<function>"), errors.AnswerRejected),
        (400, {"error": "registry/m does not support tools"}, errors.SchemaRejected),
        (400, {"error": "Invalid tool_choice type: 'object'"}, errors.SchemaRejected),
        (404, said("No endpoints found that support tool use.", code=404), errors.SchemaRejected),
        (404, said("No endpoints found for x/y.", code=404), errors.ModelNotFound),
        (400, {"code": "invalid argument", "error": "Incorrect API key provided: xa***9."}, errors.BadCredentials),
        (422, {"object": "error", "message": {"detail": [{"loc": ["body", "seed"], "msg": "extra forbidden"}]},
         "type": "invalid_request_error"}, errors.BadRequest),
        (400, said(5, code=[1], type={}), errors.BadRequest),  # type: ignore[arg-type]
        (500, b"\xff\xfe\0", errors.ServerError),
    ],
)  # fmt: skip
def test_each_complaint_has_its_class(status: int, body: Any, kind: type[errors.ProviderError]):
    with pytest.raises(errors.ProviderError) as caught:
        read(body, status)
    assert type(caught.value) is kind
    assert caught.value.message
    assert len(caught.value.message) < 700
    assert "sk-abc" not in caught.value.message


def test_a_list_of_what_is_wrong_is_told_in_words():
    detail = [{"loc": ["body", "seed"], "msg": "extra forbidden"}]
    for body in ({"detail": detail}, {"object": "error", "message": {"detail": detail}}):
        with pytest.raises(errors.BadRequest, match=r"^HTTP 422: body.seed extra forbidden$"):
            read(body, 422)


def test_an_answer_that_was_held_back_is_kept():
    with pytest.raises(errors.AnswerRejected) as caught:
        read(said(code="json_validate_failed", failed_generation="{oops"), 400)
    assert caught.value.failed_text == "{oops"


def test_the_message_reads_well():
    with pytest.raises(errors.RateLimited, match=r"^HTTP 429: Rate limit reached for m$"):
        read(said("Rate limit reached for m"), 429)
    with pytest.raises(errors.ServerError, match=r"^HTTP 502: fake answered with a web page instead of JSON: Oh no$"):
        read(b"<html><title>Oh no</title>", 502)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3), ({"retry-after": "0.5"}, 0.5), ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1500"}, 1.5), ({"retry-after": "soon"}, None), ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_wait_is_read_in_each_form(headers: dict[str, str], seconds: float | None):
    with pytest.raises(errors.RateLimited) as caught:
        read(said(), 429, **headers)
    assert caught.value.retry_after_seconds == seconds


def test_the_wait_may_be_a_date_or_stand_in_the_body():
    with pytest.raises(errors.RateLimited) as caught:
        read(said(), 429, **{"retry-after": formatdate(time() + 60, usegmt=True)})
    assert 50 < (caught.value.retry_after_seconds or 0) <= 60
    assert not caught.value.can_retry
    with pytest.raises(errors.RateLimited) as caught:
        read(said(details=[{"retryDelay": "4s"}]), 429)
    assert caught.value.retry_after_seconds == 4
    assert caught.value.can_retry


def test_a_provider_has_the_last_word_on_trying_again():
    with pytest.raises(errors.ServerError) as caught:
        read(said(), 500, **{"x-should-retry": "false"})
    assert not caught.value.can_retry
