"""Keep what came of a call: its attempts as they fail, and at the end the answer, the error or the stop."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from functions.models import Completion
from functions.task import AttemptRecord, Result
from traces import recording
from traces.models import Attempt, AttemptBody, Span, Status
from traces.preview import printable

# What an attempt's row and its body take over from the record under the same name.
ROW_FIELDS = (
    "number", "outcome", "requested_model", "model", "provider", "strategy", "is_repair", "error_kind", "http_status",
    "finish_reason", "request_id", "started_at", "waited_ms", "queue_ms", "first_byte_ms", "duration_ms", "cost_usd",
    "reported_cost_usd", "price", "problems", "notes",
)  # fmt: skip
TOKEN_FIELDS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
BODY_FIELDS = (
    "messages", "method", "url", "request_headers", "request_body", "response_headers", "response_body",
)  # fmt: skip
NAME_FIELDS = {"requested_model": 255, "model": 255, "finish_reason": 40, "request_id": 120}


@transaction.atomic
def keep_attempt(span_key: int, record: AttemptRecord) -> None:
    """Write one attempt; the same number twice is one row."""
    values: dict[str, Any] = {name: getattr(record, name) for name in ROW_FIELDS if name != "number"}
    values |= {name: getattr(record.usage, name) for name in TOKEN_FIELDS}
    values |= {name: printable(getattr(record, name))[:most] for name, most in NAME_FIELDS.items()}
    values["error_message"] = printable(record.error_message)[:1000]
    attempt, _ = Attempt.objects.update_or_create(span_id=span_key, number=record.number, defaults=values)
    body = {name: getattr(record, name) for name in BODY_FIELDS}
    body["url"] = printable(record.url)
    AttemptBody.objects.update_or_create(attempt=attempt, defaults=body)


@transaction.atomic
def keep_result(span_key: int, result: Result) -> None:
    """Close the span with the answer or the error; write the attempts that are not yet there."""
    there = set(Attempt.objects.filter(span_id=span_key).values_list("number", flat=True))
    for record in result.attempts:
        if record.number not in there:
            keep_attempt(span_key, record)
    span = Span.objects.select_related("body").get(pk=span_key)
    recording.change(span, body=_body_of(result), **_values_of(result))
    state = Completion.State.FAILED if result.error is not None else Completion.State.DONE
    Completion.objects.filter(pk=span_key).update(state=state)


@transaction.atomic
def keep_stop(span_key: int, reason: str) -> None:
    """Close a span whose call was cut off."""
    span = Span.objects.filter(pk=span_key, status=Status.RUNNING).first()
    if span is not None:
        recording.change(
            span,
            body={"error": reason},
            status=Status.STOPPED,
            ended_at=timezone.now(),
            error_kind="stopped",
            error_message=reason,
            attempt_count=span.attempts.count(),
        )
    Completion.objects.filter(pk=span_key).update(state=Completion.State.STOPPED)


def keep_requeue(span_key: int) -> None:
    """Give a background call back: the next worker does it, and this start does not count."""
    running = Completion.objects.filter(pk=span_key, state=Completion.State.RUNNING)
    running.update(state=Completion.State.QUEUED, process_id=None, starts=F("starts") - 1)


def _values_of(result: Result) -> dict[str, Any]:
    usage = result.usage
    values: dict[str, Any] = {name: getattr(usage, name) for name in TOKEN_FIELDS}
    values |= {
        "ended_at": timezone.now(),
        "attempt_count": len(result.attempts),
        "cost_usd": result.cost_usd,
        "is_priced": result.is_priced,
        "is_cached": result.cached,
    }
    if result.attempts:
        last = result.attempts[-1]
        values |= {"model": last.requested_model, "provider": last.provider, "first_token_ms": last.first_byte_ms}
    if result.error is not None:
        message = result.error.detail if isinstance(result.error.detail, str) else result.error.message
        return {**values, "status": Status.ERROR, "error_kind": result.error.kind, "error_message": message}
    return {**values, "status": Status.OK if len(result.attempts) <= 1 else Status.RECOVERED}


def _body_of(result: Result) -> dict[str, Any]:
    if result.error is not None:
        return {"error": f"{result.error.type}: {result.error.detail}"}
    return {"output": result.message if result.message is not None else result.value}
