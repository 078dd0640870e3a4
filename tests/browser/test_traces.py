"""The list of traces in a browser, with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE
from tests.traces.factories import make_call

LIST = "/projects/acme/traces/"


@pytest.fixture
def two_traces(project: Project) -> None:
    make_call(project, "kept", tags={"env": "production"}, input="Which planet?", output="Jupiter", score=97)
    make_call(project, "dropped", tags={"env": "staging"}, status="error", error_message="429 from the provider")


@pytest.mark.usefixtures("two_traces")
def test_a_typed_filter_becomes_a_chip_and_narrows_the_list(page: Page) -> None:
    page.goto(LIST)
    page.fill("#filter-input", "tag:env=production")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator(".filter-chip")).to_contain_text("tag:env")
    expect(page.locator("#summary")).to_contain_text("Traces")
    expect(page.locator("#announce")).to_have_text("Trace list updated")
    assert "q=tag:env=production" in unquote(page.url)
    page.locator("#filter-input").press("Backspace")
    expect(page.locator("[data-row]")).to_have_count(2)
    page.go_back()
    expect(page.locator("[data-row]")).to_have_count(1)


@pytest.mark.usefixtures("two_traces")
def test_the_list_filters_without_scripts(plain_page: Page) -> None:
    plain_page.goto(LIST)
    plain_page.fill("#filter-input", "status:error")
    plain_page.keyboard.press("Enter")
    expect(plain_page.locator("[data-row]")).to_have_count(1)
    plain_page.click("noscript a")
    expect(plain_page.locator("dl#summary")).to_contain_text("100.0")
    plain_page.click(".filter-all summary")
    plain_page.fill("input[name=tag] >> nth=0", "env=production")
    plain_page.click("text=Apply filters")
    expect(plain_page.locator("main h2")).to_have_text("No traces match")


@pytest.mark.usefixtures("two_traces")
def test_rows_can_be_walked_by_keys(page: Page) -> None:
    page.goto(LIST)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".row-link").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(".row-link").nth(0)).to_be_focused()


@pytest.mark.usefixtures("two_traces")
def test_nothing_scrolls_sideways_on_a_phone(open_page: Callable[..., Page], alice: User) -> None:
    phone = open_page(user=alice, size=PHONE)
    phone.goto(LIST)
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.usefixtures("two_traces")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("query", ["", "?q=status:stopped%20latenzy:1"])
def test_the_list_keeps_nobody_out(
    open_page: Callable[..., Page], alice: User, axe: Callable[[Page], list[str]], query: str, dark: bool
) -> None:
    page = open_page(user=alice, dark=dark)
    page.goto(LIST + query)
    page.wait_for_load_state("networkidle")
    assert axe(page) == []


@pytest.mark.usefixtures("two_traces")
@pytest.mark.parametrize("path", [LIST, "/projects/acme/completions/"])
def test_a_list_is_as_readable_while_its_figures_are_still_awaited(page: Page, axe: Any, path: str) -> None:
    waiting: list[Any] = []
    page.route("**/*part=summary*", lambda route: waiting.append(route))
    page.goto(path)
    expect(page.locator("#summary")).to_have_class(re.compile("htmx-request"))
    expect(page.locator("#trace-list")).to_have_css("opacity", "1")
    assert axe(page) == []
    waiting[0].continue_()
    expect(page.locator("dl#summary")).to_be_visible()
