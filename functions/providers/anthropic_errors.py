"""What Anthropic says when it does not answer, sorted into our errors."""

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
    Refused,
    SchemaRejected,
    ServerError,
    TimedOut,
    retry_after_seconds,
    should_retry,
)
from functions.providers.openai_errors import excerpt
from functions.providers.reading import object_in, redirect_error, text_in
from functions.providers.secrets import without_quoted_keys

MOST_CHARACTERS = 500
BY_TYPE: dict[str, type[ProviderError]] = {
    "authentication_error": BadCredentials,
    "billing_error": QuotaExceeded,
    "permission_error": Forbidden,
    "not_found_error": ModelNotFound,
    "request_too_large": ContextTooLong,
    "rate_limit_error": RateLimited,
    "overloaded_error": Overloaded,
    "timeout_error": ServerError,
}
BY_STATUS: dict[int, type[ProviderError]] = {
    401: BadCredentials,
    402: QuotaExceeded,
    403: Forbidden,
    404: ModelNotFound,
    408: TimedOut,
    409: Disconnected,
    413: ContextTooLong,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
# What the types stand for where no status of HTTP tells: in a stream that began well.
STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
TOO_LONG = re.compile(
    r"prompt is too long|exceed(s|ed)? (the )?(model'?s )?(context|maximum) (limit|window|length)", re.IGNORECASE
)
USED_UP = re.compile(r"credit balance|usage limit", re.IGNORECASE)
FILTERED = re.compile(r"content filtering policy", re.IGNORECASE)
# Effort stands in output_config too and has nothing to do with the schema.
SCHEMA = re.compile(
    r"output_config(?!\.effort)|output[_ ]format|structured output|response[_ ]?format|schema|tool_choice"
    r"|too many states|grammar is too large|too complex|additionalProperties",
    re.IGNORECASE,
)


def error_of(status: int, headers: dict[str, str], value: Any, body: bytes, *, provider: str) -> ProviderError:
    """Return the error that a body without an answer stands for; header names are in small letters."""
    if 300 <= status < 400:
        return redirect_error(status, headers, provider=provider)
    error = object_in(value, "error") if isinstance(value, dict) else {}
    type_ = text_in(error, "type")
    said = " ".join(text_in(error, "message").replace("\0", "").split())[:MOST_CHARACTERS]
    if status < 300:
        # An error inside of a reply that calls itself a success.
        status = STATUS_OF_TYPE.get(type_, 502)
    kind = _class_of(status, type_, said)
    return kind(
        f"HTTP {status}: {without_quoted_keys(said) if said else f'{provider} answered with {excerpt(body)}'}",
        http_status=status,
        retry_after_seconds=retry_after_seconds(headers, error),
        should_retry=should_retry(headers),
    )


def _class_of(status: int, type_: str, said: str) -> type[ProviderError]:
    if type_ in BY_TYPE:
        return BY_TYPE[type_]
    if status == 400:
        for words, kind in ((TOO_LONG, ContextTooLong), (USED_UP, QuotaExceeded), (FILTERED, Refused)):
            if words.search(said):
                return kind
    if status in (400, 422) and SCHEMA.search(said):
        return SchemaRejected
    if status in BY_STATUS:
        return BY_STATUS[status]
    return ServerError if status >= 500 else BadRequest
