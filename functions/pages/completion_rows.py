"""A model call as a line of the list says it: where it stands, who was asked and who answered, the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from opperweb.pages import display
from traces.filters import TraceFilter
from traces.models import Span, Status
from traces.pages import table
from traces.pages.rows import ICONS
from traces.pages.table import Column

# Columns that the list of traces has as well are taken from there, with their sorting.
_COLUMNS: tuple[tuple[str, Any, bool], ...] = (
    ("status", "", False),
    ("name", _("Function"), False),
    ("text", "", False),
    ("model", "", False),
    ("attempts", _("Attempts"), True),
    ("tokens", "", True),
    ("cost", "", True),
    ("duration", "", True),
    ("first", _("First token"), True),
    ("cache", _("Cache"), False),
    ("revision", _("Rev."), True),
    ("score", "", True),
    ("when", "", True),
)


@dataclass(frozen=True)
class CompletionRow:
    """What the template needs beside the span itself."""

    span: Span
    address: str

    @property
    def icon(self) -> str:
        return ICONS[Status(self.span.status)]

    @property
    def name(self) -> str:
        return self.span.function_name or self.span.name

    @property
    def place(self) -> str:
        """The trace it stands in, unless it is a trace of its own."""
        if self.span.trace.root_key == self.span.pk:
            return gettext("own trace")
        return gettext("in %(trace)s") % {"trace": self.span.trace.name or self.span.trace.id}

    @property
    def is_failed(self) -> bool:
        return self.span.status == Status.ERROR

    @property
    def output(self) -> str:
        """The error where there is no output to show."""
        if self.span.error_message and self.span.status in (Status.ERROR, Status.STOPPED):
            return self.span.error_message
        return self.span.output_preview

    @property
    def asked(self) -> str:
        return display.short_model(self.span.requested_model or self.span.model)

    @property
    def served(self) -> str:
        """Who answered, where that is another than was asked."""
        if self.span.is_cached:
            return gettext("cache")
        served = display.short_model(self.span.model)
        return served if served != self.asked else ""

    @property
    def models(self) -> str:
        return " → ".join(dict.fromkeys(filter(None, (self.span.requested_model, self.span.model))))

    @property
    def attempts(self) -> int | None:
        """What a program sent that keeps no attempts is not known."""
        return self.span.attempt_count if self.span.attempt_count or self.span.is_cached else None

    @property
    def cache(self) -> str:
        if self.span.is_cached:
            return gettext("hit")
        return gettext("part") if self.span.cached_tokens else display.MISSING


def columns_of(trace_filter: TraceFilter) -> list[Column]:
    """Return the head of the table."""
    shared = {column.name: column for column in table.columns_of(trace_filter)}
    return [Column(name, label, is_number=is_number) if label else shared[name] for name, label, is_number in _COLUMNS]
