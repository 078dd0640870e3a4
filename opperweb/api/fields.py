"""Serializer fields that take exactly one JSON type each: a number is not a text, a text is not a number."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from opperweb.api.errors import Invalid, problems_of

MAX_TAGS = 100
MAX_TAG_KEY = 120
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Text(serializers.CharField):
    """A JSON string, kept as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("must be a string", code="string_type")
        return super().to_internal_value(data)


class Name(Text):
    """A name that people will read in lists: some characters, none of them a control character."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 255, "allow_blank": False, **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            raise serializers.ValidationError("must not be blank", code="string_too_short")
        if CONTROL.search(text):
            raise serializers.ValidationError("must not contain control characters", code="value_error")
        return text


class Integer(serializers.IntegerField):
    """A JSON number without a fraction."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, (int, float)) or data != int(data):
            raise serializers.ValidationError("must be an integer", code="int_type")
        return int(super().to_internal_value(int(data)))


@extend_schema_field(OpenApiTypes.ANY)
class AnyJson(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(OpenApiTypes.OBJECT)
class Object(AnyJson):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object", code="object_type")
        return data


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class Tags(Object):
    """An object of strings; a value over 512 characters is shortened where it is filtered by, not where it is kept."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        tags = super().to_internal_value(data)
        if len(tags) > MAX_TAGS:
            raise serializers.ValidationError(f"must not be more than {MAX_TAGS} tags", code="too_long")
        problems = {key: problem for key, value in tags.items() if (problem := _problem_of(key, value))}
        if problems:
            raise serializers.ValidationError(problems)
        return tags


def _problem_of(key: str, value: Any) -> str:
    if not key.strip() or len(key) > MAX_TAG_KEY or CONTROL.search(key):
        return f"a tag's name must have 1 to {MAX_TAG_KEY} characters, none of them a control character"
    return "" if isinstance(value, str) else "must be a string"


@extend_schema_field(OpenApiTypes.DATETIME)
class Time(serializers.DateTimeField):
    """An RFC 3339 time; one without an offset is read as UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default_timezone": UTC, **options})

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            raise serializers.ValidationError(
                "must be an RFC 3339 time, such as 2026-01-31T10:00:00Z", code="datetime_type"
            )
        try:
            return super().to_internal_value(value)
        except (OverflowError, ValueError):
            raise serializers.ValidationError("is out of range", code="datetime_type") from None


class UuidText(serializers.UUIDField):
    """A UUID, written as text."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            raise serializers.ValidationError("must be a UUID string", code="uuid_type")
        return super().to_internal_value(data)


class Body(serializers.Serializer[Any]):
    """The shape of a request: an explicit null of an optional field counts as absent, unknown fields are ignored."""

    keeps_null: tuple[str, ...] = ()
    # JSON has no dictionaries.
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "must be an object"}

    def run_validation(self, data: Any = empty) -> Any:
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if value is not None or key in self.keeps_null}
        return super().run_validation(data)


def read(serializer: Callable[..., Body], data: Any) -> dict[str, Any]:
    """Return the checked fields of a body; raise Invalid with each wrong one and what was given for it."""
    try:
        return dict(_made(serializer).run_validation(data))
    except serializers.ValidationError as problem:
        raise Invalid(problems_of(problem.detail, ["body"], data)) from None


@cache
def _made(serializer: Callable[..., Body]) -> Body:
    # Making one copies each of its fields, which costs more than the checking; checking leaves nothing behind in it.
    return serializer()
