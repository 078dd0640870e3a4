"""Vectors are read once, then only what is new; of many functions only so many are kept."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from functions import revising
from functions.examples import dataset
from functions.few_shot import embedding, vectors
from functions.few_shot.vectors import matrix_of
from functions.models import ExampleVector, Function
from functions.providers.rehearsed_embeddings import rehearsed

EMBED = "rehearsal/embed"


@pytest.fixture
def function(project):
    return revising.create(project, "planets", {"configuration": {"invocation.few_shot.embedding_model": EMBED}})


@pytest.fixture
def three(function, keep):
    rows = keep("red planet", "red moon", "cold soup")
    async_to_sync(embedding.embed)(function.pk)
    return rows


def ranked(function, text):
    return list(matrix_of(function, EMBED).ranked(rehearsed([text]).vectors[0]))


def test_all_examples_are_ranked_by_how_near_they_are(function, three):
    found = ranked(function, "red planet")
    assert found[0] == (three[0].key, pytest.approx(1))
    assert [nearness for _, nearness in found] == sorted((nearness for _, nearness in found), reverse=True)


def test_the_newest_of_equals_comes_first(function, keep):
    rows = keep(*["red planet"] * 3)
    async_to_sync(embedding.embed)(function.pk)
    assert [key for key, _ in ranked(function, "red planet")] == [row.key for row in reversed(rows)]


def test_without_a_change_nothing_is_read(function, three, django_assert_num_queries):
    before = matrix_of(function, EMBED)
    with django_assert_num_queries(1):
        assert matrix_of(function, EMBED) is before


def test_after_a_change_only_new_vectors_are_read(function, three, keep, monkeypatch):
    matrix_of(function, EMBED)
    dataset.delete(function, [three[1].id])
    keep("blue sun")
    async_to_sync(embedding.embed)(function.pk)
    read = []
    real = vectors._numbers_of
    monkeypatch.setattr(vectors, "_numbers_of", lambda keys: read.extend(keys) or real(keys))
    matrix = matrix_of(function, EMBED)
    assert len(read) == 1
    assert len(matrix.keys) == 3
    assert three[1].key not in matrix.keys
    assert ranked(function, "red planet")[0][1] == pytest.approx(1)


def test_vectors_of_another_model_or_function_are_not_among_them(function, three, project):
    assert matrix_of(function, "openai/x").keys == ()
    assert matrix_of(Function.objects.create(project=project, name="other"), EMBED).keys == ()
    ExampleVector.objects.filter(example=three[0]).update(model="openai/x")
    vectors.forget()
    assert len(matrix_of(function, EMBED).keys) == 2


def test_what_was_not_asked_longest_makes_way(function, three, project, monkeypatch):
    monkeypatch.setattr(vectors, "MOST_BYTES", 10)
    vectors.forget()
    matrix_of(function, EMBED)
    matrix_of(Function.objects.create(project=project, name="other"), EMBED)
    assert [place for place, _ in vectors._kept] != [function.pk]
    assert len(vectors._kept) == 1


def test_a_question_of_another_length_finds_nothing(function, three):
    assert list(matrix_of(function, EMBED).ranked([1.0])) == []
