"""What every dialect offers, and one exchange with a provider as it is kept: question, answer, times, no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from functions.providers.chat import ChatDelta, ChatReply, ChatRequest, SchemaDialect, Strategy
from functions.providers.embeddings import Embeddings
from functions.providers.errors import ProviderError


@dataclass(frozen=True)
class WireRequest:
    """A question in the form of a vendor. `notes` name what was left out or changed on the way, in words."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    notes: tuple[str, ...] = ()
    # What is kept of a body that holds files: the same without their bytes.
    summary: str | None = None


@dataclass(frozen=True)
class ServerSentEvent:
    """One event of a stream: its name, "message" where it has none, and its data."""

    name: str
    data: str


class StreamReader(Protocol):
    """Reads the events of one stream in order and remembers what they come to; knows no I/O."""

    def read(self, event: ServerSentEvent) -> ChatDelta | None:
        """Return what the event adds, if anything; raise ProviderError for an error that comes in the stream."""

    @property
    def is_over(self) -> bool:
        """Tell whether the vendor has said that nothing more comes."""

    def reply(self) -> ChatReply:
        """Return what the stream came to so far; finish_reason is "failed" where none has come."""


class Adapter(Protocol):
    """One vendor's wire format: pure functions, no I/O."""

    dialect: SchemaDialect
    base_url: str
    # A schema that is sent is put before the model's eyes; where not, the prompt has to tell its shape.
    shows_schemas: bool

    def strategies(self, model: str) -> tuple[Strategy, ...]:
        """Return the ways in which this model can be asked for structure, the best first."""

    def request(self, chat: ChatRequest) -> WireRequest:
        """Return the chat as this vendor wants it."""

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> ChatReply:
        """Return what the vendor answered; raise ProviderError where that is no answer."""

    def stream(self, chat: ChatRequest, headers: Mapping[str, str]) -> StreamReader:
        """Return a reader for the answer to a request that was asked with `is_streamed`."""

    def embedding_request(self, model: str, texts: Sequence[str]) -> WireRequest:
        """Return what asks for the vectors of texts; raise BadRequest where the vendor makes none."""

    def embeddings(self, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Embeddings:
        """Return the vectors of `count` texts; raise ProviderError where the answer holds none."""


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
    # Of a stream: the first piece with more than white space in it, and (ms since sending, bytes so far) by chunk.
    first_token_ms: float | None = None
    chunk_ms: list[tuple[float, int]] = field(default_factory=list)
    duration_ms: float | None = None
    notes: tuple[str, ...] = ()
    reply: ChatReply | None = None
    error: ProviderError | None = None
