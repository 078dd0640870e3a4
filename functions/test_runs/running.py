"""Run the examples of a function through one of its definitions: begin it, cancel it, keep how many passed.

A run is a batch, with what a batch has: its jobs outlive a killed worker, it can be cancelled, and its calls are spans.
They bear the origin `test` and the tag `test`, so that no figure of what callers asked counts them. The example of the
very input is not shown to the model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from functions import batches
from functions.evaluations.policy import policy_of
from functions.models import Function, Revision, TestItem, TestRun
from functions.models.function import FIELDS
from functions.test_runs.verdicts import GONE, Totals, results_of, totals_of
from functions.trials.inputs import Found, Input, Plan
from functions.trials.running import begin, checked_inputs
from opperweb.accounts.models import User
from traces.models import Origin

ROWS_AT_ONCE = 500
# Runs of which a list works out how many passed, where that is not known yet: each takes a few queries.
MOST_SETTLED = 5


@dataclass(frozen=True)
class Measure:
    """By what the answers are judged: the checks, the fields that count, and how many must pass in per cent."""

    checks: Sequence[str]
    fields: Sequence[str] = ()
    threshold: int | None = None


@transaction.atomic
def start(plan: Plan, found: Found, measure: Measure, *, user: User | None = None) -> TestRun:
    """Keep a run and have workers begin it; `plan` is one on examples. Raises what `checked_inputs` raises."""
    inputs = checked_inputs(plan, found)
    run = TestRun.objects.create(
        project=plan.function.project,
        function=plan.function,
        revision=plan.after_revision,
        is_draft=plan.is_draft,
        definition={name: plan.after[name] for name in FIELDS},
        checks=list(measure.checks),
        fields=list(measure.fields),
        rules=rules_of(plan.function),
        threshold=measure.threshold,
        example_count=len(inputs),
        created_by=user,
    )
    _add_items(run, inputs)
    run.batch = begin(plan, plan.tried_after, inputs, origin=Origin.TEST, key=run.pk)
    run.save(update_fields=["batch"])
    return run


def cancel(run: TestRun) -> int:
    """Send no more examples; return how many were not sent. What is done is kept."""
    return batches.cancel(run.batch) if run.batch is not None else 0


def rules_of(function: Function) -> list[dict[str, Any]]:
    """Return the rule checks of a function that are on."""
    return [dict(rule) for rule in policy_of(function).rules if rule.get("on", True)]


def settle(run: TestRun, totals: Totals) -> None:
    """Keep how many passed, as soon as every verdict is known; what is kept no longer leaves the counts alone."""
    is_lost = run.batch_id is None or totals.counts.get(GONE)
    if not totals.is_over or (run.settled_at is not None and is_lost):
        return
    counts = (totals.judged, totals.passed)
    if run.is_settled and counts == (run.judged_count, run.passed_count):
        return
    run.judged_count, run.passed_count = counts
    run.settled_at = timezone.now()
    run.save(update_fields=["judged_count", "passed_count", "settled_at"])


def settle_all(runs: Iterable[TestRun]) -> None:
    """Settle those of these runs that have come to their end since somebody looked, some of them at a time."""
    due = [run for run in runs if not run.is_settled and run.batch is not None and run.batch.ended_at is not None]
    for run in due[:MOST_SETTLED]:
        settle(run, totals_of(run, results_of(run)))


def runs_of(function: Function) -> QuerySet[TestRun]:
    """Return the runs of a function as lists show them."""
    runs = TestRun.objects.filter(project=function.project_id, function=function)
    return runs.select_related("revision", "batch", "created_by").defer(
        "definition",
        "batch__request",
        *(f"revision__{name}" for name in ("instructions", "input_schema", "output_schema", "model", "configuration")),
    )


def newest_runs(function: Function, revisions: Collection[Revision]) -> Mapping[int, TestRun]:
    """Return the newest run of each of these revisions that has one, by its number; drafts are left out."""
    of_revision = TestRun.objects.filter(revision=OuterRef("pk"), is_draft=False).order_by("-created_at", "-pk")
    newest = Revision.objects.filter(pk__in=[revision.pk for revision in revisions]).values(
        newest=Subquery(of_revision.values("pk")[:1])
    )
    found = list(runs_of(function).filter(pk__in=newest))
    settle_all(found)
    return {run.revision.number: run for run in found if run.revision is not None}


def _add_items(run: TestRun, inputs: Sequence[Input]) -> None:
    items = [
        TestItem(
            run=run, number=number, example_id=each.example.id, input_preview=each.preview, expected=each.example.answer
        )
        for number, each in enumerate(inputs)
        if each.example is not None
    ]
    TestItem.objects.bulk_create(items, batch_size=ROWS_AT_ONCE)
