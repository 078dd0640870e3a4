"""Examples: kept as given, held against the newest schemas, changed without loss of what others changed."""

from typing import Any

import pytest

from functions import revising
from functions.examples import dataset
from functions.models import DatasetExample, Function
from opperweb.accounts.models import Project

INPUT = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
OUTPUT = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
GOOD: dict[str, Any] = {"input": {"question": "which?"}, "output": {"answer": "Mars"}}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "planets", {"input_schema": INPUT, "output_schema": OUTPUT})


def version(project: Project) -> int:
    project.refresh_from_db()
    return project.definitions_version


def test_an_example_is_kept_as_it_was_given(project: Project, function: Function) -> None:
    before = version(project)
    dataset.add(function, {**GOOD, "comment": "why", "expected": None}, source="imported", source_name="a.csv")
    kept = DatasetExample.objects.get()
    assert (kept.input, kept.output, kept.expected, kept.comment) == (*GOOD.values(), None, "why")
    assert (kept.source, kept.source_name, kept.misfit) == ("imported", "a.csv", "")
    assert "which?" in kept.input_preview
    assert "Mars" in kept.output_preview
    assert version(project) > before


@pytest.mark.parametrize(
    ("values", "misfit"),
    [
        (GOOD, ""),
        ({**GOOD, "input": "text"}, "input "),
        ({**GOOD, "input": {"question": 5}}, "input.question "),
        ({**GOOD, "output": {"answer": None}}, "output.answer "),
        ({**GOOD, "output": "wrong", "expected": {"answer": "x"}}, ""),
        ({**GOOD, "expected": "wrong"}, "output "),
    ],
)
def test_an_example_that_does_not_fit_is_flagged_with_its_place(
    function: Function, values: dict[str, Any], misfit: str
) -> None:
    found = dataset.add(function, values).misfit
    assert found.startswith(misfit)
    assert bool(found) == bool(misfit)


def test_what_is_expected_is_shown_in_place_of_the_output(function: Function) -> None:
    assert dataset.add(function, GOOD).answer == GOOD["output"]
    assert dataset.add(function, {**GOOD, "expected": False}).answer is False


def test_many_are_kept_in_their_order(function: Function) -> None:
    rows = [DatasetExample(function=function, input={"question": str(n)}, output={"answer": ""}) for n in range(1_200)]
    made = dataset.add_all(function, rows)
    assert all(row.pk for row in made)
    kept = DatasetExample.objects.order_by("key")
    assert [one.input["question"] for one in kept] == [str(n) for n in range(1_200)]


def test_a_change_changes_what_is_named_and_settles_the_flags_anew(function: Function) -> None:
    example = dataset.add(function, {**GOOD, "output": {"answer": 5}, "comment": "c"})
    assert example.misfit
    changed = dataset.change(example, {"output": {"answer": "Venus"}, "comment": None})
    kept = DatasetExample.objects.get()
    assert (kept.output, kept.comment, kept.input, kept.misfit) == ({"answer": "Venus"}, "", GOOD["input"], "")
    assert "Venus" in kept.output_preview
    assert kept.updated_at > kept.created_at
    assert changed == kept


def test_a_change_leaves_what_somebody_else_changed_meanwhile(function: Function) -> None:
    example = dataset.add(function, GOOD)
    same = DatasetExample.objects.select_related("function").get()
    dataset.change(same, {"comment": "theirs"})
    DatasetExample.objects.update(used_count=7)
    dataset.change(example, {"expected": {"answer": "ours"}})
    kept = DatasetExample.objects.get()
    assert (kept.comment, kept.expected, kept.used_count) == ("theirs", {"answer": "ours"}, 7)


def test_an_example_that_was_deleted_meanwhile_cannot_be_changed(function: Function) -> None:
    example = dataset.add(function, GOOD)
    assert dataset.delete(function, [example.id]) == 1
    with pytest.raises(DatasetExample.DoesNotExist):
        dataset.change(example, {"comment": "x"})
    assert not DatasetExample.objects.exists()


def test_only_examples_of_the_function_are_deleted(project: Project, function: Function) -> None:
    other = revising.create(project, "moons", {})
    ours, theirs = dataset.add(function, GOOD), dataset.add(other, GOOD)
    assert dataset.delete(function, [ours.id, theirs.id]) == 1
    assert DatasetExample.objects.get() == theirs


def test_all_examples_are_looked_over_and_those_that_fit_again_are_freed(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "ROWS_AT_ONCE", 2)
    for number in range(5):
        dataset.add(function, {**GOOD, "output": {"answer": number} if number % 2 else {"answer": "x"}})
    assert DatasetExample.objects.exclude(misfit="").count() == 2
    numbers = {**OUTPUT, "properties": {"answer": {"type": "integer"}}}
    revision = revising.save(function, {"output_schema": numbers})
    assert DatasetExample.objects.exclude(misfit="").count() == 3
    assert dataset.look_over(function, revision) == 3
    revising.save(function, {"output_schema": None})
    assert not DatasetExample.objects.exclude(misfit="").exists()
