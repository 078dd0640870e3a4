"""The list of evaluations: by state, each with its reason in words and a way on, in pages by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from functions.evaluations import figures
from functions.evaluations.figures import Judge
from functions.evaluations.trust import Rated, Trust
from functions.models import Function
from functions.pages.completions import address_of
from functions.pages.evaluations.view import Cursor, EvaluationView
from opperweb.accounts.models import Project
from traces.analytics.conditions import span_conditions
from traces.evaluation_models import Evaluation
from traces.models import Span, Status

SIZE = 50
MOST_DISPUTES = 25
MOST_COMMENT = 500
State = Evaluation.State
ICONS = {State.DONE: "check", State.FAILED: "error", State.SKIPPED: "stopped"}
TONES = {State.DONE: "is-ok", State.FAILED: "is-err", State.SKIPPED: "ink-2"}


@dataclass(frozen=True)
class EvaluationRow:
    """A line of the list: what came of an evaluation, and where it leads."""

    evaluation: Evaluation
    address: str

    @property
    def icon(self) -> str:
        return ICONS.get(State(self.evaluation.state), "running")

    @property
    def css(self) -> str:
        return TONES.get(State(self.evaluation.state), "is-run")

    @property
    def says(self) -> str:
        """What the judge said; or why it did not; or what it waits for."""
        evaluation = self.evaluation
        if evaluation.state in (State.QUEUED, State.RUNNING):
            waits = gettext("Waiting for a place at the judge") if evaluation.state == State.QUEUED else ""
            return evaluation.reason or waits or gettext("The judge is at it")
        return evaluation.observations if evaluation.state == State.DONE else evaluation.reason

    @property
    def way(self) -> str:
        """What the button says that has it judged; empty where there is nothing to judge."""
        if self.evaluation.span.status not in (Status.OK, Status.RECOVERED):
            return ""
        ways = {State.FAILED: gettext("Try again"), State.SKIPPED: gettext("Evaluate now")}
        return ways.get(State(self.evaluation.state), "")


def listed(function: Function, view: EvaluationView, judge: Judge) -> QuerySet[Evaluation]:
    """Return the evaluations that a view asks for, not ordered. The lowest are those of one judge alone."""
    rows = figures.of_function(function, view.since)
    if view.state == "lowest":
        rows = rows.filter(state=State.DONE, score__isnull=False, judge_version=judge.version, judge_model=judge.model)
    elif view.state:
        rows = rows.filter(state=view.state)
    if view.filter.terms:
        rows = rows.filter(span__in=_spans(function, span_conditions(view.filter, function.project)))
    return rows


def _spans(function: Function, conditions: Sequence[Any]) -> QuerySet[Span]:
    return Span.objects.filter(*conditions, project=function.project_id).order_by()


def page_of(
    project: Project, evaluations: QuerySet[Evaluation], view: EvaluationView
) -> tuple[list[EvaluationRow], str]:
    """Return a page of the list and the query of the page after it, in one query."""
    field = "score" if view.state == "lowest" else "-created_at"
    found = evaluations.select_related("span__trace").order_by(field, "pk" if field == "score" else "-pk")
    if view.before is not None:
        found = found.filter(_beyond(view.before, field))
    rows = list(found.defer("thoughts", "criteria", "rules")[: SIZE + 1])
    shown = [EvaluationRow(each, f"{address_of(project, each.span)}&tab=evaluation") for each in rows[:SIZE]]
    older = ""
    if len(rows) > SIZE:
        last = rows[SIZE - 1]
        value = str(last.score) if field == "score" else last.created_at.isoformat()
        older = view.as_query(before=str(Cursor(value, last.pk)))
    return shown, older


def _beyond(cursor: Cursor, field: str) -> Q:
    if field == "score":
        score = cursor.score
        return Q() if score is None else Q(score__gt=score) | Q(score=score, pk__gt=cursor.id)
    moment = cursor.moment
    return Q() if moment is None else Q(created_at__lt=moment) | Q(created_at=moment, pk__lt=cursor.id)


# --- where people disagree --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dispute:
    """An output that the judge and people see in another way."""

    rated: Rated
    address: str

    @property
    def span(self) -> Span:
        return self.rated.evaluation.span

    @property
    def comment(self) -> str:
        """What people said about it, the last one who said something."""
        said = [rating.comment for rating in self.rated.ratings if rating.comment]
        return said[-1][:MOST_COMMENT] if said else ""

    @property
    def who(self) -> str:
        """Who rated it: names of people, and of keys for programs."""
        names = [str(each.author or each.api_key or "") for each in self.rated.ratings]
        return ", ".join(dict.fromkeys(filter(None, names)))


def disputes_of(project: Project, trust: Trust, *, is_settled: bool) -> list[Dispute]:
    """Return disagreements, the most certain mistakes first."""
    rows = trust.settled if is_settled else trust.disagreements
    return [
        Dispute(each, f"{address_of(project, each.evaluation.span)}&tab=evaluation") for each in rows[:MOST_DISPUTES]
    ]
