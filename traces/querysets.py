"""What the pages and the API ask of many traces and spans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import Avg, Case, Count, F, Q, Sum, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import BuiltinLookup

if TYPE_CHECKING:
    from traces.models import Span, Trace  # noqa: F401


@models.CharField.register_lookup
class Like(BuiltinLookup):
    """`field__like="a*b"`: text in which every star stands for anything, whatever the case of its letters."""

    lookup_name = "like"

    def get_prep_lookup(self) -> str:
        text = str(self.rhs)
        for character in "\\%_":
            text = text.replace(character, f"\\{character}")
        return text.replace("*", "%")

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        return f"{'ILIKE' if connection.vendor == 'postgresql' else 'LIKE'} {rhs} ESCAPE '\\'"


M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class Figures:
    """What a list of traces comes to."""

    traces: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    score: float | None


@dataclass(frozen=True)
class CallFigures:
    """What a list of model calls comes to."""

    calls: int
    errors: int
    retried: int
    cached: int
    p50_ms: float | None
    p95_ms: float | None
    first_token_ms: float | None
    cost_usd: Decimal | None
    score: float | None


class TimedQuerySet(models.QuerySet[M]):
    """Rows that begin at a moment and know their tokens."""

    def between(self, start: datetime | None, end: datetime | None) -> Self:
        """Those that started at or after `start` and before `end`."""
        rows = self
        if start:
            rows = rows.filter(started_at__gte=start)
        return rows.filter(started_at__lt=end) if end else rows

    def with_tokens_sum(self) -> Self:
        """With `tokens_sum`: null only where neither input nor output tokens are known."""
        known = Coalesce(F("input_tokens"), 0) + Coalesce(F("output_tokens"), 0)
        return self.annotate(
            tokens_sum=Case(
                When(Q(input_tokens__isnull=True, output_tokens__isnull=True), then=None),
                default=known,
                output_field=models.BigIntegerField(null=True),
            )
        )


class TraceQuerySet(TimedQuerySet["Trace"]):
    def for_list(self) -> TraceQuerySet:
        """The rows as a line of the list shows them: all of a trace is small, so it is all of it."""
        return self.defer("stopped_count", "root_key", "is_sample")

    def figures(self) -> Figures:
        """Return the totals, in one query, and the durations in the middle and near the end, in two more."""
        rows = self.order_by()
        totals = rows.aggregate(
            traces=Count("pk"),
            errors=Count("pk", filter=Q(status="error")),
            timed=Count("duration_ms"),
            input_tokens=Sum("input_tokens"),
            output_tokens=Sum("output_tokens"),
            cost_usd=Sum("cost_usd"),
            score=Avg("score"),
        )
        timed = totals.pop("timed")
        return Figures(**totals, p50_ms=_ranked(rows, timed, 0.5), p95_ms=_ranked(rows, timed, 0.95))


def _ranked(rows: TimedQuerySet[Any], number: int, rank: float, *, field: str = "duration_ms") -> float | None:
    """Return the duration below which this share of the others lies."""
    if not number:
        return None
    place = min(int(number * rank), number - 1)
    durations = rows.filter(**{f"{field}__isnull": False}).order_by(field).values_list(field, flat=True)
    return next(iter(durations[place : place + 1]), None)


class SpanQuerySet(TimedQuerySet["Span"]):
    def for_list(self) -> SpanQuerySet:
        """With the names of their traces, and with what a row of the list of calls shows and no more."""
        return self.select_related("trace").only(
            "id",
            "name",
            "parent_id",
            "status",
            "started_at",
            "duration_ms",
            "first_token_ms",
            "error_message",
            "requested_model",
            "model",
            "input_tokens",
            "cached_tokens",
            "output_tokens",
            "cost_usd",
            "is_priced",
            "attempt_count",
            "is_cached",
            "score",
            "function_name",
            "revision_number",
            "input_preview",
            "output_preview",
            "trace__id",
            "trace__name",
            "trace__root_key",
        )

    def figures(self) -> CallFigures:
        """Return the totals, in one query, and the durations in the middle and near the end, in three more."""
        rows = self.order_by()
        totals = rows.aggregate(
            calls=Count("pk"),
            errors=Count("pk", filter=Q(status="error")),
            retried=Count("pk", filter=Q(attempt_count__gt=1)),
            cached=Count("pk", filter=Q(is_cached=True)),
            timed=Count("duration_ms"),
            begun=Count("first_token_ms"),
            cost_usd=Sum("cost_usd"),
            score=Avg("score"),
        )
        timed, begun = totals.pop("timed"), totals.pop("begun")
        return CallFigures(
            **totals,
            p50_ms=_ranked(rows, timed, 0.5),
            p95_ms=_ranked(rows, timed, 0.95),
            first_token_ms=_ranked(rows, begun, 0.5, field="first_token_ms"),
        )

    def for_tree(self) -> SpanQuerySet:
        """In the order they started, with what a row of the tree shows and no more."""
        return self.order_by("started_at", "key").only(
            "id",
            "parent_id",
            "name",
            "kind",
            "status",
            "started_at",
            "ended_at",
            "duration_ms",
            "first_token_ms",
            "error_kind",
            "error_message",
            "model",
            "requested_model",
            "input_tokens",
            "output_tokens",
            "attempt_count",
            "is_cached",
            "score",
            "input_preview",
        )
