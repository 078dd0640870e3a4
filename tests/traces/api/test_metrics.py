"""/v2/spans/{id}/metrics: numbers that programs put on spans."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from traces.models import SpanMetric


@pytest.fixture
def span_id(api: Any) -> str:
    span_id: str = api.post("/v2/spans", {"name": "answer"}).json()["id"]
    return span_id


def test_a_metric_is_made_read_changed_and_deleted(api: Any, span_id: str) -> None:
    made = api.post(f"/v2/spans/{span_id}/metrics", {"dimension": "helpfulness", "value": 4})
    assert made.status_code == 200, made.content
    metric = made.json()
    assert (metric["span_id"], metric["dimension"], metric["value"], metric["comment"]) == (
        span_id,
        "helpfulness",
        4,
        None,
    )
    path = f"/v2/spans/{span_id}/metrics/{metric['id']}"
    assert api.get(path).json() == metric
    changed = api.patch(path, {"value": -1.5, "comment": "Not clear"}).json()
    assert (changed["value"], changed["comment"], changed["dimension"]) == (-1.5, "Not clear", "helpfulness")
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_a_trace_shows_the_metrics_of_its_spans(api: Any, span_id: str) -> None:
    api.post(f"/v2/spans/{span_id}/metrics", {"dimension": "reading_time", "value": 6.2})
    trace_id = api.get(f"/v2/spans/{span_id}").json()["trace_id"]
    [span] = api.get(f"/v2/traces/{trace_id}").json()["spans"]
    assert [(each["dimension"], each["value"]) for each in span["metrics"]] == [("reading_time", 6.2)]


def test_they_are_listed_in_pages_with_the_same_number_of_queries(api: Any, span_id: str) -> None:
    for number in range(3):
        api.post(f"/v2/spans/{span_id}/metrics", {"dimension": "turn", "value": number})
    path = f"/v2/spans/{span_id}/metrics"
    with CaptureQueriesContext(connection) as few:
        page = api.get(path, {"offset": 1, "limit": 1}).json()
    assert page["meta"] == {"total_count": 3}
    assert [each["value"] for each in page["data"]] == [1]
    for number in range(20):
        api.post(path, {"dimension": "turn", "value": number})
    with CaptureQueriesContext(connection) as many:
        assert len(api.get(path).json()["data"]) == 23
    assert len(many) <= len(few)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"value": 1}, "dimension"),
        ({"dimension": "x"}, "value"),
        ({"dimension": "x", "value": "1"}, "value"),
        ({"dimension": "x", "value": True}, "value"),
        ({"dimension": "x", "value": 10**400}, "value"),
        ({"dimension": "", "value": 1}, "dimension"),
        ({"dimension": "a\nb", "value": 1}, "dimension"),
        ({"dimension": "x" * 300, "value": 1}, "dimension"),
        ({"dimension": "x", "value": 1, "comment": 7}, "comment"),
    ],
)
def test_what_is_wrong_is_named(api: Any, span_id: str, body: dict[str, Any], loc: str) -> None:
    response = api.post(f"/v2/spans/{span_id}/metrics", body)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", loc]
    assert not SpanMetric.objects.exists()


def test_a_stranger_finds_nothing(api: Any, other_api: Any, span_id: str) -> None:
    metric = api.post(f"/v2/spans/{span_id}/metrics", {"dimension": "x", "value": 1}).json()
    path = f"/v2/spans/{span_id}/metrics"
    assert other_api.post(path, {"dimension": "x", "value": 1}).status_code == 404
    assert other_api.get(path).status_code == 404
    for method in (other_api.get, other_api.delete):
        assert method(f"{path}/{metric['id']}").status_code == 404
    assert other_api.patch(f"{path}/{metric['id']}", {"value": 2}).status_code == 404
    assert SpanMetric.objects.get().value == 1


def test_ids_that_lead_nowhere(api: Any, span_id: str) -> None:
    other = api.post("/v2/spans", {"name": "other"}).json()["id"]
    metric = api.post(f"/v2/spans/{other}/metrics", {"dimension": "x", "value": 1}).json()
    assert api.get(f"/v2/spans/{span_id}/metrics/{metric['id']}").status_code == 404
    assert api.get(f"/v2/spans/{span_id}/metrics/{uuid.uuid4()}").status_code == 404
    assert api.get(f"/v2/spans/{span_id}/metrics/seven").status_code == 422
    assert api.get(f"/v2/spans/{uuid.uuid4()}/metrics").status_code == 404
