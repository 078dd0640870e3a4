"""The shape of a call and of its answer (contract section 4)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from functions import batches
from functions.revising import LONGEST_NAME, InvalidName, check_name
from functions.task import DEFAULT_INSTRUCTIONS, Result
from opperweb.api.fields import AnyJson, Body, Integer, Object, Tags, Text, UuidText
from opperweb.outgoing import AddressRefused, check_url


class FunctionName(Text):
    """The name of a function, as `revising.check_name` has it. A call that could make none by its name is refused."""

    def __init__(self, **options: Any) -> None:
        blank = {"blank": "must not be blank"}
        super().__init__(**{"max_length": LONGEST_NAME, "allow_blank": False, "error_messages": blank, **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            check_name(text)
        except InvalidName as problem:
            raise serializers.ValidationError(str(problem), code="value_error") from None
        return text


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


class WebhookUrl(serializers.CharField):
    """An address in the world outside."""

    def to_internal_value(self, data: Any) -> str:
        url: str = super().to_internal_value(data)
        try:
            check_url(url)
        except AddressRefused as problem:
            raise serializers.ValidationError(
                f"must be an address that can be posted to: {problem}", code="url"
            ) from None
        return url


class CallFields(Body):
    """A task: only `name` is required; what is absent comes from the function's stored definition."""

    keeps_null: tuple[str, ...] = ("input",)

    name = FunctionName()
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
    webhook_url = WebhookUrl(required=False, help_text="With background: where the result is posted, signed.")


class Amount(serializers.DecimalField):
    """US dollars."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 16, "decimal_places": 6, "min_value": 0, **options})

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("must be a number of US dollars", code="float_type")
        return super().to_internal_value(data)


class List(AnyJson):
    """A JSON list."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise serializers.ValidationError("must be a list", code="list_type")
        return data


class BatchLimits(Body):
    """What can be changed while a batch runs."""

    at_once = Integer(required=False, min_value=1, max_value=batches.MOST_AT_ONCE, help_text="Inputs at the same time.")
    stop_at_usd = Amount(required=False, help_text="No input is begun once so much was spent.")


class BatchFields(CallFields, BatchLimits):
    """A task with many inputs in place of one; what does not fit `input_schema` is refused and costs nothing."""

    input = None  # type: ignore[assignment]
    background = None  # type: ignore[assignment]
    keeps_null: tuple[str, ...] = ()

    inputs = List(help_text=f"1 to {batches.MOST_INPUTS} inputs.")

    def validate_inputs(self, inputs: list[Any]) -> list[Any]:
        if not 1 <= len(inputs) <= batches.MOST_INPUTS:
            raise serializers.ValidationError(f"must have 1 to {batches.MOST_INPUTS} inputs", code="too_long")
        return inputs


class BatchAnswer(serializers.Serializer[Any]):
    """How far a batch is. `status`: queued, running, done, cancelled, or paused at its spending limit."""

    batch_id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.CharField()
    total = serializers.IntegerField()
    queued = serializers.IntegerField(help_text="Not begun.")
    running = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Inputs that do not fit the input schema.")
    cancelled = serializers.IntegerField(help_text="Not sent.")
    recovered = serializers.IntegerField(help_text="Of those done, after a failed attempt.")
    at_once = serializers.IntegerField()
    stop_at_usd = serializers.FloatField(allow_null=True)
    cost_usd = serializers.FloatField(allow_null=True)
    unpriced = serializers.IntegerField(help_text="Inputs whose cost is not wholly known.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class StreamEvent(serializers.Serializer[Any]):
    """One event; the first has `span_id` alone."""

    span_id = serializers.UUIDField(required=False)
    delta = AnyJson(required=False, help_text="A piece of text; with an output schema a text, a number, true or false.")
    chunk_type = serializers.ChoiceField(["text", "json", "error"], required=False)
    json_path = serializers.CharField(required=False, help_text="The field that is being filled: people[0].name")
    error_type = serializers.CharField(required=False)
    error_message = serializers.CharField(required=False)


class CallAnswer(serializers.Serializer[Any]):
    """Every key is always there."""

    span_id = serializers.UUIDField()
    message = serializers.CharField(allow_null=True)
    json_payload = AnyJson()
    cached = serializers.BooleanField()
    images = serializers.ListField(child=serializers.CharField(), allow_null=True)
    audio = serializers.CharField(allow_null=True)
    usage = Object(allow_null=True)
    cost = Object(allow_null=True)


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
