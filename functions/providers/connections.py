"""Connections to providers: kept between requests, and opened only to where a provider's server can be.

aiohttp's, since httpx's pool walks every connection for every request and its parser reads a stream chunk by chunk in
Python. Only where a proxy of the environment leads out is it httpx, which knows all that such settings can say.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from functools import lru_cache
from typing import Protocol, cast
from urllib.request import getproxies

import aiohttp
import httpx
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from functions.providers.adapter import WireRequest
from opperweb.addresses import literal, why_no_server

# An idle connection is closed after so long, and none is kept where it is 0; the shortest that servers usually keep
# theirs is 5 s.
IDLE_SECONDS = 4.0
# aiohttp wants larger bodies as files, which it sends in parts.
LARGE_BODY = 512 * 1024
ON_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class LeadsNowhere(OSError):
    """A name, or an address, leads where no provider's server can be; the message says where that is."""


class Answer(Protocol):
    """The head of an answer whose body is still to be read; names of headers are in small letters."""

    status: int
    headers: dict[str, str]

    async def read(self) -> bytes:
        """Wait for the next bytes of the body, uncompressed, and return all that have come; empty at its end."""

    async def aclose(self) -> None:
        """Keep the connection for another request, or end it where the body is not through."""


class Connections:
    """All connections of one event loop."""

    def __init__(self, tls: ssl.SSLContext, *, connect_seconds: float, headers: Mapping[str, str]) -> None:
        self._direct = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(
                ssl=tls,
                limit=0,
                keepalive_timeout=IDLE_SECONDS or None,
                force_close=not IDLE_SECONDS,
                resolver=Resolver(),
            ),
            # Whoever reads watches the time for all of it together.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("content-type",),
        )
        self._proxied: httpx.AsyncClient | None = None
        if getproxies():
            timeout = httpx.Timeout(None, connect=connect_seconds)
            self._proxied = httpx.AsyncClient(verify=tls, timeout=timeout, headers=headers)

    async def send(self, wire: WireRequest) -> Answer:
        """Send a request and return the head of its answer; follows no redirect, which would carry the key along.

        Raises LeadsNowhere, aiohttp.ClientError, httpx.HTTPError, OSError and ValueError.
        """
        url, authorization = _target(wire.url)
        headers = dict(wire.headers)
        if authorization is not None:
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            headers["authorization"] = authorization
        # A proxy of the environment is for the world outside, never for a server on this machine.
        if self._proxied is not None and url.host not in ON_THIS_MACHINE:
            asked = self._proxied.build_request(wire.method, str(url), headers=headers, content=wire.body)
            return _ProxiedAnswer(await self._proxied.send(asked, stream=True))
        body = io.BytesIO(wire.body) if len(wire.body) > LARGE_BODY else wire.body
        return _DirectAnswer(
            await self._direct.request(wire.method, url, headers=headers, data=body, allow_redirects=False)
        )

    async def aclose(self) -> None:
        """Close them all."""
        await self._direct.close()
        if self._proxied is not None:
            await self._proxied.aclose()


class _DirectAnswer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: dict[str, str] = {}
        for name, value in response.headers.items():
            name = name.lower()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value

    async def read(self) -> bytes:
        return await self._response.content.readany()

    async def aclose(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class _ProxiedAnswer:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._parts = cast("AsyncGenerator[bytes, None]", response.aiter_bytes())
        self.status = response.status_code
        self.headers = dict(response.headers)

    async def read(self) -> bytes:
        async for part in self._parts:
            if part:
                return part
        return b""

    async def aclose(self) -> None:
        try:
            await self._parts.aclose()
        finally:
            await self._response.aclose()


class Resolver(ThreadedResolver):
    """Looks names up as the system does; where one of a name's addresses is no server's, none of them is asked."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for each in found:
            _refuse(each["host"])
        return found


@lru_cache(maxsize=256)
def _target(address: str) -> tuple[URL, str | None]:
    """Return where a request goes, and what the name and password in the address say as a header."""
    url = URL(address, encoded=True)
    # Written out it is connected to without being looked up.
    if url.host and (written := literal(url.host)) is not None:
        _refuse(str(written))
    if url.user is None and url.password is None:
        return url, None
    return url.with_user(None), aiohttp.encode_basic_auth(url.user or "", url.password or "")


def _refuse(address: str) -> None:
    if reason := why_no_server(ipaddress.ip_address(address)):
        raise LeadsNowhere(f"leads to {address}, {reason}")
