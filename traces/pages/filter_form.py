"""The filter as a form: "All filters", which is also the way without script, and the menu of times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from traces.filters import RANGES, TraceFilter
from traces.models import Status

RANGE_LABELS: dict[str, Any] = {
    "15m": _("Last 15 min"),
    "1h": _("Last hour"),
    "24h": _("Last 24 hours"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "all": _("All times"),
}

_FIELDS: tuple[tuple[str, Any, str], ...] = (
    ("name", _("Name"), "mini_kb_query"),
    ("function", _("Function"), "mini_kb_*"),
    ("model", _("Model"), "openai/*"),
    ("latency", _("Duration"), ">2s or 1s..5s"),
    ("cost", _("Cost"), ">0.01"),
    ("score", _("Score"), "<50 or none"),
    ("feedback", _("Feedback"), "bad, good or none"),
    ("metric", _("Metric"), "tone>3"),
    ("tokens", _("Tokens"), ">1000"),
    ("attempts", _("Attempts"), ">1"),
)
_FORM_KEYS = frozenset({"tag", "status", *(key for key, _label, _example in _FIELDS)})


@dataclass(frozen=True)
class Field:
    key: str
    label: Any
    value: str
    example: str


@dataclass(frozen=True)
class StatusChoice:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class RangeChoice:
    name: str
    label: Any
    query: str
    is_current: bool


class FilterForm:
    """The fields, filled with what the filter asks for; what no field stands for goes along in `rest`."""

    def __init__(self, trace_filter: TraceFilter) -> None:
        self.filter = trace_filter

    @property
    def fields(self) -> list[Field]:
        return [Field(key, label, ",".join(self.filter.values_of(key)), example) for key, label, example in _FIELDS]

    @property
    def tags(self) -> list[str]:
        """A field for each tag, and an empty one."""
        return [*self.filter.values_of("tag"), ""]

    @property
    def statuses(self) -> list[StatusChoice]:
        chosen = self.filter.values_of("status")
        return [StatusChoice(value, label, value in chosen) for value, label in Status.choices]

    @property
    def rest(self) -> str:
        return self.filter.rest_without(_FORM_KEYS)

    @property
    def hidden(self) -> dict[str, str]:
        """The parameters beside `q` that a form must carry along."""
        return {name: value for name, value in self.filter.params.items() if name != "q"}

    @property
    def hidden_without_times(self) -> dict[str, str]:
        return {name: value for name, value in self.filter.params.items() if name not in ("range", "from", "to")}

    @property
    def start(self) -> str:
        return _for_field(self.filter.start)

    @property
    def end(self) -> str:
        return _for_field(self.filter.end)


def range_choices(trace_filter: TraceFilter) -> list[RangeChoice]:
    return [
        RangeChoice(
            name,
            RANGE_LABELS[name],
            trace_filter.with_range(name).as_query(),
            not trace_filter.is_fixed and trace_filter.range_in_force == name,
        )
        for name in RANGES
    ]


def range_label(trace_filter: TraceFilter) -> str:
    """Return what the menu of times says while it is closed: "Last 24 hours", "3 Nov 08:00 – 11:00"."""
    start, end = trace_filter.start, trace_filter.end
    if start and end:
        here, there = timezone.localtime(start), timezone.localtime(end)
        last = date_format(there, "H:i" if here.date() == there.date() else "j M H:i")
        return f"{date_format(here, 'j M H:i')} – {last}"
    if start:
        return gettext("Since %(time)s") % {"time": date_format(timezone.localtime(start), "j M H:i")}
    if end:
        words = pgettext("a time", "Until %(time)s")
        return words % {"time": date_format(timezone.localtime(end), "j M H:i")}
    return str(RANGE_LABELS[trace_filter.range_in_force])


def _for_field(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M") if moment else ""
