"""A function made on a page."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client

from functions import revising
from functions.models import Function
from opperweb.accounts.models import Project, User

PAGE = "/projects/acme/functions/new/"
GIVEN = {
    "name": "team/ask it",
    "description": "Asks",
    "instructions": "Answer.\r\nBriefly.",
    "input_schema": '{"type": "object", "properties": {"b": {}, "a": {}}}',
    "output_schema": "class Reply(BaseModel):\n    text: str",
    "model": "rehearsal/echo",
    "observer_enabled": "on",
}


def refused(client: Client, **changes: str) -> str:
    response = client.post(PAGE, {**GIVEN, **changes})
    assert response.status_code == 422
    assert not Function.objects.exclude(name="taken").exists()
    return html.unescape(response.content.decode())


def test_a_function_is_made_with_its_first_revision(alice_client: Client, alice: User) -> None:
    assert alice_client.get(PAGE).status_code == 200
    answer = alice_client.post(PAGE, GIVEN)
    assert answer["Location"] == "/projects/acme/functions/team/ask%20it/definition/"
    function = Function.objects.get()
    revision = function.revisions.get()
    assert (function.origin, function.description, function.observer_enabled) == ("managed", "Asks", True)
    assert (revision.number, revision.created_by, revision.instructions) == (1, alice, "Answer.\nBriefly.")
    assert list(revision.input_schema["properties"]) == ["b", "a"]
    assert revision.output_schema["title"] == "Reply"
    assert revision.model == "rehearsal/echo"


def test_a_name_alone_is_enough(alice_client: Client) -> None:
    assert alice_client.post(PAGE, {"name": "ask"}).status_code == 302
    revision = Function.objects.get().revisions.get()
    assert (revision.input_schema, revision.model, revision.configuration) == (None, None, {})


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", "", "This field is required."),
        ("name", "taken", "There is a function of this name."),
        ("name", "a\x07b", "Must not contain control characters."),
        ("name", "a\0b", "Must not contain control characters."),
        ("name", "..", "Must not have . or .. between its slashes."),
        ("name", "a/../b", "Must not have . or .. between its slashes."),
        ("name", "a" * 300, "Must have at most 255 characters, and has 300."),
        ("input_schema", '{"type"', "Line 1: Not JSON"),
        ("output_schema", '{"type": "strin"}', "type: "),
        ("model", "nobody/x", "No provider nobody is configured"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    alice_client: Client, project: Project, field: str, text: str, words: str
) -> None:
    revising.create(project, "taken", {})
    page = refused(alice_client, **{field: text})
    assert words in page
    assert f'id="id_{field}_error"' in page


def test_no_browser_cuts_a_name(alice_client: Client) -> None:
    page = alice_client.get(PAGE).content.decode()
    (field,) = [tag for tag in page.split("<") if tag.startswith("input") and 'name="name"' in tag]
    assert "maxlength" not in field


@pytest.mark.parametrize("name", ["a\x07b", "..", "a/../b", "a" * 300])
def test_a_function_is_not_renamed_to_what_none_can_be_named(alice_client: Client, project: Project, name: str) -> None:
    function = revising.create(project, "ask", {})
    url = "/projects/acme/functions/ask/definition/function/"
    response = alice_client.post(url, {"name": name, "description": "New"})
    assert response.status_code == 422
    assert 'id="id_name_error"' in response.content.decode()
    function.refresh_from_db()
    assert (function.name, function.description) == ("ask", "")


def test_a_name_from_before_the_rule_does_not_hold_up_other_changes(alice_client: Client, project: Project) -> None:
    function = revising.create(project, "ask", {})
    Function.objects.update(name="a\x07b")
    url = "/projects/acme/functions/a%07b/definition/function/"
    assert alice_client.post(url, {"name": "a\x07b", "description": "New"}).status_code == 302
    function.refresh_from_db()
    assert function.description == "New"


def test_readers_and_strangers_make_nothing(bob_client: Client, charlie_client: Client, project: Any) -> None:
    assert (bob_client.get(PAGE).status_code, bob_client.post(PAGE, GIVEN).status_code) == (403, 403)
    assert (charlie_client.get(PAGE).status_code, charlie_client.post(PAGE, GIVEN).status_code) == (404, 404)
    assert not Function.objects.exists()
