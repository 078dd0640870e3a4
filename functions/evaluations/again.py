"""Have many outputs judged that were judged before or not at all: what that will cost, then the asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Avg, QuerySet

from functions.evaluations import queue
from functions.models import Function
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Origin, Span, Status

MOST = 1_000
# To measure the spread: so many outputs, each judged so many times more.
SAMPLE, TIMES = 20, 3
# Of the newest evaluations, whose mean cost is what the next ones are thought to cost.
MOST_PRICED = 200
OPEN = (Evaluation.State.QUEUED, Evaluation.State.RUNNING)


@dataclass(frozen=True)
class Plan:
    """Outputs to be judged `times` each, and what one costs about; `found` is how many there are in all."""

    spans: list[Span]
    found: int
    times: int = 1
    mean_usd: Decimal | None = None

    @property
    def count(self) -> int:
        return len(self.spans) * self.times

    @property
    def is_cut(self) -> bool:
        return self.found > len(self.spans)

    @property
    def usd(self) -> Decimal | None:
        return None if self.mean_usd is None else self.mean_usd * self.count


def plan_again(function: Function, judges: Sequence[str], evaluations: QuerySet[Evaluation]) -> Plan:
    """Return the outputs of these evaluations, the newest first; what is on its way is left out.

    `judges` are the names of the models that will judge.
    """
    return _plan(function, judges, _outputs(function).filter(pk__in=evaluations.order_by().values("span_id")))


def plan_rated(function: Function, version: int, judges: Sequence[str]) -> Plan:
    """Return the outputs that people have rated and that the judge of now has not judged yet."""
    judged = Evaluation.objects.filter(
        span__completion__function=function,
        state=Evaluation.State.DONE,
        is_repeat=False,
        judge_version=version,
        judge_model__in=judges,
    )
    rated = Feedback.objects.filter(project=function.project_id, score__isnull=False)
    spans = _outputs(function).filter(pk__in=rated.values("span_id")).exclude(pk__in=judged.values("span_id"))
    return _plan(function, judges, spans)


def plan_spread(function: Function, version: int, judges: Sequence[str]) -> Plan:
    """Return a sample of the newest outputs that the judge of now has judged, to be judged a few times more."""
    judged = Evaluation.objects.filter(
        project=function.project_id,
        span__completion__function=function,
        span__origin=Origin.LIVE,
        state=Evaluation.State.DONE,
        is_repeat=False,
        judge_version=version,
        judge_model__in=judges,
    )
    # Not only the newest, which may be all of one kind.
    keys = list(dict.fromkeys(judged.order_by("-created_at").values_list("span_id", flat=True)[: SAMPLE * 10]))
    step = max(1, len(keys) // SAMPLE)
    spans = list(Span.objects.filter(pk__in=keys[::step][:SAMPLE]).order_by("-started_at"))
    return Plan(spans, len(spans), TIMES, _mean_usd(function, judges))


def plan_one(function: Function, span: Span) -> Plan:
    """Return the one output, or nothing where it has none or is being judged at this moment."""
    found = list(_outputs(function).filter(pk=span.pk))
    return Plan(found, len(found))


def begin(plan: Plan, *, is_repeat: bool = False) -> int:
    """Queue what was planned and return how many evaluations that are."""
    return len(queue.ask([span for span in plan.spans for _ in range(plan.times)], is_repeat=is_repeat))


def _outputs(function: Function) -> QuerySet[Span]:
    """Return the calls that have an output and are not being judged at this moment."""
    calls = Span.objects.filter(
        project=function.project_id,
        completion__function=function,
        origin=Origin.LIVE,
        status__in=(Status.OK, Status.RECOVERED),
    )
    waiting = Evaluation.objects.filter(project=function.project_id, state__in=OPEN, is_repeat=False)
    return calls.exclude(pk__in=waiting.values("span_id"))


def _plan(function: Function, judges: Sequence[str], spans: QuerySet[Span]) -> Plan:
    newest = list(spans.order_by("-started_at").only("key", "id", "project_id", "started_at")[:MOST])
    found = len(newest) if len(newest) < MOST else spans.count()
    return Plan(newest, found, mean_usd=_mean_usd(function, judges))


def _mean_usd(function: Function, judges: Sequence[str]) -> Decimal | None:
    """Return what these judges have cost on average of late; None where it is not known."""
    priced = Evaluation.objects.filter(
        project=function.project_id,
        span__completion__function=function,
        judge_model__in=judges,
        cost_usd__isnull=False,
    )
    newest = priced.order_by("-created_at").values("cost_usd")[:MOST_PRICED]
    mean = newest.aggregate(mean=Avg("cost_usd"))["mean"]
    return None if mean is None else Decimal(mean)
