"""What the evaluations of a function come to: by state, by score, by criterion and revision, by version of its judge.

Scores of different versions, or of different models, are never put together: whoever asks for scores names a judge.
Each reading is a fixed number of queries, over the newest rows where there are very many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from statistics import NormalDist, fmean, variance
from typing import Any

from django.db.models import Avg, Count, F, Max, Min, Q, QuerySet, Sum
from django.utils import timezone

from functions.evaluations import sampling
from functions.evaluations.agreement import Agreement, agreement_of
from functions.evaluations.policy import Policy
from functions.evaluations.trust import Rated
from functions.models import DatasetExample, Function, ProjectEvaluation, Rubric
from opperweb.accounts.access import zone_of
from opperweb.accounts.models import Project
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Origin

MOST_READ = 10_000
Z = NormalDist().inv_cdf(0.975)
# With fewer on either side a difference of means says nothing.
LEAST = 5
# Before and after the first example that came on its own.
AROUND = timedelta(days=30)
State = Evaluation.State


@dataclass(frozen=True)
class Judge:
    """One version of the rubric in the hands of one model, and how much it has judged."""

    version: int
    model: str
    count: int = 0


@dataclass(frozen=True)
class States:
    """How many evaluations are in which state, and the judges of those that are done, the newest version first."""

    counts: dict[str, int]
    judges: list[Judge]

    @property
    def done(self) -> int:
        return self.counts.get(State.DONE, 0)

    @property
    def open(self) -> int:
        return self.counts.get(State.QUEUED, 0) + self.counts.get(State.RUNNING, 0)


@dataclass(frozen=True)
class Scored:
    """What a judge said of one output."""

    score: int
    revision: int | None
    criteria: dict[str, int]


@dataclass(frozen=True)
class Mean:
    """The middle of some scores, and how sure it is: the square of its standard error."""

    value: float
    count: int
    error_squared: float = 0.0


def of_function(function: Function, since: datetime | None) -> QuerySet[Evaluation]:
    """Return the evaluations of what callers asked, without those that measure the judge."""
    found = Evaluation.objects.filter(
        project=function.project_id,
        span__completion__function=function,
        span__origin=Origin.LIVE,
        is_repeat=False,
    )
    return found if since is None else found.filter(created_at__gte=since)


def states_of(function: Function, since: datetime | None) -> States:
    """Count the evaluations in one query."""
    rows = of_function(function, since).order_by().values_list("state", "judge_version", "judge_model")
    counts: dict[str, int] = defaultdict(int)
    judges: list[tuple[datetime, Judge]] = []
    for state, version, model, count, last_at in rows.annotate(count=Count("pk"), last_at=Max("created_at")):
        counts[state] += count
        if state == State.DONE and version is not None:
            judges.append((last_at, Judge(version, model, count)))
    judges.sort(key=lambda each: (each[1].version, each[0]), reverse=True)
    return States(dict(counts), [judge for _, judge in judges])


def scores_of(function: Function, since: datetime | None, judge: Judge) -> list[Scored]:
    """Return what a judge said, once an output: what it said last. At most of the newest MOST_READ."""
    done = of_function(function, since).filter(
        state=State.DONE, judge_version=judge.version, judge_model=judge.model, score__isnull=False
    )
    rows = done.order_by("-created_at").values_list("span_id", "score", "span__revision_number", "criteria")
    newest: dict[int, Scored] = {}
    for span, score, revision, criteria in rows[:MOST_READ]:
        if span not in newest:
            newest[span] = Scored(score or 0, revision, _by_name(criteria))
    return list(newest.values())


def _by_name(criteria: Any) -> dict[str, int]:
    return {each["name"]: each["score"] for each in criteria or () if isinstance(each, dict) and "score" in each}


def mean_of(scores: list[int]) -> Mean | None:
    if not scores:
        return None
    return Mean(fmean(scores), len(scores), variance(scores) / len(scores) if len(scores) > 1 else 0.0)


def is_clear(before: Mean, after: Mean) -> bool:
    """Tell whether two means differ by more than luck would have it, 95 % sure."""
    if before.count < LEAST or after.count < LEAST:
        return False
    return abs(after.value - before.value) > Z * sqrt(before.error_squared + after.error_squared)


# --- checks, samples, money -------------------------------------------------------------------------------------------


def rule_shares(function: Function, since: datetime | None) -> dict[str, tuple[int, int]]:
    """Return how many of the newest outputs passed each check, by its words: (passed, checked)."""
    checked = of_function(function, since).exclude(rules=[]).order_by("-created_at")
    shares: dict[str, tuple[int, int]] = {}
    rows: Iterable[Any] = checked.values_list("rules", flat=True)[:MOST_READ]
    for outcomes in rows:
        for outcome in outcomes or ():
            passed, count = shares.get(outcome["name"], (0, 0))
            shares[outcome["name"]] = (passed + bool(outcome["passed"]), count + 1)
    return shares


def share_now(function: Function, policy: Policy) -> tuple[int, int]:
    """Return N of the one in N that an adaptive sample is at now, and how many were judged in the last hour."""
    hour = timezone.now() - timedelta(hours=1)
    judged = Evaluation.objects.filter(project=function.project_id, created_at__gte=hour, starts__gt=0)
    count = judged.exclude(state=State.SKIPPED).filter(span__function_name=function.name).count()
    return sampling.share_now(policy, count), count


@dataclass(frozen=True)
class Spending:
    """What a project's judges have cost today, and what today will come to if it goes on like this."""

    spent_usd: Decimal
    count: int
    pace_usd: Decimal
    budget_usd: Decimal | None

    @property
    def is_over(self) -> bool:
        return self.budget_usd is not None and self.spent_usd >= self.budget_usd

    @property
    def part(self) -> float:
        """Of the budget, 0 to 1."""
        if not self.budget_usd:
            return 1.0 if self.budget_usd is not None else 0.0
        return min(1.0, float(self.spent_usd / self.budget_usd))


def spending_of(project: Project) -> Spending:
    """Return today's spending in the project's zone, in two queries."""
    now = timezone.now()
    midnight = now.astimezone(zone_of(project)).replace(hour=0, minute=0, second=0, microsecond=0)
    today = Evaluation.objects.filter(project=project, created_at__gte=midnight).aggregate(
        spent=Sum("cost_usd"), count=Count("pk", filter=Q(state=State.DONE))
    )
    spent = today["spent"] or Decimal(0)
    # The first minutes of a day foretell nothing.
    day = max((now - midnight) / timedelta(days=1), 1 / 24)
    own = ProjectEvaluation.objects.filter(project=project).only("daily_budget_usd").first()
    budget = own.daily_budget_usd if own is not None else None
    return Spending(spent, today["count"], spent / Decimal(day), budget)


def rated_count(function: Function) -> int:
    """Return how many outputs people have rated."""
    given = Feedback.objects.filter(project=function.project_id, span__completion__function=function)
    rated = given.filter(span__origin=Origin.LIVE, score__isnull=False)
    count: int = rated.aggregate(count=Count("span", distinct=True))["count"]
    return count


# --- versions side by side --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """One version of a judge: how far it agrees with people, over all that they have rated."""

    number: int
    model: str
    agreement: Agreement
    rubric: Rubric | None


def versions_of(function: Function) -> list[Version]:
    """Return every version of the judge that judged what people rated, the newest first; three queries."""
    own = Rubric.objects.filter(function=function).select_related("created_by")
    rubrics = {each.number: each for each in own.defer("criteria")}
    given = Feedback.objects.filter(
        project=function.project_id, span__completion__function=function, span__origin=Origin.LIVE, score__isnull=False
    )
    ratings: dict[int, list[Feedback]] = defaultdict(list)
    for each in given.only("span_id", "score", "judge_is_right").order_by("-pk")[:MOST_READ]:
        ratings[each.span_id].append(each)
    judged = of_function(function, None).filter(
        state=State.DONE, judge_version__isnull=False, span_id__in=given.values("span_id")
    )
    rows = judged.only("span_id", "judge_version", "judge_model", "score", "is_correct").order_by("-created_at")
    newest: dict[tuple[int, str], dict[int, Evaluation]] = defaultdict(dict)
    for row in rows[:MOST_READ]:
        newest[row.judge_version or 0, row.judge_model].setdefault(row.span_id, row)
    return [
        Version(number, model, agreement_of(_pairs(evaluations.values(), ratings)), rubrics.get(number))
        for (number, model), evaluations in sorted(newest.items(), reverse=True)
    ]


def _pairs(evaluations: Iterable[Evaluation], ratings: dict[int, list[Feedback]]) -> list[tuple[bool, bool]]:
    rated = [Rated(each, tuple(ratings.get(each.span_id, ()))) for each in evaluations]
    return [
        # Where a judge was found to be right, people think the opposite of what they said.
        (each.judge_says_good, each.people_say_good != each.is_settled)
        for each in rated
        if each.people_say_good is not None
    ]


# --- examples that came on their own ----------------------------------------------------------------------------------


OF_CALLS = (DatasetExample.Source.AUTOMATIC, DatasetExample.Source.TRACE)


@dataclass(frozen=True)
class Learning:
    """How many examples came on their own; the scores before and after the first example that was made of a call."""

    count: int
    first_at: datetime | None = None
    before: Mean | None = None
    after: Mean | None = None


def learning_of(function: Function, judge: Judge | None) -> Learning:
    """Return what examples made of calls, by people or on their own, have done: one query, two where there are some."""
    of_calls = DatasetExample.objects.filter(function=function, source__in=OF_CALLS)
    is_automatic = Q(source=DatasetExample.Source.AUTOMATIC)
    found = of_calls.aggregate(count=Count("pk", filter=is_automatic), first_at=Min("created_at"))
    first_at: datetime | None = found["first_at"]
    if first_at is None or judge is None:
        return Learning(found["count"], first_at)
    done = of_function(function, first_at - AROUND).filter(
        created_at__lt=first_at + AROUND,
        state=State.DONE,
        score__isnull=False,
        judge_version=judge.version,
        judge_model=judge.model,
    )
    sums = {
        f"{name}_{side}": each
        for side, when in (("before", Q(created_at__lt=first_at)), ("after", Q(created_at__gte=first_at)))
        for name, each in (
            ("count", Count("pk", filter=when)),
            ("mean", Avg("score", filter=when)),
            ("square", Avg(F("score") * F("score"), filter=when)),
        )
    }
    got = done.aggregate(**sums)
    return Learning(found["count"], first_at, _mean(got, "before"), _mean(got, "after"))


def _mean(sums: dict[str, Any], side: str) -> Mean | None:
    count, mean, square = (sums[f"{name}_{side}"] for name in ("count", "mean", "square"))
    if not count:
        return None
    spread = max(0.0, float(square) - float(mean) ** 2) / max(1, count - 1)
    return Mean(float(mean), count, spread)
