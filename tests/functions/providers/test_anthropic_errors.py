"""What Anthropic says when it does not answer."""

from email.utils import formatdate
from time import time
from typing import Any

import pytest

from functions.providers import errors
from functions.providers.anthropic import Anthropic
from opperweb import json

ADAPTER = Anthropic("anthropic", "https://api.anthropic.com", "key")


def read(value: Any, status: int, **headers: str) -> Any:
    return ADAPTER.reply(status, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


def said(type_: str, message: str = "no") -> dict[str, Any]:
    return {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_1"}


def bad(message: str) -> dict[str, Any]:
    return said("invalid_request_error", message)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, said("authentication_error", "invalid x-api-key sk-ant-api03-abcdef"), errors.BadCredentials),
        (402, said("billing_error"), errors.QuotaExceeded),
        (403, said("permission_error"), errors.Forbidden),
        (404, said("not_found_error", "model: claude-9"), errors.ModelNotFound),
        (413, said("request_too_large"), errors.ContextTooLong),
        (429, said("rate_limit_error"), errors.RateLimited),
        (500, said("api_error"), errors.ServerError),
        (504, said("timeout_error"), errors.ServerError),
        (529, said("overloaded_error"), errors.Overloaded),
        (503, b"upstream connect error", errors.Overloaded),
        (408, b"", errors.TimedOut),
        (409, b"", errors.Disconnected),
        (413, b"<html>", errors.ContextTooLong),
        (502, b"<html>", errors.ServerError),
        (524, b"", errors.ServerError),
        (400, bad("prompt is too long: 210000 tokens > 200000 maximum"), errors.ContextTooLong),
        (
            400,
            bad("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
            errors.ContextTooLong,
        ),
        (400, bad("Your credit balance is too low to access the Anthropic API."), errors.QuotaExceeded),
        (400, bad("Output blocked by content filtering policy"), errors.Refused),
        (400, bad("output_config.format: Extra inputs are not permitted"), errors.SchemaRejected),
        (
            400,
            bad("output_format.schema: For 'object' type, 'additionalProperties' must be false"),
            errors.SchemaRejected,
        ),
        (400, bad("The compiled grammar is too large"), errors.SchemaRejected),
        (400, bad("Schema is too complex"), errors.SchemaRejected),
        (400, bad("Thinking may not be enabled when tool_choice forces tool use."), errors.SchemaRejected),
        (400, bad("output_config.effort: this model does not support it"), errors.BadRequest),
        (400, bad("max_tokens: Field required"), errors.BadRequest),
        (415, b"", errors.BadRequest),
        (422, {"detail": "no"}, errors.BadRequest),
        (200, said("overloaded_error"), errors.Overloaded),
        (200, said("something_new"), errors.ServerError),
        (200, {"type": "message"}, errors.BadReply),
        (200, b"<!doctype html><title>Hello</title>", errors.BadReply),
        (200, b'{"type": "mess', errors.BadReply),
        (200, b"", errors.BadReply),
        (200, b"[]", errors.BadReply),
        (302, b"", errors.BadReply),
        (400, {"error": {"type": 5, "message": [1]}}, errors.BadRequest),
        (500, b"\xff\xfe\0", errors.ServerError),
    ],
)
def test_each_complaint_has_its_class(status: int, body: Any, kind: type[errors.ProviderError]):
    with pytest.raises(errors.ProviderError) as caught:
        read(body, status)
    assert type(caught.value) is kind
    assert caught.value.message
    assert len(caught.value.message) < 700
    assert "abcdef" not in caught.value.message


def test_the_message_reads_well():
    with pytest.raises(errors.RateLimited, match=r"^HTTP 429: Too many tokens$") as caught:
        read(said("rate_limit_error", "Too many\ntokens"), 429)
    assert caught.value.http_status == 429
    with pytest.raises(
        errors.ServerError, match=r"^HTTP 502: anthropic answered with a web page instead of JSON: Oh no$"
    ):
        read(b"<html><title>Oh no</title>", 502)
    with pytest.raises(errors.BadReply, match="redirects to https://elsewhere/; no redirect is followed") as caught:
        read(b"", 307, Location="https://elsewhere/?key=secret")
    assert not caught.value.can_retry


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3), ({"retry-after": "0.5"}, 0.5), ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1500"}, 1.5), ({"retry-after": "soon"}, None), ({}, None),
    ],
)  # fmt: skip
def test_the_wait_is_read_in_each_form(headers: dict[str, str], seconds: float | None):
    with pytest.raises(errors.RateLimited) as caught:
        read(said("rate_limit_error"), 429, **headers)
    assert caught.value.retry_after_seconds == seconds
    assert caught.value.can_retry


def test_the_wait_may_be_a_date():
    with pytest.raises(errors.RateLimited) as caught:
        read(said("rate_limit_error"), 429, **{"retry-after": formatdate(time() + 60, usegmt=True)})
    assert 50 < (caught.value.retry_after_seconds or 0) <= 60
    assert not caught.value.can_retry


def test_the_vendor_has_the_last_word_on_trying_again():
    with pytest.raises(errors.Overloaded) as caught:
        read(said("overloaded_error"), 529, **{"x-should-retry": "false"})
    assert not caught.value.can_retry
