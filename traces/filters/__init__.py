"""One filter object ⇄ a query string ⇄ a queryset: how traces are chosen on pages and in the API."""

from traces.filters.chips import Chip
from traces.filters.trace_filter import RANGES, SORTS, TraceFilter

__all__ = ["RANGES", "SORTS", "Chip", "TraceFilter"]
