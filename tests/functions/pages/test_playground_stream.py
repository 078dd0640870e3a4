"""A variant streamed to its page: what comes, that it comes once, who may ask for it, and what a reader leaves."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from functions import opening, playground, revising
from functions.models import Completion, Function, PlaygroundRun
from functions.pages.playground import stream as playground_stream
from functions.playground import Variant
from opperweb.accounts.models import Project, User
from traces.models import Attempt, Origin, Span, Status

ECHO = "rehearsal/echo"
TEXT = {"type": "string"}
ANSWER = {"type": "object", "properties": {"thoughts": TEXT, "answer": TEXT}, "required": ["thoughts", "answer"]}


def begin(project: Project, user: User, model: str = ECHO, schema: Any = None) -> PlaygroundRun:
    function = revising.create(project, "ask", {"model": ECHO, "output_schema": schema})
    basis, variant = playground.of_revision(function, 1), Variant(revision=1, model=model)
    return playground.create(project, user, basis, "one two three", [(variant, basis.changed(variant))])


def address_of(run: PlaygroundRun, end: str = "stream/", number: int = 0) -> str:
    return f"/projects/acme/playground/runs/{run.pk}/{number}/{end}"


def events_of(response: Any) -> list[dict[str, Any]]:
    text = b"".join(response).decode()
    return [json.loads(block.removeprefix("data: ")) for block in text.split("\n\n") if block.startswith("data: ")]


@pytest.fixture
def browser(server: str, alice: User) -> Iterator[httpx.Client]:
    """Alice on the real server, with the token that her page holds."""
    client = Client()
    client.force_login(alice)
    name = django_settings.SESSION_COOKIE_NAME
    with httpx.Client(base_url=server, cookies={name: client.cookies[name].value}, timeout=20) as browser:
        page = browser.get("/projects/acme/playground/")
        browser.headers["X-CSRFToken"] = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        yield browser


def test_a_text_comes_in_pieces_and_is_recorded(browser: httpx.Client, project: Project, alice: User) -> None:
    run = begin(project, alice)
    response = browser.post(address_of(run))
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    first, *rest = events_of([response.content])
    span = Span.objects.select_related("body").get(id=first["span_id"])
    assert (span.origin, span.tags, span.status) == (Origin.PLAYGROUND, {"env": "playground"}, Status.OK)
    assert span.body.output == "".join(event["delta"] for event in rest)
    assert run.variants.get().span_id == span.id


def test_fields_come_with_their_paths(browser: httpx.Client, project: Project, alice: User) -> None:
    _, *rest = events_of([browser.post(address_of(begin(project, alice, schema=ANSWER))).content])
    assert {event["json_path"] for event in rest} == {"thoughts", "answer"}


def test_a_variant_is_streamed_once(browser: httpx.Client, project: Project, alice: User) -> None:
    run = begin(project, alice)
    assert events_of([browser.post(address_of(run)).content])
    assert events_of([browser.post(address_of(run)).content]) == []
    assert Span.objects.count() == 1


def test_without_the_token_of_a_page_nothing_is_asked(browser: httpx.Client, project: Project, alice: User) -> None:
    run = begin(project, alice)
    del browser.headers["X-CSRFToken"]
    assert browser.post(address_of(run)).status_code == 403
    assert not run.variants.get().is_begun


def test_who_leaves_stops_the_call_and_it_is_recorded(browser: httpx.Client, project: Project, alice: User) -> None:
    run = begin(project, alice, "rehearsal/slow-60s")
    with browser.stream("POST", address_of(run)) as response:
        first = next(line for line in response.iter_lines() if line.startswith("data: "))
    span_id = json.loads(first.removeprefix("data: "))["span_id"]
    for _ in range(200):
        span = Span.objects.get(id=span_id)
        if span.status != Status.RUNNING:
            break
        browser.get("/healthz")
    assert span.status == Status.STOPPED
    assert Completion.objects.get().state == "stopped"
    assert "Stopped" in browser.get(address_of(run, "")).text


def test_a_page_with_scripts_gets_the_run_before_anything_is_asked(
    alice_client: Client, project: Project, alice: User
) -> None:
    begin(project, alice)
    sent = {"a.model": ECHO, "a.revision": "1", "input": "hello", "do": "run"}
    response = alice_client.post("/projects/acme/playground/?function=ask", sent, headers={"X-Playground": "1"})
    assert response.status_code == 200
    run = PlaygroundRun.objects.order_by("-created_at").first()
    assert run is not None
    assert f'data-stream="{address_of(run)}"' in response.content.decode()
    assert not Span.objects.exists()


def test_a_refusal_ends_the_stream_and_stands_in_the_result(
    browser: httpx.Client, project: Project, alice: User
) -> None:
    run = begin(project, alice, "nobody/x")
    assert events_of([browser.post(address_of(run)).content]) == []
    text = browser.get(address_of(run, "")).text
    assert "Not asked" in text
    assert "nobody" in text


def test_the_result_says_how_far_it_is(alice_client: Client, project: Project, alice: User) -> None:
    run = begin(project, alice)
    assert "Not asked yet" in alice_client.get(address_of(run, "")).content.decode()
    run.variants.update(is_begun=True)
    assert 'hx-trigger="every 2s"' in alice_client.get(address_of(run, "")).content.decode()
    run.variants.update(span_id=uuid.uuid4())
    assert "no longer" in alice_client.get(address_of(run, "")).content.decode()


def test_the_attempts_so_far_are_shown_while_a_call_runs(alice_client: Client, project: Project, alice: User) -> None:
    run = begin(project, alice)
    claimed = playground.claim(run.variants.get().pk)
    assert claimed is not None
    begun = opening.begin(*claimed)
    failed = {"outcome": "failed", "error_kind": "overloaded", "http_status": 529, "requested_model": "a/b"}
    Attempt.objects.create(span_id=begun.span_key, number=1, started_at=timezone.now(), provider="a", **failed)
    run.variants.update(span_id=begun.span_id)
    text = alice_client.get(address_of(run, "")).content.decode()
    assert "HTTP 529, overloaded" in text
    assert 'hx-trigger="every 2s"' in text
    assert "Save as example" not in text


def test_the_fields_that_will_come_are_named_before_they_do(
    alice_client: Client, project: Project, alice: User
) -> None:
    text = alice_client.get(address_of(begin(project, alice, schema=ANSWER), "")).content.decode()
    assert 'data-path="thoughts"' in text
    assert "checked at the end" in text


def test_readers_and_strangers_ask_nothing(
    bob_client: Client, charlie_client: Client, project: Project, alice: User
) -> None:
    run = begin(project, alice)
    assert bob_client.post(address_of(run)).status_code == 403
    assert charlie_client.post(address_of(run)).status_code == 404
    assert "data-stream" not in bob_client.get(address_of(run, "")).content.decode()
    assert charlie_client.get(address_of(run, "")).status_code == 404
    assert not run.variants.get().is_begun


@pytest.mark.parametrize("number", [1, 99, 10**30])
def test_a_variant_that_there_is_not_is_not_found(
    alice_client: Client, project: Project, alice: User, number: int
) -> None:
    run = begin(project, alice)
    assert alice_client.get(address_of(run, "", number)).status_code == 404
    assert alice_client.post(address_of(run, number=number)).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_what_goes_wrong_with_the_server_is_told_in_the_result(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    run = await sync_to_async(begin)(project, alice)
    monkeypatch.setattr("functions.calls.stream", broken)
    variant = await run.variants.aget()
    assert [event async for event in playground_stream._events(variant.pk)] == []
    await variant.arefresh_from_db()
    assert "The server failed" in variant.error
    assert await Function.objects.acount() == 1
