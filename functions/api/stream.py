"""POST /v2/call/stream: a task in, its completion out piece by piece (contract section 5)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

from functions import calls
from functions.api.call import asked_of, refusals
from functions.api.serializers import CallFields, StreamEvent
from functions.completions.listening import Chunk
from functions.opening import Asked, Begun
from functions.task import Result
from opperweb import json
from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import described, endpoint, streaming
from opperweb.api.errors import ApiError
from opperweb.api.event_stream import event_stream
from opperweb.api.fields import read

logger = logging.getLogger(__name__)


@streaming
@described(
    "Complete a task, streamed", tag="call", request=CallFields, responses={(200, "text/event-stream"): StreamEvent}
)
async def create(request: HttpRequest, key: ApiKey) -> StreamingHttpResponse:
    """Send the answer as it comes: text, or with an output schema its fields, each with its path.

    Whatever is wrong with the request is told before the stream begins. A model that fails before its first word is
    replaced by the next; a failure after it is an event with `chunk_type` error, and the stream ends.
    """
    fields = read(CallFields, read_object(request))
    return await streamed(key, fields, asked_of(fields))


stream = endpoint(POST=create)


async def streamed(
    key: ApiKey, fields: dict[str, Any], asked: Asked, *, only_texts: bool = False
) -> StreamingHttpResponse:
    """Begin to answer a task; with `only_texts` numbers, true and false are sent as texts of themselves."""
    if fields.get("background"):
        raise ApiError("A call in the background has nothing to stream; leave out background, or call without stream")
    with refusals(fields):
        begun, pieces = await calls.stream(key.project, asked, api_key=key)
    events = events_of(begun, pieces, only_texts=only_texts)
    return event_stream(events, headers={"X-Opper-Span-Id": str(begun.span_id)})


async def events_of(
    begun: Begun, pieces: calls.Pieces, *, only_texts: bool = False
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Return the events of a call as they come: the span, then its chunks, at the end the error if there is one."""
    try:
        yield [{"span_id": str(begun.span_id)}]
        async for some in pieces:
            events = [_event(piece, only_texts=only_texts) for piece in some if _is_told(piece)]
            if events or not some:
                yield events
    except Exception:  # the status is sent already: an error has to come as an event
        logger.exception("the stream of %s failed", begun.span_id)
        yield [_error("InternalServerError", "The server failed; what happened is in its log")]
    finally:
        await pieces.aclose()


def _is_told(piece: Chunk | Result) -> bool:
    """Tell whether there is an event for it: what a result holds has been told before, but for its error."""
    return isinstance(piece, Chunk) or piece.error is not None


def _event(piece: Chunk | Result, *, only_texts: bool) -> dict[str, Any]:
    if isinstance(piece, Chunk):
        delta = json.dumps(piece.delta) if only_texts and not isinstance(piece.delta, str) else piece.delta
        if piece.path is None:
            return {"delta": delta, "chunk_type": "text"}
        return {"delta": delta, "chunk_type": "json", "json_path": piece.path}
    error = piece.error
    assert error is not None
    return _error(error.type, error.detail if isinstance(error.detail, str) else error.message)


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"chunk_type": "error", "error_type": kind, "error_message": message}
