"""The one door by which functions change: revisions in order, nothing overwritten unseen, nothing half done."""

from typing import Any

import pytest

from functions import revising
from functions.examples import dataset
from functions.models import Completion, DatasetExample, Draft, Function, Revision
from functions.models.function import FIELDS, digest_of
from functions.opening import Asked, begin
from functions.providers import UnknownModel
from functions.revising import Author, InvalidName, NameTaken, Overtaken
from functions.schemas.validator import InvalidSchema
from functions.task import InvalidConfiguration, InvalidModel
from opperweb.accounts.models import ApiKey, Project, User
from traces.models import Span

TEXT = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}, "required": ["z"]}
WHOLE = {
    "instructions": "First.",
    "input_schema": None,
    "output_schema": TEXT,
    "model": "rehearsal/echo",
    "configuration": {"invocation.cache.ttl": 5, "own": 1},
}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "planets", WHOLE)


def numbers(function: Function) -> list[int]:
    return list(function.revisions.order_by("number").values_list("number", flat=True))


def version(project: Project) -> int:
    project.refresh_from_db()
    return project.definitions_version


def test_a_function_is_made_with_its_first_revision(project: Project, alice: User) -> None:
    key = ApiKey.objects.make(project, "tests")[0]
    before = version(project)
    made = revising.create(project, "x", WHOLE, author=Author(alice, key), description="d", note="n")
    revision = made.revisions.get()
    assert {name: getattr(revision, name) for name in FIELDS} == WHOLE
    assert (revision.number, revision.created_by, revision.api_key, revision.note) == (1, alice, key, "n")
    assert (made.origin, made.description, made.observer_enabled) == ("managed", "d", True)
    assert version(project) > before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "must not be blank"),
        (" \u2003", "must not be blank"),
        ("a" * 300, "must have at most 255 characters, and has 300"),
        ("a\x07b", "must not contain control characters"),
        ("a\0", "must not contain control characters"),
        ("..", "must not have . or .. between its slashes"),
        ("a/../b", "must not have . or .. between its slashes"),
        ("./a", "must not have . or .. between its slashes"),
    ],
)
def test_a_name_that_no_function_can_have_makes_and_changes_nothing(
    project: Project, function: Function, name: str, words: str
) -> None:
    with pytest.raises(InvalidName, match=words):
        revising.create(project, name, WHOLE)
    with pytest.raises(InvalidName, match=words):
        revising.save(function, {"name": name, "instructions": "Other."})
    assert list(Function.objects.values_list("name", flat=True)) == ["planets"]
    assert numbers(function) == [1]


@pytest.mark.parametrize("name", ["a" * 255, "team/v1..2/.hidden", "Größe ☃", "a//b"])
def test_any_other_name_is_fine(project: Project, name: str) -> None:
    assert revising.create(project, name, {}).name == name


def test_a_name_from_before_the_rule_stays_until_it_is_changed(project: Project) -> None:
    old = Function.objects.create(project=project, name="a\x07b")
    revising.save(old, {"name": "a\x07b", "description": "Old"})
    assert Function.objects.get().description == "Old"


def test_what_is_not_given_is_empty(project: Project) -> None:
    revision = revising.create(project, "x", {}).revisions.get()
    assert {name: getattr(revision, name) for name in FIELDS} == revising.EMPTY


def test_a_taken_name_makes_nothing(project: Project, other_project: Project, function: Function) -> None:
    with pytest.raises(NameTaken):
        revising.create(project, "planets", WHOLE)
    assert Revision.objects.count() == 1
    revising.create(other_project, "planets", WHOLE)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"input_schema": {"type": "nonsense"}}, InvalidSchema),
        ({"output_schema": []}, InvalidSchema),
        ({"output_schema": {"properties": {"x": {"$ref": "#/properties/x"}}}}, InvalidSchema),
        ({"model": 5}, InvalidModel),
        ({"model": "nobody/x"}, UnknownModel),
        ({"configuration": {"invocation.few_shot.count": -1}}, InvalidConfiguration),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(
    project: Project, function: Function, wrong: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        revising.create(project, "other", wrong)
    if isinstance(caught.value, InvalidSchema):
        assert caught.value.path[0] in wrong
    with pytest.raises(error):
        revising.save(function, wrong)
    assert Function.objects.get() == function
    assert numbers(function) == [1]


def test_a_save_changes_what_it_names_and_keeps_the_rest(function: Function, alice: User) -> None:
    revision = revising.save(function, {"instructions": "Second."}, author=Author(user=alice), note="why")
    assert {name: getattr(revision, name) for name in FIELDS} == {**WHOLE, "instructions": "Second."}
    assert (revision.number, revision.created_by, revision.note) == (2, alice, "why")
    assert function.revisions.get(number=1).instructions == "First."


@pytest.mark.parametrize(
    ("sent", "after"),
    [
        ({}, {"invocation.cache.ttl": 5, "own": 1}),
        ({"own": None}, {"invocation.cache.ttl": 5}),
        ({"own": 2, "new": {}}, {"invocation.cache.ttl": 5, "own": 2, "new": {}}),
        (None, {}),
    ],
)
def test_a_configuration_is_merged_key_by_key(function: Function, sent: Any, after: dict[str, Any]) -> None:
    assert revising.save(function, {"configuration": sent}).configuration == after


def test_a_save_without_a_change_is_no_revision(project: Project, function: Function) -> None:
    before = version(project)
    for same in ({}, WHOLE, {"name": "planets"}, {"configuration": {"own": 1}}):
        assert revising.save(function, same).number == 1
    assert version(project) == before


def test_another_order_of_a_schemas_fields_is_a_change(function: Function) -> None:
    turned = {**TEXT, "properties": dict(reversed(TEXT["properties"].items()))}  # type: ignore[attr-defined]
    assert revising.save(function, {"output_schema": turned}).number == 2


def test_a_name_and_a_description_change_with_a_revision_that_says_so(project: Project, function: Function) -> None:
    revision = revising.save(function, {"name": "moons", "description": "d", "observer_enabled": False})
    assert (revision.number, revision.note) == (2, "Renamed to moons, Description changed, Evaluation off")
    assert (function.name, function.description, function.observer_enabled) == ("moons", "d", False)
    function.refresh_from_db()
    assert function.name == "moons"
    revising.create(project, "planets", WHOLE)


def test_a_name_that_is_taken_changes_nothing(project: Project, function: Function) -> None:
    revising.create(project, "moons", WHOLE)
    with pytest.raises(NameTaken):
        revising.save(function, {"name": "moons", "instructions": "x"})
    function.refresh_from_db()
    assert (function.name, numbers(function)) == ("planets", [1])


def test_a_save_of_an_older_base_is_told_of_the_newest(function: Function) -> None:
    first = function.revisions.get()
    second = revising.save(function, {"instructions": "Second."}, base=first)
    with pytest.raises(Overtaken) as caught:
        revising.save(function, {"instructions": "Mine."}, base=first)
    assert caught.value.newest == second
    assert numbers(function) == [1, 2]
    # Who changes nothing overwrites nobody.
    assert revising.save(function, {}, base=first) == second
    assert revising.save(function, {"instructions": "Mine."}, base=second).number == 3


def test_a_restored_revision_is_a_new_one_with_the_old_definition(function: Function) -> None:
    first = function.revisions.get()
    second = revising.save(function, {"instructions": "Second.", "output_schema": None})
    assert revising.restore(function, second) == second
    third = revising.restore(function, first)
    assert {name: getattr(third, name) for name in FIELDS} == WHOLE
    assert (third.number, third.note, third.digest) == (3, "Restored revision 1", first.digest)


def test_a_revision_of_new_schemas_flags_the_examples_that_do_not_fit(function: Function) -> None:
    dataset.add(function, {"input": "a", "output": {"z": "x"}})
    dataset.add(function, {"input": "b", "output": {"z": "x", "n": 1}})
    schema = {**TEXT, "properties": {**TEXT["properties"], "n": {"type": "integer"}}, "required": ["n"]}  # type: ignore[dict-item]
    revising.save(function, {"output_schema": schema})
    assert [bool(example.misfit) for example in DatasetExample.objects.order_by("key")] == [True, False]
    revising.restore(function, function.revisions.get(number=1))
    assert not DatasetExample.objects.exclude(misfit="").exists()


def test_the_digest_is_that_of_the_five_fields(function: Function) -> None:
    revision = function.revisions.get()
    assert revision.digest == digest_of({name: getattr(revision, name) for name in FIELDS})


def test_a_deleted_function_frees_its_name_and_leaves_its_spans(
    project: Project, function: Function, alice: User
) -> None:
    dataset.add(function, {"input": "a", "output": {"z": "x"}})
    Draft.objects.create(function=function, author=alice, base=function.revisions.get(), definition=WHOLE)
    begun = begin(project, Asked(name="planets", input="x"))
    before = version(project)
    revising.delete(function)
    assert not any(model.objects.exists() for model in (Function, Revision, DatasetExample, Draft))
    span = Span.objects.select_related("body").get(id=begun.span_id)
    assert (span.function_name, span.body.instructions, span.body.output_schema) == ("planets", "First.", TEXT)
    completion = Completion.objects.get()
    assert (completion.function, completion.revision) == (None, None)
    assert version(project) > before
    assert revising.create(project, "planets", WHOLE).revisions.get().number == 1


def test_a_function_that_is_gone_is_deleted_again_without_harm_and_cannot_be_changed(function: Function) -> None:
    same = Function.objects.get(pk=function.pk)
    revising.delete(function)
    revising.delete(same)
    with pytest.raises(Function.DoesNotExist):
        revising.save(same, {"instructions": "x"})
    with pytest.raises(Function.DoesNotExist):
        dataset.add(same, {"input": 1, "output": 2})
