"""The page of one trace: its tree with the waterfall, and beside it the panel of the span that was chosen."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project
from opperweb.pages.paging import Place, place_of
from traces.filters import TraceFilter
from traces.models import Attempt, Kind, Span, Status, Trace
from traces.pages.axis import marks_of, strip_of
from traces.pages.critical_path import critical_path
from traces.pages.inspector import Inspector, inspect, kept_of
from traces.pages.json_view import readable
from traces.pages.part import part_of
from traces.pages.waterfall import LEGEND, attempt_times, lines_of
from traces.tree import Tree, ruler_for, tree_of

ROWS = 500
# Past this the place in the list is no longer counted.
MOST_COUNTED = 10_000
SMALL_ATTEMPT = ("span_id", "outcome", "started_at", "queue_ms", "first_byte_ms", "duration_ms")


@project_page
def trace_detail(request: HttpRequest, project: Project, trace_id: uuid.UUID) -> HttpResponse:
    """Show a trace; the panel alone where htmx asks for it, and one part as a file with `?raw=`."""
    trace = get_object_or_404(Trace.objects.select_related("project"), project=project, id=trace_id)
    wanted = _uuid(request.GET.get("span", ""))
    if "raw" in request.GET:
        return part_of(get_object_or_404(Span.objects.only("id"), trace=trace, id=wanted), request)
    if wanted and _wants_panel(request):
        response = _panel_alone(request, trace, wanted)
    else:
        response = render(request, "traces/trace_detail.html", _page(request, trace, wanted))
    patch_vary_headers(response, ["HX-Request"])
    return response


def _wants_panel(request: HttpRequest) -> bool:
    headers = request.headers
    return headers.get("HX-Target") == "inspector" and "HX-History-Restore-Request" not in headers


def _panel_alone(request: HttpRequest, trace: Trace, wanted: uuid.UUID) -> HttpResponse:
    span = get_object_or_404(Span.objects.select_related("api_key"), trace=trace, id=wanted)
    context = {"trace": trace, "panel": inspect(span, request.GET), "is_fragment": True}
    return render(request, "traces/_inspector.html", context)


def _page(request: HttpRequest, trace: Trace, wanted: uuid.UUID | None) -> dict[str, Any]:
    now = timezone.now()
    spans = list(Span.objects.filter(trace=trace).for_tree())
    tree = tree_of(spans, now)
    chosen = _chosen(trace, tree, wanted)
    offset = _offset(request.GET.get("rows", ""), tree, chosen)
    shown = [row.span.pk for row in tree.rows[offset : offset + ROWS] if row.span and row.span.attempt_count]
    attempts = Attempt.objects.filter(span__in=shown).order_by("span_id", "number").values(*SMALL_ATTEMPT)
    ruler = ruler_for(tree.duration_ms)
    times = attempt_times(attempts, tree.started_at) if tree.started_at else {}
    kept = kept_of(request.GET)
    path = critical_path(tree.rows) if "cp" in kept else frozenset()
    lines = lines_of(tree, ruler, times, offset=offset, most=ROWS, chosen=chosen.id if chosen else None, path=path)
    return {
        "rail": True,
        "trace": trace,
        "trace_name": readable(trace.name) or "no name",
        "tags": [(readable(str(key)), readable(str(value))) for key, value in trace.tags],
        "status_words": status_words(trace),
        "address": request.build_absolute_uri(request.path),
        "lines": lines,
        "marks": marks_of(ruler),
        "strip": strip_of(lines),
        "has_path": "cp" in kept,
        "path_query": _path_query(request.GET),
        "list_query": kept.get("list", ""),
        "place": _place(trace, kept.get("list")),
        "tick_count": len(ruler.ticks) - 1,
        "elapsed_ms": tree.duration_ms if trace.duration_ms is None else trace.duration_ms,
        "legend": LEGEND,
        "row_count": len(tree.rows),
        "kept_query": _after_others(kept),
        "rows_query": _after_others({**({"rows": offset} if offset else {}), **kept}),
        "first_row": offset + 1,
        "last_row": offset + len(lines),
        "previous_rows": max(offset - ROWS, 0) if offset else None,
        "next_rows": offset + ROWS if offset + ROWS < len(tree.rows) else None,
        "retry_count": sum(1 for span in spans if span.attempt_count > 1),
        "is_span_open": wanted is not None,
        "panel": _panel(chosen, request) if chosen else None,
    }


def _path_query(params: QueryDict) -> str:
    """Return this page's query with the critical path turned on, or off where it is on."""
    query = params.copy()
    if query.pop("cp", [""]) != ["1"]:
        query["cp"] = "1"
    return query.urlencode()


def _after_others(params: Mapping[str, Any]) -> str:
    return f"&{urlencode(params)}" if params else ""


def _place(trace: Trace, query: str | None) -> Place[Trace] | None:
    """Return where the trace stands in the list the reader came from."""
    if query is None:
        return None
    trace_filter = TraceFilter.from_query(QueryDict(query))
    traces = trace_filter.apply(Trace.objects.filter(project=trace.project_id).for_list())
    return place_of(traces, trace, trace_filter.order, most=MOST_COUNTED)


def _panel(chosen: Span, request: HttpRequest) -> Inspector:
    return inspect(Span.objects.select_related("api_key").get(pk=chosen.pk), request.GET)


def _chosen(trace: Trace, tree: Tree[Span], wanted: uuid.UUID | None) -> Span | None:
    """Return the span of the address; else the first error of a failed trace; else the root's first model call."""
    spans = [row.span for row in tree.rows if row.span is not None]
    if wanted is not None:
        found = next((span for span in spans if span.id == wanted), None)
        if found is None:
            raise Http404("No such span in this trace")
        return found
    candidates: Sequence[Span] = []
    if trace.status == Status.ERROR:
        # The deepest first error says more than the parents it failed.
        failed = [row for row in tree.rows if row.span and row.span.status == Status.ERROR]
        candidates = [row.span for row in failed if row.worst_inside != Status.ERROR and row.span]
    candidates = candidates or [span for span in spans if span.kind == Kind.LLM] or spans
    return candidates[0] if candidates else None


def _offset(rows: str, tree: Tree[Span], chosen: Span | None) -> int:
    """Return the first row to show: the one asked for, else that of the page on which the chosen span stands."""
    if rows.isascii() and rows.isdigit() and len(rows) < 8:
        return min(int(rows), max(len(tree.rows) - 1, 0)) // ROWS * ROWS
    index = next((at for at, row in enumerate(tree.rows) if chosen and row.id == chosen.id), 0)
    return index // ROWS * ROWS


def status_words(trace: Trace) -> str:
    """Recovered from 1 error; else the word of the status."""
    if trace.status != Status.RECOVERED or not trace.error_count:
        return str(Status(trace.status).label)
    return f"Recovered from {trace.error_count} {'error' if trace.error_count == 1 else 'errors'}"


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        raise Http404("No such span in this trace") from None
