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
    events: AsyncGenerator[list[dict[str, Any]], None], *, headers: dict[str, str] | None = None
) -> StreamingHttpResponse:
    """Return the answer that sends events as they come, some at a time, none as a comment.

    Those that come together are sent together. A reader who leaves closes them.
    """
    response = StreamingHttpResponse(_bytes(events), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    # nginx would hold the events back until it has a few kilobytes of them.
    response["X-Accel-Buffering"] = "no"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


async def _bytes(events: AsyncGenerator[list[dict[str, Any]], None]) -> AsyncIterator[bytes]:
    try:
        async for some in events:
            yield b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in some) or COMMENT
    finally:
        await events.aclose()
