"""What came of a run on examples: each answer held against the right one, exactly, by field, by rule and by the judge.

Read in four queries, however many examples there are; answers that are long, and inputs that a rule asks for, are read
apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from functions.evaluations import rules
from functions.evaluations.rules import Outcome
from functions.evaluations.trust import is_good
from functions.models import BatchInput, BatchItem, TestItem, TestRun
from functions.trials.sides import DIGEST, Side, same_value, sides_of
from traces.evaluation_models import Evaluation
from traces.models import SpanBody

READ_AT_ONCE = 50
NO_EVALUATION = "No evaluation of this call was kept"

Check = TestRun.Check
State = Evaluation.State
PASSED, WRONG, FAILED, UNJUDGED = "passed", "wrong", "failed", "unjudged"
# No verdicts: the call, or its evaluation, is still to come; the call will never come, or is kept no longer.
OPEN, JUDGING, UNSENT, GONE = "open", "judging", "unsent", "gone"
JUDGED = (PASSED, WRONG, FAILED, UNJUDGED)
PLACES = (FAILED, WRONG, UNJUDGED, JUDGING, OPEN, PASSED, GONE, UNSENT)


@dataclass(frozen=True)
class Judgement:
    """What the judge says of an answer; `is_good` is None as long as it has not said anything, or never will."""

    state: str
    score: int | None = None
    is_good: bool | None = None
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True)
class Result:
    """One example with its answer. What could not be compared, for there is no answer, is None or empty."""

    number: int
    input: str
    example_id: UUID
    expected: Any
    side: Side
    checks: Sequence[str]
    is_exact: bool | None = None
    # Of the fields that count, whether each is right.
    fields: Mapping[str, bool] | None = None
    rules: Sequence[Outcome] = ()
    judgement: Judgement | None = None

    @property
    def fields_right(self) -> int:
        return sum((self.fields or {}).values())

    @property
    def wrong_fields(self) -> list[str]:
        return [name for name, is_right in (self.fields or {}).items() if not is_right]

    @property
    def broken_rules(self) -> list[Outcome]:
        return [outcome for outcome in self.rules if not outcome.passed]

    @cached_property
    def outcomes(self) -> dict[str, bool | None]:
        """What each check that counts says; None: nothing yet, or nothing at all."""
        each = {
            Check.EXACT: self.is_exact,
            Check.FIELDS: None if self.fields is None else not self.wrong_fields,
            Check.RULES: not self.broken_rules,
            Check.AI: self.judgement.is_good if self.judgement is not None else None,
        }
        return {check: each[Check(check)] for check in self.checks}

    @cached_property
    def verdict(self) -> str:
        if not self.side.is_over:
            return OPEN
        if self.side.is_failed:
            return FAILED
        if not self.side.is_answered:
            return UNSENT
        if self.side.span_id is None:
            return GONE
        # One check that says no is enough: the others need not be waited for.
        if False in self.outcomes.values():
            return WRONG
        if None not in self.outcomes.values():
            return PASSED
        return JUDGING if self.judgement is not None and self.judgement.is_open else UNJUDGED

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the table: failures first, what passed or was never sent last."""
        return PLACES.index(self.verdict), self.number


@dataclass(frozen=True)
class Totals:
    """The results of a run together; the shares are of those that have an answer."""

    run: TestRun
    counts: Mapping[str, int]
    answered: int
    exact: int
    # For each field in how many answers it was compared, and in how many it is right.
    fields: Mapping[str, tuple[int, int]]
    # For each rule how many answers were checked, and how many keep it.
    rules: Mapping[str, tuple[int, int]]
    scores: Sequence[int]
    good: int
    rated: int

    @property
    def passed(self) -> int:
        return self.counts.get(PASSED, 0)

    @property
    def judged(self) -> int:
        """Those with a verdict: what failed, and what nobody could judge, has not passed."""
        return sum(self.counts.get(verdict, 0) for verdict in JUDGED)

    @property
    def judging(self) -> int:
        return self.counts.get(JUDGING, 0)

    @property
    def is_over(self) -> bool:
        return not self.counts.get(OPEN) and not self.judging


def results_of(run: TestRun) -> list[Result]:
    """Return the results of a run in the order of its table."""
    sides = sides_of(run.batch_id)
    items = list(run.items.order_by("number"))
    answered = [side.span_id for side in sides.values() if side.is_answered and side.span_id is not None]
    judgements = _judgements(run) if answered else {}
    inputs = _inputs(run) if any(rule.get("kind") == "equals_input" for rule in run.rules) else {}
    long = _long_outputs(run, sides.values())
    found = []
    for item in items:
        side = sides.get(item.number, Side(BatchItem.State.CANCELLED))
        output = side.value if side.is_read else long.get(side.span_id) if side.span_id is not None else None
        judgement = judgements.get(side.span_id) if side.span_id is not None else None
        found.append(_result(run, item, side, output, inputs.get(item.number), judgement))
    return sorted(found, key=lambda result: result.place)


def totals_of(run: TestRun, results: Iterable[Result]) -> Totals:
    """Add the results of a run up."""
    results = list(results)
    fields: Counter[str] = Counter()
    right: Counter[str] = Counter()
    checked: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for result in results:
        for name, is_right in (result.fields or {}).items():
            fields[name] += 1
            right[name] += is_right
        for outcome in result.rules:
            checked[outcome.name] += 1
            kept[outcome.name] += outcome.passed
    judged = [result.judgement for result in results if result.judgement is not None]
    return Totals(
        run=run,
        counts=Counter(result.verdict for result in results),
        answered=sum(result.is_exact is not None for result in results),
        exact=sum(bool(result.is_exact) for result in results),
        fields={name: (number, right[name]) for name, number in fields.items()},
        rules={name: (number, kept[name]) for name, number in checked.items()},
        scores=[judgement.score for judgement in judged if judgement.score is not None],
        good=sum(bool(judgement.is_good) for judgement in judged),
        rated=sum(judgement.is_good is not None for judgement in judged),
    )


def compared(expected: Any, output: Any, only: Sequence[str] = ()) -> dict[str, bool]:
    """Return for each field of the right answer that counts whether the output has it; "" stands for all of it."""
    if not (isinstance(expected, dict) and expected):
        return {"": same_value(expected, output)}
    names = [name for name in expected if name in only] or list(expected)
    given = output if isinstance(output, dict) else {}
    return {name: name in given and same_value(expected[name], given[name]) for name in names}


def _result(run: TestRun, item: TestItem, side: Side, output: Any, given: Any, judgement: Judgement | None) -> Result:
    facts: dict[str, Any] = {}
    if side.is_answered and side.span_id is not None:
        facts = {
            "is_exact": same_value(item.expected, output),
            "fields": compared(item.expected, output, run.fields),
            "rules": tuple(rules.run(run.rules, output, given)),
            "judgement": judgement or Judgement(State.SKIPPED, reason=NO_EVALUATION),
        }
    return Result(item.number, item.input_preview, item.example_id, item.expected, side, run.checks, **facts)


# --- from the database ------------------------------------------------------------------------------------------------


def _judgements(run: TestRun) -> dict[UUID, Judgement]:
    """Return the newest judgement of each call; one that has come to a score stands before one that has not."""
    rows = Evaluation.objects.filter(span__batch_item__batch=run.batch_id, is_repeat=False).order_by("created_at", "pk")
    facts = rows.only("state", "score", "is_correct", "reason", "span__id").select_related("span")
    newest: dict[UUID, Evaluation] = {}
    for evaluation in facts:
        span_id = evaluation.span.id
        earlier = newest.get(span_id)
        if earlier is None or earlier.state != State.DONE or evaluation.state == State.DONE:
            newest[span_id] = evaluation
    return {span_id: _judgement(evaluation) for span_id, evaluation in newest.items()}


def _judgement(evaluation: Evaluation) -> Judgement:
    good = is_good(evaluation) if evaluation.state == State.DONE else None
    return Judgement(evaluation.state, evaluation.score, good, evaluation.reason)


def _inputs(run: TestRun) -> dict[int, Any]:
    inputs = BatchInput.objects.filter(item__batch=run.batch_id)
    return dict(inputs.values_list("item__number", "input"))


def _long_outputs(run: TestRun, sides: Iterable[Side]) -> dict[UUID, Any]:
    """Return the answers that were too long to be read with the others."""
    ids = [side.span_id for side in sides if side.span_id and side.text is not None and side.text.startswith(DIGEST)]
    outputs: dict[UUID, Any] = {}
    for start in range(0, len(ids), READ_AT_ONCE):
        bodies = SpanBody.objects.filter(span__project=run.project_id, span__id__in=ids[start : start + READ_AT_ONCE])
        outputs |= dict(bodies.values_list("span__id", "output"))
    return outputs
