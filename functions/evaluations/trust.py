"""What is known of a judge: its verdicts beside those of people, where they differ, and what it says twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from functions.evaluations.agreement import Agreement, Spread, agreement_of, spread_of
from functions.models import DatasetExample, Function
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Origin

MOST_RATED = 20_000
MOST_SHOWN = 200
# Where a judge says nothing of correctness, its score decides.
GOOD_SCORE = 50
GOOD = 0.5


@dataclass(frozen=True)
class Rated:
    """One output with the judge's verdict and people's."""

    evaluation: Evaluation
    ratings: tuple[Feedback, ...]

    @property
    def judge_says_good(self) -> bool:
        return is_good(self.evaluation)

    @property
    def people_say_good(self) -> bool | None:
        """What most of them say; null where it is even."""
        good = sum(1 if (rating.score or 0) >= GOOD else -1 for rating in self.ratings)
        return None if good == 0 else good > 0

    @property
    def is_disagreement(self) -> bool:
        return self.people_say_good is not None and self.people_say_good != self.judge_says_good

    @property
    def is_settled(self) -> bool:
        """Whether somebody has said that the judge was right after all."""
        return any(rating.judge_is_right for rating in self.ratings)

    @property
    def certainty(self) -> int:
        """How sure the judge was, 0 to 50."""
        return abs((self.evaluation.score or 0) - GOOD_SCORE)


@dataclass(frozen=True)
class Trust:
    """How far to trust one version of a judge."""

    agreement: Agreement
    people: int
    spread: Spread | None
    disagreements: list[Rated]
    settled: list[Rated]


def is_good(evaluation: Evaluation) -> bool:
    """Tell whether a judge called an output good."""
    if evaluation.is_correct is not None:
        return evaluation.is_correct
    return (evaluation.score or 0) >= GOOD_SCORE


def trust_of(function: Function, *, version: int, since: datetime | None = None, model: str = "") -> Trust:
    """Return what is known of one version of a function's judge; a fixed number of queries.

    Verdicts of other versions, or with `model` of other models, are left out: they are never mixed.
    """
    evaluations = _evaluations(function, version, since, model)
    newest = {each.span_id: each for each in evaluations if not each.is_repeat}
    ratings = _ratings(function, newest)
    rated = [Rated(newest[span], tuple(given)) for span, given in ratings.items()]
    counted = [each for each in rated if each.people_say_good is not None]
    open_ones = sorted((each for each in counted if each.is_disagreement), key=lambda each: -each.certainty)
    examples = _examples(function, open_ones)
    settled = [each for each in open_ones if each.is_settled or each.evaluation.span.id in examples]
    return Trust(
        agreement=agreement_of(_pair(each) for each in counted),
        people=len({rating.author_id or rating.api_key_id for each in rated for rating in each.ratings}),
        spread=spread_of(_repeats(evaluations)),
        disagreements=[each for each in open_ones if each not in settled][:MOST_SHOWN],
        settled=settled[:MOST_SHOWN],
    )


def _pair(rated: Rated) -> tuple[bool, bool]:
    # Settled: the person who looked again says the opposite of what was rated, whatever the judge of today says.
    return rated.judge_says_good, rated.people_say_good != rated.is_settled


def _evaluations(function: Function, version: int, since: datetime | None, model: str) -> list[Evaluation]:
    # Most outputs are neither rated nor judged twice: they say nothing here, and are not read.
    rated = Feedback.objects.filter(project=function.project_id, score__isnull=False)
    twice = Evaluation.objects.filter(Q(is_repeat=True) | Q(is_asked_for=True), project=function.project_id)
    done = Evaluation.objects.filter(
        Q(span_id__in=rated.values("span_id")) | Q(span_id__in=twice.values("span_id")),
        project=function.project_id,
        state=Evaluation.State.DONE,
        judge_version=version,
        span__completion__function=function,
        span__origin=Origin.LIVE,
    )
    if since is not None:
        done = done.filter(created_at__gte=since)
    if model:
        done = done.filter(judge_model=model)
    newest = done.defer("thoughts", "criteria", "rules").select_related("span__trace").order_by("-created_at")
    return list(reversed(newest[:MOST_RATED]))


def _ratings(function: Function, newest: dict[int, Evaluation]) -> dict[int, list[Feedback]]:
    found: dict[int, list[Feedback]] = defaultdict(list)
    given = Feedback.objects.filter(project=function.project_id, span__completion__function=function)
    for rating in given.exclude(score=None).defer("correction").select_related("author", "api_key").order_by("pk"):
        if rating.span_id in newest:
            found[rating.span_id].append(rating)
    return found


def _examples(function: Function, rated: Iterable[Rated]) -> set[object]:
    """Return the ids of spans whose right answer is an example by now."""
    ids = [each.evaluation.span.id for each in rated]
    examples = DatasetExample.objects.filter(function=function, span_id__in=ids[:5000])
    # One that came on its own holds what the judge took for right: nobody has decided anything yet.
    examples = examples.exclude(source=DatasetExample.Source.AUTOMATIC, expected__isnull=True)
    return set(examples.values_list("span_id", flat=True))


def _repeats(evaluations: Iterable[Evaluation]) -> list[list[tuple[int, bool]]]:
    found: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for each in evaluations:
        if each.score is not None:
            found[each.span_id].append((each.score, is_good(each)))
    return list(found.values())
