"""What judges say of a span, as its panel shows it: the verdict that counts, and all others with their reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from statistics import stdev
from typing import Any

from traces.evaluation_models import Evaluation
from traces.models import Span
from traces.pages.json_view import readable

State = Evaluation.State

MOST_SHOWN = 50
LONG_TEXTS = ("thoughts",)
SHORTEST_QUOTE = 4
GOOD_SCORE = 50
SENTENCE = re.compile(r"(?<=[.!?])\s+")
QUOTE = re.compile(r"“([^”]+)”|\"([^\"]+)\"|‘([^’]+)’|«([^»]+)»")


@dataclass(frozen=True)
class Piece:
    """A piece of a judge's sentence; `is_quote`: these very words stand in the input."""

    text: str
    is_quote: bool = False


@dataclass(frozen=True)
class CriterionLine:
    name: str
    weight: str
    score: int | None
    pieces: list[Piece]

    @property
    def css(self) -> str:
        return css_of(self.score)


@dataclass(frozen=True)
class RuleLine:
    name: str
    is_passed: bool
    message: str


class Verdict:
    """One evaluation with all that was said; `given` is the text of the input, to find quotations in."""

    def __init__(self, evaluation: Evaluation, given: str = "") -> None:
        self.evaluation = evaluation
        self.given = given

    @property
    def css(self) -> str:
        return css_of(self.evaluation.score)

    @property
    def is_good(self) -> bool:
        """What the judge calls it; its score decides where it says nothing of correctness."""
        one = self.evaluation
        return (one.score or 0) >= GOOD_SCORE if one.is_correct is None else one.is_correct

    @property
    def headline(self) -> str:
        """The first sentence of what was observed."""
        return self._sentences[0]

    @property
    def rest(self) -> str:
        return self._sentences[1] if len(self._sentences) > 1 else ""

    @cached_property
    def _sentences(self) -> list[str]:
        return SENTENCE.split(readable(self.evaluation.observations).strip(), maxsplit=1)

    @cached_property
    def criteria(self) -> list[CriterionLine]:
        return [
            CriterionLine(_text(row.get("name")), _text(row.get("weight")), _score(row.get("score")), self._pieces(row))
            for row in _rows(self.evaluation.criteria)
        ]

    @cached_property
    def rules(self) -> list[RuleLine]:
        return [
            RuleLine(_text(row.get("name")), row.get("passed") is True, _text(row.get("message")))
            for row in _rows(self.evaluation.rules)
        ]

    def _pieces(self, row: dict[str, Any]) -> list[Piece]:
        return list(pieces_of(_text(row.get("reason")), self.given))


class EvaluationView:
    """All evaluations of a span, the newest first."""

    def __init__(self, evaluations: list[Evaluation], given: str = "") -> None:
        self.all = evaluations
        self.given = given

    @cached_property
    def current(self) -> Verdict | None:
        """The verdict that counts: the newest that came to a score."""
        found = next((each for each in self.all if each.state == State.DONE and not each.is_repeat), None)
        return None if found is None else Verdict(found, self.given)

    @cached_property
    def waiting(self) -> Evaluation | None:
        """The one that is still to be judged."""
        return next((each for each in self.all if each.state in (State.QUEUED, State.RUNNING)), None)

    @cached_property
    def unjudged(self) -> Verdict | None:
        """What came to no score after the verdict that counts, with the rules that were checked."""
        for each in self.all:
            if self.current is not None and each.pk == self.current.evaluation.pk:
                return None
            if each.state in (State.FAILED, State.SKIPPED):
                return Verdict(each)
        return None

    @cached_property
    def earlier(self) -> list[Evaluation]:
        shown = {each.evaluation.pk for each in (self.current, self.unjudged) if each is not None}
        return [each for each in self.all if each.pk not in shown and each != self.waiting]

    @cached_property
    def spread(self) -> float | None:
        """How far the scores of this judge lie apart for this output: one standard deviation; None after one alone."""
        if self.current is None:
            return None
        judge = _judge(self.current.evaluation)
        scores = [each.score for each in self.all if each.score is not None and _judge(each) == judge]
        return stdev(scores) if len(scores) > 1 else None


def evaluations_of(span: Span, given: str) -> EvaluationView:
    """Load the evaluations of a span, the newest of them, in one query."""
    found = Evaluation.objects.filter(span=span).order_by("-created_at").defer(*LONG_TEXTS)
    return EvaluationView(list(found.select_related("judge_span__trace")[:MOST_SHOWN]), given)


def newest_verdict(span: Span) -> Verdict | None:
    """Load the verdict that counts, without the checks and without the judge's own trace."""
    done = Evaluation.objects.filter(span=span, state=State.DONE, is_repeat=False)
    found = done.order_by("-created_at").defer(*LONG_TEXTS, "rules").first()
    return None if found is None else Verdict(found)


def pieces_of(reason: str, given: str) -> Iterator[Piece]:
    """Yield a judge's sentence in pieces; quotations that the input holds word for word are marked."""
    at = 0
    for found in QUOTE.finditer(reason):
        group = found.lastindex or 0
        quoted = found[group]
        if len(quoted) >= SHORTEST_QUOTE and quoted in given:
            yield Piece(reason[at : found.start(group)])
            yield Piece(quoted, is_quote=True)
            at = found.end(group)
    yield Piece(reason[at:])


def texts_in(value: Any) -> str:
    """Return all texts inside a JSON value, one a line."""
    texts, open_ones = [], [value]
    while open_ones:
        one = open_ones.pop()
        if isinstance(one, str):
            texts.append(one)
        elif isinstance(one, dict):
            open_ones += one.values()
        elif isinstance(one, list):
            open_ones += one
    return "\n".join(texts)


def css_of(score: int | None) -> str:
    """Return the class that colours a score as lists do: low, middling, good."""
    if score is None:
        return ""
    return "is-err" if score < 50 else "is-warn" if score < 75 else "is-ok"


def _judge(evaluation: Evaluation) -> tuple[str, int | None]:
    return evaluation.judge_model, evaluation.judge_version


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else readable(str(value))


def _score(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100 else None
