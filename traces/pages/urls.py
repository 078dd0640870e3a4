"""The pages of traces, below /projects/<project>/traces/."""

from __future__ import annotations

from django.urls import path

from traces.pages.trace import trace_detail
from traces.pages.traces import trace_list

app_name = "traces"

urlpatterns = [
    path("", trace_list, name="list"),
    path("<uuid:trace_id>/", trace_detail, name="detail"),
]
