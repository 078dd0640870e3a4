"""What somebody works on before it is saved."""

from __future__ import annotations

from typing import Any

import pytest

from functions import drafts, revising
from functions.examples import dataset
from functions.models import Draft, Function, Revision
from functions.revising import Overtaken
from opperweb.accounts.models import Project, User

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


@pytest.fixture
def function(project: Project) -> Function:
    values = {"instructions": "Answer.", "output_schema": SCHEMA, "configuration": {"invocation.cache.ttl": 60, "x": 1}}
    return revising.create(project, "mini_kb_query", values)


def changed(work: drafts.Work, **values: Any) -> dict[str, Any]:
    return {**work.definition, **values}


def test_a_draft_is_kept_and_found_again_by_its_author_alone(function: Function, alice: User, bob: User) -> None:
    work = drafts.work_of(function, alice)
    drafts.keep(work, alice, changed(work, instructions="Answer briefly."), "Shorter")
    again = drafts.work_of(function, alice)
    assert (again.definition["instructions"], again.note, again.is_draft) == ("Answer briefly.", "Shorter", True)
    assert drafts.work_of(function, bob).definition["instructions"] == "Answer."


def test_a_draft_that_says_nothing_new_is_let_go(function: Function, alice: User) -> None:
    work = drafts.work_of(function, alice)
    drafts.keep(work, alice, changed(work, instructions="Answer briefly."), "")
    drafts.keep(drafts.work_of(function, alice), alice, changed(work), "")
    assert not Draft.objects.exists()


def test_each_setting_is_a_change_of_its_own(function: Function, alice: User) -> None:
    work = drafts.work_of(function, alice)
    after = changed(work, model="a/b", configuration={"x": 2, "y": True})
    assert drafts.changes(work.definition, after) == [
        ("model",),
        ("configuration", "invocation.cache.ttl"),
        ("configuration", "x"),
        ("configuration", "y"),
    ]


def test_saving_makes_the_next_revision_and_ends_the_draft(function: Function, alice: User) -> None:
    work = drafts.work_of(function, alice)
    work = drafts.keep(work, alice, changed(work, configuration={"x": 2}), "No cache")
    revision = drafts.save(work, alice)
    assert (revision.number, revision.note, revision.created_by) == (2, "No cache", alice)
    assert revision.configuration == {"x": 2}
    assert not Draft.objects.exists()


def test_a_draft_does_not_overwrite_what_was_saved_meanwhile(function: Function, alice: User) -> None:
    work = drafts.work_of(function, alice)
    work = drafts.keep(work, alice, changed(work, instructions="Mine."), "")
    revising.save(function, {"instructions": "Theirs."})
    assert drafts.work_of(function, alice).is_overtaken
    with pytest.raises(Overtaken):
        drafts.save(work, alice)
    assert Draft.objects.get().definition["instructions"] == "Mine."
    assert function.revisions.count() == 2


def test_work_begins_at_the_revision_that_its_page_showed(function: Function, alice: User) -> None:
    first = function.revisions.get()
    revising.save(function, {"instructions": "Theirs."})
    assert drafts.work_of(function, alice, base_id=str(first.pk)).definition["instructions"] == "Answer."
    assert drafts.work_of(function, alice, base_id="nonsense").base.number == 2


def test_the_revision_of_another_function_is_no_base(function: Function, alice: User, project: Project) -> None:
    other = revising.create(project, "other", {"instructions": "Other."}).revisions.get()
    assert drafts.work_of(function, alice, base_id=str(other.pk)).definition["instructions"] == "Answer."


def test_examples_that_a_changed_schema_leaves_behind_are_counted(function: Function, alice: User) -> None:
    for answer in ("yes", "no"):
        dataset.add(function, {"input": "?", "output": {"answer": answer}})
    work = drafts.work_of(function, alice)
    renamed = {"type": "object", "properties": {"reply": {"type": "string"}}, "required": ["reply"]}
    assert drafts.misfits(work).count == 0
    work = drafts.keep(work, alice, changed(work, output_schema=renamed), "")
    assert (drafts.misfits(work).count, drafts.misfits(work).is_all) == (2, True)


def test_only_the_newest_examples_are_looked_at(function: Function, alice: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(drafts, "MOST_LOOKED_AT", 2)
    for answer in ("yes", "no", "perhaps"):
        dataset.add(function, {"input": "?", "output": {"answer": answer}})
    work = drafts.work_of(function, alice)
    work = drafts.keep(work, alice, changed(work, output_schema={"type": "integer"}), "")
    assert drafts.misfits(work) == drafts.Misfits(2, 2, is_all=False)


def test_a_function_without_a_revision_has_an_empty_definition(project: Project, alice: User) -> None:
    function = Function.objects.create(project=project, name="bare")
    work = drafts.work_of(function, alice)
    assert (work.newest.number, work.definition) == (0, revising.EMPTY)
    work = drafts.keep(work, alice, {**work.definition, "instructions": "Answer."}, "")
    assert drafts.save(work, alice).number == 1
    assert Revision.objects.count() == 1
