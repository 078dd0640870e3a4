"""The playground in a browser: answers that stream, keys, Stop, what is wrong, and the same without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from functions import revising
from functions.models import Function, PlaygroundRun
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE
from traces.models import Span, Status

PAGE = "/projects/acme/playground/?function=ask"
TEXT = {"type": "string"}
QUESTION = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": TEXT}, "question": TEXT},
    "required": ["question"],
}
ANSWER = {"type": "object", "properties": {"thoughts": TEXT, "answer": TEXT}, "required": ["thoughts", "answer"]}


@pytest.fixture
def function(project: Project) -> Function:
    values = {"model": "rehearsal/echo", "input_schema": QUESTION, "output_schema": ANSWER}
    return revising.create(project, "ask", values)


def test_ctrl_enter_runs_all_variants_and_shows_their_results(page: Page, function: Function) -> None:
    page.goto(f"{PAGE}&a=1&b=1,rehearsal/fail-400")
    page.fill("[id='input.question']", "Which planet?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#slot-a .badge")).to_have_text("Complete")
    expect(page.locator("#slot-a .field")).to_have_count(2)
    expect(page.locator("#slot-b .badge")).to_have_text("Failed")
    expect(page.locator("#earlier a")).to_have_count(1)
    run = PlaygroundRun.objects.get()
    assert f"run={run.pk}" in page.url
    expect(page.locator("[id='input.question']")).to_be_focused()
    page.reload()
    expect(page.locator("#slot-a .badge")).to_have_text("Complete")
    assert Span.objects.count() == 2


def test_escape_stops_what_runs(page: Page, function: Function) -> None:
    page.goto(f"{PAGE}&a=1,rehearsal/slow-60s")
    page.fill("[id='input.question']", "Which planet?")
    page.click("[data-runs]")
    expect(page.locator("[data-clock]")).to_contain_text("s")
    expect(page.locator("[data-path='answer']")).to_have_text("Not written yet")
    page.keyboard.press("Escape")
    expect(page.locator("#slot-a .badge")).to_have_text("Stopped")
    assert Span.objects.get().status == Status.STOPPED
    expect(page.locator("[data-runs]")).not_to_have_attribute("aria-disabled", "true")


def test_fields_fill_as_they_come_and_are_checked_at_the_end(page: Page, function: Function) -> None:
    page.goto(PAGE)
    page.evaluate("""() => { window.seen = []; new MutationObserver(() => {
        const text = document.querySelector("[data-path='answer']")?.textContent;
        if (text) window.seen.push(text);
    }).observe(document.body, { childList: true, subtree: true, characterData: true }); }""")
    page.fill("[id='input.question']", "one two three four")
    page.click("[data-runs]")
    expect(page.locator("#slot-a .badge")).to_have_text("Complete")
    seen: list[str] = page.evaluate("window.seen")
    assert "Not written yet" in seen
    assert len(set(seen)) > 1


def test_what_is_wrong_stands_at_its_field_and_gets_the_focus(page: Page, function: Function) -> None:
    page.goto(PAGE)
    page.fill("[id='input.question']", "Which planet?")
    page.fill("[id='a.model']", "nobody/x")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[id='a.model']")).to_be_focused()
    expect(page.locator("[id='a.model.says']")).to_contain_text("nobody")
    expect(page.locator("[id='input.question']")).to_have_value("Which planet?")
    page.fill("[id='a.model']", "")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#slot-a .badge")).to_have_text("Complete")


def test_another_model_is_named_before_it_is_asked(page: Page, function: Function) -> None:
    page.goto(f"{PAGE}&a=1&b=1")
    page.fill("[id='b.model']", "rehearsal/empty")
    page.press("[id='b.model']", "Tab")
    expect(page.locator("#asks")).to_contain_text("rehearsal/empty")
    assert not PlaygroundRun.objects.exists()


def test_without_scripts_a_run_shows_the_same(plain_page: Page, function: Function) -> None:
    plain_page.goto(f"{PAGE}&a=1&b=1")
    plain_page.fill("[id='input.question']", "Which planet?")
    plain_page.click("[data-runs]")
    expect(plain_page.locator("#slot-a .badge")).to_have_text("Complete")
    expect(plain_page.locator("#slot-b .field")).to_have_count(2)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_keeps_nobody_out_and_fits_a_phone(
    open_page: Callable[..., Page], axe: Callable[[Page], list[str]], alice: User, function: Function, dark: bool
) -> None:
    wide: Any = open_page(user=alice, dark=dark)
    wide.goto(f"{PAGE}&a=1&b=1,rehearsal/flaky-schema-2")
    wide.fill("[id='input.question']", "Which planet?")
    wide.click("[data-runs]")
    expect(wide.locator(".pg-foot")).to_have_count(2)
    assert axe(wide) == []
    phone = open_page(user=alice, size=PHONE, dark=dark)
    phone.goto(wide.url)
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert axe(phone) == []
