"""/v2/call/batch: many inputs for one task, done in the background, told as they go."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from functions import batches, calls, opening, orphans
from functions.models import Batch, BatchItem, Completion
from opperweb import loop
from traces.models import Span

TASK = {"name": "greet", "instructions": "Greet.", "model": "rehearsal/echo"}
NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}

pytestmark = pytest.mark.django_db(transaction=True)


def work_off(batch_id: str) -> None:
    loop.run(batches.work_off(uuid.UUID(batch_id)))


def test_each_input_becomes_a_completion_of_its_own(api: Any, sent: list[str]) -> None:
    inputs = [f"number {number}" for number in range(20)]
    response = api.post("/v2/call/batch", {**TASK, "inputs": inputs, "at_once": 4, "tags": {"run": "7"}})
    assert response.status_code == 202, response.content
    about = response.json()
    assert (about["status"], about["total"], about["queued"]) == ("queued", 20, 20)
    assert sent == [about["batch_id"]]
    work_off(about["batch_id"])
    about = api.get(f"/v2/call/batch/{about['batch_id']}").json()
    assert (about["status"], about["done"], about["failed"], about["queued"]) == ("done", 20, 0, 0)
    assert about["cost_usd"] == 0
    results = api.get(f"/v2/call/batch/{about['batch_id']}/results?limit=5&offset=10").json()
    assert results["meta"]["total_count"] == 20
    assert [one["number"] for one in results["data"]] == [10, 11, 12, 13, 14]
    assert all("number 1" in one["message"] and one["span_id"] for one in results["data"])
    spans = Span.objects.all()
    assert {span.tags["run"] for span in spans} == {"7"}
    assert spans.count() == 20


def test_the_list_takes_as_many_queries_for_many_as_for_one(api: Any, sent: list[str]) -> None:
    first = api.post("/v2/call/batch", {**TASK, "inputs": ["one", "two"]}).json()
    with CaptureQueriesContext(connection) as few:
        assert [one["queued"] for one in api.get("/v2/call/batch").json()["data"]] == [2]
    work_off(first["batch_id"])
    for _ in range(3):
        api.post("/v2/call/batch", {**TASK, "inputs": ["three"]})
    with CaptureQueriesContext(connection) as many:
        listed = api.get("/v2/call/batch").json()["data"]
    assert [(one["queued"], one["done"]) for one in listed] == [(1, 0), (1, 0), (1, 0), (0, 2)]
    assert len(many) == len(few)


def test_inputs_that_do_not_fit_are_refused_and_cost_nothing(api: Any, sent: list[str]) -> None:
    inputs = [{"name": "Ann"}, {"name": 5}, {}]
    about = api.post("/v2/call/batch", {**TASK, "input_schema": NAMED, "inputs": inputs}).json()
    assert about["refused"] == 2
    work_off(about["batch_id"])
    results = api.get(f"/v2/call/batch/{about['batch_id']}/results").json()["data"]
    assert [one["status"] for one in results] == ["done", "refused", "refused"]
    assert "name" in results[1]["error"]
    assert Completion.objects.count() == 1


def test_a_batch_of_refused_inputs_alone_is_done_at_once(api: Any, sent: list[str]) -> None:
    about = api.post("/v2/call/batch", {**TASK, "input_schema": NAMED, "inputs": [{}, 1]}).json()
    assert (about["status"], sent) == ("done", [])


def test_a_cancelled_batch_keeps_what_is_done(api: Any, sent: list[str]) -> None:
    about = api.post("/v2/call/batch", {**TASK, "inputs": ["a", "b", "c"]}).json()
    BatchItem.objects.filter(number=0).update(state="done")
    Batch.objects.update(done_count=1)
    about = api.post(f"/v2/call/batch/{about['batch_id']}/cancel").json()
    assert (about["status"], about["done"], about["cancelled"], about["queued"]) == ("cancelled", 1, 2, 0)
    work_off(about["batch_id"])
    assert not Span.objects.exists()


def test_it_stops_at_its_limit_and_goes_on_when_that_is_raised(api: Any, sent: list[str]) -> None:
    task = {**TASK, "inputs": ["a", "b", "c"], "at_once": 1, "stop_at_usd": 1.5}
    batch_id = api.post("/v2/call/batch", task).json()["batch_id"]
    Batch.objects.update(cost_usd=Decimal("1.5"))
    work_off(batch_id)
    assert api.get(f"/v2/call/batch/{batch_id}").json()["status"] == "paused"
    about = api.patch(f"/v2/call/batch/{batch_id}", {"stop_at_usd": 2}).json()
    assert about["status"] == "queued"
    work_off(batch_id)
    assert api.get(f"/v2/call/batch/{batch_id}").json()["done"] == 3


def test_failed_inputs_can_be_run_again(api: Any, sent: list[str]) -> None:
    batch_id = api.post("/v2/call/batch", {**TASK, "model": "rehearsal/fail-400", "inputs": ["a", "b"]}).json()[
        "batch_id"
    ]
    work_off(batch_id)
    about = api.get(f"/v2/call/batch/{batch_id}").json()
    assert (about["status"], about["failed"], about["done"]) == ("done", 2, 0)
    about = api.post(f"/v2/call/batch/{batch_id}/retry").json()
    assert (about["status"], about["failed"], about["queued"]) == ("queued", 0, 2)
    work_off(batch_id)
    assert api.get(f"/v2/call/batch/{batch_id}").json()["failed"] == 2


def begin(item_id: int) -> opening.Begun:
    ready = batches._ready(item_id)
    assert ready is not None
    return batches._begin(item_id, ready)


def test_a_batch_of_a_dead_process_goes_on_where_it_was(api: Any, sent: list[str], monkeypatch: Any) -> None:
    keys: list[int] = []
    monkeypatch.setattr(calls.call_job, "delay", keys.append)
    batch_id = api.post("/v2/call/batch", {**TASK, "inputs": ["a", "b", "c", "d"]}).json()["batch_id"]
    # A worker took the batch, finished one, had one on its way, had just taken another, and was killed.
    assert batches.claim(uuid.UUID(batch_id))
    items = list(BatchItem.objects.order_by("number"))
    BatchItem.objects.filter(number__lt=3).update(state="running")
    done = begin(items[0].pk)
    loop.run(calls.run(done))
    half = begin(items[1].pk)
    dead = uuid.uuid4()
    Batch.objects.update(process_id=dead)
    Completion.objects.filter(pk=half.span_key).update(process_id=dead)
    orphans.stop_orphans()
    assert keys == [half.span_key]
    assert sent == [batch_id, batch_id]
    calls.call_job(half.span_key)
    work_off(batch_id)
    about = api.get(f"/v2/call/batch/{batch_id}").json()
    assert (about["status"], about["done"]) == ("done", 4)
    # Nothing that was done was done again.
    assert Span.objects.count() == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": []},
        {"inputs": "many"},
        {"inputs": ["a"] * 10_001},
        {},
        {"inputs": ["a"], "at_once": 0},
        {"inputs": ["a"], "at_once": "4"},
        {"inputs": ["a"], "stop_at_usd": "1"},
        {"inputs": ["a"], "stop_at_usd": -1},
        {"inputs": ["a"], "output_schema": {"type": 7}},
    ],
)
def test_what_is_wrong_is_named(api: Any, wrong: dict[str, Any]) -> None:
    response = api.post("/v2/call/batch", {**TASK, **wrong})
    assert response.status_code == 422
    assert not Batch.objects.exists()


def test_another_project_sees_nothing(api: Any, other_api: Any, sent: list[str]) -> None:
    batch_id = api.post("/v2/call/batch", {**TASK, "inputs": ["a"]}).json()["batch_id"]
    for method, path in (("get", ""), ("get", "/results"), ("post", "/cancel"), ("post", "/retry"), ("patch", "")):
        assert (
            getattr(other_api, method)(
                f"/v2/call/batch/{batch_id}{path}", *([{}] if method != "get" else [])
            ).status_code
            == 404
        )
    assert other_api.get("/v2/call/batch").json()["meta"]["total_count"] == 0
    assert api.get("/v2/call/batch/nonsense").status_code == 422
