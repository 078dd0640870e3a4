"""Examples that say nearly the same are found, however many there are."""

from __future__ import annotations

from functions.examples import dataset
from functions.few_shot import duplicates, is_near_duplicate
from functions.few_shot.duplicates import pairs
from functions.models import DatasetExample, Function

LONG = (
    "My parcel with the order number has not arrived yet although the tracking page says that it was delivered on "
    "Monday morning by the courier, who did not ring the bell and left no message at the door or with a neighbour"
)


def keys(found):
    return [(pair.older.key, pair.newer.key) for pair in found]


def test_two_that_differ_in_case_and_signs_are_a_pair(function, keep):
    one, _, two = keep("Which planet is red?", "Which moon is it?", {"question": "which planet is RED"})
    [pair] = pairs(function, 10)
    assert (pair.older.key, pair.newer.key) == (one.key, two.key)
    assert pair.similarity == 1
    assert pair.has_same_answer


def test_two_of_which_a_word_is_left_out_are_a_pair_and_the_same_subject_is_not(function, keep):
    one, two, _ = keep(LONG, LONG.replace("morning ", ""), "My parcel has not arrived, where is the courier?")
    assert keys(pairs(function, 10)) == [(one.key, two.key)]
    assert 0.9 <= pairs(function, 10)[0].similarity < 1


def test_other_answers_to_the_same_are_told(function, keep):
    keep("Which planet is red?", output={"answer": "Mars"})
    keep("Which planet is red?", output={"answer": "Venus"})
    [pair] = pairs(function, 10)
    assert not pair.has_same_answer
    dataset.change(pair.newer, {"expected": {"answer": "Mars!"}})
    assert pairs(function, 10)[0].has_same_answer


def test_the_nearest_come_first_and_no_more_than_were_asked_for(function, keep):
    keep(LONG, LONG.replace("morning ", ""), "red planet", "red planet")
    assert [pair.similarity for pair in pairs(function, 10)] == sorted(
        (pair.similarity for pair in pairs(function, 10)), reverse=True
    )
    assert len(pairs(function, 1)) == 1
    assert duplicates.count(function) == 2


def test_inputs_without_words_are_no_pair(function, keep):
    keep("", None, {}, "?!")
    assert pairs(function, 10) == []


def test_others_examples_are_no_pair(function, keep, project):
    keep("red planet")
    keep("red planet", of=Function.objects.create(project=project, name="other"))
    assert pairs(function, 10) == []


def test_a_pair_of_which_one_was_removed_is_none(function, keep):
    one, _ = keep("red planet", "red planet")
    assert len(pairs(function, 10)) == 1
    dataset.delete(function, [one.id])
    assert pairs(function, 10) == []


def test_many_that_are_the_same_are_found_without_a_look_at_all_pairs(function, keep, monkeypatch):
    compared = []
    real = duplicates.similarity
    monkeypatch.setattr(duplicates, "similarity", lambda one, other: compared.append(1) or real(one, other))
    keep(*["red planet"] * 400, *(f"the sun number {number}" for number in range(400)))
    assert duplicates.count(function) == 399
    assert len(compared) < 20_000


def test_what_was_found_is_remembered_until_something_changes(function, keep, django_assert_num_queries):
    keep("red planet", "red planet")
    pairs(function, 10)
    with django_assert_num_queries(2):
        pairs(function, 10)
    keep("red planet")
    assert duplicates.count(function) == 3


def test_an_input_is_held_against_those_that_are_kept(function, keep):
    keep(LONG, "red planet")
    assert is_near_duplicate(function, {"text": LONG.replace("morning ", "")})
    assert is_near_duplicate(function, "Red planets")
    assert not is_near_duplicate(function, "My parcel has not arrived yet")
    assert not is_near_duplicate(function, "")
    DatasetExample.objects.all().delete()
    assert not is_near_duplicate(function, "red planet")
