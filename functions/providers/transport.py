"""Sending bytes to a provider and getting bytes back: the only network code there is."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx

from functions.providers.adapter import WireRequest
from functions.providers.errors import BadReply, BadRequest, Disconnected, ProviderError, TimedOut
from functions.providers.secrets import without_secrets
from opperweb import __version__

CONNECT_SECONDS = 10.0
MOST_BYTES = 64 * 1024 * 1024
MOST_AT_ONCE = 256
KEPT_ALIVE = 20
# A proxy of the environment is for the world outside, never for a server on this machine.
ON_THIS_MACHINE = ("all://localhost", "all://127.0.0.1", "all://[::1]")


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


@dataclass
class _Line:
    """What a process keeps for one event loop: a client, and a queue for each provider."""

    client: httpx.AsyncClient
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
                await _exchange(line.client, wire, answer, began)
    except ProviderError as error:
        answer.error = error
    except TimeoutError:
        answer.error = TimedOut(f"{provider} did not answer within {timeout_seconds:g} s ({_address(wire.url)})")
    except Exception as problem:  # whatever a library thinks of must become a recorded attempt
        answer.error = _error_of(problem, wire, provider=provider, secrets=secrets)
    if answer.queue_ms is None:
        answer.queue_ms = _ms_since(began)
    else:
        answer.duration_ms = _ms_since(began)
    return answer


async def close() -> None:
    """Close the connections of the running event loop."""
    line = _lines.pop(asyncio.get_running_loop(), None)
    if line is not None:
        await line.client.aclose()


async def _exchange(client: httpx.AsyncClient, wire: WireRequest, answer: RawAnswer, began: float) -> None:
    request = client.build_request(wire.method, wire.url, headers=wire.headers, content=wire.body)
    response = await client.send(request, stream=True)
    try:
        answer.first_byte_ms = _ms_since(began)
        answer.status = response.status_code
        answer.headers = dict(response.headers)
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in response.aiter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > MOST_BYTES:
                    raise BadReply(f"the answer is larger than {MOST_BYTES // 1024**2} MB", http_status=answer.status)
        finally:
            answer.body = b"".join(chunks)
    finally:
        await response.aclose()


def _line() -> _Line:
    loop = asyncio.get_running_loop()
    line = _lines.get(loop)
    if line is None:
        line = _lines[loop] = _Line(_client())
    return line


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=_tls(),
        # The time for everything together is watched in `send`.
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=KEPT_ALIVE),
        # A redirect would carry the key to wherever it points.
        follow_redirects=False,
        headers={"user-agent": f"opperweb/{__version__}", "accept": "application/json", "accept-encoding": "identity"},
        mounts=dict.fromkeys(ON_THIS_MACHINE),
    )


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _ms_since(began: float) -> float:
    return round((perf_counter() - began) * 1000, 3)


# --- failures in words --------------------------------------------------------------------------------------------


def _error_of(problem: Exception, wire: WireRequest, *, provider: str, secrets: tuple[str, ...]) -> ProviderError:
    where = _address(wire.url)
    if isinstance(problem, httpx.ConnectTimeout):
        return TimedOut(f"{provider} did not accept a connection within {CONNECT_SECONDS:g} s ({where})")
    if isinstance(problem, httpx.TimeoutException):
        return TimedOut(f"{provider} did not answer in time ({where})")
    if isinstance(problem, httpx.ConnectError | httpx.ProxyError):
        return Disconnected(f"{provider} {_why_not_connected(problem)} ({where})")
    if isinstance(problem, httpx.DecodingError):
        return BadReply(f"{provider} sent an answer whose compression is broken ({where})")
    if isinstance(problem, httpx.RemoteProtocolError | httpx.NetworkError):
        return Disconnected(f"{provider} closed the connection before its answer was complete ({where})")
    if isinstance(problem, OSError):
        return Disconnected(f"{provider} cannot be reached ({where})")
    said = without_secrets(str(problem), secrets)[:300]
    return BadRequest(f"the request to {provider} cannot be sent: {said or type(problem).__name__}")


def _why_not_connected(problem: BaseException) -> str:
    for cause in _causes(problem):
        if isinstance(cause, ConnectionRefusedError):
            return "refused the connection"
        if isinstance(cause, socket.gaierror):
            return "has an address whose name is unknown"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "shows a certificate that is not trusted"
        if isinstance(cause, ssl.SSLError):
            return "does not speak TLS as we do"
    return "cannot be reached"


def _causes(problem: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException] = [problem]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
        waiting += [inner for inner in (cause.__cause__, cause.__context__) if inner is not None]


def _address(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
