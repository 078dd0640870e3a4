"""Kept connections for httpx: the one that was used last is used next, and none of the others is looked at.

httpx's own pool walks every connection for every request, which at some dozens of calls at once costs more than all
the rest of a call. Proxies are left to httpx.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
import httpx

from opperweb.addresses import literal, why_no_server

# An idle connection is closed after so long; the shortest that servers usually keep theirs is 5 s.
IDLE_SECONDS = 4.0

Address = tuple[bytes, bytes, int]


class LeadsNowhere(OSError):
    """A name, or an address, leads where no provider's server can be; the message says where that is."""


class KeptConnections(httpx.AsyncBaseTransport):
    """Sends each request over a connection of its own, a kept one where there is one."""

    def __init__(self, tls: ssl.SSLContext, *, most_kept: int) -> None:
        self._tls = tls
        self._most_kept = most_kept
        # By the time of their last use, the longest ago first.
        self._idle: defaultdict[Address, deque[httpcore.AsyncHTTPConnection]] = defaultdict(deque)
        self._backend = Network()
        self._sweeping: asyncio.TimerHandle | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        asked = httpcore.Request(
            method=request.method,
            url=url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        origin = url.origin
        address: Address = (origin.scheme, origin.host, origin.port)
        connection = self._kept(address) or httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._tls, keepalive_expiry=IDLE_SECONDS, network_backend=self._backend
        )
        try:
            answer = await connection.handle_async_request(asked)
        except BaseException as problem:
            await connection.aclose()
            raise _as_httpx(problem) from problem
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=Body(answer, connection, self, address),
            extensions=answer.extensions,
        )

    async def give_back(self, address: Address, connection: httpcore.AsyncHTTPConnection) -> None:
        """Keep a connection for the next request, if it can take one and there are not too many."""
        idle = self._idle[address]
        if connection.is_idle() and len(idle) < self._most_kept:
            idle.append(connection)
            if self._sweeping is None:
                self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)
        else:
            await connection.aclose()

    async def aclose(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        for idle in self._idle.values():
            while idle:
                await idle.pop().aclose()

    def _sweep(self) -> None:
        """Close what nobody has used for a while, and come again while anything is left."""
        for idle in self._idle.values():
            while idle and idle[0].has_expired():
                _close_quietly(idle.popleft())
        is_left = any(self._idle.values())
        self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep) if is_left else None

    def _kept(self, address: Address) -> httpcore.AsyncHTTPConnection | None:
        idle = self._idle[address]
        while idle:
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            # The other end has closed it: there is nothing to say any more.
            _close_quietly(connection)
        return None


class Body(httpx.AsyncByteStream):
    """What comes back; when it is through, the connection is free again."""

    def __init__(
        self,
        answer: httpcore.Response,
        connection: httpcore.AsyncHTTPConnection,
        connections: KeptConnections,
        address: Address,
    ) -> None:
        self._answer = answer
        self._connection = connection
        self._connections = connections
        self._address = address

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.aiter_stream():
                yield part
        except BaseException as problem:
            raise _as_httpx(problem) from problem

    async def aclose(self) -> None:
        try:
            await self._answer.aclose()
        finally:
            await self._connections.give_back(self._address, self._connection)


class Network(httpcore.AsyncNetworkBackend):
    """Connections by asyncio's own streams."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await _opened(host, port)
        except TimeoutError as problem:
            raise httpcore.ConnectTimeout(str(problem)) from problem
        except OSError as problem:
            raise httpcore.ConnectError(str(problem)) from problem
        return Stream(reader, writer)


async def _opened(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address of a host that answers; none is tried where one of them is no server's."""
    written = literal(host)
    if written is not None:
        # As almost every call of a model on this machine: no thread has to look for it.
        addresses = [str(written)]
    else:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    for address in addresses:
        if reason := why_no_server(ipaddress.ip_address(address)):
            raise LeadsNowhere(f"leads to {address}, {reason}")
    problem: OSError = OSError(f"{host} has no address")
    for address in addresses:
        try:
            # The address that was checked: the name may lead elsewhere by now.
            return await asyncio.open_connection(address, port)
        except OSError as failure:
            problem = failure
    raise problem


class Stream(httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            # Whoever reads watches the time for all of it together (see transport).
            if timeout is None:
                return await self._reader.read(max_bytes)
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError as problem:
            raise httpcore.ReadTimeout(str(problem)) from problem
        except OSError as problem:
            raise httpcore.ReadError(str(problem)) from problem

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        try:
            if timeout is None:
                self._writer.write(buffer)
                await self._writer.drain()
                return
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()
        except TimeoutError as problem:
            raise httpcore.WriteTimeout(str(problem)) from problem
        except OSError as problem:
            raise httpcore.WriteError(str(problem)) from problem

    async def aclose(self) -> None:
        self._writer.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except TimeoutError as problem:
            raise httpcore.ConnectTimeout(str(problem)) from problem
        except (OSError, ssl.SSLError) as problem:
            self._writer.close()
            raise httpcore.ConnectError(str(problem)) from problem
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # On a connection that nobody uses only its end can come.
            return self._reader.at_eof() or self._writer.is_closing()
        return self._writer.get_extra_info({"client_addr": "sockname", "server_addr": "peername"}.get(info, info))


def _as_httpx(problem: BaseException) -> BaseException:
    """Return httpx's exception of the same name, so that whoever waits knows it; others as they are."""
    kind = getattr(httpx, type(problem).__name__, None) if type(problem).__module__.startswith("httpcore") else None
    return kind(str(problem)) if kind is not None else problem


def _close_quietly(connection: httpcore.AsyncHTTPConnection) -> None:
    closing = asyncio.ensure_future(connection.aclose())
    _closing.add(closing)
    closing.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()
