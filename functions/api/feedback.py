"""/v2/spans/{id}/feedback and save_examples: what people think of a completion, and how it becomes an example."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from functions import feedback
from functions.api.serializers import Boolean
from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import ApiError, NotFound
from opperweb.api.fields import AnyJson, Body, Text, read
from opperweb.database import db
from traces.api.metrics import Number
from traces.api.serializers import text_of
from traces.api.spans import find_span

TAG = "feedback"


class Share(Number):
    """A number from 0 to 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 0, "max_value": 1, **options})


class FeedbackFields(Body):
    score = Share(help_text="0 is bad, 1 is good.")
    comment = Text(required=False, max_length=100_000)
    save_to_dataset = Boolean(required=False, help_text="Make it an example; by default the function's rule decides.")


class FeedbackAnswer(serializers.Serializer[Any]):
    span_id = serializers.UUIDField()
    score = serializers.FloatField()
    example_saved = serializers.BooleanField()
    comment = serializers.CharField(allow_null=True)


class SavedAnswer(serializers.Serializer[Any]):
    dataset_id = serializers.UUIDField()
    dataset_entry_id = serializers.UUIDField()
    input = AnyJson()
    output = AnyJson()
    expected = AnyJson()
    comment = serializers.CharField(allow_null=True)


@described("Give feedback", tag=TAG, request=FeedbackFields, responses={200: FeedbackAnswer})
async def give(request: HttpRequest, key: ApiKey, span_id: str) -> HttpResponse:
    """Rate a completion from 0 (bad) to 1 (good)."""
    fields = read(FeedbackFields, read_object(request))
    return answer(await db(_give, key, span_id, fields))


@described("Save a completion as an example", tag=TAG, responses={201: SavedAnswer})
async def save(request: HttpRequest, key: ApiKey, span_id: str) -> HttpResponse:
    """Put the span's input and output into the dataset of its function."""
    return answer(await db(_save, key, span_id), status=201)


span_feedback = endpoint(POST=give)
save_examples = endpoint(POST=save)


def _give(key: ApiKey, span_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    span = find_span(key, span_id)
    saves = fields.get("save_to_dataset")
    try:
        given, example = feedback.give(
            span,
            feedback.Rater(api_key=key),
            score=fields["score"],
            comment=fields.get("comment", ""),
            saves=saves,
        )
    except (feedback.NoFunction, feedback.NothingToSave):
        # The opinion counts all the same.
        given, example = feedback.give(
            span,
            feedback.Rater(api_key=key),
            score=fields["score"],
            comment=fields.get("comment", ""),
            saves=False,
        )
    return {
        "span_id": str(span.id),
        "score": given.score,
        "example_saved": example is not None,
        "comment": given.comment or None,
    }


def _save(key: ApiKey, span_id: str) -> dict[str, Any]:
    span = find_span(key, span_id)
    try:
        example = feedback.save_example(span, feedback.Rater(api_key=key))
    except feedback.NoFunction:
        raise NotFound("The span belongs to no function, so there is no dataset to save it to") from None
    except feedback.NothingToSave:
        raise ApiError("The span has no output: a call that failed is no example") from None
    return {
        "dataset_id": str(example.function.dataset_id),
        "dataset_entry_id": str(example.id),
        "input": text_of(example.input),
        "output": text_of(example.output),
        "expected": text_of(example.expected),
        "comment": example.comment or None,
    }
