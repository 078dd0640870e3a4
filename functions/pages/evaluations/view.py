"""What the page of evaluations is asked to show: time, judge, filter and parts of the list ⇄ its query string."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from functions.evaluations.figures import Judge
from traces.filters import TraceFilter

RANGES: Mapping[str, Any] = {
    "24h": _("Last 24 hours"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "90d": _("Last 90 days"),
}
LENGTHS = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
DEFAULT_RANGE = "7d"
STATES = ("lowest", "failed", "skipped")
# People rate little: how far to trust a judge is told of no less than this.
LEAST_TRUST = timedelta(days=30)
NO_FILTER = TraceFilter(default_range=None)


@dataclass(frozen=True)
class Cursor:
    """The last evaluation of a page: its time or its score, and its id."""

    value: str
    id: uuid.UUID

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        value, _tilde, key = text[:100].partition("~")
        try:
            return cls(value, uuid.UUID(key))
        except ValueError:
            return None

    @property
    def moment(self) -> datetime | None:
        try:
            moment = datetime.fromisoformat(self.value)
        except ValueError:
            return None
        return moment if moment.tzinfo is not None else None

    @property
    def score(self) -> int | None:
        return int(self.value) if self.value.isascii() and self.value.isdigit() and len(self.value) < 4 else None

    def __str__(self) -> str:
        return f"{self.value}~{self.id}"


@dataclass(frozen=True)
class EvaluationView:
    """Unchangeable: another part of the page is another view. What makes no sense is left out."""

    range_name: str = DEFAULT_RANGE
    version: int | None = None
    model: str = ""
    is_settled: bool = False
    state: str = ""
    filter: TraceFilter = NO_FILTER
    before: Cursor | None = None

    @classmethod
    def from_query(cls, params: QueryDict) -> EvaluationView:
        range_name, state, version = (params.get(name, "") for name in ("range", "state", "version"))
        of_filter = QueryDict(mutable=True)
        of_filter["q"] = params.get("q", "")[:1000]
        return cls(
            range_name if range_name in RANGES else DEFAULT_RANGE,
            int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None,
            params.get("by", "")[:255],
            params.get("disagreements") == "settled",
            state if state in STATES else "",
            TraceFilter.from_query(of_filter, default_range=None),
            Cursor.read(params.get("before", "")),
        )

    def as_query(self, **more: str) -> str:
        params = {
            "range": "" if self.range_name == DEFAULT_RANGE else self.range_name,
            "version": "" if self.version is None else str(self.version),
            "by": self.model,
            "disagreements": "settled" if self.is_settled else "",
            "state": self.state,
            "q": self.filter.text if self.filter.terms else "",
            **more,
        }
        return urlencode({name: text for name, text in params.items() if text}, quote_via=quote, safe=":/,<>=*")

    @property
    def since(self) -> datetime:
        return timezone.now() - LENGTHS[self.range_name]

    @property
    def trust_since(self) -> datetime:
        return timezone.now() - self.trust_length

    @property
    def trust_length(self) -> timedelta:
        return max(LEAST_TRUST, LENGTHS[self.range_name])

    @property
    def range_label(self) -> Any:
        return RANGES[self.range_name]

    @property
    def ranges(self) -> list[tuple[Any, str, bool]]:
        """The menu of times: words, the way, and whether it is this one."""
        return [
            (words, replace(self, range_name=name, before=None).as_query(), name == self.range_name)
            for name, words in RANGES.items()
        ]

    def judge_of(self, judges: list[Judge], now: Judge) -> Judge:
        """Return the judge that is looked at: the one asked for, else the newest that has judged, else that of now."""
        asked = [
            each
            for each in judges
            if each.version == self.version and self.model in ("", each.model) and self.version is not None
        ]
        return (asked or judges or [now])[0]

    def judges_menu(self, judges: list[Judge], current: Judge) -> list[tuple[Judge, str, bool]]:
        return [
            (each, replace(self, version=each.version, model=each.model, before=None).as_query(), each == current)
            for each in judges
        ]

    def with_state(self, state: str) -> str:
        return replace(self, state=state, before=None).as_query()

    def with_settled(self, *, is_settled: bool) -> str:
        return replace(self, is_settled=is_settled).as_query()

    @property
    def kept_params(self) -> dict[str, str]:
        """What the form of the filter carries along."""
        params = QueryDict(replace(self, filter=NO_FILTER, before=None).as_query())
        return {name: params[name] for name in params}

    @property
    def without_filter(self) -> str:
        return replace(self, filter=NO_FILTER, before=None).as_query()
