"""The web server's door: Django behind a limit on bodies, with the process's heartbeat around it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opperweb.settings")
django_application: Any = get_asgi_application()

# Below the line that loads the apps, whose models they import.
from functions.few_shot.uses import uses  # noqa: E402
from functions.ledger import ledger  # noqa: E402
from functions.providers import transport  # noqa: E402
from opperweb import celery, database, refusals  # noqa: E402
from opperweb.database import db  # noqa: E402
from opperweb.hot_path import HotPath  # noqa: E402
from opperweb.processes import heartbeat  # noqa: E402

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A sender that only listens when it has sent everything gets its answer if it stays below so many times the limit.
PATIENCE = 4
PATIENCE_S = 20.0
# What cancelled requests may take to record that they were stopped.
LAST_WORDS_S = 2.0

web = HotPath(django_application)
_open_requests = 0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one connection of the server."""
    global _open_requests
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        _open_requests += 1
        try:
            await _answer(scope, receive, send)
        finally:
            _open_requests -= 1


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    celery.make_folders()
    await db(heartbeat.start, "web")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        deadline = time.monotonic() + LAST_WORDS_S
        while _open_requests and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(ledger.stop)
        await asyncio.to_thread(uses.stop)
        await transport.close()
        await db(heartbeat.stop)
        await asyncio.to_thread(database.close)
    except Exception:
        logger.exception("the web process did not stop cleanly")
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    if _announced_length(scope) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        await _refuse(scope, receive, send)
        return
    exchange = _Exchange(receive, send)
    work = asyncio.ensure_future(web(scope, exchange.receive, exchange.send))
    try:
        await asyncio.shield(work)
        if exchange.is_too_large and not exchange.has_answered:
            await _refuse(scope, receive, send)
    except asyncio.CancelledError:
        # The server stops. Django would not hear of it; of a caller who leaves it does, and so does the view.
        exchange.leave()
        await asyncio.wait({work}, timeout=LAST_WORDS_S)
        if not exchange.has_answered:
            await _respond(
                scope, send, 503, "ServiceUnavailableError", "The server stops; the request was not finished."
            )


class _Exchange:
    """What Django receives and sends: counted, and able to say that the caller has left."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received = 0
        self._left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.has_answered = False
        self.is_too_large = False

    async def receive(self) -> Message:
        arriving = asyncio.ensure_future(_message(self._receive))
        try:
            waited: set[asyncio.Future[Any]] = {arriving, self._left}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not arriving.done():
                arriving.cancel()
        if not arriving.done() or arriving.cancelled():
            return {"type": "http.disconnect"}
        message = arriving.result()
        self._received += len(message.get("body", b""))
        if self._received > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            # Django then lets go of what it has read so far.
            self.is_too_large = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        self.has_answered = True
        await self._send(message)

    def leave(self) -> None:
        if not self._left.done():
            self._left.set_result(None)


async def _message(receive: Receive) -> Message:
    return await receive()


def _announced_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Send 413 at once, then read on for a while: a sender cut off in the middle would never see the answer."""
    message = f"The request is larger than {settings.MAX_BODY_MB} MB."
    await _respond(scope, send, 413, "RequestTooLargeError", message, more=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await _drain(receive, PATIENCE * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive, most: int) -> None:
    while most > 0:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return
        most -= len(message.get("body", b""))


async def _respond(scope: Scope, send: Send, status: int, type_: str, message: str, *, more: bool = False) -> None:
    is_api = refusals.is_api(scope["path"])
    text = refusals.body_of_error(type_, message) if is_api else message
    headers = [
        (b"content-type", b"application/json" if is_api else b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode(), "more_body": more})
