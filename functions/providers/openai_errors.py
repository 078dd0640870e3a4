"""What servers of OpenAI's dialect say when they do not answer, sorted into our errors."""

from __future__ import annotations

import re
from typing import Any

from functions.providers.errors import (
    AnswerRejected,
    BadCredentials,
    BadReply,
    BadRequest,
    ContextTooLong,
    Disconnected,
    Forbidden,
    ModelNotFound,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Refused,
    SchemaRejected,
    ServerError,
    TimedOut,
    retry_after_seconds,
    should_retry,
)
from functions.providers.secrets import without_quoted_keys

MOST_CHARACTERS = 500
BY_STATUS: dict[int, type[ProviderError]] = {
    401: BadCredentials,
    402: QuotaExceeded,
    403: Forbidden,
    404: ModelNotFound,
    408: TimedOut,
    409: Disconnected,
    429: RateLimited,
    498: Overloaded,
    503: Overloaded,
    529: Overloaded,
}
BY_CODE: dict[str, type[ProviderError]] = {
    "json_validate_failed": AnswerRejected,
    "tool_use_failed": AnswerRejected,
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "content_policy_violation": Refused,
    "content_filter": Refused,
    "insufficient_quota": QuotaExceeded,
    "billing_error": QuotaExceeded,
    "model_not_found": ModelNotFound,
    "invalid_api_key": BadCredentials,
    "rate_limit_exceeded": RateLimited,
    "overloaded_error": Overloaded,
    "server_error": ServerError,
    "invalid_request_error": BadRequest,
}
TOO_LONG = re.compile(
    r"maximum context length|context (length|window|size)|prompt is too long|exceeds? the maximum number of tokens"
    r"|too many (input )?tokens|input is too long|request too large",
    re.IGNORECASE,
)
SCHEMA = re.compile(
    r"response[_ ]?format|schema|too many states|grammar is too large|too complex|additionalProperties"
    r"|tool[_ ]choice|parallel_tool_calls|not support (tools|tool use|tool calling|function calling)",
    re.IGNORECASE,
)
# A router says so, with 404, when none of its hosts takes all that was asked for.
NO_HOST = re.compile(r"no endpoints found that (support|can handle)", re.IGNORECASE)
WRONG_KEY = re.compile(r"(incorrect|invalid) api key", re.IGNORECASE)


def error_of(status: int, headers: dict[str, str], value: Any, body: bytes, *, provider: str) -> ProviderError:
    """Return the error that a body without an answer stands for; header names are in small letters."""
    if 300 <= status < 400:
        where = headers.get("location", "another address").partition("?")[0][:200]
        return BadReply(
            f"HTTP {status}: {provider} redirects to {where}; no redirect is followed, correct the base URL",
            http_status=status,
            should_retry=False,
        )
    error = _error_object(value)
    said = _said(error, value)
    if status < 300:
        # An error inside of a reply that calls itself a success.
        status = _status_inside(error) or 502
    kind = _class_of(status, error, said)
    return kind(
        f"HTTP {status}: {without_quoted_keys(said) if said else f'{provider} answered with {excerpt(body)}'}",
        http_status=status,
        retry_after_seconds=retry_after_seconds(headers, error),
        should_retry=should_retry(headers),
        failed_text=_failed_text(error) if kind is AnswerRejected else None,
    )


def excerpt(body: bytes) -> str:
    """Return what a body that is not the JSON it should be looks like, in words."""
    text = " ".join(body[: MOST_CHARACTERS * 8].decode("utf-8", "replace").replace("\0", "").split())
    if not text:
        return "an empty body"
    start = without_quoted_keys(text)[:MOST_CHARACTERS]
    if re.match(r"<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.{1,200}?)</title>", text, re.IGNORECASE)
        return f"a web page instead of JSON: {title[1] if title else start}"
    if text[0] in "{[":
        return f"JSON that is cut off or not what a chat completion looks like: {start}"
    return f"something other than JSON: {start}"


def _error_object(value: Any) -> dict[str, Any]:
    """Return the error in one of the forms that servers have for it."""
    if not isinstance(value, dict):
        return {}
    error = value.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"message": error}
    # Mistral and older vLLM have no wrapping; FastAPI servers have `detail`.
    return value


def _said(error: dict[str, Any], value: Any) -> str:
    message = error.get("message")
    if not isinstance(message, str) or not message.strip():
        # Mistral puts the list of FastAPI into the message.
        detail = message.get("detail") if isinstance(message, dict) else error.get("detail")
        message = "; ".join(map(_detail, detail)) if isinstance(detail, list) else detail
    if not isinstance(message, str):
        return ""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw and raw != message:
        # OpenRouter says "Provider returned error" and hides the reason here.
        message = f"{message} ({raw})"
    return " ".join(message.replace("\0", "").split())[:MOST_CHARACTERS]


def _detail(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)[:200]
    place = entry.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{where} {entry.get('msg', '')}".strip()[:200]


def _codes(error: dict[str, Any]) -> list[str]:
    inner = error.get("innererror")
    values = [error.get("code"), inner.get("code") if isinstance(inner, dict) else None, error.get("type")]
    return [value for value in values if isinstance(value, str)]


def _status_inside(error: dict[str, Any]) -> int | None:
    code = error.get("code")
    if isinstance(code, str) and code.isascii() and code.isdecimal() and len(code) == 3:
        code = int(code)
    return code if isinstance(code, int) and 400 <= code <= 599 else None


def _class_of(status: int, error: dict[str, Any], said: str) -> type[ProviderError]:
    codes = _codes(error)
    for code in codes:
        found = BY_CODE.get(code)
        # These two say less than the status and the text do.
        if found not in (None, BadRequest, ServerError, RateLimited):
            return found
    if "ResponsibleAIPolicyViolation" in codes:
        return Refused
    if status in (400, 413, 422, 500) and TOO_LONG.search(said):
        return ContextTooLong
    if status in (400, 422) and (SCHEMA.search(said) or "response_format" in str(error.get("param"))[:200]):
        return SchemaRejected
    if status == 404 and NO_HOST.search(said):
        return SchemaRejected
    if status == 400 and WRONG_KEY.search(said):
        return BadCredentials
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status == 502 and codes and codes[0] in BY_CODE:
        return BY_CODE[codes[0]]
    return ServerError if status >= 500 else BadRequest


def _failed_text(error: dict[str, Any]) -> str | None:
    text = error.get("failed_generation")
    return text if isinstance(text, str) else None
