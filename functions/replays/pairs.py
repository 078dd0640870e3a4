"""The pairs of a replay: for each input what came of it before and after, and which of the two is better.

Read in three queries, however many pairs there are: rows as lists show them, and outputs as the text they are kept as.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from functions.models import BatchItem, Replay
from functions.trials.sides import SPAN_FIELDS, Side, output_text, same_value, side_of, sides_of
from traces.models import Status

# A difference of scores below it is no verdict: judges differ as much from themselves.
LEAST_SCORE_DIFFERENCE = 5
State = BatchItem.State
# Of a recorded call that is kept no longer.
GONE = "gone"
BETTER, SAME, WORSE, FAILED, CHANGED = "better", "same", "worse", "failed", "changed"
# No verdicts: one side is still to come; one will never come.
OPEN, ALONE = "open", "alone"
FINISHED = (BETTER, SAME, WORSE, FAILED, CHANGED)


@dataclass(frozen=True)
class Pair:
    """One input with what came of it before and after; `expected` is the right answer, of an example."""

    number: int
    input: str
    before: Side
    after: Side
    example_id: UUID | None = None
    expected: Any = None

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.before, self.after

    @property
    def is_finished(self) -> bool:
        return self.verdict in FINISHED

    @cached_property
    def verdict(self) -> str:
        if not (self.before.is_over and self.after.is_over):
            return OPEN
        if self.after.is_failed:
            return FAILED
        if not (self.after.is_answered and self.before.is_known):
            return ALONE
        if self.before.is_failed:
            return BETTER
        difference = self.score_difference
        if difference is not None:
            return _by(difference, LEAST_SCORE_DIFFERENCE)
        if self.example_id is not None:
            return self._by_expected
        return SAME if self.is_same else CHANGED

    @property
    def score_difference(self) -> int | None:
        if self.before.score is None or self.after.score is None:
            return None
        return self.after.score - self.before.score

    @cached_property
    def is_same(self) -> bool:
        """Whether both outputs mean the same; the order of fields does not count."""
        if self.before.text == self.after.text or not (self.before.is_read and self.after.is_read):
            return self.before.text == self.after.text
        return same_value(self.before.value, self.after.value)

    @cached_property
    def matches(self) -> tuple[float, float] | None:
        """What share of the right answer each side has, of an example; None where a side has no answer."""
        if self.example_id is None or not (self.before.is_answered and self.after.is_answered):
            return None
        before, after = (match(self.expected, side.value) if side.is_read else 0.0 for side in self.sides)
        return before, after

    @property
    def _by_expected(self) -> str:
        assert self.matches is not None
        before, after = self.matches
        if before == after:
            return SAME if self.is_same or after == 1 else CHANGED
        return BETTER if after > before else WORSE

    @cached_property
    def size(self) -> float:
        """How large the change is, 0 to 1: of the score, of the match with the right answer, else of the words."""
        if not self.is_finished:
            return 0
        if self.score_difference is not None:
            return abs(self.score_difference) / 100
        if self.before.is_failed != self.after.is_failed:
            return 1
        if self.matches is not None and self.matches[0] != self.matches[1]:
            return abs(self.matches[1] - self.matches[0])
        return 0 if self.is_same else max(0.01, _word_distance(self.before.output, self.after.output))

    @property
    def place(self) -> tuple[int, float, int]:
        """Where it stands in the table: failures first, then by the size of the change, then what is not over."""
        ranks = {FAILED: 0, OPEN: 2, ALONE: 3}
        return ranks.get(self.verdict, 1), -self.size, self.number


def pairs_of(replay: Replay) -> list[Pair]:
    """Return the pairs of a replay in the order of its table."""
    after = sides_of(replay.after_batch_id)
    before = sides_of(replay.before_batch_id) if replay.before_batch_id is not None else None
    items = replay.items.order_by("number").annotate(**output_text("recorded__body__output"))
    rows = items.values_list(
        "number", "input_preview", "example_id", "expected", *(f"recorded__{name}" for name in SPAN_FIELDS), "text"
    )
    pairs = []
    for number, line, example_id, expected, *recorded in rows:
        old = before.get(number, Side(State.CANCELLED)) if before is not None else _recorded(recorded)
        new = after.get(number, Side(State.CANCELLED))
        pairs.append(Pair(number, line, old, new, example_id, expected))
    return sorted(pairs, key=lambda pair: pair.place)


def match(expected: Any, value: Any) -> float:
    """Return what share of the right answer a value has: of an object field by field, else all or nothing."""
    if isinstance(expected, dict) and expected and isinstance(value, dict):
        return sum(name in value and same_value(each, value[name]) for name, each in expected.items()) / len(expected)
    return float(same_value(expected, value))


def _by(difference: int, least: int) -> str:
    if abs(difference) < least:
        return SAME
    return BETTER if difference > 0 else WORSE


def _word_distance(before: str, after: str) -> float:
    """Return how many of the words of two lines are not in both, 0 to 1."""
    old, new = Counter(before.split()), Counter(after.split())
    every = sum((old | new).values())
    return 1 - sum((old & new).values()) / every if every else 0


def _recorded(span: Sequence[Any]) -> Side:
    if span[0] is None:
        return Side(GONE)
    is_good = span[2] in (Status.OK, Status.RECOVERED)
    return side_of(State.DONE if is_good else State.FAILED, span[4], span)
