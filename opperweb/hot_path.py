"""The short way to the API's plain async views: no middleware, no thread of its own, no signal for each request.

What the middleware does is for pages: sessions, CSRF, messages, frames. Each piece of it costs a change of threads, and
all together several times what a call costs. Every other address goes the usual way.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, HttpResponseBase
from django.urls import ResolverMatch, resolve

from opperweb import refusals

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# As the middleware would have it for pages.
HEADERS = ((b"x-content-type-options", b"nosniff"),)


class HotPath:
    """An ASGI application that answers async views of the API itself, and hands everything else on."""

    def __init__(self, otherwise: Application) -> None:
        self.otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _match(scope)
        if match is None:
            await self.otherwise(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return
        request = ASGIRequest(scope, io.BytesIO(body))
        request.resolver_match = match
        work = asyncio.ensure_future(_answer(request, match, send))
        leaving = asyncio.ensure_future(receive())
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not work.done():
            # The caller has left: the view hears of it and records what has come so far.
            work.cancel()
            await asyncio.wait((work,))
        if not work.cancelled():
            work.result()


def _match(scope: Scope) -> ResolverMatch | None:
    """Return the plain async view of an address of the API, or None for whatever needs the long way."""
    path: str = scope["path"]
    if not refusals.is_api(path):
        return None
    try:
        match = resolve(path)
    except Http404:
        return None
    return match if iscoroutinefunction(match.func) else None


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request; None if the caller has left before its end."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _answer(request: ASGIRequest, match: ResolverMatch, send: Send) -> None:
    refusal = refusals.refusal_of(request)
    response: HttpResponseBase = refusal or await match.func(request, *match.args, **match.kwargs)
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    if isinstance(response, HttpResponse):
        content = response.content
        if not response.has_header("Content-Length"):
            headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": response.status_code, "headers": [*headers, *HEADERS]})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else content})
        return
    await send({"type": "http.response.start", "status": response.status_code, "headers": [*headers, *HEADERS]})
    parts: AsyncGenerator[bytes] = aiter(response)  # type: ignore[arg-type]
    async with aclosing(parts):
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
