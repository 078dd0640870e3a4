"""GET /v2/traces and GET /v2/traces/{id}."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from opperweb.accounts.models import Project
from opperweb.api.body import check_text
from opperweb.api.errors import Invalid, NotFound, shortened
from opperweb.api.pagination import PAGING, Page
from traces.api.serializers import TraceAnswer, span_of_trace
from traces.api.spans import path_uuid
from traces.evaluation_models import Evaluation
from traces.filters import TraceFilter
from traces.filters.reading import Problem
from traces.models import Attempt, Span, SpanBody, Trace

PARAMETERS = [
    OpenApiParameter("name", str, description="Part of the trace's name, in any case."),
    OpenApiParameter(
        "q", str, description="The filter language of the pages, such as `tag:env=production status:error`."
    ),
    OpenApiParameter("range", str, description="15m, 1h, 24h, 7d, 30d or all."),
    OpenApiParameter("from", str, description="RFC 3339 time."),
    OpenApiParameter("to", str, description="RFC 3339 time."),
    OpenApiParameter("sort", str, description="A column of the list, `-` in front for descending."),
    *PAGING,
]


class TraceList(GenericAPIView[Trace]):
    """The project's traces, newest first; without a filter all of them."""

    serializer_class = TraceAnswer
    pagination_class = Page

    @extend_schema(summary="List traces", tags=["traces"], parameters=PARAMETERS, responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        traces = self.paginate_queryset(self.filtered(request)) or []
        bodies = SpanBody.objects.filter(pk__in=[trace.root_key for trace in traces]).only("input", "output")
        roots = {body.pk: body for body in bodies}
        answer = TraceAnswer(context={"roots": roots})
        return self.get_paginated_response([answer.to_representation(trace) for trace in traces])

    def filtered(self, request: Request) -> QuerySet[Trace]:
        for name, value in request.query_params.items():
            check_text(str(value), ["query", name])
        # `name` is Opper's own parameter: a part of the name, where the language of the pages means all of it.
        params = request.query_params.copy()
        params.pop("name", None)
        trace_filter = TraceFilter.from_query(params, default_range=None)
        if trace_filter.problems:
            raise refused(trace_filter.problems, request.query_params)
        traces = trace_filter.apply(Trace.objects.filter(project=project_of(request)))
        part = request.query_params.get("name")
        if part:
            traces = traces.filter(name__icontains=part)
        return traces.order_by(*trace_filter.order.expressions)


class TraceDetail(GenericAPIView[Trace]):
    """One trace with its spans, the root first."""

    serializer_class = TraceAnswer

    @extend_schema(summary="Read a trace", tags=["traces"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, trace_id: str) -> Response:
        trace = Trace.objects.filter(project=project_of(request), id=path_uuid(trace_id)).first()
        if trace is None:
            raise NotFound(f"There is no trace {trace_id}")
        spans = list(
            Span.objects.filter(trace=trace)
            .select_related("body")
            .prefetch_related("metrics")
            .order_by("started_at", "key")
        )
        roots = {span.pk: span.body for span in spans if span.pk == trace.root_key}
        answer: dict[str, Any] = TraceAnswer(context={"roots": roots}).to_representation(trace)
        accepted = self.accepted_attempts(trace)
        judged = self.evaluations(trace)
        answer["spans"] = [
            span_of_trace(span, accepted.get(span.pk), list(span.metrics.all()), judged.get(span.pk)) for span in spans
        ]
        return Response(answer)

    def evaluations(self, trace: Trace) -> dict[int, Evaluation]:
        """Return the newest evaluation of each span that has one."""
        done = Evaluation.objects.filter(span__trace=trace, state=Evaluation.State.DONE, is_repeat=False)
        return {evaluation.span_id: evaluation for evaluation in done.order_by("created_at")}

    def accepted_attempts(self, trace: Trace) -> dict[int, Attempt]:
        attempts = Attempt.objects.filter(span__trace=trace, outcome=Attempt.Outcome.ACCEPTED).only("id", "span_id")
        return {attempt.span_id: attempt for attempt in attempts}


def refused(problems: Iterable[Problem], query: Mapping[str, Any]) -> Invalid:
    """Return the refusal that names each part of the filter that was not understood, and the parameter it came in."""
    places = []
    for problem in problems:
        name = re.split("[:=]", problem.text, maxsplit=1)[0]
        place = name if name in query else "q"
        message = problem.message if place == name else f"{problem.text[:200]}: {problem.message}"
        places.append(
            {"type": "value_error", "loc": ["query", place], "msg": message, "input": shortened(query.get(place))}
        )
    return Invalid(places)


def project_of(request: Request) -> Project:
    """Return the project that the request's key belongs to."""
    key: Any = request.auth
    project: Project = key.project
    return project
