"""What came of the variants of a run, as their columns show it: waiting, refused, running, or the output."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from functions.models import Function, PlaygroundRun, PlaygroundVariant
from functions.schemas.field_places import place_of, properties_of
from functions.schemas.field_words import type_words
from opperweb.accounts.models import Project
from traces.evaluation_models import Evaluation
from traces.models import Span, SpanBody, Status
from traces.pages.inspector import BODY_OF_TAB, Choice, Inspector
from traces.pages.value_view import VIEWS

LETTERS = "abcd"
MOST_RUNS = 10
MOST_FIELDS = 40
# A variant that has no span by then never gets one: its page was left before it began.
BEGINS_WITHIN = timedelta(minutes=2)
# A page that was just made asks for the score again; one that is opened later does not.
JUDGED_WITHIN = timedelta(minutes=2)


@dataclass
class Output(Inspector):
    """The output of a call, whose links lead to the page of its trace; the choice of a view stays here."""

    run_query: str = ""

    def link(self, **changes: Any) -> str:
        return reverse("traces:detail", args=[self.span.project.slug, self.span.trace.id]) + super().link(**changes)

    @property
    def views(self) -> list[Choice]:
        return [Choice(label, f"{self.run_query}&view={name}", name == self.view) for name, label in VIEWS.items()]


@dataclass(frozen=True)
class ResultView:
    """What stands in a column."""

    run: PlaygroundRun
    variant: PlaygroundVariant
    project: Project
    panel: Output | None = None
    awaits_score: bool = False

    @property
    def state(self) -> str:
        """waiting, starting, running, done; refused before anything was asked; left before that; gone since then."""
        if self.variant.error:
            return "refused"
        if not self.variant.is_begun:
            return "waiting"
        if self.panel is None:
            if self.variant.span_id is not None:
                return "gone"
            return "left" if timezone.now() - self.run.created_at > BEGINS_WITHIN else "starting"
        return "running" if self.panel.span.status == Status.RUNNING else "done"

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The fields that are going to come, with their types in words; none where the answer is a text."""
        schema = self.variant.definition.get("output_schema")
        if not isinstance(schema, dict):
            return []
        properties = properties_of(place_of(schema, schema)) or {}
        return [(name, type_words(schema, part)) for name, part in list(properties.items())[:MOST_FIELDS]]

    @property
    def has_schema(self) -> bool:
        return self.variant.definition.get("output_schema") is not None

    @property
    def letter(self) -> str:
        return LETTERS[self.variant.number]


@dataclass(frozen=True)
class EarlierRun:
    """A line of the list of earlier runs, with the score of each variant."""

    id: uuid.UUID
    created_at: datetime
    preview: str
    scores: list[int | None] = field(default_factory=list)


def results_of(run: PlaygroundRun, project: Project, *, view: str, number: int | None = None) -> dict[str, ResultView]:
    """Return the results of a run by the number of the variant, or of one variant; five queries at most."""
    variants = run.variants.order_by("number")
    rows = list(variants if number is None else variants.filter(number=number))
    ids = [row.span_id for row in rows if row.span_id is not None]
    spans = _spans(project, ids)
    is_new = timezone.now() - run.created_at < JUDGED_WITHIN
    awaiting = set(
        Evaluation.objects.filter(span__in=[span.pk for span in spans.values()], state__in=("queued", "running"))
        .values_list("span_id", flat=True)
    ) if spans and is_new else set()  # fmt: skip
    found = {}
    for row in rows:
        span = spans.get(row.span_id) if row.span_id is not None else None
        panel = _panel(span, run, view) if span is not None else None
        found[str(row.number)] = ResultView(run, row, project, panel, span is not None and span.pk in awaiting)
    return found


def earlier_runs(project: Project, function: Function | None) -> list[EarlierRun]:
    """Return the newest runs of a function, or of definitions that were typed in; three queries."""
    runs = list(_runs(project, function))
    variants = PlaygroundVariant.objects.filter(run__in=runs).order_by("number").values_list("run_id", "span_id")
    by_run: dict[uuid.UUID, list[uuid.UUID | None]] = {}
    for run_id, span_id in variants:
        by_run.setdefault(run_id, []).append(span_id)
    ids = [span_id for each in by_run.values() for span_id in each if span_id is not None]
    scores: Mapping[uuid.UUID, int | None] = dict(
        Span.objects.filter(project=project, id__in=ids).values_list("id", "score")
    )
    return [
        EarlierRun(
            run.pk,
            run.created_at,
            run.input_preview,
            [scores.get(span_id) if span_id is not None else None for span_id in by_run.get(run.pk, [])],
        )
        for run in runs
    ]


def _runs(project: Project, function: Function | None) -> QuerySet[PlaygroundRun]:
    runs = PlaygroundRun.objects.filter(project=project, function=function)
    return runs.only("created_at", "input_preview").order_by("-created_at")[:MOST_RUNS]


def _spans(project: Project, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Span]:
    if not ids:
        return {}
    bodies = [f"body__{name}" for name in BODY_OF_TAB["output"]]
    own = [each.attname for each in Span._meta.concrete_fields]
    spans = Span.objects.filter(project=project, id__in=ids).select_related("body", "trace", "project")
    return {
        span.id: span for span in spans.only(*own, *bodies, "trace__id", "project__slug").prefetch_related("attempts")
    }


def _panel(span: Span, run: PlaygroundRun, view: str) -> Output:
    attempts = list(span.attempts.all())
    return Output(
        span=span,
        tab="output",
        view=view if view in VIEWS else "fields",
        attempts=attempts,
        attempt=attempts[-1] if attempts else None,
        body=span.body if hasattr(span, "body") else SpanBody(span=span),
        exchange=None,
        run_query=f"?run={run.pk}",
    )
