"""What Google says when it does not answer."""

from email.utils import formatdate
from time import time
from typing import Any

import pytest

from functions.providers import errors
from functions.providers.gemini import Gemini
from opperweb import json

ADAPTER = Gemini("gemini", "https://generativelanguage.googleapis.com", "key")
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def read(value: Any, status: int, **headers: str) -> Any:
    return ADAPTER.reply(status, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


def said(code: int, status: str, message: str = "no", details: Any = ()) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def bad(message: str, details: Any = ()) -> dict[str, Any]:
    return said(400, "INVALID_ARGUMENT", message, details)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, said(401, "UNAUTHENTICATED"), errors.BadCredentials),
        (400, bad("API key not valid. Please pass a valid API key."), errors.BadCredentials),
        (400, bad("API key expired. Please renew the API key."), errors.BadCredentials),
        (400, bad("no", [{"@type": "x", "reason": "API_KEY_INVALID"}]), errors.BadCredentials),
        (402, b"", errors.QuotaExceeded),
        (403, said(403, "PERMISSION_DENIED"), errors.Forbidden),
        (404, said(404, "NOT_FOUND", "models/gemini-9 is not found"), errors.ModelNotFound),
        (408, b"", errors.TimedOut),
        (409, said(409, "ABORTED"), errors.Disconnected),
        (429, said(429, "RESOURCE_EXHAUSTED", "Quota exceeded: input_token_count"), errors.RateLimited),
        (429, said(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), errors.QuotaExceeded),
        (499, said(499, "CANCELLED"), errors.Disconnected),
        (500, said(500, "INTERNAL", "see the schema of errors"), errors.ServerError),
        (503, said(503, "UNAVAILABLE", "The model is overloaded."), errors.Overloaded),
        (504, said(504, "DEADLINE_EXCEEDED"), errors.ServerError),
        (502, b"<html>", errors.ServerError),
        (524, b"", errors.ServerError),
        (400, bad("The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."),
         errors.ContextTooLong),
        (400, bad("The specified schema produces a constraint that has too many states for serving."),
         errors.SchemaRejected),
        (400, bad('Invalid JSON payload received. Unknown name "responseJsonSchema"'), errors.SchemaRejected),
        (400, bad("JSON mode is not enabled for models/gemma-3-27b-it"), errors.SchemaRejected),
        (400, bad("Function calling is not enabled for this model"), errors.SchemaRejected),
        (400, bad("Tool use with a response mime type: 'application/json' is unsupported"), errors.SchemaRejected),
        (400, bad("Unknown name \"speed\": Cannot find field."), errors.BadRequest),
        (400, said(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), errors.BadRequest),
        (413, b"", errors.BadRequest),
        (422, {"detail": "no"}, errors.BadRequest),
        (503, [said(503, "UNAVAILABLE")], errors.Overloaded),
        (400, {"error": "no"}, errors.BadRequest),
        (200, said(503, "UNAVAILABLE"), errors.Overloaded),
        (200, [said(429, "RESOURCE_EXHAUSTED")], errors.RateLimited),
        (200, {"error": "no"}, errors.ServerError),
        (200, {}, errors.ServerError),
        (200, {"candidates": []}, errors.ServerError),
        (200, {"usageMetadata": {"promptTokenCount": 1}}, errors.ServerError),
        (200, b"<!doctype html><title>Hello</title>", errors.BadReply),
        (200, b'{"candidates": [{"mess', errors.BadReply),
        (200, b"", errors.BadReply),
        (200, b"[]", errors.BadReply),
        (200, b"[1]", errors.BadReply),
        (302, b"", errors.BadReply),
        (400, {"error": {"code": "x", "message": [1], "status": 5, "details": 7}}, errors.BadRequest),
        (500, b"\xff\xfe\0", errors.ServerError),
    ],
)  # fmt: skip
def test_each_complaint_has_its_class(status: int, body: Any, kind: type[errors.ProviderError]):
    with pytest.raises(errors.ProviderError) as caught:
        read(body, status)
    assert type(caught.value) is kind
    assert caught.value.message
    assert len(caught.value.message) < 700


def test_the_message_reads_well_and_repeats_no_key():
    with pytest.raises(errors.Overloaded, match=r"^HTTP 503: The model is overloaded\.$"):
        read(said(503, "UNAVAILABLE", "The model\nis overloaded."), 503)
    with pytest.raises(errors.Overloaded, match=r"^HTTP 503: Later$"):
        read(said(503, "UNAVAILABLE", "Later"), 200)
    with pytest.raises(errors.ServerError, match=r"^HTTP 502: gemini answered with a web page instead of JSON: Oh no$"):
        read(b"<html><title>Oh no</title>", 502)
    with pytest.raises(errors.BadCredentials) as caught:
        read(bad("API key not valid: AIzaSyA1234567890abcdef"), 400)
    assert "AIza" not in caught.value.message


def test_the_wait_stands_in_the_body():
    details = [{"@type": "type.googleapis.com/google.rpc.Help"}, {"@type": RETRY_INFO, "retryDelay": "4.5s"}]
    with pytest.raises(errors.RateLimited) as caught:
        read(said(429, "RESOURCE_EXHAUSTED", details=details), 429)
    assert caught.value.retry_after_seconds == 4.5
    assert caught.value.can_retry
    with pytest.raises(errors.RateLimited) as caught:
        read(said(429, "RESOURCE_EXHAUSTED", details=[{"@type": RETRY_INFO, "retryDelay": "34s"}]), 429)
    assert caught.value.retry_after_seconds == 34
    assert not caught.value.can_retry


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3), ({"retry-after-ms": "250"}, 0.25), ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "soon"}, None), ({}, None),
    ],
)  # fmt: skip
def test_the_wait_is_read_from_headers_in_each_form(headers: dict[str, str], seconds: float | None):
    with pytest.raises(errors.RateLimited) as caught:
        read(said(429, "RESOURCE_EXHAUSTED"), 429, **headers)
    assert caught.value.retry_after_seconds == seconds


def test_the_wait_may_be_a_date():
    with pytest.raises(errors.RateLimited) as caught:
        read(said(429, "RESOURCE_EXHAUSTED"), 429, **{"retry-after": formatdate(time() + 60, usegmt=True)})
    assert 50 < (caught.value.retry_after_seconds or 0) <= 60


def test_a_quota_by_the_day_does_not_come_back_in_seconds():
    details = [
        {"@type": "x", "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
        {"@type": RETRY_INFO, "retryDelay": "2s"},
    ]
    with pytest.raises(errors.RateLimited) as caught:
        read(said(429, "RESOURCE_EXHAUSTED", details=details), 429)
    assert not caught.value.can_retry
