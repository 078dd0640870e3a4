"""/v2/functions/{id}/call: an input in, the completion of the function's stored definition out."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from functions.api.call import asked_of, complete
from functions.api.function_serializers import FunctionCallFields
from functions.api.serializers import CallAnswer, QueuedAnswer, StreamEvent
from functions.api.stream import streamed
from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import described, endpoint, streaming
from opperweb.api.fields import read
from traces.api.spans import path_uuid

TAG = "functions"
ANSWERS = {200: CallAnswer, 202: QueuedAnswer}
EVENTS = {(200, "text/event-stream"): StreamEvent}


@described("Call a function", tag=TAG, request=FunctionCallFields, responses=ANSWERS)
async def create(request: HttpRequest, key: ApiKey, function_id: str, revision_id: str = "") -> HttpResponse:
    """Complete the task of a function by its newest revision, or by the one that is named, which a later save never
    changes."""
    wanted = _ids(function_id, revision_id)
    fields = read(FunctionCallFields, read_object(request))
    return await complete(key, fields, asked_of(fields, **wanted))


@streaming
@described("Call a function, streamed", tag=TAG, request=FunctionCallFields, responses=EVENTS)
async def stream(request: HttpRequest, key: ApiKey, function_id: str, revision_id: str = "") -> StreamingHttpResponse:
    """Send the answer as it comes, as /v2/call/stream does; every `delta` is a text here, that of a number too."""
    wanted = _ids(function_id, revision_id)
    fields = read(FunctionCallFields, read_object(request))
    return await streamed(key, fields, asked_of(fields, **wanted), only_texts=True)


function_call = endpoint(POST=create)
function_stream = endpoint(POST=stream)


def _ids(function_id: str, revision_id: str) -> dict[str, uuid.UUID | None]:
    return {
        "function_id": path_uuid(function_id),
        "revision_id": path_uuid(revision_id) if revision_id else None,
    }
