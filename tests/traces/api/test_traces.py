"""GET /v2/traces and GET /v2/traces/{id}: types, paging, filters, the number of queries."""

from typing import Any

import pytest

from opperweb.accounts.models import Project
from traces import recording
from traces.models import Status


def test_a_list_is_newest_first_with_every_key(api: Any, project: Project) -> None:
    for name in ("first", "second"):
        span = recording.start(project, name, body={"input": {"q": name}})
        recording.change(span, status=Status.OK, ended_at=span.started_at, body={"output": "text"})
    answer = api.get("/v2/traces").json()
    assert answer["meta"] == {"total_count": 2}
    assert [trace["name"] for trace in answer["data"]] == ["second", "first"]
    trace = answer["data"][0]
    assert trace["input"] == '{"q":"second"}'
    assert trace["output"] == "text"
    assert trace["status"] == "success"
    assert trace["duration_ms"] == 0
    assert {"id", "start_time", "end_time", "total_tokens"} <= set(trace)


def test_paging_counts_all_and_shows_a_page(api: Any, project: Project) -> None:
    for number in range(5):
        recording.start(project, f"trace {number}")
    answer = api.get("/v2/traces", {"offset": 1, "limit": 2}).json()
    assert answer["meta"]["total_count"] == 5
    assert [trace["name"] for trace in answer["data"]] == ["trace 3", "trace 2"]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"limit": "x"}, {"offset": "9" * 30}, {"limit": "٣"}]
)
def test_paging_outside_of_its_bounds_is_a_422(api: Any, query: dict[str, Any]) -> None:
    response = api.get("/v2/traces", query)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][0] == "query"


def test_a_name_filters_in_any_case(api: Any, project: Project) -> None:
    recording.start(project, "Planet Guide")
    recording.start(project, "other")
    assert [trace["name"] for trace in api.get("/v2/traces", {"name": "planet"}).json()["data"]] == ["Planet Guide"]


def test_a_list_can_be_sorted_as_on_the_pages(api: Any, project: Project) -> None:
    for name in ("first", "second"):
        recording.start(project, name)
    assert [trace["name"] for trace in api.get("/v2/traces", {"sort": "when"}).json()["data"]] == ["first", "second"]


def test_the_language_of_the_pages_filters_too(api: Any, project: Project) -> None:
    recording.start(project, "one", tags={"env": "production"})
    recording.start(project, "two", tags={"env": "staging"})
    found = api.get("/v2/traces", {"q": "tag:env=production"}).json()["data"]
    assert [(trace["name"], trace["tags"]) for trace in found] == [("one", ["env:production"])]
    assert api.get("/v2/traces", {"q": "laency:>2s"}).status_code == 422
    assert api.get("/v2/traces", {"q": "a\x00b"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ({"q": "status:ok laency:>2s"}, "q", "laency:>2s: Unknown filter. Did you mean latency?"),
        ({"latency": "soon"}, "latency", "soon is no such number. Try latency:>2s."),
        ({"range": "2h"}, "range", "A range is one of 15m, 1h, 24h, 7d, 30d, all."),
        ({"sort": "size"}, "sort", "Sort by one of when, latency, cost, tokens, score."),
        ({"from": "soon"}, "from", "A time is written 2026-01-31 or 2026-01-31T13:45."),
    ],
)
def test_a_filter_that_is_not_understood_names_its_parameter(
    api: Any, project: Project, query: dict[str, str], place: str, words: str
) -> None:
    response = api.get("/v2/traces", query)
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    assert (problem["loc"], problem["input"]) == (["query", place], query[place])
    assert words in problem["msg"]


def test_every_part_of_a_filter_that_is_not_understood_is_named(api: Any, project: Project) -> None:
    detail = api.get("/v2/traces", {"q": "a:1 b:2", "sort": "size"}).json()["detail"]
    assert [problem["loc"][1] for problem in detail] == ["sort", "q", "q"]


def test_a_trace_shows_its_spans_with_the_types_the_client_checks(api: Any, project: Project) -> None:
    root = recording.start(project, "agent", tags={"env": "x"}, body={"input": {"a": 1}})
    recording.start(project, "child", parent_id=root.id)
    trace = api.get(f"/v2/traces/{root.trace.id}").json()
    assert [span["name"] for span in trace["spans"]] == ["agent", "child"]
    data = trace["spans"][0]["data"]
    assert data["tags"] == ["env:x"]
    assert data["input"] == '{"a":1}'
    assert trace["spans"][0]["meta"] == {"tags": {"env": "x"}}
    assert trace["spans"][1]["parent_id"] == str(root.id)


def test_the_list_and_the_trace_take_a_fixed_number_of_queries(
    api: Any, project: Project, django_assert_num_queries: Any
) -> None:
    root = recording.start(project, "agent")
    for number in range(20):
        recording.start(project, f"trace {number}")
        recording.start(project, f"child {number}", parent_id=root.id)
    # The key, the count, the page, the texts of its roots; the key's last use is written once a minute.
    api.get("/v2/traces")
    with django_assert_num_queries(4):
        assert len(api.get("/v2/traces").json()["data"]) == 21
    # The key, the trace, its spans with their texts, their metrics, the accepted attempts.
    with django_assert_num_queries(6):
        assert len(api.get(f"/v2/traces/{root.trace.id}").json()["spans"]) == 21


def test_another_projects_traces_are_not_there(other_api: Any, project: Project) -> None:
    root = recording.start(project, "secret")
    assert other_api.get("/v2/traces").json()["data"] == []
    for path in (f"/v2/traces/{root.trace.id}", f"/v2/spans/{root.id}"):
        assert other_api.get(path).status_code == 404
    assert other_api.patch(f"/v2/spans/{root.id}", {"name": "mine"}).status_code == 404
    assert other_api.delete(f"/v2/spans/{root.id}").status_code == 404
    assert other_api.post("/v2/spans", {"name": "x", "parent_id": str(root.id)}).status_code == 404
