"""The shape of a call and of its answer (contract section 4)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from functions.task import DEFAULT_INSTRUCTIONS, Result
from opperweb.api.fields import AnyJson, Body, Name, Object, Tags, Text, UuidText


class ExampleFields(Body):
    keeps_null = ("input", "output")

    input = AnyJson(allow_null=True)
    output = AnyJson(allow_null=True)
    comment = Text(required=False)


class Boolean(serializers.BooleanField):
    """A JSON true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("must be true or false", code="bool_type")
        return data


class CallFields(Body):
    """A task: only `name` is required; what is absent comes from the function's stored definition."""

    keeps_null = ("input",)

    name = Name()
    instructions = Text(required=False, max_length=1_000_000, help_text=f"By default: {DEFAULT_INSTRUCTIONS}")
    input_schema = Object(required=False)
    output_schema = Object(required=False)
    input = AnyJson(required=False, allow_null=True)
    model = AnyJson(required=False, help_text="A name, {name, options, extra_headers}, or a list of both.")
    examples = ExampleFields(many=True, required=False)
    parent_span_id = UuidText(required=False)
    tags = Tags(required=False)
    configuration = Object(required=False)
    background = Boolean(required=False, help_text="Answer 202 with the span at once; a worker does the call.")


class CallAnswer(serializers.Serializer[Any]):
    """Every key is always there."""

    span_id = serializers.UUIDField()
    message = serializers.CharField(allow_null=True)
    json_payload = AnyJson()
    cached = serializers.BooleanField()
    images = serializers.ListField(child=serializers.CharField(), allow_null=True)
    audio = serializers.CharField(allow_null=True)
    usage = Object()
    cost = Object()


class QueuedAnswer(serializers.Serializer[Any]):
    span_id = serializers.UUIDField()
    status = serializers.CharField()


def answer_of(span_id: Any, result: Result) -> dict[str, Any]:
    """Return a completion as the API answers it; `usage` and `cost` are null where nothing is known."""
    return {
        "span_id": str(span_id),
        "message": result.message,
        "json_payload": result.value,
        "cached": result.cached,
        "images": result.images,
        "audio": result.audio,
        "usage": usage_of(result),
        "cost": cost_of(result),
    }


def usage_of(result: Result) -> dict[str, Any] | None:
    usage = result.usage
    if not usage.is_known:
        return None
    return {
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "total_tokens": usage.total_tokens or 0,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
    }


def cost_of(result: Result) -> dict[str, float] | None:
    """Return US dollars; a server of one's own takes nothing on top, so the platform's part is 0."""
    if result.cost_usd is None:
        return None
    amount = float(result.cost_usd)
    return {"generation": amount, "platform": 0.0, "total": amount}
