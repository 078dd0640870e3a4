"""What a judge, people and a program might have said of the sample calls. No model was asked, and none is named.

The judge is `sample/judge`, which nobody can ask, and it costs nothing: the budget of a project is for real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from functions.evaluations import queue, rules
from functions.evaluations.rubric import DEFAULT_CRITERIA, kept
from functions.samples.fortnight import Case
from traces import drafts
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Span, SpanMetric

JUDGE = "sample/judge"
TOOK = timedelta(seconds=2.4)
# Short enough that what follows the newest call is not in the future.
LATER = timedelta(minutes=5)
REPEATED = 3
NOT_IN_SAMPLE = "Not in the sample: one in 2 calls like this"
OVER_BUDGET = "The budget of $0.5 a day is spent"
NO_FORM = "The judge's answer did not fit its form in 2 attempts: score must be at most 100 (is 850)"
READS_WELL = "The answer reads well and has the form that is asked for."
TOO_SHORT = "It may be right, but does not show which words of the input it rests on."
State = Evaluation.State
Told = Sequence[tuple[Case, Span]]


@dataclass(frozen=True)
class Rules:
    """What the judge of a function goes by: checks without a model, and from a moment on criteria of its own."""

    checks: Sequence[Mapping[str, Any]] = ()
    rubric_at: datetime | None = None
    criteria: Sequence[Mapping[str, Any]] = ()

    def version_at(self, moment: datetime) -> int:
        return int(self.rubric_at is not None and moment >= self.rubric_at)

    def criteria_of(self, version: int) -> Sequence[Mapping[str, Any]]:
        return self.criteria if version else kept(DEFAULT_CRITERIA)


@dataclass(frozen=True)
class Mistakes:
    """Where the judge errs, by the number of the call: what it praises wrongly, and what it blames wrongly."""

    praised: frozenset[int]
    blamed: frozenset[int]

    def judge_says_good(self, case: Case) -> bool:
        return case.number in self.praised or (case.is_right and case.number not in self.blamed)


def write(told: Told, by: Rules) -> None:
    """Write evaluations, feedback and metrics of calls, and put the scores on their spans and traces."""
    mistakes = _mistakes(told)
    evaluations = [_evaluation(case, span, by, mistakes) for case, span in told]
    repeats = [
        each for row in [row for row in evaluations if row.score is not None][-REPEATED:] for each in _again(row)
    ]
    drafts.insert_rows([*evaluations, *repeats])
    Feedback.objects.bulk_create(each for case, span in told for each in _feedback(case, span, mistakes))
    SpanMetric.objects.bulk_create(_metric(case, span) for case, span in told if case.number % 4 == 1)
    _score(evaluations)


def _mistakes(told: Told) -> Mistakes:
    answered = [case for case, _ in told if not case.call.is_failed]
    wrong = [case.number for case in answered if not case.is_right]
    right = [case.number for case in answered if case.is_right]
    return Mistakes(frozenset(wrong[1::4]), frozenset(right[6::26]))


def _score(evaluations: Sequence[Evaluation]) -> None:
    """Put scores where lists show them. The hours of these spans were marked when they were written."""
    scored = [each for each in evaluations if each.score is not None]
    for each in scored:
        each.span.score = each.span.trace.score = each.span.trace.score_sum = each.score or 0
        each.span.trace.scored_count = 1
    drafts.update_rows([each.span for each in scored], ("score",))
    drafts.update_rows([each.span.trace for each in scored], ("score", "score_sum", "scored_count"))


# --- the judge --------------------------------------------------------------------------------------------------------


def _evaluation(case: Case, span: Span, by: Rules, mistakes: Mistakes) -> Evaluation:
    row = queue.row_for(span, is_failed=case.call.is_failed, is_cached=False)
    row.created_at = case.call.ended_at
    row.ended_at = row.due_at = row.created_at + TOOK
    if case.call.is_failed:
        return row
    row.judge_version = by.version_at(row.created_at)
    checks = by.checks if row.judge_version else ()
    row.rules = [each.as_dict() for each in rules.run(checks, case.call.output, case.call.input)]
    rated_wrong = case.number in mistakes.praised | mistakes.blamed
    if case.number % 9 == 7 and case.is_right and not rated_wrong:
        row.state, row.reason = State.SKIPPED, OVER_BUDGET if case.number % 2 else NOT_IN_SAMPLE
        return row
    row.judge_model, row.cost_usd = JUDGE, Decimal(0)
    row.input_tokens, row.output_tokens = 640 + case.number % 7 * 9, 118 + case.number % 5 * 6
    if case.number in (14, 66):
        row.state, row.reason = State.FAILED, NO_FORM
        return row
    return _judged(row, case, by, mistakes)


def _judged(row: Evaluation, case: Case, by: Rules, mistakes: Mistakes) -> Evaluation:
    says_good = mistakes.judge_says_good(case)
    row.state, row.is_correct = State.DONE, says_good
    row.score = 88 + case.number * 7 % 11 if says_good else 12 + case.number * 5 % 25
    row.observations = _observations(case, mistakes)
    row.thoughts = "I compared the output with the instructions, then each of its fields with the input."
    first, *others = by.criteria_of(row.judge_version or 0)
    row.criteria = [
        {"name": first["name"], "weight": first["weight"], "score": row.score, "reason": row.observations},
        *(
            {
                "name": each["name"],
                "weight": each["weight"],
                "score": max(0, min(100, row.score + 5 - case.number * place % 9)),
                "reason": "Nothing to object to." if says_good else "It suffers from the same.",
            }
            for place, each in enumerate(others, start=1)
        ),
    ]
    return row


def _observations(case: Case, mistakes: Mistakes) -> str:
    if case.number in mistakes.praised:
        return READS_WELL
    return TOO_SHORT if case.number in mistakes.blamed else case.subject.observations(is_right=case.is_right)


def _again(row: Evaluation) -> Iterator[Evaluation]:
    """Return what the judge said of the same output twice more, to tell how far it varies."""
    for number, difference in enumerate((-3, 2), start=1):
        moment = row.created_at + number * LATER
        yield Evaluation(
            project_id=row.project_id,
            span=row.span,
            state=State.DONE,
            is_asked_for=True,
            is_repeat=True,
            score=max(0, min(100, (row.score or 0) + difference)),
            is_correct=row.is_correct,
            observations=row.observations,
            criteria=row.criteria,
            judge_model=row.judge_model,
            judge_version=row.judge_version,
            cost_usd=row.cost_usd,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            created_at=moment,
            due_at=moment,
            ended_at=moment + TOOK,
        )


# --- people and programs ----------------------------------------------------------------------------------------------


def _feedback(case: Case, span: Span, mistakes: Mistakes) -> Iterator[Feedback]:
    """Return the ratings of two people without a name: of about every other answer, and wherever the judge errs."""
    is_odd = case.number in mistakes.praised | mistakes.blamed
    if case.call.is_failed or not (is_odd or case.number % 2 == 0 or case.number % 5 == 1):
        return
    at = case.call.ended_at + LATER
    given = {
        "project_id": span.project_id,
        "span": span,
        "score": 1.0 if case.is_right else 0.0,
        "created_at": at,
        "updated_at": at,
    }
    comment = "" if case.is_right else case.subject.observations(is_right=False)
    yield Feedback(
        **given,
        comment=comment,
        correction=None if case.is_right else case.right_output(),
        judge_is_right=case.number in sorted(mistakes.blamed)[-1:],
    )
    if case.number % 4 == 0 and not is_odd:
        yield Feedback(**given, comment="Just what I was looking for." if case.is_right else "")


def _metric(case: Case, span: Span) -> SpanMetric:
    comment = "of the people who saw it, from the website"
    value = 0.0 if case.call.is_failed else 0.9 if case.is_right else 0.2
    return SpanMetric(
        span=span, dimension="found_helpful", value=value, comment=comment, created_at=case.call.ended_at + LATER
    )
