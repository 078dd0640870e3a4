"""POST /v2/call: a task in, its completion out."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse

from functions import calls
from functions.api.serializers import CallAnswer, CallFields, QueuedAnswer, answer_of
from functions.definitions import FunctionNotFound, RevisionNotFound
from functions.opening import Asked, InvalidInput
from functions.prompts.media import InvalidMedia
from functions.providers import UnknownModel
from functions.schemas.validator import InvalidSchema
from functions.task import CompletionError, Example, InvalidConfiguration, InvalidModel
from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import ApiError, Invalid, NotFound, value_at
from opperweb.api.fields import read
from traces.recording import ParentNotFound

DEFINITION = ("instructions", "input_schema", "output_schema", "model", "configuration")


@described("Complete a task", tag="call", request=CallFields, responses={200: CallAnswer, 202: QueuedAnswer})
async def create(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Ask the models in order until the answer fits the output schema. The completion is kept, also when it fails."""
    fields = read(CallFields, read_object(request))
    return await complete(key, fields, asked_of(fields))


call = endpoint(POST=create)


async def complete(key: ApiKey, fields: dict[str, Any], asked: Asked) -> HttpResponse:
    """Answer a task, or with `background` begin it."""
    with refusals(fields):
        if fields.get("background"):
            begun = await calls.call_later(key.project, asked, api_key=key)
            return answer({"span_id": str(begun.span_id), "status": "queued"}, status=202)
        begun, result = await calls.call(key.project, asked, api_key=key)
    if result.error is not None:
        raise failure_of(result.error, begun.span_id)
    return answer(answer_of(begun.span_id, result))


def asked_of(
    fields: dict[str, Any], *, function_id: uuid.UUID | None = None, revision_id: uuid.UUID | None = None
) -> Asked:
    """Return what a body asks, of the function that it names or of the one with this id."""
    return Asked(
        name=fields.get("name", ""),
        function_id=function_id,
        revision_id=revision_id,
        input=fields.get("input"),
        definition={name: fields[name] for name in DEFINITION if name in fields},
        examples=tuple(Example(**example) for example in fields.get("examples", ())),
        tags=fields.get("tags"),
        parent_span_id=fields.get("parent_span_id"),
        webhook_url=fields.get("webhook_url") or "",
    )


@contextmanager
def refusals(fields: dict[str, Any]) -> Iterator[None]:
    """Turn what makes no sense into the answer that names the place."""
    try:
        yield
    except InvalidSchema as problem:
        raise refused(fields, problem.path, problem.message) from None
    except InvalidModel as problem:
        raise refused(fields, ("model", *problem.path), problem.message) from None
    except InvalidMedia as problem:
        raise refused(fields, ("input", *problem.path), problem.message) from None
    except InvalidConfiguration as problem:
        raise refused(fields, ("configuration", *problem.path), problem.message) from None
    except InvalidInput as problem:
        found = [refused(fields, ("input", *one.path), one.message, type=one.rule) for one in problem.problems]
        raise Invalid([detail for one in found for detail in one.detail]) from None
    except UnknownModel as problem:
        raise NotFound(str(problem)) from None
    except FunctionNotFound as problem:
        raise NotFound(f"There is no function {problem}") from None
    except RevisionNotFound as problem:
        raise NotFound(f"The function has no revision {problem}") from None
    except ParentNotFound:
        raise NotFound(f"There is no span {fields['parent_span_id']} to be the parent") from None


def refused(fields: dict[str, Any], path: Sequence[str | int], message: str, *, type: str = "value_error") -> Invalid:
    return Invalid.at(["body", *path], message, value=value_at(fields, path), type=type)


def failure_of(error: CompletionError, span_id: Any) -> ApiError:
    """Return the error with the span's id in a header: what was tried can be read there.

    A 429 also says in Retry-After, in whole seconds, how long the provider asked to be left alone.
    """
    headers = {"X-Opper-Span-Id": str(span_id)}
    if error.status == 429 and error.retry_after_seconds is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    return ApiError(
        error.detail,
        message=error.message,
        status=error.status,
        type=error.type,
        headers=headers,
    )
