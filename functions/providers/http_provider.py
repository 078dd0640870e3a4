"""An account behind an address: asks over the network, at once or piece by piece, and keeps no secret."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from functions.providers import transport
from functions.providers.adapter import Adapter, Exchange, ServerSentEvent, StreamReader, WireRequest
from functions.providers.chat import ChatDelta, ChatReply, ChatRequest, SchemaDialect, Strategy
from functions.providers.embeddings import Embeddings
from functions.providers.errors import BadReply, BadRequest, Disconnected, ProviderError, TimedOut
from functions.providers.secrets import (
    harmless_headers,
    harmless_url,
    secrets_of,
    without_quoted_keys,
    without_secrets,
)
from functions.providers.sse import BYTE_ORDER_MARK, EventDecoder, TooLong

# In the record of an answer, base64 from this length on makes way for its size.
SHORTEST_FILE = 200
LATE_END = "the connection ended without the word that the stream is over; the answer was complete"


class HttpProvider:
    """An account in one dialect."""

    def __init__(self, name: str, kind: str, adapter: Adapter, secret: str = "") -> None:
        self.name = name
        self.kind = kind
        self.adapter = adapter
        self.secret = secret

    @property
    def dialect(self) -> SchemaDialect:
        """Return whose rules its schemas follow."""
        return self.adapter.dialect

    @property
    def base_url(self) -> str:
        """Return where it is reached."""
        return self.adapter.base_url

    @property
    def shows_schemas(self) -> bool:
        """Tell whether a schema that is sent is put before the model's eyes."""
        return self.adapter.shows_schemas

    def strategies(self, model: str) -> tuple[Strategy, ...]:
        """Return the ways in which this model can be asked for structure, the best first."""
        return self.adapter.strategies(model)

    async def ask(self, chat: ChatRequest, *, timeout_seconds: float) -> Exchange:
        """Ask once, over the network."""
        wire = self.written(chat)
        if isinstance(wire, ProviderError):
            return Exchange("POST", "", {}, None, error=wire)
        secrets = secrets_of(wire.url, wire.headers, self.secret)
        answer = await transport.send(wire, provider=self.name, timeout_seconds=timeout_seconds, secrets=secrets)
        reply, error = None, answer.error
        if error is None:
            reply, error = self.read(answer)
        return _exchange(wire, answer, secrets, reply, error)

    def stream(
        self, chat: ChatRequest, *, timeout_seconds: float, first_byte_seconds: float = 30, idle_seconds: float = 30
    ) -> HttpStreaming:
        """Ask once for an answer that comes piece by piece."""
        patience = transport.Patience(timeout_seconds, first_byte_seconds, idle_seconds)
        return HttpStreaming(self, replace(chat, is_streamed=True), patience)

    async def embed(self, model: str, texts: Sequence[str], *, timeout_seconds: float) -> Embeddings | ProviderError:
        """Ask once for the vectors of texts, over the network; an error is returned and holds no secret."""
        try:
            wire = self.adapter.embedding_request(model, texts)
        except ProviderError as problem:
            return problem
        secrets = secrets_of(wire.url, wire.headers, self.secret)
        answer = await transport.send(wire, provider=self.name, timeout_seconds=timeout_seconds, secrets=secrets)
        if answer.error is not None:
            return _without_secrets(answer.error, secrets)
        try:
            return self.adapter.embeddings(answer.status or 0, answer.headers, answer.body, len(texts))
        except ProviderError as problem:
            return _without_secrets(problem, secrets)

    def written(self, chat: ChatRequest) -> WireRequest | ProviderError:
        """Return the chat as it is sent, or why it cannot be."""
        try:
            return self.adapter.request(chat)
        except ProviderError as error:
            return error
        except (ValueError, TypeError, RecursionError) as problem:
            return BadRequest(f"the request to {self.name} cannot be written: {str(problem)[:200]}")

    def read(self, answer: transport.RawAnswer) -> tuple[ChatReply | None, ProviderError | None]:
        """Return the reply that an answer is, or the error."""
        try:
            return self.adapter.reply(answer.status or 0, answer.headers, answer.body), None
        except ProviderError as error:
            return None, error


class HttpStreaming:
    """One answer that comes piece by piece: `async with` it, `async for` over it, then look at its exchange."""

    def __init__(self, provider: HttpProvider, chat: ChatRequest, patience: transport.Patience) -> None:
        self.provider = provider
        self.chat = chat
        self.patience = patience
        self.first_token_ms: float | None = None
        self._wire: WireRequest | None = None
        self._secrets: tuple[str, ...] = ()
        self._arriving: transport.Arriving | None = None
        self._reader: StreamReader | None = None
        self._decoder = EventDecoder()
        self._deltas: deque[ChatDelta] = deque()
        self._has_begun = False
        self._is_through = False
        self._reply: ChatReply | None = None
        self._error: ProviderError | None = None

    async def __aenter__(self) -> HttpStreaming:
        wire = self.provider.written(self.chat)
        if isinstance(wire, ProviderError):
            self._error, self._is_through = wire, True
            return self
        self._wire = wire
        self._secrets = secrets_of(wire.url, wire.headers, self.provider.secret)
        self._arriving = transport.stream(
            wire, provider=self.provider.name, patience=self.patience, secrets=self._secrets
        )
        try:
            await self._arriving.open()
            if self._arriving.answer.error is not None:
                self._conclude(self._arriving)
        except BaseException:
            await self._arriving.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._arriving is None:
            return
        try:
            if problem is None and self._reader is not None and self._reader.is_over:
                await self._arriving.drain()
        finally:
            await self._arriving.close()

    def __aiter__(self) -> HttpStreaming:
        return self

    async def __anext__(self) -> ChatDelta:
        while not self._deltas:
            if self._is_through or self._arriving is None:
                raise StopAsyncIteration
            await self._read_on(self._arriving)
        return self._deltas.popleft()

    def exchange(self) -> Exchange:
        """Return what was sent and what has come of it; before the end, what is known so far."""
        if self._wire is None or self._arriving is None:
            return Exchange("POST", "", {}, None, error=self._error)
        reply = self._reply
        if reply is None and self._error is None and self._reader is not None:
            with contextlib.suppress(ProviderError):
                reply = self._reader.reply()
        return _exchange(
            self._wire,
            self._arriving.so_far(),
            self._secrets,
            reply,
            self._error,
            first_token_ms=self.first_token_ms,
            chunk_ms=self._arriving.chunk_ms,
        )

    # --- what comes ---------------------------------------------------------------------------------------------------

    async def _read_on(self, arriving: transport.Arriving) -> None:
        chunk = await arriving.next_chunk()
        # What comes before the first sign is white space.
        if not self._has_begun and (chunk is None or chunk.removeprefix(BYTE_ORDER_MARK).strip()):
            self._has_begun = True
            if _is_stream(arriving.answer, chunk or b""):
                self._reader = self.provider.adapter.stream(self.chat, arriving.answer.headers)
        if self._reader is None:
            if chunk is None:
                self._conclude_whole(arriving)
            return
        try:
            if chunk is not None:
                self._take(self._decoder.feed(chunk), self._reader, arriving)
            elif arriving.answer.error is None and (event := self._decoder.end()) is not None:
                self._take((event,), self._reader, arriving)
        except ProviderError as error:
            self._fail(error, arriving)
        except TooLong as problem:
            self._fail(BadReply(str(problem), http_status=arriving.answer.status), arriving)
        else:
            if chunk is None or self._reader.is_over:
                self._conclude(arriving)

    def _take(self, events: Iterable[ServerSentEvent], reader: StreamReader, arriving: transport.Arriving) -> None:
        for event in events:
            if reader.is_over:
                return
            delta = reader.read(event)
            if delta is not None and (delta.text or delta.thinking):
                self._keep(delta, arriving)

    def _keep(self, delta: ChatDelta, arriving: transport.Arriving) -> None:
        if self.first_token_ms is None and delta.text.strip():
            self.first_token_ms = arriving.ms()
        self._deltas.append(delta)

    # --- how it ends --------------------------------------------------------------------------------------------------

    def _fail(self, error: ProviderError, arriving: transport.Arriving) -> None:
        self._error, self._is_through = error, True
        arriving.finish()

    def _conclude(self, arriving: transport.Arriving) -> None:
        """Decide what the stream came to, now that nothing more is read of it."""
        self._is_through = True
        arriving.finish()
        error = arriving.answer.error
        if self._reader is None:
            self._error = error
            return
        try:
            reply = self._reader.reply()
        except ProviderError as problem:
            self._error = error or problem
            return
        has_finished = reply.finish_reason != "failed" or bool(reply.raw_finish_reason)
        if has_finished and (error is None or isinstance(error, Disconnected | TimedOut)):
            self._reply = reply if error is None else replace(reply, notes=(*reply.notes, LATE_END))
        else:
            self._error = error or Disconnected(f"{self.provider.name} ended its stream before the answer was complete")

    def _conclude_whole(self, arriving: transport.Arriving) -> None:
        """Read an answer that is no stream: an error, or a server that does not know how to send one."""
        self._is_through = True
        self._error = arriving.answer.error
        if self._error is None:
            self._reply, self._error = self.provider.read(arriving.so_far())
        if self._reply is not None and self._reply.text:
            self._keep(ChatDelta(self._reply.text, self._reply.thinking), arriving)


def _is_stream(answer: transport.RawAnswer, first: bytes) -> bool:
    """Tell whether events begin here. Some servers name the wrong type, so the first bytes have a say."""
    if answer.status is None or answer.status >= 300:
        return False
    start = first.removeprefix(BYTE_ORDER_MARK).lstrip()
    if start.startswith((b"{", b"[", b"<")):
        return False
    return _content_type(answer.headers) == "text/event-stream" or start.startswith((b"data:", b"event:", b":"))


# --- what is kept ---------------------------------------------------------------------------------------------------


def _exchange(
    wire: WireRequest,
    answer: transport.RawAnswer,
    secrets: tuple[str, ...],
    reply: ChatReply | None,
    error: ProviderError | None,
    *,
    first_token_ms: float | None = None,
    chunk_ms: Iterable[tuple[float, int]] = (),
) -> Exchange:
    if error is not None:
        _without_secrets(error, secrets)
    sent = wire.summary if wire.summary is not None else wire.body.decode("utf-8", "replace")
    return Exchange(
        method=wire.method,
        url=harmless_url(wire.url, secrets),
        request_headers=harmless_headers(wire.headers, secrets),
        request_body=without_secrets(sent, secrets),
        response_headers=harmless_headers(answer.headers, secrets),
        response_body=_body_text(answer, secrets, reply),
        http_status=answer.status,
        queue_ms=answer.queue_ms,
        first_byte_ms=answer.first_byte_ms,
        first_token_ms=first_token_ms,
        chunk_ms=list(chunk_ms),
        duration_ms=answer.duration_ms,
        notes=wire.notes,
        reply=reply,
        error=error,
    )


def _without_secrets(error: ProviderError, secrets: tuple[str, ...]) -> ProviderError:
    error.message = without_secrets(error.message, secrets)
    error.args = (error.message,)
    return error


def _body_text(answer: transport.RawAnswer, secrets: tuple[str, ...], reply: ChatReply | None) -> str | None:
    if answer.status is None:
        return None
    kind = _content_type(answer.headers)
    if answer.status < 300 and kind.startswith(("audio/", "image/", "application/octet-stream")):
        return f"[{kind}, {len(answer.body)} bytes]"
    text = without_secrets(answer.body.decode("utf-8", "replace"), secrets)
    for file in (*reply.images, reply.audio or "") if reply is not None else ():
        if len(file) >= SHORTEST_FILE:
            text = text.replace(file, f"[{len(file)} characters of base64]")
    # Only complaints quote keys; in an answer such a word may be the answer.
    return without_quoted_keys(text) if answer.status >= 400 else text


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()
