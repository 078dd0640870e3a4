"""The inputs of a batch as a table: a hundred a page, in lines of text, never with their whole texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Left
from django.http import QueryDict
from django.utils.translation import gettext

from functions.models import Batch, BatchInput, BatchItem
from functions.pages.batches.progress import Progress
from functions.pages.completions import address_of
from functions.pages.lists import Tab, query_of, tabs_of
from opperweb import json
from opperweb.pages.paging import Order, page_of
from traces.models import Span, Status
from traces.preview import LENGTH, preview

State = BatchItem.State
PAGE_SIZE = 100
# What is read of an input that has no preview yet, since its call has not begun.
READ_CHARACTERS = 1000
RECOVERED = "recovered"
ORDER = replace(Order.by_count("number", is_descending=False), may_be_null=False)
ICONS = {
    State.QUEUED: ("clock", ""),
    State.RUNNING: ("running", "running"),
    State.DONE: ("dot", "ok"),
    State.FAILED: ("error", "error"),
    State.REFUSED: ("stopped", "error"),
    State.CANCELLED: ("stopped", ""),
}


@dataclass(frozen=True)
class Row:
    item: BatchItem
    input: str
    address: str

    @property
    def span(self) -> Span | None:
        return self.item.span

    @property
    def cost_usd(self) -> Decimal | None:
        return self.span.cost_usd if self.span is not None else None

    @property
    def duration_ms(self) -> float | None:
        return self.span.duration_ms if self.span is not None else None

    @property
    def is_recovered(self) -> bool:
        return self.span is not None and self.span.status == Status.RECOVERED and self.item.state == State.DONE

    @property
    def icon(self) -> str:
        return "retry" if self.is_recovered else ICONS[State(self.item.state)][0]

    @property
    def css(self) -> str:
        return "recovered" if self.is_recovered else ICONS[State(self.item.state)][1]

    @property
    def is_failed(self) -> bool:
        return self.item.state in (State.FAILED, State.REFUSED)

    @property
    def words(self) -> str:
        return gettext("Recovered") if self.is_recovered else str(self.item.get_state_display())

    @property
    def output(self) -> str:
        """What came of it: the answer, or why there is none."""
        return self.item.error_message or (self.span.output_preview if self.span else "")


@dataclass(frozen=True)
class Items:
    rows: Sequence[Row]
    tabs: Sequence[Tab]
    newer: str
    older: str


def items_of(batch: Batch, params: QueryDict, progress: Progress) -> Items:
    """Return the page of inputs that `state`, `after` and `before` ask for, in two queries."""
    state = params.get("state", "")
    page = page_of(_in_state(batch, state), params, ORDER, size=PAGE_SIZE)
    inputs = _inputs(page.items)
    rows = [
        Row(
            item,
            item.span.input_preview if item.span is not None else inputs.get(item.pk, ""),
            address_of(batch.project, item.span) if item.span is not None else "",
        )
        for item in page.items
    ]
    kept = {"state": state} if state in (*State.values, RECOVERED) else {}
    return Items(
        rows,
        _tabs(batch, progress, state),
        urlencode({**kept, "before": page.newer}) if page.newer else "",
        urlencode({**kept, "after": page.older}) if page.older else "",
    )


def _in_state(batch: Batch, state: str) -> QuerySet[BatchItem]:
    items = batch.items.select_related("span__trace").only(
        "batch", "number", "state", "error_message", "span__id", "span__status", "span__input_preview",
        "span__output_preview", "span__cost_usd", "span__duration_ms", "span__trace__id",
    )  # fmt: skip
    if state == RECOVERED:
        return items.filter(state=State.DONE, span__status=Status.RECOVERED)
    return items.filter(state=state) if state in State.values else items


def _inputs(items: Sequence[BatchItem]) -> dict[int, str]:
    """Return lines of the inputs whose calls have not begun, from the beginning of their texts."""
    waiting = [item.pk for item in items if item.span_id is None]
    starts = BatchInput.objects.filter(pk__in=waiting).annotate(start=Left(Cast("input", TextField()), READ_CHARACTERS))
    return {key: _line(start) for key, start in starts.values_list("pk", "start")} if waiting else {}


def _line(start: str | None) -> str:
    text = start or ""
    if len(text) < READ_CHARACTERS:
        return preview(_value(text))
    return " ".join(text.split())[: LENGTH - 1] + "…"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _tabs(batch: Batch, progress: Progress, state: str) -> list[Tab]:
    """All, then the states that there are, with how many."""
    counts = [("", gettext("All"), batch.total_count)]
    counts += [(each.value, str(each.label), progress.counts.get(each, 0)) for each in State]
    counts.append((RECOVERED, gettext("Recovered"), batch.recovered_count))
    return tabs_of(counts, state, lambda name: query_of({"state": name}))
