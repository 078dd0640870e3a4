"""The page of a trace in a browser: on to the next, the critical path, rows that fold, texts that are copied whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.traces.factories import make_attempt, make_call, make_span, make_trace
from traces.models import Trace

LIST = "/projects/acme/traces/"


@pytest.fixture
def agent(project: Project) -> Trace:
    trace = make_trace(project, "agent", started_at=timezone.now() - timedelta(minutes=1))
    root = make_span(trace, "agent", kind="agent", duration_ms=1000)
    make_span(trace, "search", parent=root, kind="tool", duration_ms=400)
    call = make_span(trace, "ask", parent=root, kind="llm", after_ms=400, duration_ms=600, attempt_count=1)
    make_attempt(call, request_body='{"text": "' + "x" * 300_000 + '"}')
    make_call(project, "older", started_at=timezone.now() - timedelta(minutes=5))
    return trace


def press(page: Page, key: str) -> None:
    # Scripts listen only when the page has loaded.
    page.wait_for_load_state("load")
    page.keyboard.press(key)


@pytest.mark.usefixtures("agent")
def test_keys_walk_the_list_the_reader_came_from(page: Page) -> None:
    page.goto(LIST)
    page.click(".row-link >> nth=0")
    expect(page.locator("main")).to_contain_text("1 of 2")
    press(page, "j")
    expect(page.locator("h1")).to_have_text("older")
    expect(page.locator("main")).to_contain_text("2 of 2")
    press(page, "k")
    expect(page.locator("h1")).to_have_text("agent")


def test_the_critical_path_is_a_key_away_and_stays(page: Page, agent: Trace) -> None:
    page.goto(f"{LIST}{agent.id}/")
    expect(page.locator(".tree .b-path")).to_have_count(0)
    press(page, "p")
    expect(page.locator(".tree .b-path")).to_have_count(2)
    page.click(".tabs >> text=Details")
    expect(page).to_have_url(re.compile("tab=details.*cp=1"))
    press(page, "p")
    expect(page.locator(".tree .b-path")).to_have_count(0)


def test_the_critical_path_needs_no_script(plain_page: Page, agent: Trace) -> None:
    plain_page.goto(f"{LIST}{agent.id}/")
    plain_page.click("text=Critical path")
    expect(plain_page.locator(".tree .b-path")).to_have_count(2)


def test_a_closed_row_shows_the_bars_inside_it(page: Page, agent: Trace) -> None:
    page.goto(f"{LIST}{agent.id}/")
    inside = page.locator(".row").first.locator(".folded rect")
    expect(inside).to_have_count(0)
    page.click(".fold")
    expect(page.locator(".row:visible")).to_have_count(1)
    assert inside.count() >= 2
    expect(inside.first).to_be_visible()
    page.click(".fold")
    expect(page.locator(".row:visible")).to_have_count(3)
    expect(inside.first).to_be_hidden()


def test_a_long_request_is_copied_whole(page: Page, agent: Trace) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{LIST}{agent.id}/?tab=raw")
    page.click("[data-copy-from] >> nth=0")
    expect(page.locator("[data-copy-from] >> nth=0")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText().then((text) => text.length)") > 300_000


@pytest.mark.parametrize("tab", ["output", "raw", "details"])
@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (PHONE, True)], ids=["wide light", "phone dark"])
def test_a_trace_keeps_nobody_out(
    open_page: Callable[..., Page],
    alice: User,
    agent: Trace,
    axe: Callable[[Page], list[str]],
    tab: str,
    size: dict[str, int],
    dark: bool,
) -> None:
    page = open_page(user=alice, size=size, dark=dark)
    page.goto(f"{LIST}{agent.id}/?tab={tab}&list=&cp=1")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
