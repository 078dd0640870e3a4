"""Connections that are kept, and let go of when nobody uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from functions.providers import connections
from functions.providers.connections import KeptConnections
from tests.upstream import Upstream


@pytest.fixture
async def kept() -> AsyncIterator[KeptConnections]:
    kept = KeptConnections(httpx.create_ssl_context(), most_kept=3)
    yield kept
    await kept.aclose()


@pytest.fixture
def ask(kept: KeptConnections, upstream: Upstream) -> Callable[[], Any]:
    async def ask() -> int:
        body = b'{"model": "m", "messages": []}'
        request = httpx.Request("POST", f"{upstream.url}/v1/chat/completions", content=body)
        response = await kept.handle_async_request(request)
        response.request = request
        await response.aread()
        await response.aclose()
        return response.status_code

    return ask


def idle(kept: KeptConnections) -> list[Any]:
    return [connection for each in kept._idle.values() for connection in each]


def comes_again(kept: KeptConnections) -> bool:
    return kept._sweeping is not None


async def test_a_connection_is_used_again(kept: KeptConnections, ask: Any) -> None:
    assert [await ask(), await ask()] == [200, 200]
    assert len(idle(kept)) == 1


async def test_no_more_are_kept_than_may_be(kept: KeptConnections, ask: Any) -> None:
    await asyncio.gather(*(ask() for _ in range(5)))
    assert len(idle(kept)) == 3


async def test_the_one_that_was_used_last_is_used_next(kept: KeptConnections, ask: Any) -> None:
    await asyncio.gather(ask(), ask())
    first, last = idle(kept)
    await ask()
    assert idle(kept) == [first, last]


async def test_what_nobody_uses_is_closed(kept: KeptConnections, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.gather(ask(), ask())
    old, young = idle(kept)
    assert comes_again(kept)
    monkeypatch.setattr(old, "has_expired", lambda: True)
    kept._sweep()
    assert idle(kept) == [young]
    # It comes again while one is left, and no longer.
    assert comes_again(kept)
    monkeypatch.setattr(young, "has_expired", lambda: True)
    kept._sweep()
    assert idle(kept) == []
    assert not comes_again(kept)
    await asyncio.gather(*connections._closing)
    assert old.is_closed()
    assert young.is_closed()
