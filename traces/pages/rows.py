"""A trace as a line of the list says it: the second line of its name, its bar, the tags that say something new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext, ngettext

from opperweb.pages import display
from traces.filters import TraceFilter
from traces.filters.terms import Term
from traces.models import Status, Trace
from traces.tags import write_tag

MOST_TAGS = 2
ICONS = {
    Status.OK: "dot",
    Status.RECOVERED: "retry",
    Status.ERROR: "error",
    Status.RUNNING: "running",
    Status.STOPPED: "stopped",
}


@dataclass(frozen=True)
class TagChip:
    key: str
    value: str
    query: str


@dataclass(frozen=True)
class Row:
    """What the template needs beside the trace itself."""

    trace: Trace
    duration_ms: float | None
    bar: str
    tags: tuple[TagChip, ...]
    more_tags: tuple[str, ...]

    @property
    def icon(self) -> str:
        return ICONS[Status(self.trace.status)]

    @property
    def second_line(self) -> str:
        return second_line(self.trace)

    @property
    def is_failed(self) -> bool:
        return self.trace.status == Status.ERROR

    @property
    def output(self) -> str:
        """The error where there is no output to show."""
        if self.trace.error_preview and self.trace.status in (Status.ERROR, Status.STOPPED):
            return self.trace.error_preview
        return self.trace.output_preview

    @property
    def model(self) -> str:
        return display.short_model(self.trace.main_model)

    @property
    def other_models(self) -> int:
        return max(0, len(self.trace.model_usage) - 1)

    @property
    def all_models(self) -> str:
        return "\n".join(self.trace.language_models)


def rows_of(traces: Sequence[Trace], trace_filter: TraceFilter, *, now: datetime) -> list[Row]:
    """Return the rows of a page; their bars are scaled to the longest of them."""
    durations = [_duration(trace, now) for trace in traces]
    longest = max((duration for duration in durations if duration), default=0.0)
    return [
        Row(trace, duration, _percent(duration, longest), *_tags(trace, trace_filter))
        for trace, duration in zip(traces, durations, strict=True)
    ]


def _percent(part: float | None, whole: float) -> str:
    """Return the length of a bar as an SVG attribute; what took any time at all can be seen."""
    return f"{max(2.0, 100 * part / whole):.1f}%" if part and whole else "0"


def _duration(trace: Trace, now: datetime) -> float | None:
    if trace.status == Status.RUNNING:
        return max(0.0, (now - trace.started_at).total_seconds() * 1000)
    return trace.duration_ms


def _tags(trace: Trace, trace_filter: TraceFilter) -> tuple[tuple[TagChip, ...], tuple[str, ...]]:
    """Return the tags to show, and those there is no room for; what the filter fixes is not repeated."""
    new = [(str(key), str(value)) for key, value in trace.tags if (key, value) not in trace_filter.fixed_tags]
    chips = tuple(
        TagChip(key, value, trace_filter.with_(Term("tag", (write_tag(key, value),))).as_query())
        for key, value in new[:MOST_TAGS]
    )
    return chips, tuple(write_tag(key, value) for key, value in new[MOST_TAGS:])


def second_line(trace: Trace) -> str:
    """Return "25 spans · 12 calls · 1 error", "1 call · 3 attempts" or "running · 11 spans"."""
    is_single_call = trace.span_count == 1 and trace.call_count == 1
    parts: list[str] = []
    if trace.status == Status.RUNNING:
        parts.append(gettext("running"))
    if trace.status == Status.STOPPED:
        parts.append(gettext("stopped"))
    if not is_single_call:
        parts.append(_counted(ngettext("%s span", "%s spans", trace.span_count), trace.span_count))
    if trace.call_count:
        parts.append(_counted(ngettext("%s call", "%s calls", trace.call_count), trace.call_count))
    if is_single_call:
        if trace.cached_count:
            parts.append(gettext("cached"))
        elif trace.attempt_count > 1:
            parts.append(_counted(gettext("%s attempts"), trace.attempt_count))
    elif trace.error_count:
        parts.append(_counted(ngettext("%s error", "%s errors", trace.error_count), trace.error_count))
    return " · ".join(parts)


def _counted(words: str, number: int) -> str:
    return words % display.count(number)
