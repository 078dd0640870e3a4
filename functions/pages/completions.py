"""The list of completions: one row for each call of a language model, whichever trace it stands in.

The figures above the list are a fragment of their own (`?part=summary`), so that they never hold it up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from functions import review
from functions.models import Batch
from functions.pages.completion_rows import CompletionRow, columns_of
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project
from opperweb.pages.paging import page_of
from traces.analytics.conditions import span_conditions
from traces.filters import TraceFilter
from traces.models import Kind, Origin, Span
from traces.pages.filter_form import FilterForm, range_choices, range_label
from traces.pages.widening import MOST_COUNTED, MOST_WAYS, Way
from traces.querysets import SpanQuerySet


@require_safe
@project_page
def completions(request: HttpRequest, project: Project) -> HttpResponse:
    """Show the list, or its figures alone where htmx asks for them."""
    trace_filter = TraceFilter.from_query(request.GET)
    if elsewhere := _elsewhere(request, project, trace_filter):
        return elsewhere
    wants_summary = request.GET.get("part") == "summary"
    if wants_summary and is_fragment(request):
        response = render(request, "functions/_completion_summary.html", _summary(project, trace_filter))
    else:
        context = _page(request, project, trace_filter)
        if wants_summary:
            context |= _summary(project, trace_filter)
        response = render(request, "functions/completion_list.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@project_page
def completion(request: HttpRequest, project: Project, span_id: UUID) -> HttpResponse:
    """Lead to the trace that the call stands in, opened at it."""
    span = get_object_or_404(Span.objects.select_related("trace"), project=project, kind=Kind.LLM, id=span_id)
    return redirect(address_of(project, span))


def address_of(project: Project, span: Span) -> str:
    """Return the address of a span on its trace's page."""
    return f"{reverse('traces:detail', args=[project.slug, span.trace.id])}?{urlencode({'span': span.id})}"


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of a page, and not for a page to take a part of."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def _page(request: HttpRequest, project: Project, trace_filter: TraceFilter) -> dict[str, Any]:
    page = page_of(_calls(project, trace_filter).for_list(), request.GET, trace_filter.order)
    context: dict[str, Any] = {
        "filter": trace_filter,
        "project": project,
        "form": FilterForm(trace_filter),
        "range_label": range_label(trace_filter),
        "ranges": range_choices(trace_filter),
        "columns": columns_of(trace_filter),
        "rows": [CompletionRow(span, address_of(project, span)) for span in page.items],
        "newer": trace_filter.as_query(before=page.newer) if page.newer else "",
        "older": trace_filter.as_query(after=page.older) if page.older else "",
        "summary_query": trace_filter.as_query(part="summary"),
        "review_query": review.query_of(trace_filter),
        "batch_count": Batch.objects.filter(project=project).count(),
    }
    if not page.items:
        context["has_calls"] = Span.objects.filter(project=project, kind=Kind.LLM).exists()
        context["ways"] = _ways(project, trace_filter) if context["has_calls"] else []
    return context


def _calls(project: Project, trace_filter: TraceFilter) -> SpanQuerySet:
    """Return the project's model calls that a filter lets through, not yet ordered."""
    calls = Span.objects.filter(project=project, kind=Kind.LLM).between(*trace_filter.period())
    if trace_filter.needs_tokens_sum:
        calls = calls.with_tokens_sum()
    if trace_filter.hides_evaluations:
        calls = calls.exclude(origin=Origin.EVALUATION)
    return calls.filter(*span_conditions(trace_filter, project))


def _summary(project: Project, trace_filter: TraceFilter) -> dict[str, Any]:
    return {"figures": _calls(project, trace_filter).figures(), "filter": trace_filter}


def _elsewhere(request: HttpRequest, project: Project, trace_filter: TraceFilter) -> HttpResponse | None:
    """Return the way to the address that this request means: the call of an id, or the filter in its one writing."""
    if trace_filter.single_id:
        span = Span.objects.filter(project=project, kind=Kind.LLM, id=trace_filter.single_id).select_related("trace")
        if found := span.first():
            return redirect(address_of(project, found))
    says_it_once = trace_filter.is_canonical and len(request.GET.getlist("q")) < 2
    # What is refused stays in the address, so that the page can say why.
    if says_it_once and (trace_filter.unread or all(value for _, values in request.GET.lists() for value in values)):
        return None
    query = trace_filter.as_query()
    return HttpResponseRedirect(f"{request.path}?{query}" if query else request.path)


def _ways(project: Project, trace_filter: TraceFilter) -> list[Way]:
    """Return the ways from a list that is empty to calls, each one step from here; or all filters dropped."""
    steps = [
        (gettext("Drop %(filter)s") % {"filter": str(term)}, trace_filter.without(term))
        for term in trace_filter.terms[:MOST_WAYS]
    ]
    if trace_filter.is_fixed or trace_filter.range_in_force != "all":
        steps.append((gettext("Look at all times"), trace_filter.with_range("all")))
    found = [_way(project, label, wider) for label, wider in steps]
    everything = replace(trace_filter, terms=()).with_range("all")
    return [way for way in found if way.number] or [_way(project, gettext("Drop all filters"), everything)]


def _way(project: Project, label: str, wider: TraceFilter) -> Way:
    number = _calls(project, wider).order_by().values("pk")[: MOST_COUNTED + 1].count()
    return Way(label, wider.as_query(), number)
