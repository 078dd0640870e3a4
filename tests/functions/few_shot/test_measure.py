"""How near two texts are."""

from __future__ import annotations

import pytest

from functions.few_shot.measure import Frequencies, similarity

TEXTS = [text.split() for text in ("the red planet", "the blue planet", "the cold moon", "the moon")]
FREQUENCIES = Frequencies.of_texts(TEXTS)


def near(one, other):
    weights = [FREQUENCIES.weights_of(text.split()) for text in (one, other)]
    assert similarity(*weights) == pytest.approx(FREQUENCIES.similarity_of(weights[0], other.split()))
    return similarity(*weights)


def test_the_same_words_are_as_near_as_can_be_and_others_are_not_near_at_all():
    assert near("the red planet", "planet red the") == pytest.approx(1)
    assert near("red", "blue") == 0
    assert near("", "red") == 0
    assert near("red", "") == 0


def test_a_rare_word_brings_nearer_than_one_that_is_everywhere():
    assert near("the red moon", "red planet") > near("the red moon", "the planet")


def test_near_is_the_same_from_both_sides_and_never_more_than_one():
    assert near("the cold cold moon", "cold moon") == pytest.approx(near("cold moon", "the cold cold moon"))
    assert all(0 <= near(" ".join(one), " ".join(other)) <= 1 for one in TEXTS for other in TEXTS)


def test_words_that_nobody_has_seen_have_a_weight_also_without_texts():
    assert set(Frequencies().weights_of(["new"])) == {"new"}
    assert Frequencies().share("new") == 0
