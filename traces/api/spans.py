"""POST /v2/spans, and GET, PATCH, DELETE /v2/spans/{id}: the SDK's own spans, on the hot path."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import Invalid, NotFound
from opperweb.api.fields import read
from opperweb.database import db
from traces import recording
from traces.api.serializers import SpanAnswer, SpanCreate, SpanUpdate, span_answer
from traces.evaluation_models import Feedback
from traces.kinds import kind_of
from traces.models import Span

OF_BODY = ("input", "output", "meta")


@described("Make a span", tag="spans", request=SpanCreate, responses={200: SpanAnswer})
async def create(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Without `trace_id` it joins its parent's trace, or begins one. An output or an error ends it."""
    fields = read(SpanCreate, read_object(request))
    return answer(await db(_create, key, fields))


@described("Read a span", tag="spans", responses={200: SpanAnswer})
async def retrieve(request: HttpRequest, key: ApiKey, span_id: str) -> HttpResponse:
    return answer(await db(_retrieve, key, span_id))


@described("Change a span", tag="spans", request=SpanUpdate, responses={200: SpanAnswer})
async def update(request: HttpRequest, key: ApiKey, span_id: str) -> HttpResponse:
    """Only the fields sent change. An output or an error ends a span that has not ended."""
    fields = read(SpanUpdate, read_object(request))
    return answer(await db(_update, key, span_id, fields))


@described("Delete a span", tag="spans", responses={204: None})
async def delete(request: HttpRequest, key: ApiKey, span_id: str) -> HttpResponse:
    await db(lambda: recording.delete(find_span(key, span_id)))
    return HttpResponse(status=204)


spans = endpoint(POST=create)
span = endpoint(GET=retrieve, PATCH=update, DELETE=delete)


def _create(key: ApiKey, fields: dict[str, Any]) -> dict[str, Any]:
    values = _values(fields, ended_at=None)
    values["kind"] = kind_of(fields.get("type", ""))
    try:
        span = recording.start(
            key.project,
            fields["name"],
            span_id=fields.get("id"),
            trace_id=fields.get("trace_id"),
            parent_id=fields.get("parent_id"),
            started_at=fields.get("start_time"),
            api_key=key,
            body=_body(fields),
            **values,
        )
    except recording.ParentNotFound:
        raise NotFound(f"There is no span {fields['parent_id']} to be the parent") from None
    except recording.ParentElsewhere:
        raise Invalid.at(
            ["body", "parent_id"], "belongs to another trace than trace_id", value=str(fields["parent_id"])
        ) from None
    return span_answer(_with_body(span))


def _retrieve(key: ApiKey, span_id: str) -> dict[str, Any]:
    span = find_span(key, span_id)
    newest = Feedback.objects.filter(span=span).exclude(score=None).order_by("-updated_at").first()
    said = {"score": newest.score, "comment": newest.comment or None} if newest is not None else None
    return {**span_answer(span), "feedback": said}


def _update(key: ApiKey, span_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    span = find_span(key, span_id)
    values = _values(fields, ended_at=span.ended_at)
    if "error" not in fields and span.error_message and "status" in values:
        values["status"] = recording.status_for(error=span.error_message, ended_at=values.get("ended_at"))
    if "name" in fields:
        values["name"] = fields["name"]
    if "start_time" in fields:
        values["started_at"] = fields["start_time"]
    if fields.get("type"):
        values["kind"] = span.kind if span.attempt_count else kind_of(fields["type"])
    _check_times(values.get("started_at", span.started_at), values.get("ended_at", span.ended_at))
    return span_answer(_with_body(recording.change(span, body=_body(fields), **values)))


def _values(fields: dict[str, Any], *, ended_at: Any) -> dict[str, Any]:
    """Return the fields of Span that a body sets, the end and the status they amount to among them."""
    values: dict[str, Any] = {name: fields[name] for name in ("type", "score", "tags") if name in fields}
    if "error" in fields:
        values["error_message"] = fields["error"]
    if "end_time" in fields:
        values["ended_at"] = fields["end_time"]
    elif ended_at is None and ("output" in fields or fields.get("error")):
        values["ended_at"] = max(timezone.now(), fields.get("start_time") or timezone.now())
    if "ended_at" in values or "error" in fields:
        values["status"] = recording.status_for(error=fields.get("error"), ended_at=values.get("ended_at", ended_at))
    return values


def _body(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in (*OF_BODY, "error") if name in fields}


def _check_times(started_at: Any, ended_at: Any) -> None:
    if ended_at is not None and ended_at < started_at:
        raise Invalid.at(["body", "end_time"], "is before start_time", value=ended_at.isoformat())


def find_span(key: ApiKey, span_id: str) -> Span:
    """Return the project's span of this id, or answer 404 as if there were none anywhere."""
    span = Span.objects.filter(project=key.project, id=path_uuid(span_id)).select_related("trace", "body").first()
    if span is None:
        raise NotFound(f"There is no span {span_id}")
    return span


def _with_body(span: Span) -> Span:
    return Span.objects.select_related("trace", "body").get(pk=span.pk)


def path_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid.at(["path", "id"], "must be a UUID", value=text, type="uuid_parsing") from None
