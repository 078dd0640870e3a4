"""Server-sent events as an answer: one `data:` line with JSON for each event, and a comment now and then.

Nothing marks the end: the connection closes (contract section 5: a sentinel would raise in the SDK).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from django.http import StreamingHttpResponse

from opperweb import json

# Proxies close what is silent for long.
COMMENT_EVERY_SECONDS = 15.0
COMMENT = b": waiting\n\n"


def event_stream(
    events: AsyncIterator[dict[str, Any]], *, headers: dict[str, str] | None = None
) -> StreamingHttpResponse:
    """Return the answer that sends these events as they come; a reader who leaves closes the iterator."""
    response = StreamingHttpResponse(_bytes(events), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    # nginx would hold the events back until it has a few kilobytes of them.
    response["X-Accel-Buffering"] = "no"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


async def _bytes(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    coming: asyncio.Future[dict[str, Any]] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait([coming], timeout=COMMENT_EVERY_SECONDS)
            if not done:
                yield COMMENT
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield b"data: " + json.dumps(event).encode() + b"\n\n"
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        await events.aclose()  # type: ignore[attr-defined]
