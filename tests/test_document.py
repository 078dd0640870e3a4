"""The OpenAPI document lists every route, plain async views among them; the page shows the same."""

from typing import Any

import pytest
from django.test import Client

from opperweb.api import document


@pytest.mark.parametrize(
    "path",
    ["/v2/call", "/v2/spans", "/v2/spans/{span_id}", "/v2/traces", "/v2/traces/{trace_id}", "/healthz", "/readyz",
     "/metrics", "/api/schema", "/api/docs/"],
)  # fmt: skip
def test_every_route_is_in_the_document(client: Client, db: None, path: str) -> None:
    paths = client.get("/api/schema").json()["paths"]
    assert path in paths
    for method, operation in paths[path].items():
        assert operation["summary"], f"{method} {path}"
        assert operation["responses"]


def test_the_body_of_a_call_is_described(client: Client, db: None) -> None:
    found = client.get("/api/schema").json()
    reference = found["paths"]["/v2/call"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    properties: dict[str, Any] = found["components"]["schemas"][reference.rpartition("/")[2]]
    assert {"name", "input", "output_schema", "tags"} <= set(properties["properties"])
    assert properties["required"] == ["name"]


LISTS = {
    "/v2/functions": ("id", "name", "revision_id", "description", "instructions", "model"),
    "/v2/functions/{function_id}/revisions": ("id", "configuration", "created_at", "updated_at"),
    "/v2/datasets/{dataset_id}/entries": ("id", "input", "output", "expected", "comment"),
    "/v2/models": ("hosting_provider", "name", "location", "input_cost_per_token", "output_cost_per_token"),
    "/v2/models/custom": ("id", "name", "identifier", "extra"),
    "/v2/models/aliases": ("id", "name", "fallback_models", "description"),
    "/v2/spans/{span_id}/metrics": ("id", "span_id", "dimension", "value", "created_at", "comment"),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_tells_how_it_is_paged_and_what_is_in_it(client: Client, db: None, path: str) -> None:
    found = client.get("/api/schema").json()
    schemas = found["components"]["schemas"]
    operation = found["paths"][path]["get"]
    query = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
    assert query >= {"offset", "limit"}
    answer = schemas[_named(operation["responses"]["200"]["content"]["application/json"]["schema"])]
    assert set(schemas[_named(answer["properties"]["meta"])]["properties"]) == {"total_count"}
    item = schemas[_named(answer["properties"]["data"]["items"])]
    assert tuple(item["properties"]) == LISTS[path]


@pytest.mark.parametrize(
    ("path", "method", "names"),
    [
        ("/v2/functions", "get", {"name", "sort", "offset", "limit"}),
        ("/v2/datasets/{dataset_id}/entries/query", "post", {"query", "limit"}),
        ("/v2/traces", "get", {"name", "q", "range", "from", "to", "sort", "offset", "limit"}),
        ("/v2/call/batch", "get", {"offset", "limit"}),
        ("/v2/call/batch/{batch_id}/results", "get", {"offset", "limit"}),
    ],
)
def test_what_may_stand_in_the_query_is_told(client: Client, db: None, path: str, method: str, names: set[str]) -> None:
    operation = client.get("/api/schema").json()["paths"][path][method]
    assert {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"} == names


def test_no_two_operations_have_one_name(client: Client, db: None, capfd: pytest.CaptureFixture[str]) -> None:
    document.document.cache_clear()
    paths = client.get("/api/schema").json()["paths"]
    names = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(set(names)) == len(names)
    assert "get_functions_by_function_id" in names
    assert "Warning" not in capfd.readouterr().err


def test_what_may_be_unknown_may_be_null(client: Client, db: None) -> None:
    schemas = client.get("/api/schema").json()["components"]["schemas"]
    for name, field in (("CallAnswer", "usage"), ("CallAnswer", "cost"), ("SpanAnswer", "meta")):
        assert schemas[name]["properties"][field]["nullable"], f"{name}.{field}"


def _named(schema: dict[str, Any]) -> str:
    reference: str = schema["$ref"] if "$ref" in schema else schema["allOf"][0]["$ref"]
    return reference.rpartition("/")[2]


def test_people_may_read_it_without_signing_in(client: Client, db: None) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"/v2/call" in page.content
