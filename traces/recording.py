"""Write spans as they happen: begin one, change it, end it, and keep its trace's totals right.

Each verb is one short transaction that locks the trace, so that two spans which end at once do not overwrite each
other's totals. Ids are the sender's where it brings them; the same id twice in a project is the same span.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Project
from opperweb.ids import uuid7
from traces import totals
from traces.analytics import marks
from traces.models import Span, SpanBody, Status, Trace, TraceFacet
from traces.preview import preview, printable

MAX_FACET = 512
MAX_ERROR = 1000


class ParentNotFound(Exception):
    """No span of this project has the id that was named as parent."""


class ParentElsewhere(Exception):
    """The parent named belongs to another trace than the one named."""


@dataclass(frozen=True)
class Place:
    """Where a span hangs: in its parent's trace, in the trace named, or in one of its own."""

    trace: Trace
    parent_id: uuid.UUID | None


@transaction.atomic
def start(
    project: Project,
    name: str,
    *,
    span_id: uuid.UUID | None = None,
    trace_id: uuid.UUID | None = None,
    parent_id: uuid.UUID | None = None,
    started_at: datetime | None = None,
    api_key: ApiKey | None = None,
    body: Mapping[str, Any] | None = None,
    **values: Any,
) -> Span:
    """Begin a span and return it; `values` are fields of Span, `body` of SpanBody.

    A span of this id that is already there is changed instead. Raises ParentNotFound and ParentElsewhere.
    """
    span_id = span_id or uuid7()
    there = Span.objects.filter(project=project, id=span_id).first()
    if there is not None:
        return change(there, name=name, body=body, **({"started_at": started_at} if started_at else {}), **values)
    started_at = started_at or timezone.now()
    place = find_place(
        project, trace_id=trace_id, parent_id=parent_id, started_at=started_at, origin=values.get("origin", "")
    )
    span = Span(
        id=span_id,
        project=project,
        trace=place.trace,
        parent_id=place.parent_id,
        name=name,
        started_at=started_at,
        api_key=api_key,
        **values,
    )
    bodies = SpanBody(**dict(body or {}))
    tidy(span, bodies)
    span.save(force_insert=True)
    bodies.span = span
    bodies.save(force_insert=True)
    trace = place.trace
    totals.add(trace, totals.share_of(span))
    _settle(trace, span)
    marks.mark_span(span)
    return span


@transaction.atomic
def change(span: Span, *, body: Mapping[str, Any] | None = None, **values: Any) -> Span:
    """Change fields of a span and of its body, and with them its trace's totals; return the span as it is now."""
    trace = Trace.objects.select_for_update().get(pk=span.trace_id)
    span = Span.objects.select_related("body").get(pk=span.pk)
    before, times = totals.share_of(span), (span.started_at, span.ended_at)
    marks.mark_span(span)
    for name, value in values.items():
        setattr(span, name, value)
    for name, value in (body or {}).items():
        setattr(span.body, name, value)
    tidy(span, span.body)
    span.save()
    if body:
        span.body.save(update_fields=[*body])
    totals.add(trace, before, sign=-1)
    totals.add(trace, totals.share_of(span))
    if span.started_at != times[0] or times[1] not in (None, span.ended_at):
        # The span may have been the one that the trace's beginning or end came from.
        totals.bound(trace)
    _settle(trace, span)
    marks.mark_span(span)
    return span


@transaction.atomic
def delete(span: Span) -> None:
    """Remove a span with its texts; its children stay, and an emptied trace goes with it."""
    trace = Trace.objects.select_for_update().get(pk=span.trace_id)
    marks.mark_span(span)
    span.delete()
    if not Span.objects.filter(trace=trace).exists():
        trace.delete()
        return
    totals.recount(trace)
    trace.tags = []
    TraceFacet.objects.filter(trace=trace).delete()
    for left in Span.objects.filter(trace=trace):
        _add_facets(trace, left)
    trace.save()


def find_place(
    project: Project,
    *,
    trace_id: uuid.UUID | None,
    parent_id: uuid.UUID | None,
    started_at: datetime,
    origin: str = "",
) -> Place:
    """Return the locked trace that a new span belongs to, made where there is none."""
    if parent_id is not None:
        parent = find_parent(project, parent_id)
        if trace_id is not None and parent.trace.id != trace_id:
            raise ParentElsewhere(str(parent_id))
        return Place(Trace.objects.select_for_update().get(pk=parent.trace_id), parent_id)
    if trace_id is None:
        return Place(Trace.objects.create(project=project, started_at=started_at, origin=origin), None)
    # get_or_create: two first spans of one trace may come at once.
    trace, _ = Trace.objects.get_or_create(project=project, id=trace_id, defaults={"started_at": started_at})
    return Place(Trace.objects.select_for_update().get(pk=trace.pk), None)


def find_parent(project: Project, parent_id: uuid.UUID) -> Span:
    """Return the span that is named as parent. Raises ParentNotFound."""
    parent = Span.objects.filter(project=project, id=parent_id).select_related("trace").first()
    if parent is None:
        raise ParentNotFound(str(parent_id))
    return parent


def tidy(span: Span, body: SpanBody) -> None:
    """Set what follows from other fields: the duration, the lines for lists, texts cut to what a row holds."""
    span.name = printable(span.name)[:255]
    span.error_message = printable(span.error_message)[:MAX_ERROR]
    span.input_preview = preview(body.input)
    span.output_preview = preview(body.output)
    if span.ended_at is not None:
        span.duration_ms = max(0.0, (span.ended_at - span.started_at).total_seconds() * 1000)


def _settle(trace: Trace, span: Span) -> None:
    started_at = trace.started_at
    totals.widen(trace, span)
    totals.settle(trace, _root_after(trace, span))
    _add_facets(trace, span)
    if trace.started_at != started_at:
        TraceFacet.objects.filter(trace=trace).update(started_at=trace.started_at)
    trace.save()


def _root_after(trace: Trace, span: Span) -> Span | None:
    """Return the trace's root now that `span` is in it, without reading more than one other span."""
    if trace.root_key is None or (trace.root_key == span.key and span.parent_id is None):
        return span
    root = Span.objects.filter(pk=trace.root_key).first()
    if root is None or root.pk == span.pk:
        return totals.root_of(trace)
    return min(root, span, key=_rank)


def _rank(span: Span) -> tuple[bool, datetime, int]:
    return (span.parent_id is not None, span.started_at, span.key)


def _add_facets(trace: Trace, span: Span) -> None:
    """Make the trace findable by what the span carries, and show the span's tags on it."""
    new = [pair for pair in span.tags.items() if list(pair) not in trace.tags]
    trace.tags = [*trace.tags, *(list(pair) for pair in new)]
    facets = facet_rows(trace, span)
    if facets:
        TraceFacet.objects.bulk_create(facets, ignore_conflicts=True)


def facet_rows(trace: Trace, span: Span) -> list[TraceFacet]:
    """Return what the trace can be found by because of the span."""
    return [
        TraceFacet(
            trace=trace,
            project_id=trace.project_id,
            facet=facet,
            key=key,
            value=shortened(value),
            started_at=trace.started_at,
        )
        for facet, key, value in _facets_of(span)
    ]


def _facets_of(span: Span) -> Iterable[tuple[str, str, str]]:
    yield from ((TraceFacet.TAG, key, value) for key, value in span.tags.items())
    yield from ((TraceFacet.MODEL, "", name) for name in dict.fromkeys((span.model, span.requested_model)) if name)
    if span.function_name:
        yield (TraceFacet.FUNCTION, "", span.function_name)


def shortened(value: str) -> str:
    return value if len(value) <= MAX_FACET else value[: MAX_FACET - 1] + "…"


def status_for(*, error: Any, ended_at: datetime | None) -> str:
    """Return how a span stands that its sender says this much about."""
    if error:
        return Status.ERROR
    return Status.RUNNING if ended_at is None else Status.OK
