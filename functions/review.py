"""What a person has yet to review: complete model calls, the newest first, without those that the person has rated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from functions import feedback
from functions.examples import dataset
from functions.feedback import Rater
from functions.models import DatasetExample
from opperweb.accounts.models import Project, User
from opperweb.pages.paging import Cursor, Order
from traces.analytics.conditions import span_conditions
from traces.evaluation_models import Evaluation, Feedback
from traces.filters import TraceFilter
from traces.filters.trace_filter import DEFAULT_SORT
from traces.models import Kind, Origin, Span, Status
from traces.querysets import SpanQuerySet

ORDER: Final = Order.by_time("started_at")
DEFAULT_RANGE: Final = "30d"
# Beyond this nobody needs to know how many more there are.
MOST_COUNTED: Final = 1000
MOST_RATINGS: Final = 200
# What no page of a review shows.
NOT_READ: Final = ("body__request", "body__meta", "body__instructions", "body__error")


@dataclass(frozen=True)
class Place:
    """How many of those that wait stand before a call and behind it; both stop being counted at MOST_COUNTED."""

    before: int
    behind: int


@dataclass(frozen=True)
class Opinions:
    """What others think of a call, for somebody who has rated it. `good` and `bad` count the other people's ratings."""

    is_good: bool
    judge_score: int | None
    good: int
    bad: int


def query_of(trace_filter: TraceFilter) -> str:
    """Return a filter of another list as the address of a review holds it."""
    name = trace_filter.range_name if trace_filter.is_fixed else trace_filter.range_in_force
    return replace(trace_filter, default_range=DEFAULT_RANGE, range_name=name, sort=DEFAULT_SORT).as_query()


def waiting(project: Project, user: User, trace_filter: TraceFilter, until: datetime) -> SpanQuerySet:
    """Return the calls from before `until` that a filter lets through and that the person has not rated yet.

    Calls that failed were not answered, and wait only where the filter asks for them by their status or their error.
    """
    start, end = trace_filter.period(until)
    calls = Span.objects.filter(project=project, kind=Kind.LLM, started_at__lt=until).between(start, end)
    calls = calls.exclude(origin=Origin.EVALUATION).exclude(status=Status.RUNNING)
    if not any(term.key in ("status", "error") and not term.is_negated for term in trace_filter.terms):
        calls = calls.filter(status__in=(Status.OK, Status.RECOVERED))
    if trace_filter.needs_tokens_sum:
        calls = calls.with_tokens_sum()
    rated = Feedback.objects.filter(span=OuterRef("pk"), author=user, score__isnull=False)
    return calls.filter(*span_conditions(trace_filter, project)).filter(~Exists(rated))


def next_of(calls: SpanQuerySet, after: Cursor | None) -> Span | None:
    """Return the call that follows, with its texts; behind the last one the first again, which had been skipped."""
    ordered = with_texts(calls).order_by("-started_at", "-pk")
    found = ordered.filter(_older(after)).first() if after is not None else None
    return found or ordered.first()


def with_texts(calls: SpanQuerySet) -> SpanQuerySet:
    return calls.select_related("trace", "body").defer(*NOT_READ)


def place_of(calls: SpanQuerySet, span: Span) -> Place:
    """Return where a call stands among those that wait, whether it is one of them or not; two queries."""
    here = cursor_of(span)
    before, behind = (calls.filter(q).order_by().values("pk")[:MOST_COUNTED] for q in (_newer(here), _older(here)))
    return Place(before.count(), behind.count())


def count_of(calls: SpanQuerySet) -> int:
    return calls.order_by().values("pk")[: MOST_COUNTED + 1].count()


def cursor_of(span: Span) -> Cursor:
    return Cursor(span.started_at, span.pk)


def opinions_on(project: Project, span_id: UUID, user: User) -> Opinions | None:
    """Return what others think of a call; None for whoever has not rated it, so that nobody is led."""
    of_span = Q(project=project, span__project=project, span__id=span_id)
    ratings = Feedback.objects.filter(of_span, score__isnull=False)
    given = list(ratings.order_by("-updated_at")[:MOST_RATINGS])
    own = next((each for each in given if each.author_id == user.pk), None) or ratings.filter(author=user).first()
    if own is None:
        return None
    done = Evaluation.objects.filter(of_span, state=Evaluation.State.DONE, is_repeat=False, score__isnull=False)
    others = [bool(each.is_good) for each in given if each.author_id != user.pk]
    score = done.order_by("-created_at").values_list("score", flat=True).first()
    return Opinions(bool(own.is_good), score, others.count(True), others.count(False))


@transaction.atomic
def undo(span: Span, user: User, *, made_example: bool) -> bool:
    """Take a person's rating back; tell if there was one. Comment and correction stay, for whoever rates it anew.

    `made_example`: the rating made an example, which goes as well.
    """
    own = Feedback.objects.select_for_update().filter(span=span, author=user, score__isnull=False).first()
    if own is None:
        return False
    if made_example:
        _remove_example(span, user)
    if own.comment or own.correction is not None:
        feedback.give(span, Rater(user=user), comment=own.comment, correction=own.correction, saves=False)
    else:
        feedback.take_back(span, user)
    return True


def _remove_example(span: Span, user: User) -> None:
    function = feedback.function_of(span)
    if function is None:
        return
    made = DatasetExample.objects.filter(
        function=function, span_id=span.id, created_by=user, source=DatasetExample.Source.TRACE
    )
    ids = list(made.values_list("id", flat=True))
    if ids:
        dataset.delete(function, ids)


def _older(cursor: Cursor) -> Q:
    # Said once more in a form that an index can begin with.
    beyond = Q(started_at__lt=cursor.value) | Q(started_at=cursor.value, pk__lt=cursor.key)
    return Q(started_at__lte=cursor.value) & beyond


def _newer(cursor: Cursor) -> Q:
    beyond = Q(started_at__gt=cursor.value) | Q(started_at=cursor.value, pk__gt=cursor.key)
    return Q(started_at__gte=cursor.value) & beyond
