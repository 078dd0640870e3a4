"""What the sample functions were asked over two weeks, and how that went: the same whenever the samples are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions import few_shot
from functions.few_shot.text import text_of
from functions.models import Function, Revision
from functions.samples.calls import Call, Step
from functions.samples.planets import MINI, NANO, QUESTIONS, Question
from functions.samples.tickets import MODEL, TICKETS, Ticket
from functions.task import Configuration, Example

QUESTIONS_ASKED, TICKETS_READ = 96, 40
BETWEEN_QUESTIONS, BETWEEN_TICKETS = timedelta(hours=3.3), timedelta(hours=5.5)
# The last of them was a while ago, so that they stand below the agent's trace.
LAST = timedelta(minutes=20)
# By revision, of how many answers one is wrong.
WRONG_ONE_IN = {1: 3, 2: 7, 3: 11}
CUSTOMERS = ("company_123", "company_207", "company_318")


@dataclass(frozen=True)
class Case:
    """One call with what it was about; `number` counts a function's calls from 0."""

    number: int
    call: Call
    subject: Question | Ticket
    # Whether the answer is the right one, whoever judges it.
    is_right: bool

    @property
    def is_of_planets(self) -> bool:
        return isinstance(self.subject, Question)

    def right_output(self) -> Any:
        """Return what the output should have been."""
        if isinstance(self.subject, Question):
            return self.subject.output(is_sentence=_has_pattern(self.call.revision))
        return self.subject.output()


def of_planets(function: Function, now: datetime) -> list[Case]:
    """Return the calls of the function that answers questions, the oldest first, each of the revision of its time."""
    revisions = list(function.revisions.order_by("number"))
    shown = {question: _nearest(function, question.input) for question in QUESTIONS}
    cases = []
    for number in range(QUESTIONS_ASKED):
        question = QUESTIONS[number * 4 % len(QUESTIONS)]
        started_at = _moment(now, QUESTIONS_ASKED - 1 - number, BETWEEN_QUESTIONS)
        revision = [each for each in revisions if each.created_at <= started_at][-1]
        one_in = WRONG_ONE_IN[revision.number]
        is_right = number % one_in != 2
        steps = _steps_of_question(number, revision, question, is_right=is_right)
        # Before the newest revision there were no examples yet.
        examples, facts = _shown(revision, shown[question]) if revision == revisions[-1] else ((), None)
        call = Call(revision, started_at, question.input, steps, _tags(number), examples, facts)
        cases.append(Case(number, call, question, is_right))
    return cases


def of_tickets(function: Function, now: datetime) -> list[Case]:
    """Return the calls of the function that sorts messages, the oldest first."""
    revision = function.revisions.get()
    shown = {ticket: _nearest(function, ticket.input) for ticket in TICKETS}
    cases = []
    for number in range(TICKETS_READ):
        ticket = TICKETS[number * 3 % len(TICKETS)]
        started_at = _moment(now, TICKETS_READ - 1 - number, BETWEEN_TICKETS)
        is_right = number % 8 != 5
        output = ticket.output(is_right=is_right)
        last = (
            Step(MODEL, "rate_limit", seconds=0.4)
            if number == 17
            else Step(MODEL, output=output, seconds=0.5 + number * 3 % 7 / 10)
        )
        examples, facts = _shown(revision, shown[ticket])
        call = Call(revision, started_at, ticket.input, [last], _tags(number), examples, facts)
        cases.append(Case(number, call, ticket, is_right))
    return cases


def _moment(now: datetime, place: int, between: timedelta) -> datetime:
    """Return when the call began that `place` others came after; not quite at even intervals."""
    return now - LAST - place * between - timedelta(minutes=place * 37 % 90 * 3)


def _tags(number: int) -> dict[str, str]:
    return {"env": "staging" if number % 6 == 5 else "production", "user": CUSTOMERS[number % len(CUSTOMERS)]}


def _steps_of_question(number: int, revision: Revision, question: Question, *, is_right: bool) -> list[Step]:
    """Return the requests that a question takes: mostly one; some are repaired, some answered by the second model."""
    is_sentence = _has_pattern(revision)
    seconds = 0.7 + number * 7 % 10 / 10
    answer = question.output(is_right=is_right, is_sentence=is_sentence)
    bare = Step(NANO, "rejected", question.output(is_right=is_right, is_sentence=False), seconds)
    if number in (7, 49, 92):
        return [Step(NANO, "rate_limit", seconds=0.3), Step(MINI, "rate_limit", seconds=0.4)]
    if number in (33, 34):
        return [Step(NANO, "overloaded", seconds=1.1), Step(MINI, "overloaded", seconds=1.2)]
    if number == 75:
        return [bare, bare, Step(MINI, "rejected", bare.output, seconds)]
    if number % 13 == 4:
        return [Step(NANO, "rate_limit", seconds=0.3), Step(MINI, output=answer, seconds=seconds + 0.5)]
    if is_sentence and number % 6 == 3:
        return [bare, Step(NANO, output=answer, seconds=seconds)]
    return [Step(NANO, output=answer, seconds=seconds)]


def _has_pattern(revision: Revision) -> bool:
    return "pattern" in revision.output_schema["properties"]["answer"]


def _nearest(function: Function, value: Any) -> list[Example]:
    """Return the function's examples that are nearest to an input and fit its schemas, as a call would show them."""
    found = few_shot.nearest(function, text_of(value), 10)
    return [
        Example(row.input, row.answer, row.comment or None, similarity=round(nearness, 3), id=str(row.id))
        for row, nearness in found
        if not row.misfit
    ]


def _shown(revision: Revision, nearest: list[Example]) -> tuple[tuple[Example, ...], dict[str, Any]]:
    """Return what a call of a revision shows of these, and what it tells of how they were found."""
    count = Configuration.from_dict(revision.configuration).few_shot_count
    return tuple(nearest[:count]), {"by": "text", "of": len(nearest), "duration_ms": 1.4}
