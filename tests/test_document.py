"""The OpenAPI document lists every route, plain async views among them; the page shows the same."""

from typing import Any

import pytest
from django.test import Client


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
    document = client.get("/api/schema").json()
    reference = document["paths"]["/v2/call"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    properties: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
    assert {"name", "input", "output_schema", "tags"} <= set(properties["properties"])
    assert properties["required"] == ["name"]


def test_people_may_read_it_without_signing_in(client: Client, db: None) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"/v2/call" in page.content
