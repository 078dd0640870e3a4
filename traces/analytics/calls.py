"""Billed spans as calls: when, with what dimension, and what each adds to the sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from opperweb import json
from traces.analytics.figures import slot_of, units_of
from traces.models import Span, Status
from traces.preview import printable
from traces.totals import BILLED

MOST_TAG_KEY = 120
MOST_TAG_VALUE = 512
# What SQLite takes in one statement is 500.
MOST_PARTS = 200
SUMMED = (
    "status", "is_cached", "is_priced", "attempt_count", "input_tokens", "cached_tokens", "output_tokens",
    "reasoning_tokens", "cost_usd", "duration_ms", "score", "rejected_count", "repair_count", "is_fallback",
)  # fmt: skip
# What a dimension is made of.
NAMED = ("model", "requested_model", "function_name", "revision_number", "origin", "error_kind", "api_key_id", "tags")


class Dimension(NamedTuple):
    """What a call is counted under."""

    model: str
    function: str
    revision: int | None
    origin: str
    # Of a failed call of a revision; whoever sends spans by itself may use any number of words for it.
    error_kind: str
    api_key_id: UUID | None
    tags: tuple[tuple[str, str], ...]

    @property
    def whole(self) -> Dimension:
        """The same for calls of whatever tags."""
        return self._replace(tags=())

    @property
    def digest(self) -> str:
        key = str(self.api_key_id or "")
        text = json.dumps([self.model, self.function, self.revision, self.origin, self.error_kind, key, self.tags])
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Call(NamedTuple):
    started_at: datetime
    dimension: Dimension
    sums: dict[str, int]


def calls_between(spans: QuerySet[Span], periods: Sequence[tuple[datetime, datetime]]) -> Iterator[Call]:
    """Return the billed ones among `spans` that started in one of these periods, in no order."""
    # Each period reads its own piece of an index; as alternatives of one condition they would read all of it.
    fields = ("started_at", *NAMED, *SUMMED)
    parts = [
        spans.filter(kind__in=BILLED, started_at__gte=start, started_at__lt=end).order_by().values_list(*fields)
        for start, end in periods
    ]
    for first in range(0, len(parts), MOST_PARTS):
        several = parts[first : first + MOST_PARTS]
        rows = several[0].union(*several[1:], all=True) if len(several) > 1 else several[0]
        for row in rows.iterator(chunk_size=5000):
            named, values = row[1 : len(NAMED) + 1], row[len(NAMED) + 1 :]
            yield Call(row[0], _dimension(*named, is_failed=values[0] == Status.ERROR), _sums(*values))


def _dimension(
    model: str,
    requested: str,
    function: str,
    revision: int | None,
    origin: str,
    error_kind: str,
    api_key_id: UUID | None,
    tags: Any,
    *,
    is_failed: bool,
) -> Dimension:
    cut = {_cut(key, MOST_TAG_KEY): _cut(str(value), MOST_TAG_VALUE) for key, value in tags.items()}
    kind = error_kind if is_failed and revision is not None else ""
    return Dimension(model or requested, function, revision, origin, kind, api_key_id, tuple(sorted(cut.items())))


def _cut(text: str, most: int) -> str:
    """Shorten as the facets of traces are shortened, so that a link from here finds them."""
    text = printable(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _sums(
    status: str,
    is_cached: bool,
    is_priced: bool,
    attempts: int,
    input_tokens: int | None,
    cached_tokens: int | None,
    output_tokens: int | None,
    reasoning_tokens: int | None,
    cost_usd: Any,
    duration_ms: float | None,
    score: int | None,
    rejected: int,
    repaired: int,
    is_fallback: bool,
) -> dict[str, int]:
    sums = {
        "calls": 1,
        "errors": int(status == Status.ERROR),
        "recovered": int(status == Status.RECOVERED),
        "cached": int(is_cached),
        "unpriced": int(not is_priced),
        "attempts": attempts,
        "rejected": int(rejected > 0),
        "repaired": int(repaired > 0),
        "fallbacks": int(is_fallback),
        "input_tokens": input_tokens or 0,
        "cached_tokens": cached_tokens or 0,
        "output_tokens": output_tokens or 0,
        "reasoning_tokens": reasoning_tokens or 0,
        "cost_units": units_of(cost_usd),
        "score_sum": score or 0,
        "scored": int(score is not None),
    }
    if duration_ms is not None:
        sums |= {"timed": 1, "duration_us": round(duration_ms * 1000), slot_of(duration_ms): 1}
    return sums
