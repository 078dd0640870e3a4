"""GET /api/schema, the OpenAPI document of every route; GET /api/docs/, the same for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

from opperweb import json

# Routes of Django's own that programs and people meet; everything under /v2 describes itself.
PLAIN = (
    ("/healthz", "Tell that the process lives", {"200": "It lives."}),
    (
        "/readyz",
        "Tell whether database, broker and a worker answer",
        {"200": "All do.", "503": "The body names what does not."},
    ),
    ("/metrics", "Figures in Prometheus' text form, for a key or from loopback", {"200": "Text.", "401": "No key."}),
    ("/api/schema", "This document", {"200": "OpenAPI 3."}),
    ("/api/docs/", "This document for people", {"200": "A page."}),
)
METHODS = ("get", "post", "put", "patch", "delete")


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document as a value."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    for path, summary, responses in PLAIN:
        found["paths"][path] = {
            "get": {
                "operationId": path.strip("/").replace("/", "_") + "_read",
                "summary": summary,
                "tags": ["server"],
                "responses": {status: {"description": text} for status, text in responses.items()},
            }
        }
    found["components"].setdefault("schemas", {})["Error"] = ERROR
    found["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for path, _, operation in _operations(found):
        if path.startswith("/v2/"):
            operation["security"] = [{"bearer": []}]
            operation.setdefault("responses", {})["default"] = {
                "description": "Every error has this body.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }
    return found


ERROR = {
    "type": "object",
    "required": ["type", "message", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Such as RequestValidationError."},
        "message": {"type": "string"},
        "detail": {"description": "Text, or a list of {type, loc, msg, input}."},
        "error": {"type": "object", "properties": {"code": {"type": "string"}, "message": {"type": "string"}}},
    },
}


@login_not_required
def schema(request: HttpRequest) -> HttpResponse:
    return HttpResponse(json.dumps(document()), content_type="application/vnd.oai.openapi+json; charset=utf-8")


@dataclass(frozen=True)
class Operation:
    """One line of the page: a method of an address."""

    method: str
    path: str
    summary: str
    text: str
    parameters: list[dict[str, Any]]
    fields: list[dict[str, Any]]
    answers: list[tuple[str, str]]


@dataclass
class Group:
    name: str
    operations: list[Operation] = field(default_factory=list)


@login_not_required
def docs(request: HttpRequest) -> HttpResponse:
    groups: dict[str, Group] = {}
    for path, method, operation in _operations(document()):
        name = (operation.get("tags") or ["other"])[0]
        groups.setdefault(name, Group(name)).operations.append(_operation(path, method, operation))
    return render(request, "api/docs.html", {"groups": list(groups.values()), "document": document()})


def _operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in found["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _operation(path: str, method: str, operation: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    media: list[dict[str, Any]] = list(content.values())
    body = media[0].get("schema", {}) if media else {}
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        text=operation.get("description", ""),
        parameters=[parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"],
        fields=_fields(body),
        answers=[(status, answer.get("description", "")) for status, answer in operation["responses"].items()],
    )


def _fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found = document()["components"]["schemas"].get(name, schema)
    required = found.get("required", [])
    return [
        {
            "name": name,
            "type": _type_of(value),
            "required": name in required,
            "text": value.get("description", ""),
        }
        for name, value in found.get("properties", {}).items()
    ]


def _type_of(value: dict[str, Any]) -> str:
    if value.get("type") == "array":
        return "list"
    return str(value.get("format") or value.get("type") or "any")
