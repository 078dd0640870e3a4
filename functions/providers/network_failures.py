"""What goes wrong on the way to a provider, in words that say who, where and why."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp.http_exceptions import ContentEncodingError

from functions.providers.adapter import WireRequest
from functions.providers.connections import LeadsNowhere
from functions.providers.errors import BadReply, BadRequest, Disconnected, ProviderError, TimedOut
from functions.providers.secrets import without_secrets

CONNECT_SECONDS = 10.0
_CUT_OFF = (
    httpx.RemoteProtocolError,
    httpx.NetworkError,
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
)


def error_of(problem: Exception, wire: WireRequest, *, provider: str, secrets: tuple[str, ...]) -> ProviderError:
    """Return the error that a problem of the network, or of a library, stands for."""
    where = address_of(wire.url)
    causes = list(_causes(problem))
    if isinstance(problem, httpx.ConnectTimeout | aiohttp.ConnectionTimeoutError):
        return TimedOut(f"{provider} did not accept a connection within {CONNECT_SECONDS:g} s ({where})")
    if isinstance(problem, httpx.TimeoutException | aiohttp.ServerTimeoutError):
        return TimedOut(f"{provider} did not answer in time ({where})")
    if nowhere := next((cause for cause in causes if isinstance(cause, LeadsNowhere)), None):
        return BadRequest(f"{provider} {nowhere} ({where})")
    if isinstance(problem, httpx.ConnectError | httpx.ProxyError | aiohttp.ClientConnectorError):
        return Disconnected(f"{provider} {_why_not_connected(problem)} ({where})")
    if isinstance(problem, httpx.DecodingError) or any(isinstance(cause, ContentEncodingError) for cause in causes):
        return BadReply(f"{provider} sent an answer whose compression is broken ({where})")
    if isinstance(problem, _CUT_OFF):
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


def address_of(url: str) -> str:
    """Return the host and the port of an address, without the password in it."""
    return urlsplit(url).netloc.rpartition("@")[2]
