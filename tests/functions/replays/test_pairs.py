"""Which of two answers is better, in which order pairs stand, and what they come to."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from functions.models import Function, Replay
from functions.replays.figures import Measure, Totals, totals_of
from functions.replays.pairs import (
    ALONE,
    BETTER,
    CHANGED,
    FAILED,
    OPEN,
    SAME,
    WORSE,
    Pair,
    match,
    pairs_of,
)
from functions.trials.sides import MOST_COMPARED, Side, same_value
from opperweb import json
from opperweb.accounts.models import Project
from tests.functions.replaying import bad, good, make_function, make_replay


def done(output: Any = "x", score: int | None = None, **values: Any) -> Side:
    return Side("done", output=str(output), text=json.dumps(output), score=score, **values)


def failed(**values: Any) -> Side:
    return Side("failed", error="no", **values)


def pair(before: Side, after: Side, number: int = 0, **values: Any) -> Pair:
    return Pair(number, "input", before, after, **values)


EXAMPLE: dict[str, Any] = {"example_id": uuid4(), "expected": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (done("a"), done("a"), SAME),
        (done("a"), done("b"), CHANGED),
        (done("a", 50), done("b", 55), BETTER),
        (done("a", 50), done("b", 45), WORSE),
        # Judges differ by as much from themselves.
        (done("a", 50), done("b", 54), SAME),
        (done("a", 50), done("b", 46), SAME),
        # A score on one side alone is none.
        (done("a", 50), done("b"), CHANGED),
        (done("a", 99), failed(), FAILED),
        (done("a"), Side("refused"), FAILED),
        (failed(), failed(), FAILED),
        (failed(), done("a"), BETTER),
        (done("a"), Side("queued"), OPEN),
        (done("a"), Side("running"), OPEN),
        (Side("running"), done("a"), OPEN),
        (done("a"), Side("cancelled"), ALONE),
        (Side("gone"), done("a"), ALONE),
        (Side("gone"), failed(), FAILED),
    ],
)
def test_the_verdict_of_a_pair(before: Side, after: Side, verdict: str) -> None:
    assert pair(before, after).verdict == verdict


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, SAME),
        ({"a": 1, "b": 0}, {"a": 1, "b": 2}, BETTER),
        ({"a": 1, "b": 2}, {"a": 1}, WORSE),
        # Both are wrong, each in its own way.
        ({"a": 1, "b": 0}, {"a": 0, "b": 2}, CHANGED),
        ({"a": 1, "b": 0}, {"a": 1, "b": 0}, SAME),
        # More than was asked for is no mistake.
        ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, SAME),
        ("nothing", {"a": 1}, BETTER),
    ],
)
def test_an_example_is_judged_by_its_right_answer(before: Any, after: Any, verdict: str) -> None:
    assert pair(done(before), done(after), **EXAMPLE).verdict == verdict


def test_a_score_goes_before_the_right_answer() -> None:
    assert pair(done({"a": 1}, 90), done({"a": 1, "b": 2}, 30), **EXAMPLE).verdict == WORSE


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"a": 1, "b": [1, {"c": 2}]}, {"b": [1, {"c": 2}], "a": 1}, True),
        ([1, 2], [2, 1], False),
        ([1, 2], [1, 2, 3], False),
        (" text\n", "text", True),
        ("Text", "text", False),
        (1, 1.0, True),
        (1, True, False),
        ([0], [False], False),
        (None, None, True),
        (None, "", False),
        ({"a": None}, {}, False),
    ],
)
def test_values_are_the_same_where_they_mean_the_same(one: Any, other: Any, is_same: bool) -> None:
    assert same_value(one, other) is is_same
    assert same_value(other, one) is is_same


def test_an_object_matches_field_by_field_and_anything_else_all_or_nothing() -> None:
    assert match({"a": 1, "b": 2, "c": 3, "d": 4}, {"a": 1, "b": 2, "c": 0}) == 0.5
    assert match({"a": 1}, "a") == 0
    assert match([1, 2], [1, 2]) == 1
    assert match([1, 2], [1]) == 0
    assert match({}, {}) == 1


def test_failures_come_first_then_the_largest_change_then_what_is_not_over() -> None:
    pairs = [
        pair(done("a", 80), done("b", 81), 0),
        pair(done("a", 80), done("b", 50), 1),
        pair(done("a"), Side("cancelled"), 2),
        pair(done("a"), Side("running"), 3),
        pair(done("a"), done("a"), 4),
        pair(done("a"), failed(), 5),
        pair(done("a", 10), done("b", 70), 6),
        pair(done("one two three four"), done("one two three five"), 7),
        pair(failed(), done("a"), 8),
    ]
    assert [each.number for each in sorted(pairs, key=lambda each: each.place)] == [5, 8, 6, 7, 1, 0, 4, 3, 2]


def test_pairs_of_equal_size_stand_in_the_order_of_their_inputs() -> None:
    pairs = [pair(done("a", 50), done("b", 70), number) for number in (2, 0, 1)]
    assert [each.number for each in sorted(pairs, key=lambda each: each.place)] == [0, 1, 2]


# --- totals -----------------------------------------------------------------------------------------------------------


def measure(totals: Totals, name: str) -> Measure:
    return next(each for each in totals.measures if each.name == name)


def test_failures_count_as_losses_and_unfinished_pairs_not_at_all() -> None:
    better = [pair(done("a", 10), done("b", 90), number) for number in range(14)]
    worse = [pair(done("a", 90), done("b", 10), 20 + number) for number in range(3)]
    same = [pair(done("a", 50), done("b", 50), 30 + number) for number in range(25)]
    lost = [pair(done("a"), failed(), 60)]
    still = [pair(done("a"), Side("queued"), 70), pair(Side("gone"), done("a"), 71)]
    totals = totals_of([*better, *worse, *same, *lost, *still])
    assert totals.counts == {BETTER: 14, WORSE: 3, SAME: 25, FAILED: 1, OPEN: 1, ALONE: 1}
    assert (totals.finished, totals.answered, totals.lost) == (43, 42, 1)
    # 14 against 4, of the 18 that are not the same.
    assert totals.chance == pytest.approx(0.030884, abs=1e-6)
    # One that failed before as well is no loss.
    assert totals_of([*better, pair(failed(), failed(), 90)]).lost == 0


def test_a_draft_that_fails_where_it_would_be_worse_does_not_look_good() -> None:
    pairs = [pair(done("a", 50), done("b", 90), number) for number in range(10)]
    pairs += [pair(done("a", 90), failed(), 10 + number) for number in range(10)]
    totals = totals_of(pairs)
    assert totals.chance == 1
    fits = measure(totals, "fits")
    assert (fits.before, fits.after, fits.pairs, fits.is_better) == (20, 10, 20, False)


def test_each_measure_is_taken_of_the_pairs_that_have_it_on_both_sides() -> None:
    pairs = [
        pair(done("a", 50, duration_ms=1000, output_tokens=10), done("b", 70, duration_ms=800, output_tokens=5)),
        pair(done("a", None, duration_ms=3000, output_tokens=10), done("b", 90, duration_ms=None, output_tokens=7)),
        # What came from the cache took no time.
        pair(done("a", duration_ms=1, output_tokens=1, is_cached=True), done("b", duration_ms=900, output_tokens=9)),
    ]
    totals = totals_of(pairs)
    score, duration, tokens = (measure(totals, name) for name in ("score", "duration", "tokens"))
    assert (score.before, score.after, score.pairs) == (50, 70, 1)
    assert (duration.before, duration.after, duration.pairs) == (1000, 800, 1)
    assert (tokens.before, tokens.after, tokens.pairs) == (10, 6, 2)
    assert measure(totals, "cost").pairs == 0
    # Too few to say.
    assert score.difference is None
    assert score.is_better is None


def test_less_time_and_money_and_a_higher_score_are_better() -> None:
    pairs = [
        pair(
            done("a", 50 + number, duration_ms=1000 + number, cost_usd=2 + number, output_tokens=90 + number),
            done("b", 70 + number, duration_ms=500 + number, cost_usd=3 + number, output_tokens=80 + number),
            number,
        )
        for number in range(8)
    ]  # fmt: skip
    totals = totals_of(pairs)
    assert measure(totals, "score").is_better is True
    assert measure(totals, "duration").is_better is True
    assert measure(totals, "tokens").is_better is True
    assert measure(totals, "cost").is_better is False
    assert totals == totals_of(pairs)


def test_the_share_of_right_answers_counts_failures() -> None:
    pairs = [pair(done({"a": 1, "b": 2}), done({"a": 1}), number, **EXAMPLE) for number in range(5)]
    pairs.append(pair(done({"a": 1, "b": 2}), failed(), 5, **EXAMPLE))
    right = measure(totals_of(pairs), "right")
    assert (right.before, right.pairs) == (100, 6)
    assert right.after == pytest.approx(250 / 6)
    assert right.is_better is False


def test_no_pair_at_all_comes_to_nothing() -> None:
    totals = totals_of([])
    assert (totals.finished, totals.chance) == (0, None)
    assert all(each.pairs == 0 for each in totals.measures)


# --- from the database ------------------------------------------------------------------------------------------------


@pytest.fixture
def function(project: Project) -> Function:
    return make_function(project, model="rehearsal/echo")


def test_both_sides_are_read_in_two_queries_however_many_there_are(
    function: Function, django_assert_num_queries: Any
) -> None:
    few = make_replay(function, [{"before": good("a"), "after": good("b")}])
    many = make_replay(function, [{"before": good("a"), "after": good("b")} for _ in range(30)])
    for replay in (few, many):
        with django_assert_num_queries(2):
            pairs = pairs_of(replay)
        assert {each.verdict for each in pairs} == {CHANGED}


def test_examples_are_read_from_both_batches(function: Function, django_assert_num_queries: Any) -> None:
    replay = make_replay(
        function,
        [
            {"before": good({"answer": "a"}), "after": good({"answer": "b"}), "expected": {"answer": "b"}},
            {"before": good({"answer": "b"}), "after": bad(), "expected": {"answer": "b"}},
        ],
    )
    assert replay.source == Replay.Source.DATASET
    with django_assert_num_queries(3):
        first, second = pairs_of(replay)
    assert (first.verdict, first.after.error) == (FAILED, "No valid output after 2 attempts")
    assert (second.verdict, second.matches) == (BETTER, (0, 1))


def test_the_order_of_fields_is_no_change_and_long_outputs_are_told_apart_unread(function: Function) -> None:
    long = "x" * (MOST_COMPARED + 10)
    replay = make_replay(
        function,
        [
            {"before": good({"a": 1, "b": "é"}), "after": good({"b": "é", "a": 1})},
            {"before": good(long + "1"), "after": good(long + "1")},
            {"before": good(long + "1"), "after": good(long + "2")},
        ],
    )
    pairs = {each.number: each for each in pairs_of(replay)}
    assert [pairs[number].verdict for number in range(3)] == [SAME, SAME, CHANGED]
    assert pairs[2].after.text is not None
    assert len(pairs[2].after.text) < 50


def test_a_deleted_batch_leaves_pairs_with_nothing_after(function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": good("b")}])
    assert replay.after_batch is not None
    replay.after_batch.delete()
    [found] = pairs_of(Replay.objects.get())
    assert (found.verdict, found.before.output) == (ALONE, "a")
