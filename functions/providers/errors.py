"""What can go wrong between us and a provider, and whether asking again can help.

ProviderError
├── RateLimited · QuotaExceeded · Overloaded · ServerError     the provider cannot now
├── TimedOut · Disconnected · BadReply                         nothing, or nothing readable, came back
├── BadCredentials · Forbidden · ModelNotFound                 the account or the name is wrong
├── SchemaRejected · ContextTooLong · BadRequest               the provider does not take the question
└── AnswerRejected · Refused                                   the model's answer was held back
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from time import time
from typing import Any

# Whoever asks for more patience than this is not asked a second time.
LONGEST_WAIT_SECONDS = 10.0


class ProviderError(Exception):
    """A request that led to no answer. `message` is a sentence for people and holds no secret."""

    kind: str = "provider_error"
    # The same candidate again, after a while, may bring an answer.
    can_retry: bool = False
    # Another candidate may bring one.
    tries_next: bool = True

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_seconds: float | None = None,
        failed_text: str | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status
        self.retry_after_seconds = retry_after_seconds
        self.failed_text = failed_text
        # A provider's own word on the matter counts more than what its status usually means.
        if should_retry is not None:
            self.can_retry = should_retry
        if retry_after_seconds is not None and retry_after_seconds > LONGEST_WAIT_SECONDS:
            self.can_retry = False


class RateLimited(ProviderError):
    """Too many requests or tokens in too short a time."""

    kind = "rate_limit"
    can_retry = True


class QuotaExceeded(ProviderError):
    """The account is used up; waiting does not help."""

    kind = "quota"


class Overloaded(ProviderError):
    """The provider has more to do than it can."""

    kind = "overloaded"
    can_retry = True


class ServerError(ProviderError):
    """The provider failed."""

    kind = "server_error"
    can_retry = True


class TimedOut(ProviderError):
    """No connection, or no whole answer, in the time there was."""

    kind = "timeout"
    can_retry = True


class Disconnected(ProviderError):
    """There was no connection, or it ended before the answer did."""

    kind = "connection"
    can_retry = True


class BadReply(ProviderError):
    """What came back is not what the dialect knows: a web page, JSON that is cut off, a redirect."""

    kind = "bad_reply"
    can_retry = True


class BadCredentials(ProviderError):
    """The provider does not know the key."""

    kind = "credentials"


class Forbidden(ProviderError):
    """The key may not do this."""

    kind = "forbidden"


class ModelNotFound(ProviderError):
    """The provider has no such model, or nothing at this address."""

    kind = "model_not_found"


class SchemaRejected(ProviderError):
    """The provider does not take this schema; the same model may answer without it."""

    kind = "schema_rejected"


class ContextTooLong(ProviderError):
    """The prompt is longer than the model can read."""

    kind = "context_length"


class BadRequest(ProviderError):
    """The provider does not take the request for another reason."""

    kind = "bad_request"


class AnswerRejected(ProviderError):
    """The provider checked the answer itself and held it back; `failed_text` is that answer."""

    kind = "answer_rejected"


class Refused(ProviderError):
    """A filter of the provider or the model itself declined."""

    kind = "content_policy"


def retry_after_seconds(headers: dict[str, str], error: Any = None) -> float | None:
    """Return how long the provider asks us to wait, from headers (names in small letters) or the error in the body."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _seconds(headers.get(name, ""))
        if milliseconds is not None:
            return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    seconds = _seconds(value)
    if seconds is None and value:
        seconds = _until(value)
    return _retry_delay(error) if seconds is None else seconds


def should_retry(headers: dict[str, str]) -> bool | None:
    """Return what x-should-retry says, or None."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _until(text: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, OverflowError, OSError):
        return None


def _retry_delay(error: Any) -> float | None:
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and isinstance(delay := detail.get("retryDelay"), str) and delay.endswith("s"):
            return _seconds(delay[:-1])
    return None
