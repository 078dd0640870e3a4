"""What the tab of an evaluation shows of all there are: the one that counts, and never one in another's place."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from traces.evaluation_models import Evaluation
from traces.pages.evaluation_view import EvaluationView, Verdict, css_of, pieces_of, texts_in


def evaluation(state: str = "done", score: int | None = 90, **values: Any) -> Evaluation:
    values = {"judge_model": "fake/judge", "judge_version": 1, **values}
    return Evaluation(id=uuid.uuid4(), state=state, score=score if state == "done" else None, **values)


def test_the_newest_that_came_to_a_score_counts_and_repeats_do_not() -> None:
    repeat, newest, older = evaluation(is_repeat=True, score=10), evaluation(score=80), evaluation(score=70)
    view = EvaluationView([repeat, newest, older])
    assert view.current is not None
    assert view.current.evaluation == newest
    assert view.earlier == [repeat, older]
    assert view.unjudged is None


def test_what_failed_after_it_is_told_and_what_failed_before_it_is_earlier() -> None:
    newest, done, older = evaluation("failed"), evaluation(), evaluation("skipped")
    view = EvaluationView([newest, done, older])
    assert view.unjudged is not None
    assert view.unjudged.evaluation == newest
    assert view.earlier == [older]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_one_that_is_open_stands_beside_the_verdict(state: str) -> None:
    waiting, done = evaluation(state), evaluation()
    view = EvaluationView([waiting, done])
    assert (view.waiting, view.earlier) == (waiting, [])
    assert view.current is not None
    assert EvaluationView([]).waiting is None


def test_the_spread_is_of_one_judge_and_of_two_scores_at_least() -> None:
    other = evaluation(score=0, judge_version=2)
    assert EvaluationView([evaluation(score=90), other]).spread is None
    view = EvaluationView([evaluation(score=90), evaluation(score=94, is_repeat=True), other, evaluation("failed")])
    assert view.spread == pytest.approx(2.828, abs=0.001)


def test_a_quotation_is_marked_only_where_the_input_holds_it_word_for_word() -> None:
    given = texts_in({"facts": ["Saturn has rings.", {"more": "The Great Red Spot"}], "n": 7})
    pieces = list(pieces_of("“Jupiter” rests on “The Great Red Spot”, not on “a”.", given))
    assert [piece.text for piece in pieces if piece.is_quote] == ["The Great Red Spot"]
    assert "".join(piece.text for piece in pieces) == "“Jupiter” rests on “The Great Red Spot”, not on “a”."


def test_the_first_sentence_is_the_headline() -> None:
    verdict = Verdict(evaluation(observations="Correct. It names 3.5 facts too many. Short."))
    assert (verdict.headline, verdict.rest) == ("Correct.", "It names 3.5 facts too many. Short.")
    assert (Verdict(evaluation()).headline, Verdict(evaluation()).rest) == ("", "")


def test_whatever_was_kept_as_criteria_and_rules_is_shown() -> None:
    odd: list[Any] = [7, {"name": None, "weight": True, "score": 1000, "reason": 8}, {}, {"name": "A\0", "score": 0}]
    verdict = Verdict(evaluation(criteria=odd, rules=odd))
    assert [line.score for line in verdict.criteria] == [None, None, 0]
    assert [line.name for line in verdict.rules] == ["", "", "A␀"]
    assert Verdict(evaluation(criteria={"a": 1}, rules=None)).criteria == []


@pytest.mark.parametrize(("score", "is_correct", "is_good"), [(90, None, True), (49, None, False), (90, False, False)])
def test_a_judge_that_says_nothing_of_correctness_goes_by_its_score(
    score: int, is_correct: bool | None, is_good: bool
) -> None:
    assert Verdict(evaluation(score=score, is_correct=is_correct)).is_good is is_good


def test_low_and_middling_scores_are_coloured() -> None:
    assert [css_of(score) for score in (None, 0, 49, 50, 74, 75)] == [
        "", "is-err", "is-err", "is-warn", "is-warn", "is-ok",
    ]  # fmt: skip
