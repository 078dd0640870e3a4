"""A stranger finds nothing: every address of a project and of the API, tried with somebody else's sign-in and key."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from opperweb.accounts.models import ApiKey, Membership, Project, User
from traces import recording
from traces.models import Span

METHODS = ("get", "post", "patch", "delete")


def routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


ALL = sorted(set(routes(get_resolver().url_patterns)))
PAGES = [route for route in ALL if "<slug:project>" in route]
API = [route for route in ALL if route.startswith("v2/")]


@pytest.fixture
def span(project: Project) -> Span:
    return recording.start(project, "secret-name", body={"input": "secret-input"}, tags={"secret": "tag"})


def filled(route: str, span: Span, project: Project, people: Membership) -> str:
    key = ApiKey.objects.filter(project=project).first()
    values = {
        "<slug:project>": project.slug,
        "<uuid:trace_id>": str(span.trace.id),
        "<str:trace_id>": str(span.trace.id),
        "<str:span_id>": str(span.id),
        "<uuid:key_id>": str(key.pk if key else uuid.uuid4()),
        "<int:membership_id>": str(people.pk),
    }
    for name, value in values.items():
        route = route.replace(name, value)
    while "<" in route:
        start, end = route.index("<"), route.index(">")
        route = route[:start] + ("1" if route[start:end].startswith("<int") else str(uuid.uuid4())) + route[end + 1 :]
    return "/" + route


def test_there_are_addresses_to_try() -> None:
    assert len(PAGES) >= 6
    assert len(API) >= 5


@pytest.mark.parametrize("method", METHODS)
def test_a_strangers_sign_in_opens_no_page_of_the_project(
    charlie_client: Client, alice: User, span: Span, project: Project, method: str
) -> None:
    place = Membership.objects.get(user=alice)
    for route in PAGES:
        response = getattr(charlie_client, method)(filled(route, span, project, place))
        assert response.status_code in (404, 405), (route, response.status_code)
        assert b"secret" not in response.content
    assert Span.objects.filter(pk=span.pk, name="secret-name").exists()


@pytest.mark.parametrize("method", METHODS)
def test_a_strangers_key_finds_nothing_in_the_api(
    other_api: Any, alice: User, span: Span, project: Project, method: str
) -> None:
    place = Membership.objects.get(user=alice)
    for route in API:
        response = other_api.send(method.upper(), filled(route, span, project, place), b"{}")
        assert response.status_code in (200, 404, 405, 422), (route, response.status_code)
        assert b"secret" not in response.content, route
    assert Span.objects.filter(pk=span.pk, name="secret-name").exists()


def test_without_a_sign_in_every_page_leads_to_the_sign_in(
    client: Client, span: Span, project: Project, alice: User
) -> None:
    place = Membership.objects.get(user=alice)
    for route in PAGES:
        response = client.get(filled(route, span, project, place))
        assert response.status_code in (302, 405), route
        assert b"secret" not in response.content
