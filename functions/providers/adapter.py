"""What every dialect offers, and one exchange with a provider as it is kept: question, answer, times, no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from functions.providers.chat import ChatReply, ChatRequest
from functions.providers.errors import ProviderError


@dataclass(frozen=True)
class WireRequest:
    """A question in the form of a vendor. `notes` name what was left out or changed on the way, in words."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    notes: tuple[str, ...] = ()


class Adapter(Protocol):
    """One vendor's wire format: pure functions, no I/O."""

    def request(self, chat: ChatRequest) -> WireRequest:
        """Return the chat as this vendor wants it."""

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> ChatReply:
        """Return what the vendor answered; raise ProviderError where that is no answer."""


@dataclass(frozen=True)
class Exchange:
    """One request to a provider and what came of it: a reply or an error. All secrets are out already."""

    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str | None
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str | None = None
    http_status: int | None = None
    queue_ms: float | None = None
    first_byte_ms: float | None = None
    duration_ms: float | None = None
    notes: tuple[str, ...] = ()
    reply: ChatReply | None = None
    error: ProviderError | None = None
