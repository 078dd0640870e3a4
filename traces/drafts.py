"""Traces of one span, put together in memory and written many at a time.

A call that nobody sent a parent for is a trace of its own: until it is written nobody else knows of it, and nothing
needs to be read back. What comes of it is the same as with `recording`, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models import Model
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Project
from opperweb.ids import uuid7
from traces import recording, totals
from traces.analytics import marks
from traces.models import Span, SpanBody, Trace, TraceFacet

# What the end of a call changes of its rows.
SPAN_FIELDS = (
    "status", "ended_at", "duration_ms", "first_token_ms", "error_kind", "error_message", "model", "provider",
    "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "is_priced",
    "attempt_count", "rejected_count", "repair_count", "is_fallback", "is_cached", "output_preview",
)  # fmt: skip
TRACE_FIELDS = (
    "status", "ended_at", "duration_ms", "error_count", "recovered_count", "running_count", "stopped_count",
    "attempt_count", "cached_count", "input_tokens", "output_tokens", "cost_usd", "unpriced_count", "model_usage",
    "output_preview", "error_preview",
)  # fmt: skip
BODY_FIELDS = ("output", "error")
# A statement takes some thousand values.
ROWS_AT_ONCE = 100


@dataclass
class Draft:
    """A trace with its one span and its texts."""

    trace: Trace
    span: Span
    body: SpanBody

    @property
    def is_written(self) -> bool:
        return self.span.pk is not None

    def change(self, *, body: Mapping[str, Any], **values: Any) -> None:
        """Change fields of the span and its texts, and the trace's totals with them."""
        totals.add(self.trace, totals.share_of(self.span), sign=-1)
        for name, value in values.items():
            setattr(self.span, name, value)
        for name, value in body.items():
            setattr(self.body, name, value)
        self._settle()

    def _settle(self) -> None:
        recording.tidy(self.span, self.body)
        totals.add(self.trace, totals.share_of(self.span))
        totals.widen(self.trace, self.span)
        totals.settle(self.trace, self.span)


def draft(
    project: Project,
    name: str,
    *,
    body: Mapping[str, Any],
    api_key: ApiKey | None = None,
    started_at: datetime | None = None,
    **values: Any,
) -> Draft:
    """Begin a span that is a trace of its own, in memory alone."""
    started_at = started_at or timezone.now()
    trace = Trace(id=uuid7(), project=project, started_at=started_at, origin=values.get("origin", ""))
    span = Span(id=uuid7(), project=project, name=name, started_at=started_at, api_key=api_key, **values)
    drafted = Draft(trace, span, SpanBody(**body))
    trace.tags = [list(pair) for pair in span.tags.items()]
    drafted._settle()
    return drafted


def insert(drafts: Sequence[Draft]) -> None:
    """Write drafts that are not written yet; must run in a transaction."""
    insert_new([each.trace for each in drafts])
    for each in drafts:
        each.span.trace = each.trace
    insert_new([each.span for each in drafts])
    for each in drafts:
        each.body.span = each.span
        each.trace.root_key = each.span.pk
        marks.mark_span(each.span)
    insert_rows([each.body for each in drafts])
    update_rows([each.trace for each in drafts], ("root_key",))
    _add_facets(drafts)


def finish(drafts: Sequence[Draft]) -> list[Draft]:
    """Write the end of drafts that were written running; return those whose trace others have changed meanwhile.

    Of these nothing is written: `recording.change` has to do it, which reads first.
    """
    untouched = set(
        Trace.objects.select_for_update()
        .filter(pk__in=[each.trace.pk for each in drafts], span_count=1, running_count=1, score_sum=0, scored_count=0)
        .values_list("pk", flat=True)
    )
    ours = [each for each in drafts if each.trace.pk in untouched]
    update_rows([each.trace for each in ours], TRACE_FIELDS)
    update_rows([each.span for each in ours], SPAN_FIELDS)
    update_rows([each.body for each in ours], BODY_FIELDS)
    for each in ours:
        marks.mark_span(each.span)
    _add_facets(ours)
    return [each for each in drafts if each.trace.pk not in untouched]


def insert_new(rows: Sequence[Model]) -> None:
    """Write new rows and give them the keys that the database has made for them."""
    if not rows:
        return
    meta = rows[0]._meta
    key = meta.pk
    assert key is not None
    fields = [field for field in meta.concrete_fields if field is not key]
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    places = f"({', '.join(['%s'] * len(fields))})"
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        statement = (
            f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES {', '.join([places] * len(part))} "
            f"RETURNING {quote(str(key.column))}"
        )
        values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in part for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            made = cursor.fetchall()
        # Both databases give the keys in the order of the rows, as bulk_create expects it too.
        for row, (number,) in zip(part, made, strict=True):
            row.pk = number
            row._state.adding = False
            row._state.db = connection.alias


def insert_rows(rows: Sequence[Model]) -> None:
    """Write new rows whose keys are known, with one statement that is prepared once."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = meta.concrete_fields
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES ({places})"
    values = [[field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def update_rows(rows: Sequence[Model], names: Iterable[str]) -> None:
    """Write these fields of many rows with one statement that is prepared once."""
    if not rows:
        return
    meta = rows[0]._meta
    fields: list[models.Field[Any, Any]] = [meta.get_field(name) for name in names]  # type: ignore[misc]
    key = meta.pk
    assert key is not None
    quote = connection.ops.quote_name
    changes = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    statement = f"UPDATE {quote(meta.db_table)} SET {changes} WHERE {quote(str(key.column))} = %s"
    values = [
        [*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk] for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _add_facets(drafts: Sequence[Draft]) -> None:
    facets = [facet for each in drafts for facet in recording.facet_rows(each.trace, each.span)]
    if facets:
        TraceFacet.objects.bulk_create(facets, ignore_conflicts=True)
