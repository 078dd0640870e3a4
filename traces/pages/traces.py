"""The list of traces: filtered, sorted, page by page; before the first trace, how to send one.

The figures above the list are a fragment of their own (`?part=summary`), so that they never hold it up.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from opperweb.accounts.access import ProjectRequest, project_page
from opperweb.accounts.models import Project
from opperweb.pages.connection import last_refused
from opperweb.pages.paging import page_of
from opperweb.pages.snippets import first_run
from traces.filters import TraceFilter
from traces.models import Span, Trace
from traces.pages.filter_form import FilterForm, range_choices, range_label
from traces.pages.rows import rows_of
from traces.pages.table import columns_of
from traces.pages.widening import ways_to_widen


@project_page
def trace_list(request: HttpRequest, project: Project) -> HttpResponse:
    """Show the list; to the page before the first trace, tell whether it has come (`?part=first`)."""
    if request.GET.get("part") == "first" and _is_fragment(request):
        return _first_trace(request, project)
    trace_filter = TraceFilter.from_query(request.GET)
    if elsewhere := _elsewhere(request, project, trace_filter):
        return elsewhere
    response = _answer(request, project, trace_filter)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _answer(request: HttpRequest, project: Project, trace_filter: TraceFilter) -> HttpResponse:
    wants_summary = request.GET.get("part") == "summary"
    if wants_summary and _is_fragment(request):
        return render(request, "traces/_summary.html", _summary(project, trace_filter))
    traces = trace_filter.apply(Trace.objects.filter(project=project).for_list())
    page = page_of(traces, request.GET, trace_filter.order)
    if not page.items and not Trace.objects.filter(project=project).exists():
        return render(request, "traces/first_run.html", first_run(request, project))
    now = timezone.now()
    context: dict[str, Any] = {
        "filter": trace_filter,
        "project": project,
        "form": FilterForm(trace_filter),
        "range_label": range_label(trace_filter),
        "ranges": range_choices(trace_filter),
        "columns": columns_of(trace_filter),
        "rows": rows_of(page.items, trace_filter, now=now),
        "newer": trace_filter.as_query(before=page.newer) if page.newer else "",
        "older": trace_filter.as_query(after=page.older) if page.older else "",
        "has_samples": _has_samples(page.items),
        "list_query": trace_filter.as_query(),
        "summary_query": trace_filter.as_query(part="summary"),
    }
    if not page.items:
        context["ways"] = ways_to_widen(project, trace_filter)
    if wants_summary:
        context |= _summary(project, trace_filter)
    return render(request, "traces/trace_list.html", context)


def _has_samples(traces: list[Trace]) -> bool:
    return Trace.objects.filter(pk__in=[trace.pk for trace in traces], is_sample=True).exists()


def _summary(project: Project, trace_filter: TraceFilter) -> dict[str, Any]:
    figures = trace_filter.apply(Trace.objects.filter(project=project)).figures()
    return {"figures": figures, "filter": trace_filter}


def _first_trace(request: HttpRequest, project: Project) -> HttpResponse:
    """Lead a waiting page to the newest trace; while there is none, tell of a refused call or answer with nothing."""
    newest = Trace.objects.filter(project=project).order_by("-started_at", "-key").values_list("id", flat=True).first()
    if newest is None:
        refused = last_refused(cast(ProjectRequest, request))
        return render(request, "traces/_refused.html", {"refused": refused}) if refused else HttpResponse(status=204)
    return HttpResponse(headers={"HX-Redirect": reverse("traces:detail", args=[project.slug, newest])})


def _is_fragment(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def _elsewhere(request: HttpRequest, project: Project, trace_filter: TraceFilter) -> HttpResponse | None:
    """Return the way to the address that this request means: the trace of an id, or the filter in its one writing."""
    if trace_filter.single_id and (trace := _trace_of(project, trace_filter.single_id)):
        return redirect("traces:detail", project.slug, trace)
    if _is_canonical(request.GET, trace_filter):
        return None
    query = trace_filter.as_query()
    address = reverse("traces:list", args=[project.slug])
    return HttpResponseRedirect(f"{address}?{query}" if query else address)


def _trace_of(project: Project, wanted: UUID) -> UUID | None:
    """Return the id of the one trace that is meant, be the id its own or that of one of its spans."""
    found = Trace.objects.filter(project=project, id=wanted).values_list("id", flat=True).first()
    return found or Span.objects.filter(project=project, id=wanted).values_list("trace__id", flat=True).first()


def _is_canonical(params: QueryDict, trace_filter: TraceFilter) -> bool:
    """Whether the address says it as we would: forms without script send empty fields and a field a key."""
    if not trace_filter.is_canonical or len(params.getlist("q")) > 1:
        return False
    # What is refused stays in the address, so that the page can say why.
    return bool(trace_filter.unread) or all(value for values in params.lists() for value in values[1])
