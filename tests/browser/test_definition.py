"""The pages of a definition in a real browser: without scripts, by keyboard, by everybody."""

from __future__ import annotations

from typing import Any

import pytest

from functions import revising
from functions.examples import dataset
from functions.models import Draft, Function
from functions.revising import Author
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE

PAGE = "/projects/acme/functions/mini_kb_query/definition/"
OUTPUT = {
    "title": "Answer",
    "type": "object",
    "properties": {
        "answer": {"type": "string", "description": "Concise answer", "pattern": "^[A-Za-z ]+$"},
        "mood": {"type": "string", "enum": ["good", "bad"]},
        "sources": {"type": "array", "items": {"type": "object", "properties": {"fact": {"type": "integer"}}}},
    },
    "required": ["answer"],
}


@pytest.fixture
def function(project: Project, alice: User) -> Function:
    values = {
        "instructions": "Answer the question.",
        "output_schema": OUTPUT,
        "model": ["rehearsal/echo", {"name": "rehearsal/flaky-2", "options": {"temperature": 0.1}}],
        "configuration": {"invocation.few_shot.count": 3, "unknown": 1},
    }
    function = revising.create(project, "mini_kb_query", values, author=Author(user=alice), note="First")
    revising.save(function, {"instructions": "Answer the question in a word."}, author=Author(user=alice), note="Short")
    dataset.add(function, {"input": "?", "output": {"answer": "yes"}})
    return function


def test_a_definition_is_edited_reviewed_and_saved_without_scripts(plain_page: Any, function: Function) -> None:
    page = plain_page
    page.goto(PAGE)
    page.fill("#instructions", "Answer in one word.\nOnly facts.")
    page.click("role=button[name='Edit output.answer']")
    assert page.input_value("#instructions") == "Answer in one word.\nOnly facts."
    page.fill("[id='field.name']", "reply")
    page.fill("[id='field.most']", "20")
    page.click("role=button[name='Done']")
    page.click("#models summary >> nth=1")
    page.click("#models >> role=button[name='Up']")
    page.fill("[id='settings.invocation.cache.ttl']", "60")
    page.fill("#note", "One word")
    page.click("role=button[name='Review']")
    assert page.locator("text=maxLength 20").count() == 1
    page.click("role=button[name='Save as revision 3']")
    newest = function.revisions.get(number=3)
    assert (newest.instructions, newest.note) == ("Answer in one word.\nOnly facts.", "One word")
    assert list(newest.output_schema["properties"]) == ["reply", "mood", "sources"]
    assert [each if isinstance(each, str) else each["name"] for each in newest.model] == [
        "rehearsal/flaky-2",
        "rehearsal/echo",
    ]
    assert newest.configuration["invocation.cache.ttl"] == 60


def test_enter_in_a_field_keeps_and_saves_nothing(plain_page: Any, function: Function) -> None:
    plain_page.goto(PAGE)
    plain_page.fill("#note", "Why")
    plain_page.press("#note", "Enter")
    plain_page.wait_for_url(f"**{PAGE}")
    assert Draft.objects.get().note == "Why"
    assert function.revisions.count() == 2


def test_with_scripts_words_are_counted_drafts_kept_and_keys_save(page: Any, function: Function) -> None:
    page.goto(PAGE)
    page.fill("#instructions", "Three words only")
    assert page.locator("text=3 words, about 4 tokens").count() == 1
    page.wait_for_selector("#draft-changes >> text=1 change")
    assert Draft.objects.get().definition["instructions"] == "Three words only"
    page.press("#instructions", "Control+Enter")
    page.wait_for_selector("text=Revision 3 is live")
    assert function.revisions.count() == 3
    assert not Draft.objects.exists()


def test_an_open_row_shows_what_its_type_has(page: Any, function: Function) -> None:
    page.goto(f"{PAGE}?edit=output.answer")
    assert page.is_visible("[id='field.pattern']")
    assert not page.is_visible("[id='field.enum']")
    page.select_option("[id='field.kind']", "one of")
    assert not page.is_visible("[id='field.pattern']")
    assert page.is_visible("[id='field.enum']")


def test_models_are_moved_by_keys(page: Any, function: Function) -> None:
    page.goto(PAGE)
    page.focus("#models summary >> nth=1")
    with page.expect_navigation():
        page.keyboard.press("Alt+ArrowUp")
    assert page.locator("#models summary code >> nth=0").inner_text() == "rehearsal/flaky-2"


def test_restoring_and_undoing_takes_a_press_each(plain_page: Any, function: Function) -> None:
    page = plain_page
    page.goto("/projects/acme/functions/mini_kb_query/revisions/")
    page.click("role=button[name='Restore revision 1']")
    assert function.revisions.get(number=3).instructions == "Answer the question."
    page.click("role=button[name='Undo']")
    assert function.revisions.get(number=4).instructions == "Answer the question in a word."


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_keeps_anybody_out(
    open_page: Any, axe: Any, alice: User, function: Function, dark: bool, size: dict[str, int]
) -> None:
    page = open_page(user=alice, dark=dark, size=size)
    base = "/projects/acme/functions/"
    for path in ("", "?edit=output.answer&input=json", "?add=output&model=new&input=paste", "call/", "function/"):
        assert page.goto(PAGE + path).status == 200
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"], path
    draft = {**function.revisions.get(number=2).__dict__, "instructions": "Mine."}
    fields = ("instructions", "input_schema", "output_schema", "model", "configuration")
    Draft.objects.create(
        function=function,
        author=alice,
        base=function.revisions.get(number=1),
        definition={name: draft[name] for name in fields},
    )
    for path in (f"{PAGE}review/", f"{base}mini_kb_query/revisions/?undo=1", f"{base}new/"):
        assert page.goto(path).status == 200
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"], path
