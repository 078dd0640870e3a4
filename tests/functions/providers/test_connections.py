"""Connections that are kept, names and passwords in addresses, and the way through a proxy."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from functions.providers import connections
from functions.providers.adapter import WireRequest
from functions.providers.connections import Answer, Connections
from tests.upstream import Reply, Upstream, streamed

BODY = b'{"model": "m", "messages": []}'


@pytest.fixture
def opened() -> Callable[[], Connections]:
    return lambda: Connections(httpx.create_ssl_context(), connect_seconds=5, headers={"x-ours": "1", "accept": "a/b"})


@pytest.fixture
async def kept(monkeypatch: pytest.MonkeyPatch, opened: Callable[[], Connections]) -> AsyncIterator[Connections]:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 4)
    kept = opened()
    yield kept
    await kept.aclose()


def wire(upstream: Upstream, url: str = "", **headers: str) -> WireRequest:
    return WireRequest("POST", url or f"{upstream.url}/chat/completions", headers, BODY)


async def whole(answer: Answer) -> bytes:
    parts = []
    while part := await answer.read():
        parts.append(part)
    await answer.aclose()
    return b"".join(parts)


async def test_a_connection_is_used_again(kept: Connections, upstream: Upstream) -> None:
    for _ in range(3):
        answer = await kept.send(wire(upstream))
        assert answer.status == 200
        assert await whole(answer)
    assert upstream.connections == 1


async def test_so_many_at_once_have_so_many_and_keep_them(kept: Connections, upstream: Upstream) -> None:
    upstream.script("m", *[Reply(b"{}", delay_seconds=0.2)] * 10)

    async def ask() -> bytes:
        return await whole(await kept.send(wire(upstream)))

    for _ in range(2):
        assert all(await asyncio.gather(*(ask() for _ in range(5))))
    assert upstream.connections == 5


async def test_one_that_is_left_in_the_middle_is_not_used_again(kept: Connections, upstream: Upstream) -> None:
    upstream.script("m", streamed(b"one", b"two", ending="silence"))
    answer = await kept.send(wire(upstream))
    assert await answer.read()
    await answer.aclose()
    assert await whole(await kept.send(wire(upstream)))
    assert upstream.connections == 2


async def test_one_that_the_other_end_has_closed_is_not_used_again(kept: Connections, upstream: Upstream) -> None:
    upstream.script("m", Reply(b"12", headers={"connection": "close"}, closes_after=2))
    assert await whole(await kept.send(wire(upstream))) == b"12"
    assert await whole(await kept.send(wire(upstream)))
    assert upstream.connections == 2


async def test_headers_of_a_request_win_over_ours_and_come_back_in_small_letters(
    kept: Connections, upstream: Upstream
) -> None:
    upstream.script("m", Reply(b"{}", headers={"X-One": "1", "Set-Cookie": "a=1"}))
    answer = await kept.send(wire(upstream, Accept="c/d"))
    assert answer.headers["x-one"] == "1"
    await whole(answer)
    await whole(await kept.send(wire(upstream)))
    first, second = upstream.requests
    assert (first.headers["x-ours"], first.headers["accept"], first.headers.get("content-type")) == ("1", "c/d", None)
    assert "cookie" not in second.headers


async def test_a_password_in_the_address_takes_the_place_of_a_key(kept: Connections, upstream: Upstream) -> None:
    url = f"{upstream.url}/chat/completions".replace("//", "//some%20one:p%40ss@")
    await whole(await kept.send(wire(upstream, url, Authorization="Bearer key")))
    expected = "Basic " + base64.b64encode(b"some one:p@ss").decode()
    assert upstream.requests[0].headers["authorization"] == expected


async def test_a_large_body_arrives_whole(kept: Connections, upstream: Upstream) -> None:
    body = b'{"model": "m", "messages": [], "more": "' + b"x" * 3_000_000 + b'"}'
    await whole(await kept.send(WireRequest("POST", f"{upstream.url}/chat/completions", {}, body)))
    assert upstream.requests[0].body == body


# --- proxies ----------------------------------------------------------------------------------------------------------


async def test_the_way_out_leads_through_the_proxy_and_to_this_machine_it_does_not(
    opened: Callable[[], Connections], upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", upstream.url.removesuffix("/v1"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    ways = opened()
    try:
        upstream.script("m", Reply(b"by proxy"), Reply(b"straight"), streamed(b"one", b"two"))
        far = WireRequest("POST", "http://models.example/v1/chat/completions", {"X-Key": "k"}, BODY)
        assert await whole(await ways.send(far)) == b"by proxy"
        assert await whole(await ways.send(wire(upstream))) == b"straight"
        assert await whole(await ways.send(far)) == b"onetwo"
    finally:
        await ways.aclose()
    paths = [request.path for request in upstream.requests]
    assert paths == ["http://models.example/v1/chat/completions", "/v1/chat/completions", paths[0]]
    assert (upstream.requests[0].headers["x-key"], upstream.requests[0].headers["x-ours"]) == ("k", "1")
