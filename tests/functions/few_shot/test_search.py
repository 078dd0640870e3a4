"""What is near to a text is found, in the same order on either database."""

from __future__ import annotations

import pytest

from functions.few_shot import nearest, search, usual
from functions.few_shot.search import find
from functions.models import DatasetExample, Function

SUBJECTS = ("refund invoice card", "parcel courier tracking", "password login reset", "kettle crack lid")


@pytest.fixture
def many(keep):
    """Two hundred and forty examples on four subjects, each with a name of its own: the index has to be asked."""
    assert search.FEW < 240
    return keep(*(f"please help with my {SUBJECTS[number % 4]} case{number}" for number in range(240)))


def inputs(found):
    return [example.input for example, _ in found]


def test_the_nearest_comes_first(function, keep):
    keep("the moons of Mars", "the rings of Saturn", "the largest moon of Saturn")
    found = nearest(function, "Saturn's moons", 3)
    assert inputs(found)[0] == "the largest moon of Saturn"
    assert len(found) == 3
    assert [nearness for _, nearness in found] == sorted((nearness for _, nearness in found), reverse=True)
    assert all(0 < nearness <= 1 for _, nearness in found)


def test_what_shares_no_word_is_not_near(function, keep):
    keep("red planet", "blue moon")
    assert inputs(nearest(function, "moon", 5)) == ["blue moon"]
    assert nearest(function, "comet", 5) == []
    assert nearest(function, "", 5) == []
    assert nearest(function, "?!", 5) == []


def test_the_same_text_is_as_near_as_can_be_and_the_newest_of_equals_comes_first(function, keep):
    one, other, two = keep("red planet", "red moon", "red planet")
    found = nearest(function, "Red planet!", 5)
    assert [example.key for example, _ in found] == [two.key, one.key, other.key]
    assert found[0][1] == pytest.approx(1)


def test_a_page_of_what_is_near_goes_on_where_the_last_one_ended(function, keep):
    keep(*(f"moon {'far ' * number}" for number in range(5)))
    whole = nearest(function, "moon", 5)
    assert nearest(function, "moon", 2) + nearest(function, "moon", 2, offset=2) == whole[:4]


def test_examples_that_fit_no_more_are_found_too(function, keep):
    [example] = keep("red planet")
    DatasetExample.objects.filter(pk=example.pk).update(misfit="input.x is missing")
    assert len(nearest(function, "planet", 5)) == 1


def test_of_many_the_index_finds_the_right_ones(function, many):
    assert inputs(nearest(function, "Courier case101: no tracking of the parcel", 1)) == [many[101].input]
    assert all("parcel" in text for text in inputs(nearest(function, "no tracking by the courier", 3)))
    assert inputs(nearest(function, "what about case7?", 1)) == ["please help with my kettle crack lid case7"]


def test_a_word_that_most_examples_hold_brings_nothing_nearer_among_many(function, many):
    assert find(function, "please help", most=3) == []


def test_a_few_of_many_are_read_for_a_search(function, many, django_assert_num_queries):
    find(function, "parcel case5", most=3)
    # The version of the examples, the index, the words of the candidates.
    with django_assert_num_queries(3):
        assert len(find(function, "parcel case5", most=3)) <= search.LEAST_COMPARED


def test_the_candidates_of_the_index_come_in_the_order_of_a_comparison_with_all(function, many, monkeypatch):
    question = "the courier lost my parcel case77 and my password"
    by_index = find(function, question, most=3)[:3]
    monkeypatch.setattr(search, "FEW", 1_000)
    usual.forget()
    assert find(function, question, most=3)[:3] == by_index


def test_another_functions_examples_are_never_near(function, keep, project):
    other = Function.objects.create(project=project, name="other")
    keep("red planet", of=other)
    assert nearest(function, "red planet", 5) == []


def test_new_examples_count_at_once(function, keep):
    keep("red planet")
    assert inputs(nearest(function, "moon", 5)) == []
    keep("blue moon")
    assert inputs(nearest(function, "moon", 5)) == ["blue moon"]
