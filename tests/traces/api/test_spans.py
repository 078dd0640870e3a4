"""POST, GET, PATCH and DELETE of /v2/spans, as the contract has them."""

import uuid
from typing import Any

import pytest

from traces.models import Span, Trace


def made(api: Any, **fields: Any) -> dict[str, Any]:
    response = api.post("/v2/spans", {"name": "step", **fields})
    assert response.status_code == 200, response.content
    return dict(response.json())


def test_a_span_comes_back_with_every_key(api: Any) -> None:
    span = made(api, input={"b": 1, "a": [2]}, meta={"k": "v"}, type="tool", score=7)
    assert span["input"] == {"b": 1, "a": [2]}
    assert span["meta"] == {"k": "v"}
    assert span["type"] == "tool"
    assert span["score"] == 7
    assert span["end_time"] is None
    assert span["output"] is None
    assert uuid.UUID(span["id"])
    assert uuid.UUID(span["trace_id"])


def test_a_client_chosen_id_and_trace_are_kept(api: Any) -> None:
    span_id, trace_id = str(uuid.uuid4()), str(uuid.uuid4())
    span = made(api, id=span_id, trace_id=trace_id)
    assert (span["id"], span["trace_id"]) == (span_id, trace_id)
    assert made(api, parent_id=span_id)["trace_id"] == trace_id


def test_null_counts_as_absent(api: Any) -> None:
    span = made(api, parent_id=None, trace_id=None, meta=None, input=None, start_time=None)
    assert span["parent_id"] is None


def test_an_output_ends_a_span_and_an_end_time_says_when(api: Any) -> None:
    span = made(api, start_time="2026-01-01T10:00:00Z")
    assert span["status"] == "running"
    updated = api.patch(f"/v2/spans/{span['id']}", {"output": "done"}).json()
    assert updated["status"] == "success"
    assert updated["end_time"] is not None
    updated = api.patch(f"/v2/spans/{span['id']}", {"end_time": "2026-01-01T10:00:01.500Z"}).json()
    assert updated["end_time"] == "2026-01-01T10:00:01.500000+00:00"
    assert updated["output"] == "done"
    assert Trace.objects.get().duration_ms == 1500


def test_an_error_shows_on_span_and_trace(api: Any) -> None:
    span = made(api)
    api.patch(f"/v2/spans/{span['id']}", {"error": "It broke"})
    trace = api.get(f"/v2/traces/{span['trace_id']}").json()
    assert trace["status"] == "error"
    assert trace["spans"][0]["error"] == "It broke"
    # A later output does not make it good.
    assert api.patch(f"/v2/spans/{span['id']}", {"output": "x"}).json()["status"] == "error"


def test_deleting_answers_204_and_then_404(api: Any) -> None:
    span = made(api)
    response = api.delete(f"/v2/spans/{span['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert api.get(f"/v2/spans/{span['id']}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"name": 5}, ["body", "name"]),
        ({"name": ""}, ["body", "name"]),
        ({"name": "x" * 256}, ["body", "name"]),
        ({"name": "a\nb"}, ["body", "name"]),
        ({"id": "x"}, ["body", "id"]),
        ({"parent_id": 5}, ["body", "parent_id"]),
        ({"meta": []}, ["body", "meta"]),
        ({"score": 1.5}, ["body", "score"]),
        ({"score": "7"}, ["body", "score"]),
        ({"score": 101}, ["body", "score"]),
        ({"score": 10**400}, ["body", "score"]),
        ({"start_time": "yesterday"}, ["body", "start_time"]),
        ({"start_time": 5}, ["body", "start_time"]),
        ({"start_time": "0001-01-01T00:00:00+14:00"}, ["body", "start_time"]),
        ({"start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}, ["body", "end_time"]),
        ({"tags": {"a": 1}}, ["body", "tags", "a"]),
        ({"tags": ["a"]}, ["body", "tags"]),
        ({"error": {"a": 1}}, ["body", "error"]),
        ({"type": ["x"]}, ["body", "type"]),
    ],
)
def test_a_wrong_field_is_a_422_that_names_it(api: Any, fields: dict[str, Any], loc: list[str]) -> None:
    response = api.post("/v2/spans", {"name": "step", **fields})
    assert response.status_code == 422, response.content
    assert response.json()["type"] == "RequestValidationError"
    assert [problem["loc"] for problem in response.json()["detail"]] == [loc]
    assert not Span.objects.exists()


def test_an_unknown_parent_is_a_404(api: Any) -> None:
    response = api.post("/v2/spans", {"name": "step", "parent_id": str(uuid.uuid4())})
    assert response.status_code == 404
    assert not Trace.objects.exists()


def test_a_parent_in_another_trace_is_a_422(api: Any) -> None:
    parent = made(api)
    response = api.post("/v2/spans", {"name": "x", "parent_id": parent["id"], "trace_id": str(uuid.uuid4())})
    assert response.status_code == 422


@pytest.mark.parametrize("bad", ["x", "123", "%00", "../../etc", "\ud7ff"])
def test_an_id_that_is_no_uuid_is_a_4xx(api: Any, bad: str) -> None:
    for method, body in (("GET", b""), ("PATCH", b"{}"), ("DELETE", b"")):
        assert api.send(method, f"/v2/spans/{bad}", body).status_code in (400, 404, 422)
    assert api.get(f"/v2/traces/{bad}").status_code in (400, 404, 422)


def test_a_key_that_may_only_read_writes_nothing(read_key: str, api: Any) -> None:
    span = made(api)
    api.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {read_key}"
    reader = type(api)(read_key)
    assert reader.get(f"/v2/spans/{span['id']}").status_code == 200
    assert reader.post("/v2/spans", {"name": "x"}).status_code == 403
    assert reader.delete(f"/v2/spans/{span['id']}").status_code == 403
