"""Posting to an address that a caller named: only to the world outside, only to the address that was checked.

A name is resolved, each of its addresses checked, and the connection made to one of those: a name that leads elsewhere
the second time it is asked for leads nowhere. No redirect is followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from opperweb.addresses import Address, is_public, literal

TIMEOUT_SECONDS = 15.0
MOST_BYTES_READ = 10_000


class AddressRefused(Exception):
    """The address is none that may be posted to; the message says why."""


@dataclass(frozen=True)
class Posted:
    """What came back: its status and the beginning of its text."""

    status: int
    text: str


def check_url(url: str) -> None:
    """Raise AddressRefused for what can be told from the address alone; its name is resolved when it is posted to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("it is no web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressRefused("it must begin with https:// or http:// and name a host")
    if parts.username or parts.password:
        raise AddressRefused("it must not hold a name or a password")
    if not url.isascii() or any(sign <= " " for sign in url):
        raise AddressRefused("it must be plain ASCII without blanks")
    if port == 0:
        raise AddressRefused("its port is 0")
    address = literal(parts.hostname)
    is_here = parts.hostname == "localhost" or parts.hostname.endswith(".localhost")
    if is_here or (address is not None and not is_public(address)):
        _refuse_unless_allowed(url, parts.hostname)


async def post(url: str, *, headers: Mapping[str, str], body: bytes) -> Posted:
    """Post to an address and return what came back; raise AddressRefused, or httpx.HTTPError where nothing did."""
    check_url(url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = await _checked(url, host, port)
    target = httpx.URL(url).copy_with(host=str(address))
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, limits=limits) as client,
        asyncio.timeout(TIMEOUT_SECONDS),
        client.stream(
            "POST",
            target,
            headers={**headers, "host": parts.netloc},
            content=body,
            # The certificate must be the name's, although the connection is made to the address.
            extensions={"sni_hostname": host},
        ) as response,
    ):
        text = b""
        async for chunk in response.aiter_bytes():
            text += chunk
            if len(text) >= MOST_BYTES_READ:
                break
        return Posted(response.status_code, text[:MOST_BYTES_READ].decode("utf-8", "replace"))


async def _checked(url: str, host: str, port: int) -> Address:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(f"the name {host} is not known") from None
    addresses = [ipaddress.ip_address(each[4][0]) for each in found]
    if not addresses:
        raise AddressRefused(f"the name {host} is not known")
    if not all(is_public(address) for address in addresses):
        _refuse_unless_allowed(url, host)
    return addresses[0]


def _refuse_unless_allowed(url: str, host: str) -> None:
    if (
        urlsplit(url).netloc.lower() not in settings.WEBHOOK_ALLOWED_HOSTS
        and host not in settings.WEBHOOK_ALLOWED_HOSTS
    ):
        raise AddressRefused(f"{host} is no address of the world outside; WEBHOOK_ALLOWED_HOSTS can allow it")
