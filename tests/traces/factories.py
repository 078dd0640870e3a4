"""Traces, spans and attempts made for tests, straight in the database, with the totals they would really have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from opperweb.accounts.models import Project
from traces import totals
from traces.models import Attempt, AttemptBody, Kind, Span, SpanBody, Status, Trace, TraceFacet
from traces.preview import preview

BODY_FIELDS = ("input", "output", "error", "meta", "instructions", "input_schema", "output_schema", "request")
EXCHANGE_FIELDS = ("method", "url", "request_headers", "request_body", "response_headers", "response_body")
DURATION_MS = 1000.0


def make_trace(project: Project, name: str = "", **values: Any) -> Trace:
    """Make a trace without spans; its fields hold what is given until a span is added."""
    values.setdefault("started_at", timezone.now() - timedelta(minutes=1))
    return Trace.objects.create(project=project, name=name, **values)


def make_call(project: Project, name: str = "mini_kb_query", **values: Any) -> Trace:
    """Make a trace of one model call; `values` are those of make_span."""
    started_at = values.pop("started_at", None) or timezone.now() - timedelta(minutes=1)
    trace = make_trace(project, started_at=started_at)
    values = {"kind": Kind.LLM, "model": "openai/gpt-4.1-nano", "attempt_count": 1, **values}
    make_span(trace, name, **values)
    return trace


def make_span(
    trace: Trace,
    name: str = "step",
    *,
    parent: Span | None = None,
    after_ms: float = 0,
    duration_ms: float | None = DURATION_MS,
    **values: Any,
) -> Span:
    """Make a span `after_ms` after its trace's start, with its texts; the trace's totals and facets follow."""
    body = {field: values.pop(field) for field in BODY_FIELDS if field in values}
    values.setdefault("started_at", trace.started_at + timedelta(milliseconds=after_ms))
    values.setdefault("status", Status.OK)
    if values["status"] != Status.RUNNING and duration_ms is not None:
        values.setdefault("ended_at", values["started_at"] + timedelta(milliseconds=duration_ms))
        values["duration_ms"] = duration_ms
    values.setdefault("parent_id", parent.id if parent else None)
    values.setdefault("input_preview", preview(body.get("input")))
    values.setdefault("output_preview", preview(body.get("output")))
    span = Span.objects.create(project=trace.project, trace=trace, name=name, **values)
    SpanBody.objects.create(span=span, **body)
    _count(trace, span)
    return span


def _count(trace: Trace, span: Span) -> None:
    totals.add(trace, totals.share_of(span))
    totals.widen(trace, span)
    totals.settle(trace, totals.root_of(trace))
    new = [[key, value] for key, value in span.tags.items() if [key, value] not in trace.tags]
    trace.tags = [*trace.tags, *new]
    trace.save()
    facets = [(TraceFacet.TAG, key, value) for key, value in span.tags.items()]
    facets += [(TraceFacet.MODEL, "", name) for name in {span.model, span.requested_model} if name]
    facets += [(TraceFacet.FUNCTION, "", span.function_name)] if span.function_name else []
    TraceFacet.objects.bulk_create(
        [
            TraceFacet(
                trace=trace, project=trace.project, facet=facet, key=key, value=value, started_at=trace.started_at
            )
            for facet, key, value in facets
        ],
        ignore_conflicts=True,
    )


def make_attempt(
    span: Span,
    *,
    outcome: str = Attempt.Outcome.ACCEPTED,
    messages: Any = None,
    **values: Any,
) -> Attempt:
    """Make the next attempt of a span with its exchange; the span and its trace count it."""
    exchange = {field: values.pop(field) for field in EXCHANGE_FIELDS if field in values}
    number = values.pop("number", None) or span.attempts.count() + 1
    model = span.requested_model or span.model or "openai/gpt-4.1-nano"
    values = {
        "requested_model": model,
        "provider": model.partition("/")[0],
        "started_at": span.started_at,
        "duration_ms": DURATION_MS,
        **values,
    }
    attempt = Attempt.objects.create(span=span, number=number, outcome=outcome, **values)
    exchange["messages"] = messages or []
    AttemptBody.objects.create(attempt=attempt, **exchange)
    span.attempt_count = span.attempts.count()
    span.save(update_fields=["attempt_count"])
    trace = Trace.objects.get(pk=span.trace_id)
    totals.recount(trace)
    trace.save()
    return attempt
