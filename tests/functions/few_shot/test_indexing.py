"""The full-text index follows the examples, on either database, whatever becomes of them."""

from __future__ import annotations

import importlib

from django.apps import apps
from django.db import connection, transaction

from functions import revising
from functions.examples import dataset
from functions.few_shot.indexing import TABLE, examples_by_word, mark_of
from functions.few_shot.text import words_of
from functions.models import DatasetExample, ExampleVector, ExampleWords, Function

migration = importlib.import_module("functions.migrations.0005_few_shot")


def found(function, *words):
    mark = mark_of(function.pk)
    return sorted(examples_by_word([mark + word for word in words_of(" ".join(words))]))


def rows_in_index():
    """Return how many rows there are; it fails where SQLite's index holds something else than they do."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {TABLE}_fts ({TABLE}_fts, rank) VALUES ('integrity-check', 1)")
    return ExampleWords.objects.count()


def test_words_lead_to_the_examples_that_hold_them(function, keep):
    one, two = keep("red planet", {"question": "Red moon?", "n": 5})
    assert found(function, "red", "moon", "5") == sorted([(0, one.key), (0, two.key), (1, two.key), (2, two.key)])
    assert found(function, "question") == []
    assert found(function) == []


def test_an_example_of_another_function_is_not_found(function, keep, project):
    other = Function.objects.create(project=project, name="other")
    keep("red planet", of=other)
    assert found(function, "red") == []
    assert len(found(other, "red")) == 1


def test_a_changed_example_is_found_by_what_it_says_now(function, keep):
    [example] = keep("red planet")
    dataset.change(example, {"input": "blue moon"})
    assert found(function, "red", "planet") == []
    assert found(function, "blue", "moon") == [(0, example.key), (1, example.key)]
    assert rows_in_index() == 1


def test_nothing_is_left_of_a_removed_example(function, keep):
    one, two = keep("red planet", "red moon")
    dataset.delete(function, [one.id])
    assert found(function, "red", "planet") == [(0, two.key)]
    assert rows_in_index() == 1


def test_nothing_is_left_of_a_deleted_function(function, keep):
    keep(*(f"red planet {number}" for number in range(20)))
    revising.delete(function)
    assert found(function, "red") == []
    assert rows_in_index() == 0


def test_nothing_is_left_of_an_example_that_is_deleted_past_the_door(function, keep):
    keep("red planet", "red moon")
    DatasetExample.objects.filter(function=function).delete()
    assert found(function, "red") == []
    assert rows_in_index() == 0


def test_a_change_that_is_undone_is_undone_in_the_index_too(function, keep):
    [example] = keep("red planet")
    with transaction.atomic():
        dataset.change(example, {"input": "blue moon"})
        transaction.set_rollback(True)
    assert found(function, "red", "blue") == [(0, example.key)]
    assert rows_in_index() == 1


def test_a_vector_of_other_words_goes_and_one_of_the_same_words_stays(function, keep):
    one, two = keep("red planet", "red moon")
    for example in (one, two):
        digest = ExampleWords.objects.get(pk=example.key).digest
        ExampleVector.objects.create(example=example, model="m", vector=b"", digest=digest)
    dataset.change(one, {"output": "other"})
    dataset.change(two, {"input": "blue moon"})
    assert list(ExampleVector.objects.values_list("example_id", flat=True)) == [one.key]


def test_odd_words_neither_break_the_index_nor_a_search(function, keep):
    odd = [
        'a\'b "c" \\ d:* & | ! ( ) <->',
        "NEAR AND OR NOT",
        "\x00\ud800 🪐 é東京",
        "x" * 5_000,
        "",
        None,
        [],
        "%s {}",
    ]
    keep(*odd)
    assert rows_in_index() == len(odd)
    assert len(found(function, "near", "and", "x" * 32, "🪐", "東京")) >= 2


def test_examples_that_were_there_before_the_index_are_put_into_it(function):
    examples = DatasetExample.objects.bulk_create(
        DatasetExample(function=function, input=f"red planet {number}") for number in range(3)
    )
    assert found(function, "red") == []
    migration._index_examples(apps, None)
    assert found(function, "red") == [(0, example.key) for example in examples]
