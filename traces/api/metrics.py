"""/v2/spans/{id}/metrics: numbers that programs put on spans, by names of their own (contract 9.3)."""

from __future__ import annotations

import math
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import NotFound
from opperweb.api.fields import Body, Name, Text, read
from opperweb.api.pagination import PAGING, Window, page, page_of, window_of
from opperweb.database import db
from traces.api.serializers import metric_answer
from traces.api.spans import find_span, path_uuid
from traces.models import Span, SpanMetric

TAG = "metrics"


class Number(serializers.FloatField):
    """A JSON number of any range."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("must be a number", code="float_type")
        try:
            number = float(data)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise serializers.ValidationError("must be a number that a double can hold", code="float_type")
        return number


class MetricFields(Body):
    dimension = Name()
    value = Number()
    comment = Text(required=False, max_length=100_000)


class MetricChanges(Body):
    dimension = Name(required=False)
    value = Number(required=False)
    comment = Text(required=False, max_length=100_000)


class MetricAnswer(serializers.Serializer[SpanMetric]):
    id = serializers.UUIDField()
    span_id = serializers.UUIDField()
    dimension = serializers.CharField()
    value = serializers.FloatField()
    created_at = serializers.DateTimeField()
    comment = serializers.CharField(allow_null=True)


@described("Put a metric on a span", tag=TAG, request=MetricFields, responses={200: MetricAnswer})
async def create(request: HttpRequest, key: ApiKey, span_id: str) -> HttpResponse:
    """Keep a number under a name of one's own; the same name may stand there more than once."""
    fields = read(MetricFields, read_object(request))
    return answer(await db(_create, key, span_id, fields))


@described("List the metrics of a span", tag=TAG, parameters=PAGING, responses={200: page_of(MetricAnswer)})
async def index(request: HttpRequest, key: ApiKey, span_id: str) -> HttpResponse:
    """Return a page of them, the oldest first."""
    return answer(await db(_index, key, span_id, window_of(request.GET)))


@described("Read a metric", tag=TAG, responses={200: MetricAnswer})
async def show(request: HttpRequest, key: ApiKey, span_id: str, metric_id: str) -> HttpResponse:
    return answer(await db(lambda: about(*_find(key, span_id, metric_id))))


@described("Change a metric", tag=TAG, request=MetricChanges, responses={200: MetricAnswer})
async def update(request: HttpRequest, key: ApiKey, span_id: str, metric_id: str) -> HttpResponse:
    """Change the fields that are given."""
    fields = read(MetricChanges, read_object(request))
    return answer(await db(_update, key, span_id, metric_id, fields))


@described("Delete a metric", tag=TAG, responses={204: None})
async def delete(request: HttpRequest, key: ApiKey, span_id: str, metric_id: str) -> HttpResponse:
    await db(lambda: _find(key, span_id, metric_id)[1].delete())
    return HttpResponse(status=204)


metrics = endpoint(POST=create, GET=index)
metric = endpoint(GET=show, PATCH=update, DELETE=delete)


def about(span: Span, metric: SpanMetric) -> dict[str, Any]:
    """Return a metric as the API answers it alone."""
    return {**metric_answer(metric), "span_id": str(span.id)}


def _create(key: ApiKey, span_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    span = find_span(key, span_id)
    return about(span, SpanMetric.objects.create(span=span, api_key=key, **fields))


def _index(key: ApiKey, span_id: str, window: Window) -> dict[str, Any]:
    span = find_span(key, span_id)
    rows = SpanMetric.objects.filter(span=span).order_by("created_at", "pk")
    return page(rows.count(), [about(span, metric) for metric in window.of(rows)])


def _update(key: ApiKey, span_id: str, metric_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    span, metric = _find(key, span_id, metric_id)
    for name, value in fields.items():
        setattr(metric, name, value)
    if fields:
        metric.save(update_fields=[*fields])
    return about(span, metric)


def _find(key: ApiKey, span_id: str, metric_id: str) -> tuple[Span, SpanMetric]:
    span = find_span(key, span_id)
    metric = SpanMetric.objects.filter(span=span, pk=path_uuid(metric_id)).first()
    if metric is None:
        raise NotFound(f"There is no metric {metric_id} on this span")
    return span, metric
