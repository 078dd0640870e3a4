"""Which definition a call has: the stored one, with what it sends where calls made the function."""

import uuid
from typing import Any

import pytest

from functions import definitions, revising
from functions.definitions import FEW_SHOT_COUNT, FunctionNotFound, RevisionNotFound, for_call, of_function
from functions.examples import dataset
from functions.models import Function, Revision
from functions.opening import Asked
from opperweb.accounts.models import Project

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}


def test_the_first_call_makes_the_function(project: Project) -> None:
    definition = for_call(project, "greet", {"instructions": "Greet.", "output_schema": SCHEMA})
    assert (definition.function.name, definition.function.origin, definition.revision.number) == ("greet", "call", 1)
    assert (definition.instructions, definition.output_schema) == ("Greet.", SCHEMA)
    assert definition.revision.note == "Created by first call"


def test_a_call_that_brings_nothing_uses_what_is_stored(project: Project) -> None:
    for_call(project, "greet", {"instructions": "Greet.", "model": "rehearsal/echo"})
    definition = for_call(project, "greet", {"instructions": None})
    assert (definition.instructions, definition.model, definition.revision.number) == ("Greet.", "rehearsal/echo", 1)


def test_definitions_that_calls_bring_are_revisions_each_once(project: Project) -> None:
    numbers = [
        for_call(project, "greet", {"instructions": text}).revision.number for text in ("One.", "Two.", "One.", "Two.")
    ]
    assert numbers == [1, 2, 1, 2]
    assert Revision.objects.count() == 2


def test_a_managed_function_is_only_overridden_for_the_call(project: Project) -> None:
    revising.create(project, "greet", {"instructions": "Stored.", "output_schema": SCHEMA})
    definition = for_call(project, "greet", {"instructions": "Sent."})
    assert (definition.instructions, definition.output_schema) == ("Sent.", SCHEMA)
    assert definition.revision.instructions == "Stored."
    assert Revision.objects.count() == 1


def test_the_count_of_examples_that_a_call_sends_is_ignored(project: Project) -> None:
    first = for_call(project, "greet", {"configuration": {FEW_SHOT_COUNT: 7, "own": 1}})
    assert first.configuration == {"own": 1}
    revising.save(first.function, {"configuration": {FEW_SHOT_COUNT: 1}})
    again = for_call(project, "greet", {"configuration": {FEW_SHOT_COUNT: 7}})
    assert again.configuration == {"own": 1, FEW_SHOT_COUNT: 1}


def test_a_call_that_sends_a_part_keeps_what_was_saved_while_it_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = for_call(project, "greet", {"instructions": "Old."}).function
    hold = revising.hold

    def saved_first(held: Function) -> Function:
        monkeypatch.setattr(revising, "hold", hold)
        revising.save(function, {"instructions": "New."})
        return hold(held)

    monkeypatch.setattr(revising, "hold", saved_first)
    definition = for_call(project, "greet", {"model": "rehearsal/echo"})
    assert (definition.instructions, definition.model) == ("New.", "rehearsal/echo")
    assert definition.revision.number == 3


def test_a_function_that_is_deleted_while_a_call_reads_is_made_anew(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = for_call(project, "greet", {"instructions": "Old."}).function
    hold = revising.hold

    def deleted_first(held: Function) -> Function:
        monkeypatch.setattr(revising, "hold", hold)
        revising.delete(function)
        return hold(held)

    monkeypatch.setattr(revising, "hold", deleted_first)
    definition = for_call(project, "greet", {"instructions": "New."})
    assert definition.revision.number == 1
    assert Function.objects.get().pk == definition.function.pk


def test_a_definition_is_found_by_id_the_newest_or_one_that_is_named(project: Project) -> None:
    function = revising.create(project, "greet", {"instructions": "First."})
    first = function.revisions.get()
    second = revising.save(function, {"instructions": "Second."})
    assert of_function(project, function.pk).revision == second
    definition = of_function(project, function.pk, first.pk)
    assert (definition.revision, definition.instructions) == (first, "First.")


def test_what_is_elsewhere_is_not_found(project: Project, other_project: Project) -> None:
    function = revising.create(project, "greet", {})
    other = revising.create(project, "other", {})
    for place, function_id in ((project, uuid.uuid4()), (other_project, function.pk)):
        with pytest.raises(FunctionNotFound):
            of_function(place, function_id)
    for revision_id in (uuid.uuid4(), other.revisions.get().pk):
        with pytest.raises(RevisionNotFound):
            of_function(project, function.pk, revision_id)


@pytest.mark.parametrize(
    ("configuration", "values", "has_examples"),
    [
        ({}, {"input": 1, "output": {"answer": "x"}}, True),
        ({FEW_SHOT_COUNT: 0}, {"input": 1, "output": {"answer": "x"}}, False),
        ({}, {"input": 1, "output": {"answer": 5}}, False),
    ],
)
def test_examples_are_looked_for_where_there_are_some_that_fit(
    project: Project, configuration: dict[str, Any], values: dict[str, Any], has_examples: bool
) -> None:
    function = revising.create(project, "greet", {"output_schema": SCHEMA, "configuration": configuration})
    assert of_function(project, function.pk).has_examples is False
    dataset.add(function, values)
    assert of_function(project, function.pk).has_examples is has_examples


def test_places_in_memory_tell_calls_functions_revisions_and_versions_apart(project: Project) -> None:
    function_id, revision_id = uuid.uuid4(), uuid.uuid4()
    asked = [
        Asked(name="greet"),
        Asked(name=str(function_id)),
        Asked(name="greet", definition={"model": "a"}),
        Asked(function_id=function_id),
        Asked(function_id=function_id, revision_id=revision_id),
    ]
    places = {definitions.place_of(project, one) for one in asked}
    project.definitions_version += 1
    places |= {definitions.place_of(project, one) for one in asked}
    assert len(places) == 2 * len(asked)
