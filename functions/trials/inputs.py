"""What is tried on which inputs, the newest of live calls or examples, and what it will cost to run them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from statistics import fmean
from typing import Any

from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import MD5, Length
from django.utils import timezone

from functions import drafts
from functions.completions.candidates import Candidate, candidates_for
from functions.completions.catalogue import Catalogue, catalogue_of
from functions.models import DatasetExample, Function, Replay, Revision
from functions.providers import UnknownModel
from functions.providers.chat import Usage
from functions.task import Task, TaskError, choices_of
from traces.analytics.conditions import span_conditions
from traces.filters import TraceFilter
from traces.models import Kind, Origin, Span, SpanBody, Status
from traces.querysets import SpanQuerySet

DEFAULT_INPUTS = 50
MOST_INPUTS = 1_000
# So far back repeats are passed over.
MOST_LOOKED_AT = 5_000
LOOKED_AT_ONCE = 500
# All inputs of a plan together: pictures and sound are long.
MOST_CHARACTERS = 50_000_000
# Recent calls that an estimate is made from.
MOST_BASIS = 200
ENDED = (Status.OK, Status.RECOVERED, Status.ERROR)


@dataclass(frozen=True)
class Tried:
    """A definition that is run: the five fields, and the revision that it is, or of a draft that it was made from."""

    revision: Revision
    values: Mapping[str, Any]
    is_draft: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be tried on which inputs, and against what."""

    function: Function
    after: Mapping[str, Any]
    # Of a draft the revision that it was made from.
    after_revision: Revision
    is_draft: bool = False
    # None: calls of any revision, as they were recorded.
    before: Revision | None = None
    source: str = Replay.Source.RECENT
    only: TraceFilter = field(default_factory=lambda: TraceFilter(default_range="all"))
    count: int = DEFAULT_INPUTS
    # Whether the side before is run again too, instead of taken as it was recorded.
    runs_before: bool = False
    at_once: int = 8

    @property
    def tried_after(self) -> Tried:
        return Tried(self.after_revision, self.after, self.is_draft)

    @property
    def tried_before(self) -> Tried | None:
        """The side before, where it is run again."""
        if self.before is None or not self.runs_before:
            return None
        return Tried(self.before, drafts.definition_of(self.before))

    @property
    def tried(self) -> list[Tried]:
        """All that is run."""
        return [each for each in (self.tried_after, self.tried_before) if each is not None]


@dataclass(frozen=True)
class Found:
    """The inputs there are for a plan: keys of spans or of examples, the newest first."""

    keys: tuple[int, ...] = ()
    repeated: int = 0
    misfits: int = 0
    # Whether more would have been taken, had they not been so long.
    is_cut: bool = False
    oldest: datetime | None = None
    newest: datetime | None = None


@dataclass(frozen=True)
class Estimate:
    """What a plan will cost and how long it will take; None is not known, and not nothing."""

    calls: int
    cost_usd: Decimal | None = None
    duration_ms: float | None = None


@dataclass(frozen=True)
class Input:
    """One input with what is known of its right or its recorded answer."""

    value: Any
    preview: str
    span_key: int | None = None
    example: DatasetExample | None = None


def find(plan: Plan) -> Found:
    """Return the inputs that a plan asks for, as far as there are any."""
    return _examples(plan) if plan.source == Replay.Source.DATASET else _recent(plan)


def inputs_of(plan: Plan, found: Found) -> Iterator[Input]:
    """Give the inputs themselves, in order; one that was deleted meanwhile is left out."""
    for start in range(0, len(found.keys), LOOKED_AT_ONCE):
        keys = found.keys[start : start + LOOKED_AT_ONCE]
        yield from _example_inputs(keys) if plan.source == Replay.Source.DATASET else _span_inputs(keys)


def estimate(plan: Plan, found: Found) -> Estimate:
    """Foretell what the runs of a plan cost and take, from the calls whose inputs they are, else from the newest."""
    basis = _basis(plan, found)
    catalogue = catalogue_of(plan.function.project)
    models = [each.values["model"] for each in plan.tried]
    number = len(found.keys)
    costs = [_mean_cost(_first(model, catalogue), basis) for model in models]
    durations = [span.duration_ms for span in basis if span.duration_ms is not None and not span.is_cached]
    at_once = max(1, min(plan.at_once, number))
    return Estimate(
        calls=number * len(models),
        cost_usd=sum((cost * number for cost in costs if cost is not None), Decimal(0)) if None not in costs else None,
        # The two sides run beside each other.
        duration_ms=fmean(durations) * number / at_once if durations else None,
    )


# --- real inputs ------------------------------------------------------------------------------------------------------


def live_calls(function: Function) -> SpanQuerySet:
    """Return the calls of a function that callers made for themselves and that came to an end."""
    return Span.objects.filter(
        project=function.project,
        kind=Kind.LLM,
        origin=Origin.LIVE,
        completion__function=function,
        status__in=ENDED,
    )


def _recent(plan: Plan) -> Found:
    keys: list[int] = []
    seen: set[str | None] = set()
    moments: list[datetime] = []
    looked_at = characters = 0
    is_cut = False
    for key, started_at, digest, size in _newest(plan):
        looked_at += 1
        if digest in seen:
            continue
        if characters + size > MOST_CHARACTERS:
            is_cut = True
            break
        seen.add(digest)
        characters += size
        keys.append(key)
        moments.append(started_at)
        if len(keys) == plan.count:
            break
    return Found(
        tuple(keys),
        repeated=looked_at - len(keys) - is_cut,
        is_cut=is_cut,
        oldest=min(moments, default=None),
        newest=max(moments, default=None),
    )


def _newest(plan: Plan) -> Iterator[tuple[int, datetime, str | None, int]]:
    """Give the calls of a plan with what tells their inputs apart, and how long these are."""
    calls = live_calls(plan.function).between(*plan.only.period())
    if plan.only.needs_tokens_sum:
        calls = calls.with_tokens_sum()
    calls = calls.filter(*span_conditions(plan.only, plan.function.project))
    if plan.before is not None:
        calls = calls.filter(completion__revision=plan.before)
    rows = calls.order_by("-completion__created_at", "-pk").values_list("pk", "started_at")
    for start in range(0, MOST_LOOKED_AT, LOOKED_AT_ONCE):
        part = list(rows[start : start + LOOKED_AT_ONCE])
        bodies = SpanBody.objects.filter(pk__in=[key for key, _ in part])
        # Worked out where the texts lie, which may be pictures.
        told = bodies.annotate(digest=MD5("input", output_field=TextField()), size=Length("input")).values_list(
            "pk", "digest", "size"
        )
        facts = {key: (digest, size or 0) for key, digest, size in told}
        for key, started_at in part:
            yield key, started_at, *facts.get(key, (None, 0))
        if len(part) < LOOKED_AT_ONCE:
            return


def _span_inputs(keys: Sequence[int]) -> Iterator[Input]:
    spans = Span.objects.filter(pk__in=keys).select_related("body").only("input_preview", "body__input")
    found = {span.pk: span for span in spans}
    for key in keys:
        if span := found.get(key):
            yield Input(span.body.input, span.input_preview, span_key=key)


# --- examples ---------------------------------------------------------------------------------------------------------


def _examples(plan: Plan) -> Found:
    examples = DatasetExample.objects.filter(function=plan.function)
    fitting = examples.filter(misfit="").order_by("-created_at", "-key")
    rows = list(fitting.annotate(size=Length("input")).values_list("key", "created_at", "size")[: plan.count])
    kept = _within(size or 0 for _, _, size in rows)
    moments = [created_at for _, created_at, _ in rows[:kept]]
    return Found(
        tuple(key for key, _, _ in rows[:kept]),
        misfits=examples.exclude(misfit="").count(),
        is_cut=kept < len(rows),
        oldest=min(moments, default=None),
        newest=max(moments, default=None),
    )


def _within(sizes: Iterable[int]) -> int:
    """Return how many from the first on are not too long together."""
    characters = kept = 0
    for size in sizes:
        characters += size
        if characters > MOST_CHARACTERS:
            break
        kept += 1
    return kept


def _example_inputs(keys: Sequence[int]) -> Iterator[Input]:
    found = DatasetExample.objects.in_bulk(list(keys))
    for key in keys:
        if example := found.get(key):
            yield Input(example.input, example.input_preview, example=example)


# --- what it will cost ------------------------------------------------------------------------------------------------


def _basis(plan: Plan, found: Found) -> list[Span]:
    if plan.source == Replay.Source.RECENT:
        calls = Span.objects.filter(pk__in=found.keys[:MOST_BASIS])
    else:
        calls = live_calls(plan.function).order_by("-completion__created_at")[:MOST_BASIS]
    return list(
        calls.only("model", "cost_usd", "is_priced", "is_cached", "duration_ms", "input_tokens", "output_tokens")
    )


def _first(model: Any, catalogue: Catalogue) -> Candidate | None:
    """Return the model that is asked first, or None where the definition names none that there is."""
    try:
        return candidates_for(Task("", choices=choices_of(model)), catalogue, settings.DEFAULT_MODEL)[0]
    except (TaskError, UnknownModel):
        return None


def _mean_cost(first: Candidate | None, basis: Sequence[Span]) -> Decimal | None:
    if first is None:
        return None
    known = [cost for span in basis if (cost := _cost(first, span)) is not None]
    return sum(known, Decimal(0)) / len(known) if known else None


def _cost(first: Candidate, span: Span) -> Decimal | None:
    """Return what a call cost, or would cost with another model and as many tokens."""
    if first.provider.kind == "rehearsal":
        return Decimal(0)
    if span.is_cached:
        return None
    known: Decimal | None = span.cost_usd
    if span.model == first.name and span.is_priced and known is not None:
        return known
    price = first.price_at(timezone.now(), served="", input_tokens=span.input_tokens or 0)
    return price.cost_of(Usage(span.input_tokens, output_tokens=span.output_tokens)) if price is not None else None
