"""Examples in a browser: with scripts and without, on a desk and on a phone, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from functions import revising
from functions.examples import dataset
from functions.models import DatasetExample, Function
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE

LIST = "/projects/acme/functions/planets/examples/"
TEXT = {"type": "string"}
INPUT = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": TEXT}, "question": TEXT},
    "required": ["facts", "question"],
}
OUTPUT = {"type": "object", "properties": {"answer": {**TEXT, "pattern": "^The answer"}}, "required": ["answer"]}


@pytest.fixture
def function(project: Project) -> Function:
    function = revising.create(project, "planets", {"input_schema": INPUT, "output_schema": OUTPUT})
    for question in ("Which one of them is a long question, longer than a line of a phone can hold?", "Which?", "Why?"):
        values = {"input": {"facts": ["a", "b"], "question": question}, "output": {"answer": "The answer is one"}}
        dataset.add(function, values, score=40)
    dataset.add(function, {"input": {"facts": ["a", "b"], "question": "Why?"}, "output": {"answer": "bad"}})
    return function


def test_an_example_is_written_without_scripts(plain_page: Page, function: Function) -> None:
    plain_page.goto(f"{LIST}new/")
    plain_page.fill("[name='input.facts.0']", "One.")
    plain_page.click("button[name=add][value='input.facts']")
    plain_page.fill("[name='input.facts.1']", "Two.")
    plain_page.fill("[name='input.question']", "How many?")
    plain_page.fill("[name='output.answer']", "Two")
    plain_page.click(".example-form footer >> text=Save")
    expect(plain_page.locator("[id='output.answer~error']")).to_contain_text("Must match ^The answer")
    plain_page.fill("[name='output.answer']", "The answer is two")
    plain_page.click(".example-form footer >> text=Save")
    expect(plain_page.locator(".toast")).to_contain_text("“How many?” is an example now")
    expect(plain_page.locator("[data-row]").first).to_contain_text("2 facts")
    plain_page.click(".toast >> text=Undo")
    expect(plain_page.locator("[data-row]")).to_have_count(4)


def test_enter_in_a_field_of_one_line_saves_and_removes_nothing(page: Page, project: Project) -> None:
    short = {"type": "object", "properties": {"names": {"type": "array", "items": {**TEXT, "maxLength": 20}}}}
    revising.create(project, "planets", {"input_schema": short})
    page.goto(f"{LIST}new/")
    page.click("button[name=add]")
    page.fill("[name='output']", "x")
    page.fill("[name='input.names.0']", "Mars")
    page.press("[name='input.names.0']", "Enter")
    expect(page.locator(".toast")).to_contain_text("is an example now")
    assert DatasetExample.objects.get().input == {"names": ["Mars"]}


def test_what_is_ticked_is_deleted_after_a_question(page: Page, function: Function) -> None:
    page.goto(LIST)
    expect(page.locator("#ticked")).to_be_hidden()
    page.check("[data-row] >> nth=0 >> input")
    page.check("[data-row] >> nth=1 >> input")
    page.click("text=Delete what is ticked")
    expect(page.locator("#confirm-title")).to_have_text("Delete 2 examples?")
    expect(page.locator("#confirm a:has-text('Keep')")).to_be_focused()
    page.click("#confirm >> text=Delete 2 examples >> nth=-1")
    expect(page.locator("#toasts")).to_contain_text("2 examples are deleted")
    expect(page.locator("[data-row]")).to_have_count(2)


def test_a_file_goes_in_step_by_step_without_scripts(plain_page: Page, function: Function, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_bytes(b'question;facts;reply\r\n"One\r\nor two";"[""a""]";The answer is one\r\nx;"[]";no\r\n')
    plain_page.goto(LIST)
    plain_page.click("text=Import")
    plain_page.set_input_files("#file", file)
    plain_page.click("text=Read the file")
    expect(plain_page.locator("[id='column.2']")).to_have_value("output.answer")
    plain_page.click("text=Import 1 row")
    expect(plain_page.locator(".facts")).to_contain_text("Not imported")
    with plain_page.expect_download() as download:
        plain_page.click("text=Download as CSV")
    assert "output.answer" in Path(str(download.value.path())).read_text(encoding="utf-8")
    assert DatasetExample.objects.order_by("key").last().input["question"] == "One\r\nor two"  # type: ignore[union-attr]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desk", "phone"])
def test_nothing_keeps_people_out_or_scrolls_sideways(
    open_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    function: Function,
    alice: User,
    size: dict[str, int],
    dark: bool,
) -> None:
    page = open_page(user=alice, size=size, dark=dark)
    misfit = DatasetExample.objects.exclude(misfit="").get()
    for address in (LIST, f"{LIST}{misfit.id}/", f"{LIST}?duplicates=1", f"{LIST}?q=nothing", f"{LIST}import/"):
        page.goto(address)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.fill("#text", "question,answer,facts\nwhy?,The answer,[]\nwhy?,no,[]\n")
    page.click("text=Read the file")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("text=Import 1 row")
    assert axe(page) == []


def test_on_a_phone_an_example_is_a_page_of_its_own(
    open_page: Callable[..., Page], function: Function, alice: User
) -> None:
    page = open_page(user=alice, size=PHONE)
    page.goto(LIST)
    page.click("[data-row] >> nth=1 >> .row-link")
    expect(page.locator(".example-form")).to_be_visible()
    expect(page.locator(".examples-list")).to_be_hidden()
    page.click(".example-form header a")
    expect(page.locator(".examples-list")).to_be_visible()
