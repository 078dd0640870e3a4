"""What came of an input: the item of its batch with its call, and its output as the text it is kept as.

The sides of a batch are read in one query, however many there are; no long output is read with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Case, F, TextField, Value, When
from django.db.models.functions import MD5, Cast, Concat, Length

from functions.models import BatchItem
from opperweb import json

# A longer output is not read: two are the same where their digests are.
MOST_COMPARED = 20_000
DIGEST = "md5:"
# Of a side's calls, as they are read; the names of the columns of a span.
SPAN_FIELDS = (
    "id", "trace__id", "status", "output_preview", "error_message", "duration_ms", "cost_usd", "output_tokens",
    "score", "is_cached",
)  # fmt: skip

State = BatchItem.State


@dataclass(frozen=True)
class Side:
    """What came of one input. `text` is its output as JSON text, or the digest of a long one."""

    state: str
    error: str = ""
    span_id: UUID | None = None
    trace_id: UUID | None = None
    output: str = ""
    duration_ms: float | None = None
    cost_usd: Decimal | None = None
    output_tokens: int | None = None
    score: int | None = None
    is_cached: bool = False
    text: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state not in (State.QUEUED, State.RUNNING)

    @property
    def is_failed(self) -> bool:
        return self.state in (State.FAILED, State.REFUSED)

    @property
    def is_answered(self) -> bool:
        return self.state == State.DONE

    @property
    def is_known(self) -> bool:
        """Whether anything came of it, good or bad."""
        return self.is_answered or self.is_failed

    @property
    def is_read(self) -> bool:
        """Whether there is an output, and a short one."""
        return self.is_answered and self.text is not None and not self.text.startswith(DIGEST)

    @cached_property
    def value(self) -> Any:
        """The output itself, or its digest where it is too long to be read."""
        return json.loads(self.text) if self.text is not None and self.is_read else self.text


def sides_of(batch_id: UUID | None) -> dict[int, Side]:
    """Return what came of each input of a batch, by its number; one query."""
    if batch_id is None:
        return {}
    items = BatchItem.objects.filter(batch_id=batch_id).annotate(**output_text("span__body__output"))
    rows = items.values_list("number", "state", "error_message", *(f"span__{name}" for name in SPAN_FIELDS), "text")
    return {number: side_of(state, error, span) for number, state, error, *span in rows}


def side_of(state: str, error: str, span: Sequence[Any]) -> Side:
    """Return what came of an input from the columns of its call, SPAN_FIELDS and the text; all None without one."""
    span_id, trace_id, _, output, _, duration_ms, cost_usd, output_tokens, score, is_cached, text = span
    return Side(
        state,
        error,
        span_id,
        trace_id,
        output or "",
        duration_ms,
        cost_usd,
        output_tokens,
        score,
        bool(is_cached),
        text,
    )


def output_text(path: str) -> dict[str, Any]:
    """Return what reads an output as it is kept, or the digest of a long one."""
    kept = Cast(F(path), TextField())
    short = When(length__lte=MOST_COMPARED, then=kept)
    return {
        "length": Length(kept),
        "text": Case(short, default=Concat(Value(DIGEST), MD5(kept)), output_field=TextField()),
    }


def same_value(one: Any, other: Any) -> bool:
    """Tell whether two values mean the same: in objects the order is free, around texts white space is."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one.strip() == other.strip()
    # True is 1 in Python, and not in JSON.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
