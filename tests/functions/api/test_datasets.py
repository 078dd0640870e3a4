"""/v2/datasets: entries are added, read, changed, found and deleted; each value is a text there, kept as it was."""

import uuid
from typing import Any

import pytest

from functions import revising
from functions.examples import dataset
from functions.models import DatasetExample, Function
from opperweb.accounts.models import Project


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "planets", {"instructions": "x"})


@pytest.fixture
def where(function: Function) -> str:
    return f"/v2/datasets/{function.dataset_id}"


def test_values_come_back_as_texts_and_are_kept_as_they_were(api: Any, where: str) -> None:
    fields = {"input": {"b": 1, "a": [None]}, "output": "Jupiter", "expected": ["x"], "comment": "why"}
    made = api.post(where, fields)
    assert made.status_code == 200, made.content
    entry = made.json()
    assert entry == {
        "id": entry["id"],
        "input": '{"b":1,"a":[null]}',
        "output": "Jupiter",
        "expected": '["x"]',
        "comment": "why",
    }
    assert uuid.UUID(entry["id"])
    assert api.get(f"{where}/entries/{entry['id']}").json() == entry
    assert api.get(f"{where}/entries").json() == {"meta": {"total_count": 1}, "data": [entry]}
    kept = DatasetExample.objects.get()
    assert (kept.input, kept.output, kept.expected) == ({"b": 1, "a": [None]}, "Jupiter", ["x"])
    assert kept.source == "api"
    assert kept.api_key is not None


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (5, "5"), (0.5, "0.5"), (True, "true"), ([], "[]"), ("", ""), ('"a"', '"a"'), ("ä", "ä")],
)
def test_any_json_can_be_an_input_or_an_output(api: Any, where: str, value: Any, text: str) -> None:
    entry = api.post(where, {"input": value, "output": value}).json()
    assert (entry["input"], entry["output"], entry["expected"], entry["comment"]) == (text, text, None, None)


@pytest.mark.parametrize(
    ("wrong", "loc"),
    [
        ({"output": 1}, ["body", "input"]),
        ({"input": 1}, ["body", "output"]),
        ({"input": 1, "output": 1, "comment": 5}, ["body", "comment"]),
        ({"input": 1, "output": 1, "comment": "x" * 20_000}, ["body", "comment"]),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(api: Any, where: str, wrong: dict[str, Any], loc: list[Any]) -> None:
    refused = api.post(where, wrong)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == loc
    assert not DatasetExample.objects.exists()


def test_a_change_changes_what_is_sent_and_null_empties_what_can_be_empty(api: Any, where: str) -> None:
    entry = api.post(where, {"input": "a", "output": "b", "expected": "c", "comment": "d"}).json()
    one = f"{where}/entries/{entry['id']}"
    changed = api.patch(one, {"output": {"x": 1}})
    assert (changed.status_code, changed.json()) == (200, {**entry, "output": '{"x":1}'})
    emptied = api.patch(one, {"expected": None, "comment": None, "input": None, "output": None}).json()
    assert emptied == {**entry, "output": '{"x":1}', "expected": None, "comment": None}
    assert api.patch(one, {}).json() == emptied
    assert api.get(one).json() == emptied
    assert api.patch(one, {"comment": 5}).status_code == 422


def test_a_deleted_entry_is_gone(api: Any, where: str) -> None:
    entry = api.post(where, {"input": "a", "output": "b"}).json()
    one = f"{where}/entries/{entry['id']}"
    assert api.delete(one).status_code == 204
    for send in (api.get, api.delete, lambda path: api.patch(path, {"input": 1})):
        assert send(one).status_code == 404
    assert api.get(f"{where}/entries").json()["meta"]["total_count"] == 0


def test_entries_come_oldest_first_in_pages(api: Any, where: str) -> None:
    for number in range(4):
        api.post(where, {"input": str(number), "output": "x"})
    listed = api.get(f"{where}/entries", {"offset": 1, "limit": 2}).json()
    assert listed["meta"] == {"total_count": 4}
    assert [entry["input"] for entry in listed["data"]] == ["1", "2"]
    assert api.get(f"{where}/entries", {"limit": 0}).status_code == 422


def test_the_list_takes_a_fixed_number_of_queries_and_loads_the_page_alone(
    api: Any, where: str, function: Function, django_assert_num_queries: Any
) -> None:
    dataset.add_all(function, [DatasetExample(function=function, input=str(n), output="x") for n in range(150)])
    api.get(f"{where}/entries")
    # The key, the function, the count, the page.
    with django_assert_num_queries(4) as found:
        assert len(api.get(f"{where}/entries").json()["data"]) == 100
    assert "LIMIT 100" in found[3]["sql"] or "LIMIT 100" in found[2]["sql"]


def test_the_nearest_entries_are_found(api: Any, where: str) -> None:
    for text in ("How do I reset my password?", "Which planet has rings?", "Bake bread at home", "Saturn is a planet"):
        api.post(where, {"input": text, "output": "x"})
    found = api.post(f"{where}/entries/query?query=which+planet+has+the+largest+rings&limit=2")
    assert found.status_code == 200, found.content
    assert [entry["input"] for entry in found.json()] == ["Which planet has rings?", "Saturn is a planet"]
    assert set(found.json()[0]) == {"id", "input", "output", "expected", "comment"}
    assert len(api.post(f"{where}/entries/query?query=planet").json()) <= 5


@pytest.mark.parametrize(
    ("query", "loc"),
    [("", ["query", "query"]), ("?query=", ["query", "query"]), ("?query=x&limit=0", ["query", "limit"])],
)
def test_a_query_that_makes_no_sense_is_refused(api: Any, where: str, query: str, loc: list[str]) -> None:
    refused = api.post(f"{where}/entries/query{query}")
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == loc


def test_an_entry_that_does_not_fit_the_schemas_is_flagged_and_returned(api: Any, project: Project) -> None:
    function = revising.create(project, "typed", {"instructions": "x", "output_schema": {"type": "integer"}})
    entry = api.post(f"/v2/datasets/{function.dataset_id}", {"input": "a", "output": "b"})
    assert entry.status_code == 200
    assert DatasetExample.objects.get().misfit
    api.patch(f"/v2/datasets/{function.dataset_id}/entries/{entry.json()['id']}", {"expected": 5})
    assert DatasetExample.objects.get().misfit == ""


def test_what_is_elsewhere_is_not_there(api: Any, other_api: Any, project: Project, where: str) -> None:
    entry = api.post(where, {"input": "a", "output": "b"}).json()
    one = f"{where}/entries/{entry['id']}"
    for response in (
        other_api.post(where, {"input": "a", "output": "b"}),
        other_api.get(f"{where}/entries"),
        other_api.post(f"{where}/entries/query?query=x"),
        other_api.get(one),
        other_api.patch(one, {"input": "mine"}),
        other_api.delete(one),
    ):
        assert response.status_code == 404
    other = revising.create(project, "other", {"instructions": "x"})
    assert api.get(f"/v2/datasets/{other.dataset_id}/entries/{entry['id']}").status_code == 404
    assert api.delete(f"/v2/datasets/{other.dataset_id}/entries/{entry['id']}").status_code == 404
    assert api.get(one).json() == entry


def test_ids_that_are_none_are_refused(api: Any, where: str) -> None:
    assert api.post("/v2/datasets/nonsense", {"input": 1, "output": 1}).status_code == 422
    assert api.post(f"/v2/datasets/{uuid.uuid4()}", {"input": 1, "output": 1}).status_code == 404
    assert api.get(f"{where}/entries/nonsense").status_code == 422
    assert api.get(f"{where}/entries/{uuid.uuid4()}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_adds_one_entry(api: Any, where: str) -> None:
    for _ in range(2):
        assert api.post(where, {"input": 1, "output": 2}, headers={"Idempotency-Key": "once"}).status_code == 200
    assert DatasetExample.objects.count() == 1
