"""The door of the web server: bodies above the limit, addresses without sense, a stop in the middle of a request."""

import asyncio
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from opperweb import asgi


def raw(server: str, request: bytes) -> bytes:
    """Send these very bytes and return the first line of the answer."""
    parts = urlsplit(server)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline()


@pytest.fixture
def small_limit(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000


def in_parts(size):
    for _ in range(size // 100):
        yield b"x" * 100


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("content", [b"x" * 1001, in_parts(2000)], ids=["announced", "chunked"])
def test_a_body_above_the_limit_is_refused_with_the_body_of_the_api(server, content):
    response = httpx.post(f"{server}/v2/call", content=content)
    assert response.status_code == 413
    assert response.json()["type"] == "RequestTooLargeError"
    assert response.json()["error"]["code"] == "RequestTooLargeError"


@pytest.mark.usefixtures("small_limit")
def test_a_page_is_told_in_words(server):
    assert httpx.post(f"{server}/login/", content=b"x" * 1001).text.startswith("The request is larger than")


@pytest.mark.usefixtures("small_limit")
def test_a_body_within_the_limit_passes(server):
    assert httpx.post(f"{server}/healthz", content=b"x" * 1000).status_code != 413


@pytest.mark.parametrize(
    "target",
    [b"/%ff", b"/%00", b"/v2/%F0%28", b"/v2/spans/%00", b"//nowhere", b"/%2e%2e/x", b"/v2/traces?%ff=%00", b"/v2/\xff",
     b"/v2/traces?x=\xff", b"/v2/spans/%ED%A0%80", b"nowhere", b"http://nowhere.example/"],
)  # fmt: skip
def test_an_address_that_makes_no_sense_is_no_failure_of_ours(server, target):
    status = raw(server, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").split()[1]
    assert 300 <= int(status) < 500


def test_a_foreign_host_is_refused(server):
    answer = raw(server, b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert b" 400 " in answer


async def test_a_request_cut_short_by_a_stop_hears_of_it_and_is_answered(monkeypatch):
    began, last_words, sent = asyncio.Event(), [], []

    async def view(scope, receive, send):
        began.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        last_words.append("stopped")

    async def never():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    monkeypatch.setattr(asgi, "web", view)
    scope = {"type": "http", "path": "/v2/call", "headers": []}
    request = asyncio.ensure_future(asgi.application(scope, never, send))
    await began.wait()
    request.cancel()
    await asyncio.wait({request})
    assert last_words == ["stopped"]
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["type"] == "ServiceUnavailableError"
