"""Put the samples of a project there, and take them away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from functions.examples import dataset
from functions.models import DatasetExample, EvaluationPolicy, Function, Revision, Rubric
from functions.models.function import definitions_changed, digest_of
from functions.samples import agent, calls, fortnight, judgements, planets, tickets
from functions.samples.fortnight import Case
from opperweb.accounts.models import Project
from traces.analytics import marks
from traces.models import Span, Trace

RUBRIC_AGE = timedelta(days=8)
# When the example that came on its own was made.
LEARNED_AGE = timedelta(days=3)
GOOD_SCORE = 80
Source = DatasetExample.Source


@transaction.atomic
def load(project: Project) -> int:
    """Load the samples into a project and return how many traces that are; what is there already is replaced."""
    remove(project)
    now = timezone.now()
    cases = [*_planets(project, now), *_tickets(project, now)]
    values = {"name": _free_name(project, tickets.UNUSED_NAME), "description": tickets.UNUSED_DESCRIPTION}
    _function(project, values, [(now - timedelta(days=1), "", tickets.UNUSED)], origin=Function.Origin.MANAGED)
    definitions_changed(project)
    agent.record(project, next(case.call.revision for case in reversed(cases) if case.is_of_planets), now)
    return Trace.objects.filter(project=project, is_sample=True).count()


@transaction.atomic
def remove(project: Project) -> int:
    """Remove the samples of a project and return how many traces that were."""
    traces = Trace.objects.filter(project=project, is_sample=True)
    count = traces.count()
    marks.mark_spans(Span.objects.filter(trace__in=traces))
    traces.delete()
    if Function.objects.filter(project=project, is_sample=True).delete()[0]:
        definitions_changed(project)
    return count


def _planets(project: Project, now: datetime) -> list[Case]:
    saved = [now - timedelta(days=days) for days in planets.DAYS_AGO]
    definitions = (planets.FIRST, planets.SECOND, planets.THIRD)
    function = _function(
        project,
        {"name": _free_name(project, planets.NAME), "description": planets.DESCRIPTION},
        list(zip(saved, planets.NOTES, definitions, strict=True)),
    )
    EvaluationPolicy.objects.create(function=function, rules=planets.RULES, per_hour=5)
    rubric_at = now - RUBRIC_AGE
    Rubric.objects.create(function=function, number=1, criteria=planets.CRITERIA, created_at=rubric_at)
    examples = dataset.add_all(function, [_kept(function, each, saved[-1]) for each in planets.EXAMPLES])
    cases = fortnight.of_planets(function, now)
    spans = _write(project, cases, judgements.Rules(planets.RULES, rubric_at, planets.CRITERIA))
    _count_uses(examples, cases)
    _keep_from_traces(function, cases, spans, now - LEARNED_AGE)
    return cases


def _tickets(project: Project, now: datetime) -> list[Case]:
    saved = now - timedelta(days=tickets.DAYS_AGO)
    values = {"name": _free_name(project, tickets.NAME), "description": tickets.DESCRIPTION}
    function = _function(project, values, [(saved, tickets.NOTE, tickets.FIRST)])
    rows = [
        DatasetExample(function=function, input=each.input, output=each.output(), created_at=saved)
        for each in tickets.EXAMPLES
    ]
    examples = dataset.add_all(function, rows)
    cases = fortnight.of_tickets(function, now)
    _write(project, cases, judgements.Rules())
    _count_uses(examples, cases)
    return cases


def _function(
    project: Project,
    values: Mapping[str, Any],
    revisions: Sequence[tuple[datetime, str, Mapping[str, Any]]],
    *,
    origin: str = Function.Origin.CALL,
) -> Function:
    """Make a sample function with its revisions; whether its models are configured here is not asked."""
    function = Function.objects.create(
        project=project, is_sample=True, origin=origin, created_at=revisions[0][0], **values
    )
    for number, (saved, note, definition) in enumerate(revisions, start=1):
        Revision.objects.create(
            function=function,
            number=number,
            digest=digest_of(dict(definition)),
            created_at=saved,
            note=note,
            **definition,
        )
    return function


def _free_name(project: Project, name: str) -> str:
    """Return the name, with a number behind it where a function of one's own bears it."""
    taken = set(Function.objects.filter(project=project, name__startswith=name).values_list("name", flat=True))
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _kept(function: Function, example: planets.Kept, saved: datetime) -> DatasetExample:
    return DatasetExample(
        function=function,
        input=example.question.input,
        output=example.question.output(is_sentence=example.is_sentence),
        comment=example.comment,
        source=Source.IMPORTED if example.source_name else Source.WRITTEN,
        source_name=example.source_name,
        created_at=saved if example.is_sentence else saved - timedelta(days=3),
    )


def _write(project: Project, cases: Sequence[Case], rules: judgements.Rules) -> list[Span]:
    spans = calls.write(project, [case.call for case in cases])
    judgements.write(list(zip(cases, spans, strict=True)), rules)
    return spans


def _count_uses(examples: Sequence[DatasetExample], cases: Sequence[Case]) -> None:
    shown = [example.id for case in cases for example in case.call.examples]
    for example in examples:
        example.used_count = shown.count(str(example.id))
    DatasetExample.objects.bulk_update(examples, ["used_count"])


def _keep_from_traces(function: Function, cases: Sequence[Case], spans: Sequence[Span], created_at: datetime) -> None:
    """Keep three good answers of the newest revision: two by hand, one as if it had come on its own."""
    newest = cases[-1].call.revision
    there = {example.question for example in planets.EXAMPLES}
    good: dict[object, tuple[Case, Span]] = {}
    for case, span in zip(cases, spans, strict=True):
        is_praised = case.is_right and (span.score or 0) >= GOOD_SCORE
        if is_praised and case.call.revision == newest and case.subject not in there:
            good.setdefault(case.subject, (case, span))
    sources = (Source.TRACE, Source.TRACE, Source.AUTOMATIC)
    rows = [
        DatasetExample(
            function=function,
            input=case.call.input,
            output=case.call.output,
            source=source,
            span_id=span.id,
            score=span.score,
            created_at=created_at,
        )
        for source, (case, span) in zip(sources, good.values(), strict=False)
    ]
    dataset.add_all(function, rows)
