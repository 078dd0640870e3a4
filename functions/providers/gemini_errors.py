"""What Google says when it does not answer, sorted into our errors."""

from __future__ import annotations

import re
from typing import Any

from functions.providers.errors import (
    BadCredentials,
    BadRequest,
    ContextTooLong,
    Disconnected,
    Forbidden,
    ModelNotFound,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    SchemaRejected,
    ServerError,
    TimedOut,
    retry_after_seconds,
    should_retry,
)
from functions.providers.openai_errors import excerpt
from functions.providers.reading import objects_in, redirect_error, text_in
from functions.providers.secrets import without_quoted_keys

MOST_CHARACTERS = 500
BY_NAME: dict[str, type[ProviderError]] = {
    "UNAUTHENTICATED": BadCredentials,
    "PERMISSION_DENIED": Forbidden,
    "NOT_FOUND": ModelNotFound,
    "RESOURCE_EXHAUSTED": RateLimited,
    "UNAVAILABLE": Overloaded,
    "INTERNAL": ServerError,
    "UNKNOWN": ServerError,
    "DEADLINE_EXCEEDED": ServerError,
    "CANCELLED": Disconnected,
    "ABORTED": Disconnected,
}
BY_STATUS: dict[int, type[ProviderError]] = {
    401: BadCredentials,
    402: QuotaExceeded,
    403: Forbidden,
    404: ModelNotFound,
    408: TimedOut,
    409: Disconnected,
    429: RateLimited,
    499: Disconnected,
    503: Overloaded,
}
# A wrong key is a wrong argument to Google.
BAD_KEY = re.compile(r"API[ _]key (is )?(not valid|invalid|expired|not found)|API_KEY_INVALID", re.IGNORECASE)
TOO_LONG = re.compile(r"exceeds? the maximum number of tokens|input token count", re.IGNORECASE)
USED_UP = re.compile(r"credits? (is|are) depleted", re.IGNORECASE)
SCHEMA = re.compile(
    r"schema|response[_ ]?mime[_ ]?type|json mode|function[ _]?call\w* is not (enabled|supported)|response[_ ]?format"
    r"|too many states|grammar is too large|too complex|additionalProperties",
    re.IGNORECASE,
)


def error_of(status: int, headers: dict[str, str], value: Any, body: bytes, *, provider: str) -> ProviderError:
    """Return the error that a body without an answer stands for; header names are in small letters."""
    if 300 <= status < 400:
        return redirect_error(status, headers, provider=provider)
    error = error_in(value)
    said = " ".join(text_in(error, "message").replace("\0", "").split())[:MOST_CHARACTERS]
    if status < 300:
        # An error inside of a reply that calls itself a success.
        code = error.get("code")
        status = code if isinstance(code, int) and 400 <= code <= 599 else 502
    return _class_of(status, error, said)(
        f"HTTP {status}: {without_quoted_keys(said) if said else f'{provider} answered with {excerpt(body)}'}",
        http_status=status,
        retry_after_seconds=retry_after_seconds(headers, error),
        should_retry=False if _is_used_up_for_today(error) else should_retry(headers),
    )


def error_in(value: Any) -> dict[str, Any]:
    """Return the error of a body or an event, which may be a list with the error in it; empty where there is none."""
    for one in value if isinstance(value, list) else [value]:
        error = one.get("error") if isinstance(one, dict) else None
        if error:
            return error if isinstance(error, dict) else {"message": str(error)[:MOST_CHARACTERS]}
    return {}


def _class_of(status: int, error: dict[str, Any], said: str) -> type[ProviderError]:
    reasons = " ".join(text_in(detail, "reason") for detail in objects_in(error, "details"))
    if status < 500:
        if BAD_KEY.search(f"{said} {reasons}"):
            return BadCredentials
        if USED_UP.search(said):
            return QuotaExceeded
    if status in (400, 413) and TOO_LONG.search(said):
        return ContextTooLong
    if status in (400, 422) and SCHEMA.search(said):
        return SchemaRejected
    name = text_in(error, "status")
    if name in BY_NAME:
        return BY_NAME[name]
    if status in BY_STATUS:
        return BY_STATUS[status]
    return ServerError if status >= 500 else BadRequest


def _is_used_up_for_today(error: dict[str, Any]) -> bool:
    """Tell whether a quota by the day is behind it: the delay that comes with it helps no one."""
    violations = (each for detail in objects_in(error, "details") for each in objects_in(detail, "violations"))
    return any("PerDay" in text_in(violation, "quotaId") for violation in violations)
