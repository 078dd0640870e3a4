"""Sending bytes to a provider and getting bytes back: the only network code there is."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from asyncio import AbstractEventLoop
from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter
from typing import TypeVar
from weakref import WeakKeyDictionary

import httpx

from functions.providers.adapter import WireRequest
from functions.providers.connections import Answer, Connections
from functions.providers.errors import BadReply, ProviderError, TimedOut
from functions.providers.network_failures import CONNECT_SECONDS, address_of, error_of
from opperweb import __version__
from opperweb.watch import Watch

MOST_BYTES = 64 * 1024 * 1024
MOST_AT_ONCE = 1024
# Of a stream's chunks the times of so many are kept.
MOST_TIMES = 2_000
DRAIN_SECONDS = 0.1
HEADERS = {"user-agent": f"opperweb/{__version__}", "accept": "application/json", "accept-encoding": "identity"}

T = TypeVar("T")


@dataclass
class RawAnswer:
    """What came back, to the byte, and when; with `error` set it may be a part of an answer, or nothing."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    queue_ms: float | None = None
    first_byte_ms: float | None = None
    duration_ms: float | None = None
    error: ProviderError | None = None


@dataclass(frozen=True)
class Patience:
    """How long an answer that comes piece by piece is waited for: all of it, its head, each next piece."""

    total_seconds: float
    first_byte_seconds: float = 30.0
    idle_seconds: float = 30.0


@dataclass
class _Line:
    """What a process keeps for one event loop: its connections, and a queue for each provider."""

    connections: Connections
    queues: dict[str, asyncio.Semaphore] = field(default_factory=dict)


_lines: WeakKeyDictionary[AbstractEventLoop, _Line] = WeakKeyDictionary()


async def send(wire: WireRequest, *, provider: str, timeout_seconds: float, secrets: tuple[str, ...] = ()) -> RawAnswer:
    """Send the request and return what came back; every failure but a cancellation is in the answer."""
    answer = RawAnswer()
    began = perf_counter()
    try:
        async with asyncio.timeout(timeout_seconds):
            line = _line()
            async with line.queues.setdefault(provider, asyncio.Semaphore(MOST_AT_ONCE)):
                answer.queue_ms = _ms_since(began)
                began = perf_counter()
                await _exchange(line, wire, answer, began)
    except ProviderError as error:
        answer.error = error
    except TimeoutError:
        answer.error = TimedOut(f"{provider} did not answer within {timeout_seconds:g} s ({address_of(wire.url)})")
    except Exception as problem:  # whatever a library thinks of must become a recorded attempt
        answer.error = error_of(problem, wire, provider=provider, secrets=secrets)
    if answer.queue_ms is None:
        answer.queue_ms = _ms_since(began)
    else:
        answer.duration_ms = _ms_since(began)
    return answer


def stream(wire: WireRequest, *, provider: str, patience: Patience, secrets: tuple[str, ...] = ()) -> Arriving:
    """Return the answer as one that comes piece by piece: open it, read it, close it."""
    return Arriving(wire, provider, patience, secrets)


async def close() -> None:
    """Close the connections of the running event loop."""
    line = _lines.pop(asyncio.get_running_loop(), None)
    if line is not None:
        await line.connections.aclose()


class Arriving:
    """An answer on its way; `answer` is what has come of it so far, with the error where something went wrong."""

    def __init__(self, wire: WireRequest, provider: str, patience: Patience, secrets: tuple[str, ...]) -> None:
        self.wire = wire
        self.provider = provider
        self.patience = patience
        self.secrets = secrets
        self.answer = RawAnswer()
        self.chunk_ms: list[tuple[float, int]] = []
        self._stride = 1
        self._count = 0
        self._size = 0
        self._pieces: list[bytes] = []
        self._queue: asyncio.Semaphore | None = None
        self._reply: Answer | None = None
        self._began = perf_counter()
        self._deadline = 0.0
        self._watch = Watch()

    async def open(self) -> None:
        """Wait for a free place, send the request, and wait for the head of the answer; raise only a cancellation."""
        self._deadline = asyncio.get_running_loop().time() + self.patience.total_seconds
        line = _line()
        queue = line.queues.setdefault(self.provider, asyncio.Semaphore(MOST_AT_ONCE))
        if await self._within(self.patience.total_seconds, queue.acquire()):
            self._queue = queue
        self.answer.queue_ms = _ms_since(self._began)
        if self._queue is None:
            return
        self._began = perf_counter()
        reply = await self._within(self.patience.first_byte_seconds, self._sent(line))
        if reply is not None:
            self.answer.first_byte_ms = self.ms()
            self.answer.status = reply.status
            self.answer.headers = reply.headers

    async def next_chunk(self) -> bytes | None:
        """Return the next bytes, or None at the end, which may be an error of the answer."""
        if self._reply is None or self.answer.error is not None:
            return None
        chunk = await self._within(self.patience.idle_seconds, self._reply.read())
        if not chunk:
            self.finish()
            return None
        self._size += len(chunk)
        if self._size > MOST_BYTES:
            self.answer.error = _too_large(self.answer.status)
            self.finish()
            return None
        self._pieces.append(chunk)
        self._note_time()
        return chunk

    async def drain(self) -> None:
        """Read to the end, which is usually there already: a connection that is left in the middle is lost."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._reply is not None and await self._reply.read():
                    pass

    async def close(self) -> None:
        """Give the connection back, or end it where the answer is not through."""
        self.finish()
        self._watch.stop()
        try:
            # What fails now was over anyway.
            with contextlib.suppress(httpx.HTTPError):
                if self._reply is not None:
                    await self._reply.aclose()
        finally:
            if self._queue is not None:
                self._queue.release()
            self._queue = self._reply = None

    def ms(self) -> float:
        """Return the milliseconds since the request was sent."""
        return _ms_since(self._began)

    def so_far(self) -> RawAnswer:
        """Return the answer with the bytes that have come."""
        self.answer.body = b"".join(self._pieces)
        return self.answer

    async def _sent(self, line: _Line) -> Answer:
        # Kept at once: whoever is stopped on the next line must still be able to close it.
        self._reply = await line.connections.send(self.wire)
        return self._reply

    async def _within(self, seconds: float, step: Awaitable[T]) -> T | None:
        """Await a step, not for longer than this and not past the deadline; what goes wrong is kept as the error."""
        now = asyncio.get_running_loop().time()
        try:
            with self._watch.until(min(self._deadline, now + seconds)):
                return await step
        except TimeoutError:
            self.answer.error = self._too_late(seconds)
        except Exception as problem:  # whatever a library thinks of must become a recorded attempt
            self.answer.error = error_of(problem, self.wire, provider=self.provider, secrets=self.secrets)
        return None

    def _too_late(self, seconds: float) -> TimedOut:
        where = address_of(self.wire.url)
        if asyncio.get_running_loop().time() >= self._deadline:
            return TimedOut(f"{self.provider} did not answer within {self.patience.total_seconds:g} s ({where})")
        if self.answer.status is None:
            return TimedOut(f"{self.provider} did not begin to answer within {seconds:g} s ({where})")
        return TimedOut(f"{self.provider} sent nothing more for {seconds:g} s ({where})")

    def finish(self) -> None:
        """Take the time at which the answer was through, the first time that this is called."""
        if self.answer.duration_ms is None and self._queue is not None:
            self.answer.duration_ms = self.ms()

    def _note_time(self) -> None:
        """Keep when this chunk came; of very many every second one, then every fourth, is left out again."""
        self._count += 1
        if self._count % self._stride == 0 and len(self.chunk_ms) >= MOST_TIMES:
            del self.chunk_ms[::2]
            self._stride *= 2
        if self._count % self._stride == 0:
            self.chunk_ms.append((self.ms(), self._size))


async def _exchange(line: _Line, wire: WireRequest, answer: RawAnswer, began: float) -> None:
    reply = await line.connections.send(wire)
    try:
        answer.first_byte_ms = _ms_since(began)
        answer.status = reply.status
        answer.headers = reply.headers
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := await reply.read():
                chunks.append(chunk)
                size += len(chunk)
                if size > MOST_BYTES:
                    raise _too_large(answer.status)
        finally:
            answer.body = b"".join(chunks)
    finally:
        await reply.aclose()


def _too_large(status: int | None) -> BadReply:
    return BadReply(f"the answer is larger than {MOST_BYTES // 1024**2} MB", http_status=status)


def _line() -> _Line:
    loop = asyncio.get_running_loop()
    line = _lines.get(loop)
    if line is None:
        line = _lines[loop] = _Line(Connections(_tls(), connect_seconds=CONNECT_SECONDS, headers=HEADERS))
    return line


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _ms_since(began: float) -> float:
    return round((perf_counter() - began) * 1000, 3)
