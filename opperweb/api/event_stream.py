"""Server-sent events as an answer: one `data:` line with JSON for each event, and a comment where one is silent.

Nothing marks the end: the connection closes (contract section 5: a sentinel would raise in the SDK).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from django.http import StreamingHttpResponse

from opperweb import json

COMMENT = b": waiting\n\n"


def event_stream(
    events: AsyncGenerator[dict[str, Any] | None, None], *, headers: dict[str, str] | None = None
) -> StreamingHttpResponse:
    """Return the answer that sends these events as they come, None as a comment; a reader who leaves closes them."""
    response = StreamingHttpResponse(_bytes(events), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    # nginx would hold the events back until it has a few kilobytes of them.
    response["X-Accel-Buffering"] = "no"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


async def _bytes(events: AsyncGenerator[dict[str, Any] | None, None]) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield COMMENT if event is None else b"data: " + json.dumps(event).encode() + b"\n\n"
    finally:
        await events.aclose()
