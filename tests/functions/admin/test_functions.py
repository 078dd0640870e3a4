"""Functions, revisions, examples and names in the admin: the same checks and the same rights as on the pages."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from functions import revising
from functions.admin import functions as functions_admin
from functions.admin.functions import ExampleInline
from functions.examples import dataset
from functions.models import Alias, CustomModel, DatasetExample, Function
from opperweb.accounts.models import Membership, Project, Role, User

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {}}, "required": ["b"]}
VALUES: dict[str, Any] = {
    "instructions": "Answer.\nBriefly.",
    "output_schema": SCHEMA,
    "model": {"name": "rehearsal/echo", "options": {"temperature": 0.1}},
    "configuration": {"invocation.few_shot.count": 3, "x": None},
}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "mini_kb_query", VALUES, description="Facts")


def staff(project: Project, role: Role | None, *, is_superuser: bool = False) -> Client:
    """Return a client of somebody who may open the admin, with a role in the project."""
    user = User.objects.create_user(f"{role}@example.com", "x", is_staff=True, is_superuser=is_superuser)
    if role is not None:
        Membership.objects.create(user=user, project=project, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor(project: Project) -> Client:
    return staff(project, Role.EDITOR)


def address(name: str, page: str = "change", row: Any = None) -> str:
    return reverse(f"admin:functions_{name}_{page}", args=[row.pk] if row is not None else None)


def body_of(response: Any) -> str:
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def form_of(client: Client, url: str) -> dict[str, Any]:
    """Return what a browser sends of an admin form."""
    context = client.get(url).context
    forms = [context["adminform"].form]
    for each in context["inline_admin_formsets"]:
        forms += [each.formset.management_form, *each.formset.forms]
    sent: dict[str, Any] = {}
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                sent[field.html_name] = str(value).replace("\n", "\r\n")
    return sent


# --- definitions --------------------------------------------------------------------------------------------------


def test_a_form_that_nobody_changed_makes_no_revision(editor: Client, function: Function) -> None:
    url = address("function", row=function)
    assert editor.post(url, form_of(editor, url)).status_code == 302
    assert function.revisions.count() == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a\x07b", "Must not contain control characters."),
        ("a/../b", "Must not have . or .. between its slashes."),
        ("a" * 300, "Must have at most 255 characters, and has 300."),
    ],
)
def test_a_name_that_no_function_can_have_is_told_at_its_field(
    editor: Client, project: Project, function: Function, name: str, words: str
) -> None:
    for url in (address("function", row=function), address("function", "add")):
        response = editor.post(url, {**form_of(editor, url), "project": project.pk, "name": name})
        assert response.status_code == 200
        assert response.context["adminform"].form.errors["name"] == [words]
    assert [each.name for each in Function.objects.all()] == ["mini_kb_query"]


def test_a_changed_definition_is_a_new_revision_of_its_author(editor: Client, function: Function) -> None:
    url = address("function", row=function)
    changed = {"configuration": '{"y": 1}', "note": "Other settings", "description": "New"}
    assert editor.post(url, {**form_of(editor, url), **changed}).status_code == 302
    newest = function.revisions.get(number=2)
    assert (newest.configuration, newest.note) == ({"y": 1}, "Other settings")
    assert (newest.output_schema, newest.instructions) == (SCHEMA, "Answer.\nBriefly.")
    assert list(newest.output_schema["properties"]) == ["b", "a"]
    assert newest.created_by is not None
    assert newest.created_by.email == "editor@example.com"
    function.refresh_from_db()
    assert function.description == "New"


def test_json_is_indented_and_read_with_its_order(editor: Client, function: Function) -> None:
    page = body_of(editor.get(address("function", row=function)))
    assert json.dumps(SCHEMA, indent=2) in page


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("output_schema", '{"type":\r\n oops}', "Not JSON: line 2"),
        ("output_schema", '{"properties": {"a": {"type": "strin"}}}', "properties.a.type: "),
        ("output_schema", "[]", "a schema must be an object"),
        ("model", '"nobody/x"', "no provider nobody is configured"),
        ("model", "{}", "a model needs a name"),
        ("configuration", '{"invocation.few_shot.count": "3"}', "must be a whole number"),
        ("configuration", "[]", "Must be an object"),
        ("name", "taken", "There is a function named taken already"),
        ("base", "7", "Revision 1 was saved meanwhile"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_saved(
    editor: Client, project: Project, function: Function, field: str, text: str, words: str
) -> None:
    revising.create(project, "taken", {})
    url = address("function", row=function)
    response = editor.post(url, {**form_of(editor, url), field: text})
    assert words in body_of(response)
    if field != "base":
        assert field in response.context["adminform"].form.errors
    assert function.revisions.count() == 1


def test_a_function_is_made_and_deleted(editor: Client, project: Project) -> None:
    url = address("function", "add")
    given = {"project": str(project.pk), "name": "new", "output_schema": json.dumps(SCHEMA), "configuration": ""}
    assert editor.post(url, given).status_code == 302
    function = Function.objects.get(name="new")
    assert (function.origin, function.revisions.get().output_schema) == ("managed", SCHEMA)
    assert editor.get(address("function", "delete", function)).status_code == 200
    assert editor.post(address("function", "delete", function), {"post": "yes"}).status_code == 302
    assert not Function.objects.exists()


def test_functions_are_found_by_words_and_projects(editor: Client, project: Project, function: Function) -> None:
    revising.create(project, "other", {})
    page = body_of(editor.get(address("function", "changelist"), {"q": "facts"}))
    assert "mini_kb_query" in page
    assert "1 function" in page
    assert editor.get(address("function", "changelist"), {"origin__exact": "call"}).status_code == 200


# --- examples -----------------------------------------------------------------------------------------------------


def test_examples_are_changed_added_and_removed_beside_their_function(editor: Client, function: Function) -> None:
    for number in range(2):
        dataset.add(function, {"input": {"n": number}, "output": {"b": "x"}})
    url = address("function", row=function)
    sent = form_of(editor, url)
    sent |= {
        "examples-0-output": '{"b": "changed"}',
        "examples-1-DELETE": "on",
        "examples-2-input": '"text"',
        "examples-2-output": "{}",
        "examples-TOTAL_FORMS": "3",
    }
    assert editor.post(url, sent).status_code == 302
    rows = list(DatasetExample.objects.order_by("key"))
    assert [(row.input, row.output) for row in rows] == [({"n": 1}, {"b": "changed"}), ("text", {})]
    assert rows[1].misfit
    assert "changed" in rows[0].output_preview


def test_only_the_newest_examples_stand_beside_their_function(
    editor: Client, function: Function, monkeypatch: Any
) -> None:
    monkeypatch.setattr(functions_admin, "MOST_EXAMPLES", 2)
    for number in range(3):
        dataset.add(function, {"input": number, "output": {}})
    formset = editor.get(address("function", row=function)).context["inline_admin_formsets"][0].formset
    assert [form.instance.input for form in formset.initial_forms] == [2, 1]
    assert ExampleInline.model is DatasetExample


def test_an_example_is_changed_on_its_own_page(editor: Client, function: Function) -> None:
    row = dataset.add(function, {"input": "?", "output": {"b": "x"}})
    url = address("datasetexample", row=row)
    assert "Not JSON: line 1" in body_of(editor.post(url, {**form_of(editor, url), "input": "{"}))
    assert editor.post(url, {**form_of(editor, url), "input": '{"q": 1}'}).status_code == 302
    row.refresh_from_db()
    assert row.input == {"q": 1}
    assert editor.get(address("datasetexample", "changelist"), {"q": "x"}).status_code == 200
    editor.post(address("datasetexample", "delete", row), {"post": "yes"})
    assert not DatasetExample.objects.exists()


# --- names for models ---------------------------------------------------------------------------------------------


def test_an_alias_is_checked_as_on_its_page(editor: Client, project: Project) -> None:
    url = address("alias", "add")
    given = {"project": str(project.pk), "name": "fast", "fallback_models": '["nobody/x"]'}
    assert "no provider nobody" in body_of(editor.post(url, given))
    assert not Alias.objects.exists()
    assert "Must be a list of names" in body_of(editor.post(url, {**given, "fallback_models": "{}"}))
    assert editor.post(url, {**given, "fallback_models": '["rehearsal/echo"]'}).status_code == 302
    alias = Alias.objects.get()
    project.refresh_from_db()
    version = project.catalogue_version
    changed = {"name": "fast", "fallback_models": '["fast"]'}
    assert "cannot stand for itself" in body_of(editor.post(address("alias", row=alias), changed))
    changed["fallback_models"] = '["rehearsal/echo", "rehearsal/empty"]'
    assert editor.post(address("alias", row=alias), changed).status_code == 302
    alias.refresh_from_db()
    project.refresh_from_db()
    assert alias.fallback_models == ["rehearsal/echo", "rehearsal/empty"]
    assert project.catalogue_version > version


def test_a_custom_model_keeps_its_secret_to_its_address(editor: Client, project: Project) -> None:
    custom = CustomModel.objects.create(
        project=project,
        name="mine",
        identifier="openai/x",
        api_key="sk-secret",
        extra={"api_base": "https://a.example/v1"},
    )
    url = address("custommodel", row=custom)
    moved = {"name": "mine", "identifier": "openai/x", "extra": '{"api_base": "https://evil.example/v1"}'}
    assert "the secret was entered for another address" in body_of(editor.post(url, moved))
    assert "a secret belongs into api_key" in body_of(editor.post(url, {**moved, "extra": '{"api_key": "k"}'}))
    same = {**moved, "identifier": "openai/y", "extra": '{"api_base": "https://a.example/v1"}'}
    assert editor.post(url, same).status_code == 302
    custom.refresh_from_db()
    assert (custom.identifier, custom.api_key) == ("openai/y", "sk-secret")


# --- who may ------------------------------------------------------------------------------------------------------

LISTS = ("function", "revision", "datasetexample", "alias", "custommodel", "pricerow", "provideraccount")


@pytest.mark.parametrize("role", [Role.READER, Role.REVIEWER])
def test_members_who_may_not_edit_see_and_change_nothing(project: Project, function: Function, role: Role) -> None:
    client = staff(project, role)
    dataset.add(function, {"input": 1, "output": {}})
    for name in LISTS:
        assert client.get(address(name, "changelist")).status_code == 200
    url = address("function", row=function)
    page = body_of(client.get(url))
    assert "Answer." in page
    assert 'name="_save"' not in page
    assert client.post(url, {"name": "mini_kb_query", "instructions": "x"}).status_code == 403
    assert client.post(address("function", "delete", function), {"post": "yes"}).status_code == 403
    assert client.get(address("function", "add")).status_code == 403
    assert function.revisions.count() == 1


def test_rows_of_other_projects_are_not_there(other_project: Project, function: Function) -> None:
    client = staff(other_project, Role.OWNER)
    row = dataset.add(function, {"input": 1, "output": {}})
    assert "mini_kb_query" not in body_of(client.get(address("function", "changelist")))
    for name, each in (("function", function), ("revision", function.revisions.get()), ("datasetexample", row)):
        # The admin leads back to its start page, as for a row that never was.
        assert client.get(address(name, row=each)).status_code == 302
        assert client.post(address(name, row=each), {"name": "x"}).status_code in (302, 403)
    given = {"project": str(function.project.pk), "name": "theirs"}
    assert "project" in client.post(address("function", "add"), given).context["adminform"].form.errors
    assert Function.objects.count() == 1


def test_staff_without_a_project_see_nothing(project: Project, function: Function) -> None:
    client = staff(project, None)
    for name in LISTS:
        assert client.get(address(name, "changelist")).status_code == 403


def test_a_member_who_is_no_staff_does_not_open_the_admin(alice_client: Client, function: Function) -> None:
    assert alice_client.get(address("function", "changelist")).status_code == 302


def test_a_superuser_sees_and_changes_all(other_project: Project, function: Function) -> None:
    client = staff(other_project, None, is_superuser=True)
    url = address("function", row=function)
    assert client.post(url, {**form_of(client, url), "instructions": "New."}).status_code == 302
    assert function.revisions.get(number=2).instructions == "New."


def test_revisions_are_only_read(project: Project, function: Function) -> None:
    client = staff(project, None, is_superuser=True)
    revision = function.revisions.get()
    page = body_of(client.get(address("revision", row=revision)))
    assert '"temperature": 0.1' in page
    assert client.post(address("revision", row=revision), {"note": "x"}).status_code == 403
    assert client.post(address("revision", "delete", revision), {"post": "yes"}).status_code == 403
    assert client.get(address("revision", "add")).status_code == 403
