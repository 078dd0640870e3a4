"""The shape of functions, their revisions and their examples in the API (contract sections 6 and 7)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from functions.api.serializers import Boolean, ExampleFields, FunctionName, WebhookUrl
from functions.models import DatasetExample, Function, Revision
from functions.task import DEFAULT_INSTRUCTIONS, Configuration
from opperweb import json
from opperweb.api.fields import AnyJson, Body, Object, Tags, Text, UuidText

LONGEST_INSTRUCTIONS = 1_000_000
LONGEST_TEXT = 10_000
DEFAULTS = Configuration()
# What holds for a key that a function does not set. XML is not asked for yet, whatever it says.
KNOWN_KEYS = {
    "invocation.few_shot.count": DEFAULTS.few_shot_count,
    "invocation.structured_generation.max_attempts": DEFAULTS.max_attempts,
    "invocation.cache.ttl": DEFAULTS.cache_ttl_seconds,
    "beta.invocation.input_validation.enabled": DEFAULTS.validates_input,
    "beta.invocation.xml_mode.enabled": False,
}


class FunctionFields(Body):
    """A function that is managed on the server; calls name it, and bring the input."""

    name = FunctionName()
    instructions = Text(max_length=LONGEST_INSTRUCTIONS, help_text=f"If empty: {DEFAULT_INSTRUCTIONS}")
    description = Text(required=False, allow_null=True, max_length=LONGEST_TEXT)
    input_schema = Object(required=False, allow_null=True)
    output_schema = Object(required=False, allow_null=True)
    model = AnyJson(
        required=False, allow_null=True, help_text="A name, {name, options, extra_headers}, or a list of both."
    )
    configuration = Object(required=False, allow_null=True)
    observer_enabled = Boolean(required=False, help_text="Whether its completions are judged.")


class FunctionChanges(FunctionFields):
    """What is absent stays; null empties what can be empty; `configuration` is merged key by key."""

    keeps_null = ("description", "input_schema", "output_schema", "model", "configuration")

    name = FunctionName(required=False)
    instructions = Text(required=False, max_length=LONGEST_INSTRUCTIONS)


class FunctionAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    instructions = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    input_schema = Object(allow_null=True)
    output_schema = Object(allow_null=True)
    model = AnyJson(allow_null=True)
    configuration = Object(help_text="With what holds for the keys that it does not set.")
    dataset_id = serializers.UUIDField()
    revision_id = serializers.UUIDField(help_text="The newest, or the one that was asked for.")
    observer_enabled = serializers.BooleanField()


class FunctionInList(serializers.Serializer[Any]):
    """A function in a list: without its schemas, which may be large."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    revision_id = serializers.UUIDField()
    description = serializers.CharField(allow_null=True)
    instructions = serializers.CharField()
    model = AnyJson(allow_null=True)


class RevisionAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    configuration = Object(help_text="All that the revision defines, with its number and its note.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class FunctionCallFields(Body):
    """A call of a function: its definition is the stored one, whatever else is sent."""

    keeps_null: tuple[str, ...] = ("input",)

    input = AnyJson(required=False, allow_null=True)
    examples = ExampleFields(many=True, required=False)
    parent_span_id = UuidText(required=False)
    tags = Tags(required=False)
    background = Boolean(required=False, help_text="Answer 202 with the span at once; a worker does the call.")
    webhook_url = WebhookUrl(required=False, help_text="With background: where the result is posted, signed.")


class EntryFields(Body):
    """An example: an input and the answer it got; `expected` is what the answer should have been."""

    keeps_null: tuple[str, ...] = ("input", "output")

    input = AnyJson(allow_null=True)
    output = AnyJson(allow_null=True)
    expected = AnyJson(required=False, allow_null=True)
    comment = Text(required=False, allow_null=True, max_length=LONGEST_TEXT)


class EntryChanges(EntryFields):
    """What is absent stays; null empties `expected` and `comment`."""

    keeps_null = ("expected", "comment")

    input = AnyJson(required=False)
    output = AnyJson(required=False)


class EntryAnswer(serializers.Serializer[Any]):
    """Values that are no texts come as JSON text."""

    id = serializers.UUIDField()
    input = serializers.CharField()
    output = serializers.CharField()
    expected = serializers.CharField(allow_null=True)
    comment = serializers.CharField(allow_null=True)


def about_function(function: Function, revision: Revision) -> dict[str, Any]:
    """Return a function as the API answers it, with the definition of this revision."""
    return {
        "id": str(function.pk),
        "name": function.name,
        "instructions": revision.instructions,
        "description": function.description or None,
        "input_schema": revision.input_schema,
        "output_schema": revision.output_schema,
        "model": revision.model,
        "configuration": effective(revision.configuration),
        "dataset_id": str(function.dataset_id),
        "revision_id": str(revision.pk),
        "observer_enabled": function.observer_enabled,
    }


def in_list(function: Function, revision: Revision) -> dict[str, Any]:
    return {
        "id": str(function.pk),
        "name": function.name,
        "revision_id": str(revision.pk),
        "description": function.description or None,
        "instructions": revision.instructions,
        "model": revision.model,
    }


def about_revision(revision: Revision) -> dict[str, Any]:
    """Return a revision of the list; `configuration` holds all that it defines, so that two can be compared."""
    at = revision.created_at.isoformat()
    configuration = {
        "number": revision.number,
        "note": revision.note or None,
        "instructions": revision.instructions,
        "input_schema": revision.input_schema,
        "output_schema": revision.output_schema,
        "model": revision.model,
        **effective(revision.configuration),
    }
    return {"id": str(revision.pk), "configuration": configuration, "created_at": at, "updated_at": at}


def about_entry(example: DatasetExample) -> dict[str, Any]:
    return {
        "id": str(example.id),
        "input": text_of(example.input),
        "output": text_of(example.output),
        "expected": None if example.expected is None else text_of(example.expected),
        "comment": example.comment or None,
    }


def effective(stored: dict[str, Any] | None) -> dict[str, Any]:
    """Return a configuration with what holds for the keys that it leaves open."""
    return {**KNOWN_KEYS, **{key: value for key, value in (stored or {}).items() if value is not None}}


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
