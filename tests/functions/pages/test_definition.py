"""The page of a definition: edited in one form whose buttons keep everything, saved, reviewed and merged."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from functions import drafts, revising
from functions.examples import dataset
from functions.models import Draft, Function
from functions.revising import Author
from opperweb.accounts.models import Membership, Project, Role, User
from tests.traces.factories import make_call

PAGE = "/projects/acme/functions/mini_kb_query/definition/"
INPUT = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
OUTPUT = {
    "title": "Answer",
    "type": "object",
    "properties": {
        "thoughts": {"type": "string", "x-kept": 1},
        "answer": {"type": "string", "description": "In a word"},
    },
    "required": ["thoughts", "answer"],
}
VALUES: dict[str, Any] = {
    "instructions": "Answer.\nBriefly.",
    "input_schema": INPUT,
    "output_schema": OUTPUT,
    "model": [{"name": "rehearsal/echo", "options": {"temperature": 0.1, "top_p": 1}}, "rehearsal/flaky-2"],
    "configuration": {"invocation.few_shot.count": 3, "unknown.key": {"a": 1}},
}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "mini_kb_query", VALUES, description="Answers from facts", note="First")


def body_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return html.unescape(response.content.decode())


def form_of(client: Client, query: str = "") -> dict[str, str]:
    """Return what a browser sends of the page's form, without a button."""
    context = client.get(PAGE + query).context
    form, work = context["form"], context["work"]
    sent = {
        "base": str(work.base.pk),
        "edit": form.opened.edit,
        "add": form.opened.add,
        "instructions": form.instructions.replace("\n", "\r\n"),
        "note": work.note,
        "has-models": "1",
        "has-settings": "1",
        "settings": form.settings.others.replace("\n", "\r\n"),
    }
    for part in form.schemas:
        sent[f"view-{part.side}"] = part.view
        if part.view == "json":
            sent[f"schema.{part.side}"] = part.json_text.replace("\n", "\r\n")
        for row in part.rows:
            if row.form is not None:
                sent |= _row(row.form)
    for row in form.models:
        for name in ("name", "temperature", "max_tokens", "options", "headers", "was"):
            sent[f"model.{row.number}.{name}"] = getattr(row, name).replace("\n", "\r\n")
    for control in form.settings.controls:
        if control.setting.kind != "switch" or control.value:
            sent[control.name] = control.value
    return sent


def _row(form: Any) -> dict[str, str]:
    names = ("name", "kind", "description", "enum", "least", "most", "pattern")
    sent = {form.start + name: getattr(form, name) for name in names}
    sent |= {form.start + "required": "on"} if form.is_required else {}
    return sent | ({form.start + "nullable": "on"} if form.is_nullable else {})


def press(client: Client, do: str, query: str = "", **changes: str) -> Any:
    """Press a button of the form, with some of its fields changed."""
    sent = {**form_of(client, query), **{name.replace("__", "."): text for name, text in changes.items()}, "do": do}
    return client.post(PAGE + "edit/", {name: text for name, text in sent.items() if text is not None})


def draft() -> dict[str, Any]:
    definition: dict[str, Any] = Draft.objects.get().definition
    return definition


# --- keeping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?input=json&output=json", "?edit=output.answer"])
def test_a_form_that_nobody_changed_changes_nothing(alice_client: Client, function: Function, query: str) -> None:
    assert press(alice_client, "keep", query).status_code == 302
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "model",
    [
        None,
        "rehearsal/echo",
        {"name": "rehearsal/echo"},
        ["rehearsal/echo"],
        [{"name": "rehearsal/echo", "options": {}, "extra_headers": {"X-A": "b"}}],
    ],
)
def test_models_stay_in_the_form_they_were_given(alice_client: Client, function: Function, model: Any) -> None:
    revising.save(function, {"model": model})
    press(alice_client, "keep")
    assert not Draft.objects.exists()


def test_every_button_keeps_what_was_typed(alice_client: Client, function: Function) -> None:
    answer = press(alice_client, "show output json", instructions="Typed.", note="Why")
    assert answer["Location"] == f"{PAGE}?output=json#schema-output"
    kept = Draft.objects.get()
    assert (kept.definition["instructions"], kept.note) == ("Typed.", "Why")
    page = body_of(alice_client.get(PAGE))
    assert "Typed." in page
    assert "<b>1 change</b>" in page
    assert function.revisions.count() == 1


def test_what_cannot_be_read_is_told_at_its_field_and_the_rest_is_kept(
    alice_client: Client, function: Function
) -> None:
    answer = press(alice_client, "save", "?output=json", instructions="Kept.", schema__output='{"type": \r\n oops}')
    page = body_of(answer, 422)
    assert "Not JSON: line 2, column 2" in page
    assert "oops}" in page
    assert draft()["instructions"] == "Kept."
    assert draft()["output_schema"] == OUTPUT
    assert function.revisions.count() == 1


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("settings.invocation.few_shot.count", "many", "Write a whole number."),
        ("settings.invocation.few_shot.count", "2000", "Must be from 0 to 1000."),
        ("settings", "[1]", "An object is needed"),
        ("settings", '{"invocation.cache.ttl": 3}', "has a field of its own"),
        ("model.0.temperature", "warm", "Write a number, such as 0.1."),
        ("model.0.max_tokens", "0", "Write a whole number from 1 on."),
        ("model.0.options", "{", "Not JSON: line 1"),
        ("model.0.options", '{"temperature": 1}', "has a field of its own"),
        ("model.0.headers", '{"a b": "c"}', "a header is a name of letters"),
        ("model.1.name", "", ""),
        ("model.0.name", "", "A model's name is 1 to 255 characters"),
        ("instructions", "a\x00b", "A NUL character cannot be kept."),
        ("paste.input", "class A:", "Line 1: Not Python"),
        ("schema.input", "3", "A schema must be an object."),
        ("schema.input", '{"type": "strin"}', "type: "),
    ],
)
def test_a_wrong_entry_is_never_kept(
    alice_client: Client, function: Function, field: str, text: str, words: str
) -> None:
    answer = press(alice_client, "keep", **{field: text})
    if words:
        assert words in body_of(answer, 422)
        assert not Draft.objects.exists()
    else:
        assert draft()["model"] == VALUES["model"][:1]


# --- schemas ------------------------------------------------------------------------------------------------------


def test_a_row_is_opened_changed_and_renamed(alice_client: Client, function: Function) -> None:
    assert press(alice_client, "edit output.answer")["Location"] == f"{PAGE}?edit=output.answer#schema-output"
    assert 'name="field.name" value="answer"' in body_of(alice_client.get(f"{PAGE}?edit=output.answer"))
    changes = {"field.name": "reply", "field.most": "20", "field.description": "One word"}
    press(alice_client, "apply", "?edit=output.answer", **changes)
    assert draft()["output_schema"] == {
        **OUTPUT,
        "properties": {
            "thoughts": {"type": "string", "x-kept": 1},
            "reply": {"type": "string", "description": "One word", "maxLength": 20},
        },
        "required": ["thoughts", "reply"],
    }


def test_fields_are_added_moved_and_removed(alice_client: Client, function: Function) -> None:
    new = {"add": "output", "new.name": "mood", "new.kind": "one of", "new.enum": "good\r\nbad", "new.required": "on"}
    press(alice_client, "apply", **new)
    press(alice_client, "up output.mood")
    press(alice_client, "remove output.thoughts")
    schema = draft()["output_schema"]
    assert list(schema["properties"]) == ["mood", "answer"]
    assert schema["properties"]["mood"] == {"type": "string", "enum": ["good", "bad"]}
    assert "thoughts" not in schema["required"]


def test_a_wrong_row_stays_open_with_what_was_typed(alice_client: Client, function: Function) -> None:
    page = body_of(press(alice_client, "apply", "?edit=output.answer", **{"field.name": "thoughts"}), 422)
    assert "There is a field thoughts already." in page
    assert 'name="field.name" value="thoughts"' in page
    page = body_of(press(alice_client, "apply", add="output", **{"new.name": " ", "new.kind": "text"}), 422)
    assert "A field needs a name." in page


def test_cancelling_a_row_changes_nothing(alice_client: Client, function: Function) -> None:
    press(alice_client, "leave", "?edit=output.answer", **{"field.name": "reply"})
    assert not Draft.objects.exists()


def test_a_schema_is_pasted_and_removed(alice_client: Client, function: Function) -> None:
    source = "class Reply(BaseModel):\r\n    text: str\r\n"
    press(alice_client, "paste output", "?output=paste", **{"paste.output": source})
    assert draft()["output_schema"]["properties"] == {"text": {"title": "Text", "type": "string"}}
    press(alice_client, "clear output")
    assert draft()["output_schema"] is None


def test_a_name_with_dots_and_slashes_can_be_edited(alice_client: Client, function: Function) -> None:
    revising.save(function, {"output_schema": {"type": "object", "properties": {"a.b/c~": {"type": "string"}}}})
    page = body_of(alice_client.get(f"{PAGE}?edit=output.a~1b/c~0"))
    assert 'name="field.name" value="a.b/c~"' in page


def test_a_renamed_field_warns_of_examples_that_no_longer_fit(alice_client: Client, function: Function) -> None:
    dataset.add(function, {"input": {"question": "?"}, "output": {"thoughts": "t", "answer": "a"}})
    assert "will no longer fit" not in body_of(alice_client.get(PAGE))
    press(alice_client, "apply", "?edit=output.answer", **{"field.name": "reply"})
    assert "1 example will no longer fit." in body_of(alice_client.get(PAGE))


# --- models and settings ------------------------------------------------------------------------------------------


def test_models_are_added_moved_and_removed(alice_client: Client, function: Function) -> None:
    assert press(alice_client, "model-add")["Location"] == f"{PAGE}?model=new#models"
    press(alice_client, "model-up 2", "?model=new", **{"model.2.name": "rehearsal/empty", "model.2.max_tokens": "9"})
    new = {"name": "rehearsal/empty", "options": {"max_tokens": 9}}
    assert draft()["model"] == [VALUES["model"][0], new, "rehearsal/flaky-2"]
    press(alice_client, "model-drop 0")
    assert draft()["model"] == [new, "rehearsal/flaky-2"]


def test_settings_are_set_and_taken_away(alice_client: Client, function: Function) -> None:
    changes = {
        "settings.invocation.few_shot.count": "",
        "settings.invocation.cache.ttl": "60",
        "settings.beta.invocation.input_validation.enabled": "on",
        "settings.invocation.output.type": "text",
    }
    press(alice_client, "save", **changes)
    newest = function.revisions.order_by("-number").first()
    assert newest is not None
    assert newest.configuration == {
        "unknown.key": {"a": 1},
        "invocation.cache.ttl": 60,
        "beta.invocation.input_validation.enabled": True,
        "invocation.output.type": "text",
    }


def test_each_model_says_which_share_of_the_calls_it_answered(
    alice_client: Client, project: Project, function: Function
) -> None:
    for model in ("rehearsal/echo", "rehearsal/echo", "rehearsal/flaky-2"):
        make_call(project, function_name="mini_kb_query", model=model)
    shares = [row.share for row in alice_client.get(PAGE).context["form"].models]
    assert shares == ["66.7\u202f%", "33.3\u202f%"]


def test_an_unknown_model_is_told_at_its_row(alice_client: Client, function: Function) -> None:
    page = body_of(press(alice_client, "save", **{"model.1.name": "nobody/x"}), 422)
    assert 'id="model.1.name.says"' in page
    assert "No provider nobody is configured" in page
    assert function.revisions.count() == 1


# --- saving, reviewing, merging -----------------------------------------------------------------------------------


def test_saving_makes_the_next_revision_with_its_author_and_note(
    alice_client: Client, alice: User, function: Function
) -> None:
    assert press(alice_client, "save", instructions="New.", note="Shorter")["Location"] == PAGE
    newest = function.revisions.get(number=2)
    assert (newest.instructions, newest.note, newest.created_by) == ("New.", "Shorter", alice)
    assert {name: getattr(newest, name) for name in ("model", "configuration", "output_schema")} == {
        name: VALUES[name] for name in ("model", "configuration", "output_schema")
    }
    assert not Draft.objects.exists()
    assert "Revision 2 is live" in body_of(alice_client.get(PAGE))


def test_saving_nothing_new_saves_nothing(alice_client: Client, function: Function) -> None:
    press(alice_client, "save")
    assert function.revisions.count() == 1


def test_a_draft_is_discarded(alice_client: Client, function: Function) -> None:
    press(alice_client, "keep", instructions="Typed.")
    press(alice_client, "discard", instructions="Typed more.")
    assert not Draft.objects.exists()
    assert "No changes" in body_of(alice_client.get(PAGE))


def test_the_review_shows_words_fields_and_lines(alice_client: Client, function: Function) -> None:
    changes = {"instructions": "Answer.\r\nAt length.", "settings.invocation.few_shot.count": "5"}
    assert press(alice_client, "review", "?edit=output.answer", **changes, **{"field.most": "20"})["Location"] == (
        f"{PAGE}review/"
    )
    page = body_of(alice_client.get(f"{PAGE}review/"))
    assert "Briefly" in page
    assert "At length" in page
    assert "maxLength 20" in page
    assert "invocation.few_shot.count 5" in page
    alice_client.post(f"{PAGE}edit/", {"do": "save", "note": "Longer"})
    assert function.revisions.get(number=2).note == "Longer"


def test_what_somebody_saved_meanwhile_is_shown_and_merged(
    alice_client: Client, alice: User, bob: User, function: Function
) -> None:
    sent = {**form_of(alice_client), "instructions": "Mine.", "do": "save"}
    theirs = {"configuration": {"invocation.cache.ttl": 60}, "model": "rehearsal/echo"}
    revising.save(function, theirs, author=Author(user=bob), note="Cache")
    # Alice's page is older than what Bob saved.
    assert alice_client.post(f"{PAGE}edit/", sent)["Location"] == f"{PAGE}review/"
    assert function.revisions.count() == 2
    page = body_of(alice_client.get(f"{PAGE}review/"))
    assert "Saved as revision 2" in page
    assert "Bob: Cache" in page
    assert "Both changed these" not in page
    alice_client.post(f"{PAGE}merge/")
    alice_client.post(f"{PAGE}edit/", {"do": "save"})
    newest = function.revisions.get(number=3)
    assert (newest.instructions, newest.model, newest.created_by) == ("Mine.", "rehearsal/echo", alice)
    assert newest.configuration["invocation.cache.ttl"] == 60


@pytest.mark.parametrize(("side", "kept"), [("mine", "Mine."), ("theirs", "Theirs.")])
def test_where_both_changed_a_part_one_of_them_is_chosen(
    alice_client: Client, alice: User, function: Function, side: str, kept: str
) -> None:
    press(alice_client, "keep", instructions="Mine.")
    revising.save(function, {"instructions": "Theirs."})
    page = alice_client.get(f"{PAGE}review/")
    conflict = page.context["review"].conflicts[0]
    assert "Choose one of both." in body_of(alice_client.post(f"{PAGE}merge/"), 422)
    assert drafts.work_of(function, alice).is_overtaken
    alice_client.post(f"{PAGE}merge/", {f"choose.{conflict.id}": side})
    assert drafts.work_of(function, alice).definition["instructions"] == kept
    assert not drafts.work_of(function, alice).is_overtaken
    assert function.revisions.count() == 2


def test_what_is_sent_in_the_background_begins_no_draft_after_it_was_saved(
    alice_client: Client, function: Function
) -> None:
    sent = {**form_of(alice_client), "instructions": "New."}
    alice_client.post(f"{PAGE}edit/", {**sent, "do": "save"})
    alice_client.post(f"{PAGE}edit/", {**sent, "do": "autosave"})
    assert not Draft.objects.exists()


def test_what_is_sent_in_the_background_leaves_the_open_row_as_it_is_stored(
    alice_client: Client, function: Function
) -> None:
    answer = press(alice_client, "autosave", "?edit=output.answer", instructions="New.", **{"field.name": "reply"})
    assert answer["Location"] == f"{PAGE}?edit=output.answer"
    assert draft()["output_schema"] == OUTPUT
    assert draft()["instructions"] == "New."


# --- the function itself ------------------------------------------------------------------------------------------


def test_a_function_is_renamed_and_described(alice_client: Client, function: Function, project: Project) -> None:
    revising.create(project, "taken", {})
    assert press(alice_client, "ask function")["Location"] == f"{PAGE}function/"
    assert 'value="mini_kb_query"' in body_of(alice_client.get(f"{PAGE}function/"))
    page = body_of(alice_client.post(f"{PAGE}function/", {"name": "taken"}), 422)
    assert "There is a function of this name." in page
    answer = alice_client.post(f"{PAGE}function/", {"name": "team/ask it", "description": "New"})
    assert answer["Location"] == "/projects/acme/functions/team/ask%20it/definition/"
    assert alice_client.get(answer["Location"]).status_code == 200
    function.refresh_from_db()
    assert (function.name, function.description, function.observer_enabled) == ("team/ask it", "New", False)


def test_a_function_is_deleted_by_its_name(alice_client: Client, function: Function) -> None:
    assert "This is not its name" in body_of(alice_client.post(f"{PAGE}delete/", {"name": "mini"}), 422)
    answer = alice_client.post(f"{PAGE}delete/", {"name": "mini_kb_query"})
    assert answer["Location"] == "/projects/acme/functions/"
    assert not Function.objects.exists()


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.READER, Role.REVIEWER])
def test_readers_and_reviewers_see_and_change_nothing(
    bob_client: Client, bob: User, function: Function, role: Role
) -> None:
    Membership.objects.filter(user=bob).update(role=role)
    page = body_of(bob_client.get(PAGE))
    assert "Answer.\nBriefly." in page
    assert 'name="do"' not in page
    for path in ("edit/", "merge/", "function/", "delete/"):
        assert bob_client.post(PAGE + path, {"do": "save", "instructions": "x"}).status_code == 403
    assert bob_client.get(f"{PAGE}review/").status_code == 403
    assert not Draft.objects.exists()


def test_strangers_find_nothing(charlie_client: Client, alice_client: Client, function: Function) -> None:
    for path in ("", "edit/", "review/", "merge/", "function/", "delete/", "call/"):
        assert charlie_client.post(PAGE + path).status_code in (404, 405)
        assert charlie_client.get(PAGE + path).status_code in (404, 405)
    assert alice_client.get(PAGE.replace("mini", "other")).status_code == 404


def test_secret_headers_are_not_shown_to_those_who_only_read(bob_client: Client, function: Function) -> None:
    revising.save(function, {"model": {"name": "rehearsal/echo", "extra_headers": {"X-Api-Key": "very-secret"}}})
    assert "very-secret" not in body_of(bob_client.get(PAGE))
    assert "very-secret" not in body_of(bob_client.get(PAGE.replace("definition", "revisions")))


def test_nonsense_in_the_address_and_the_form_is_no_error(alice_client: Client, function: Function) -> None:
    assert alice_client.get(f"{PAGE}?edit=output.nothing.there&add=nowhere&input=x&output=&model=9").status_code == 200
    for do in (
        "",
        "up output.nothing",
        "remove x",
        "model-drop 99",
        "model-up ²",
        "add",
        "edit",
        "test x",
        "ask x",
        "zz",
    ):
        assert alice_client.post(f"{PAGE}edit/", {"do": do, "base": "x", "edit": "..", "add": "~"}).status_code in (
            302,
            422,
        )
    assert alice_client.get(f"{PAGE}edit/").status_code == 302


def test_a_script_in_a_text_is_shown_as_text(alice_client: Client, function: Function) -> None:
    revising.save(function, {"instructions": "</textarea><script>alert(1)</script>"})
    assert b"<script>alert" not in alice_client.get(PAGE).content


def test_the_number_of_queries_does_not_grow_with_what_there_is(alice_client: Client, function: Function) -> None:
    def count() -> int:
        alice_client.get(PAGE)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            alice_client.get(PAGE)
        return len(queries)

    before = count()
    for number in range(5):
        revising.save(function, {"instructions": f"Answer {number}."})
        dataset.add(function, {"input": {"question": "?"}, "output": {"thoughts": "t", "answer": "a"}})
    assert count() == before
