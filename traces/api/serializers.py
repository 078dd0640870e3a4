"""The shapes of spans and traces in Opper's API: what a request may carry, what an answer looks like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from opperweb import json
from opperweb.api.fields import AnyJson, Body, Integer, Name, Object, Tags, Text, Time, UuidText
from traces.evaluation_models import Evaluation
from traces.models import Attempt, Span, SpanMetric, Status, Trace

SUCCESS = (Status.OK, Status.RECOVERED)


class SpanBodyFields(Body):
    """The fields a span can be made and changed with."""

    type = Text(required=False, max_length=120)
    start_time = Time(required=False)
    end_time = Time(required=False)
    input = AnyJson(required=False)
    output = AnyJson(required=False)
    error = Text(required=False)
    meta = Object(required=False)
    score = Integer(required=False, min_value=0, max_value=100)
    tags = Tags(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("start_time"), attrs.get("end_time")
        if start and end and end < start:
            raise serializers.ValidationError({"end_time": "is before start_time"})
        return attrs


class SpanCreate(SpanBodyFields):
    name = Name()
    id = UuidText(required=False)
    trace_id = UuidText(required=False)
    parent_id = UuidText(required=False)


class SpanUpdate(SpanBodyFields):
    name = Name(required=False)


class SpanAnswer(serializers.Serializer[Span]):
    """A span as `/v2/spans` answers it; input and output are any JSON."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    trace_id = serializers.UUIDField(allow_null=True)
    parent_id = serializers.UUIDField(allow_null=True)
    type = serializers.CharField(allow_null=True)
    start_time = serializers.DateTimeField(allow_null=True)
    end_time = serializers.DateTimeField(allow_null=True)
    input = AnyJson()
    output = AnyJson()
    error = serializers.CharField(allow_null=True)
    meta = Object(allow_null=True)
    score = serializers.IntegerField(allow_null=True)
    status = serializers.CharField()
    tags = Tags()


def span_answer(span: Span) -> dict[str, Any]:
    """Return a span with its body as the API answers it."""
    return {
        "id": str(span.id),
        "name": span.name,
        "trace_id": str(span.trace.id),
        "parent_id": str(span.parent_id) if span.parent_id else None,
        "type": span.type or None,
        "start_time": span.started_at.isoformat(),
        "end_time": span.ended_at.isoformat() if span.ended_at else None,
        "input": span.body.input,
        "output": span.body.output,
        "error": error_text(span),
        "meta": span.body.meta,
        "score": span.score,
        "status": api_status(span.status),
        "tags": span.tags,
    }


class TraceAnswer(serializers.BaseSerializer[Trace]):
    """A trace in a list; input and output are texts, those of its root."""

    def to_representation(self, instance: Trace) -> dict[str, Any]:
        root = self.context["roots"].get(instance.root_key)
        return {
            "id": str(instance.id),
            "name": instance.name or None,
            "start_time": instance.started_at.isoformat(),
            "end_time": instance.ended_at.isoformat() if instance.ended_at else None,
            "duration_ms": whole(instance.duration_ms),
            "status": api_status(instance.status),
            "input": text_of(root.input) if root else None,
            "output": text_of(root.output) if root else None,
            "total_tokens": instance.total_tokens,
            "span_count": instance.span_count,
            "cost": float(instance.cost_usd) if instance.cost_usd is not None else None,
            "score": instance.score,
            "tags": [f"{key}:{value}" for key, value in instance.tags],
        }


def span_of_trace(
    span: Span, attempt: Attempt | None, metrics: list[SpanMetric], evaluation: Evaluation | None = None
) -> dict[str, Any]:
    """Return a span inside a trace; the types are those that the 1.x client checks (contract 2.1 and 9.2)."""
    body = span.body
    return {
        "id": str(span.id),
        "name": span.name,
        "type": "generation" if span.is_model_call else span.type or None,
        "parent_id": str(span.parent_id) if span.parent_id else None,
        "start_time": span.started_at.isoformat(),
        "end_time": span.ended_at.isoformat() if span.ended_at else None,
        "duration_ms": whole(span.duration_ms),
        "status": api_status(span.status),
        "error": error_text(span),
        "score": span.score,
        "meta": {**(body.meta or {}), "tags": span.tags} if span.tags else body.meta,
        "metrics": [metric_answer(metric) for metric in metrics],
        "data": {
            "input": text_of(body.input),
            "output": text_of(body.output),
            "total_tokens": span.total_tokens,
            "input_tokens": span.input_tokens,
            "output_tokens": span.output_tokens,
            "cost": float(span.cost_usd) if span.cost_usd is not None else None,
            "score": span.score,
            "model": span.model or None,
            "instructions": body.instructions or None,
            "function": span.function_name or None,
            "observations": evaluation.observations if evaluation is not None else None,
            "tags": [f"{key}:{value}" for key, value in span.tags.items()] or None,
            "generation_id": str(attempt.id) if attempt else None,
            "scorer_context": scorer_context_of(evaluation) if evaluation is not None else None,
        },
    }


def scorer_context_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return how an evaluation came to its score."""
    return {
        "evaluation_id": str(evaluation.id),
        "correct": evaluation.is_correct,
        "thoughts": evaluation.thoughts,
        "criteria": evaluation.criteria,
        "rules": evaluation.rules,
        "model": evaluation.judge_model,
        "version": evaluation.judge_version,
    }


def metric_answer(metric: SpanMetric) -> dict[str, Any]:
    return {
        "id": str(metric.id),
        "dimension": metric.dimension,
        "value": metric.value,
        "created_at": metric.created_at.isoformat(),
        "comment": metric.comment or None,
    }


def error_text(span: Span) -> str | None:
    return text_of(span.body.error) or span.error_message or None


def text_of(value: Any) -> str | None:
    """Return text as it is and anything else as JSON text."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def whole(number: float | None) -> int | None:
    return None if number is None else round(number)


def api_status(status: str) -> str:
    """Return the word the SDK's samples compare with."""
    if status in SUCCESS:
        return "success"
    return "running" if status == Status.RUNNING else "error"
