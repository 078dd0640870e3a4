"""/v2/functions/{id}/revisions: every definition that a function had, and the function as of each."""

import uuid
from datetime import datetime
from typing import Any

import pytest

from functions import revising
from functions.models import Function
from opperweb.accounts.models import Project

SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}}


@pytest.fixture
def function(project: Project) -> Function:
    made = revising.create(project, "planets", {"instructions": "First.", "configuration": {"own": 1}})
    revising.save(made, {"instructions": "Second.", "output_schema": SCHEMA, "model": ["rehearsal/echo"]})
    revising.save(made, {"name": "moons"})
    return made


def test_revisions_are_listed_newest_first_with_the_whole_definition(api: Any, function: Function) -> None:
    listed = api.get(f"/v2/functions/{function.pk}/revisions").json()
    assert listed["meta"] == {"total_count": 3}
    assert [one["configuration"]["number"] for one in listed["data"]] == [3, 2, 1]
    second = listed["data"][1]
    assert set(second) == {"id", "configuration", "created_at", "updated_at"}
    assert datetime.fromisoformat(second["created_at"]).tzinfo is not None
    assert {"instructions": "Second.", "input_schema": None, "output_schema": SCHEMA, "own": 1}.items() <= second[
        "configuration"
    ].items()
    assert second["configuration"]["model"] == ["rehearsal/echo"]
    assert second["configuration"]["invocation.few_shot.count"] == 3
    assert list(second["configuration"]["output_schema"]["properties"]) == ["z", "a"]


def test_revisions_come_in_pages(api: Any, function: Function) -> None:
    listed = api.get(f"/v2/functions/{function.pk}/revisions", {"offset": 1, "limit": 1}).json()
    assert listed["meta"] == {"total_count": 3}
    assert [one["configuration"]["number"] for one in listed["data"]] == [2]
    assert api.get(f"/v2/functions/{function.pk}/revisions", {"limit": 101}).status_code == 422


def test_a_function_is_read_as_of_a_revision(api: Any, function: Function) -> None:
    first = function.revisions.get(number=1)
    then = api.get(f"/v2/functions/{function.pk}/revisions/{first.pk}").json()
    now = api.get(f"/v2/functions/{function.pk}").json()
    assert then == {
        **now,
        "revision_id": str(first.pk),
        "instructions": "First.",
        "output_schema": None,
        "model": None,
    }


def test_a_revision_of_another_function_is_not_there(api: Any, project: Project, function: Function) -> None:
    other = revising.create(project, "other", {"instructions": "x"}).revisions.get()
    where = f"/v2/functions/{function.pk}/revisions"
    assert api.get(f"{where}/{other.pk}").status_code == 404
    assert api.get(f"{where}/{uuid.uuid4()}").status_code == 404
    assert api.get(f"{where}/nonsense").status_code == 422


def test_the_list_takes_a_fixed_number_of_queries(api: Any, function: Function, django_assert_num_queries: Any) -> None:
    where = f"/v2/functions/{function.pk}/revisions"
    api.get(where)
    for number in range(10):
        revising.save(function, {"instructions": f"again {number}"})
    # The key, the function, the count, the page.
    with django_assert_num_queries(4):
        assert len(api.get(where).json()["data"]) == 13
