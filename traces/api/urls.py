"""The addresses of spans and traces in the API."""

from django.urls import path

from traces.api.analytics import Usage
from traces.api.metrics import metric, metrics
from traces.api.spans import span, spans
from traces.api.traces import TraceDetail, TraceList

urlpatterns = [
    path("v2/analytics/usage", Usage.as_view(), name="analytics-usage"),
    path("v2/spans", spans, name="spans"),
    path("v2/spans/<str:span_id>", span, name="span"),
    path("v2/spans/<str:span_id>/metrics", metrics, name="metrics"),
    path("v2/spans/<str:span_id>/metrics/<str:metric_id>", metric, name="metric"),
    path("v2/traces", TraceList.as_view(), name="traces"),
    path("v2/traces/<str:trace_id>", TraceDetail.as_view(), name="trace"),
]
