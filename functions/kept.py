"""Keep what came of a call: its attempts as they fail, and at the end the answer, the error or the stop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from functions.models import Completion
from functions.providers.chat import Usage
from functions.task import AttemptRecord, Result
from traces import recording
from traces.media import data_url
from traces.models import Attempt, AttemptBody, Span, SpanBody, Status
from traces.preview import printable

# What an attempt's row and its body take over from the record under the same name.
ROW_FIELDS = (
    "number", "outcome", "requested_model", "model", "provider", "strategy", "is_repair", "error_kind", "http_status",
    "finish_reason", "request_id", "started_at", "waited_ms", "queue_ms", "first_byte_ms", "first_token_ms",
    "duration_ms", "cost_usd", "reported_cost_usd", "price", "problems", "notes",
)  # fmt: skip
TOKEN_FIELDS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
MORE_TOKEN_FIELDS = tuple(each.name for each in fields(Usage) if each.name not in TOKEN_FIELDS)
BODY_FIELDS = (
    "messages", "method", "url", "request_headers", "request_body", "response_headers", "response_body", "chunk_ms",
)  # fmt: skip
NAME_FIELDS = {"requested_model": 255, "model": 255, "finish_reason": 40, "request_id": 120}


@transaction.atomic
def keep_attempt(span_key: int, record: AttemptRecord) -> None:
    """Write one attempt; the same number twice is one row."""
    attempt, _ = Attempt.objects.update_or_create(span_id=span_key, number=record.number, defaults=_row_values(record))
    AttemptBody.objects.update_or_create(attempt=attempt, defaults=_body_values(record))


def attempt_rows(span_key: int, record: AttemptRecord) -> tuple[Attempt, AttemptBody]:
    """Return the rows of one attempt, not written yet."""
    attempt = Attempt(span_id=span_key, number=record.number, **_row_values(record))
    return attempt, AttemptBody(attempt=attempt, **_body_values(record))


def _row_values(record: AttemptRecord) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(record, name) for name in ROW_FIELDS if name != "number"}
    values |= {name: getattr(record.usage, name) for name in TOKEN_FIELDS}
    more = {name: getattr(record.usage, name) for name in MORE_TOKEN_FIELDS}
    values["more_tokens"] = {name: count for name, count in more.items() if count}
    values |= {name: printable(getattr(record, name))[:most] for name, most in NAME_FIELDS.items()}
    values["error_message"] = printable(record.error_message)[:1000]
    return values


def _body_values(record: AttemptRecord) -> dict[str, Any]:
    return {**{name: getattr(record, name) for name in BODY_FIELDS}, "url": printable(record.url)}


@transaction.atomic
def keep_result(span_key: int, result: Result) -> None:
    """Close the span with the answer or the error; write the attempts that are not yet there."""
    # Attempts that failed were written as they happened; those of a start that was cut off are told from these.
    told = {record.number for record in result.attempts}
    earlier = Attempt.objects.filter(span_id=span_key).exclude(number__in=told)
    there = set(Attempt.objects.filter(span_id=span_key).values_list("number", flat=True)) if len(told) > 1 else set()
    for record in result.attempts:
        if record.number not in there or record.outcome == "accepted":
            keep_attempt(span_key, record)
    span = Span.objects.select_related("body").get(pk=span_key)
    recording.change(span, body=body_of(result), **values_of(result, list(earlier) if _may_be_more(told) else []))
    state = Completion.State.FAILED if result.error is not None else Completion.State.DONE
    Completion.objects.filter(pk=span_key).update(state=state)


@transaction.atomic
def keep_stop(span_key: int, reason: str, *, output: str | None = None) -> None:
    """Close a span whose call was cut off; `output` is what had come of its answer by then."""
    span = Span.objects.filter(pk=span_key, status=Status.RUNNING).first()
    if span is not None:
        attempts = list(span.attempts.all())
        recording.change(
            span,
            body={"error": reason, **({"output": output} if output else {})},
            status=Status.STOPPED,
            ended_at=timezone.now(),
            error_kind="stopped",
            error_message=reason,
            attempt_count=len(attempts),
            rejected_count=sum(each.outcome == Attempt.Outcome.REJECTED for each in attempts),
            repair_count=sum(each.is_repair for each in attempts),
            **_sums_of(attempts),
        )
    Completion.objects.filter(pk=span_key).update(state=Completion.State.STOPPED)


def keep_requeue(span_key: int) -> None:
    """Give a background call back: the next worker does it, and this start does not count."""
    running = Completion.objects.filter(pk=span_key, state=Completion.State.RUNNING)
    running.update(state=Completion.State.QUEUED, process_id=None, starts=F("starts") - 1)


def _may_be_more(numbers: set[int]) -> bool:
    """Tell whether a start before this one has left attempts: then ours do not begin at 1."""
    return bool(numbers) and min(numbers) > 1


def values_of(result: Result, earlier: list[Attempt]) -> dict[str, Any]:
    """Return what the end of a call changes of its span; `earlier` are attempts of a start that was cut off."""
    usage = result.usage
    every: list[Attempt | AttemptRecord] = [*earlier, *result.attempts]
    values: dict[str, Any] = {name: getattr(usage, name) for name in TOKEN_FIELDS}
    values |= {
        "ended_at": timezone.now(),
        "attempt_count": len(every),
        "rejected_count": sum(each.outcome == "rejected" for each in every),
        "repair_count": sum(each.is_repair for each in every),
        "is_fallback": len({each.requested_model for each in every}) > 1,
        "cost_usd": result.cost_usd,
        "is_priced": result.is_priced and all(attempt.cost_usd is not None for attempt in earlier),
        "is_cached": result.cached,
    }
    for name, sum_before in _sums_of(earlier).items():
        if sum_before is not None:
            values[name] = (values[name] or 0) + sum_before
    if result.attempts:
        last = result.attempts[-1]
        first_token_ms = last.first_token_ms if last.first_token_ms is not None else last.first_byte_ms
        values |= {"model": last.requested_model, "provider": last.provider, "first_token_ms": first_token_ms}
    if result.cached:
        values |= {"model": result.answered_by[0], "provider": result.answered_by[1]}
    if result.error is not None:
        message = result.error.detail if isinstance(result.error.detail, str) else result.error.message
        return {**values, "status": Status.ERROR, "error_kind": result.error.kind, "error_message": message}
    return {**values, "status": Status.OK if values["attempt_count"] <= 1 else Status.RECOVERED}


def _sums_of(attempts: Iterable[Attempt]) -> dict[str, Any]:
    """Return what attempts that are kept come to; None where none of them tells."""
    sums: dict[str, Any] = dict.fromkeys((*TOKEN_FIELDS, "cost_usd"))
    for attempt in attempts:
        for name in sums:
            value = getattr(attempt, name)
            if value is not None:
                sums[name] = (sums[name] or 0) + value
    return sums


def body_of(result: Result) -> dict[str, Any]:
    """Return what the end of a call changes of its texts; pictures and speech are kept as data URLs."""
    if result.error is not None:
        heard = {"output": result.message} if result.message else {}
        return {"error": f"{result.error.type}: {result.error.detail}", **heard}
    said = result.message if result.message is not None else result.value
    if not result.images and not result.audio:
        return {"output": said}
    output: dict[str, Any] = {
        "message": None if result.audio else result.message,
        "json_payload": result.value,
        "images": [data_url(image, "image/png") for image in result.images or ()],
        "audio": data_url(result.audio, "audio/pcm") if result.audio else None,
        "transcript": result.message if result.audio else None,
    }
    return {"output": {name: part for name, part in output.items() if part}}


def answer_of(body: SpanBody) -> dict[str, Any]:
    """Return a kept answer as `/v2/call` gave it: {message, json_payload, images, audio}, media as bare base64."""
    output = body.output
    if body.output_schema is not None:
        return {"message": None, "json_payload": output, "images": None, "audio": None}
    if not isinstance(output, dict):
        return {"message": output, "json_payload": None, "images": None, "audio": None}
    return {
        "message": output.get("message") or output.get("transcript"),
        "json_payload": output.get("json_payload"),
        "images": [_bare(image) for image in output.get("images") or ()] or None,
        "audio": _bare(output["audio"]) if output.get("audio") else None,
    }


def _bare(data_url: str) -> str:
    return data_url.partition(",")[2]
