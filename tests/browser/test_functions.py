"""The list of functions and the overview of one in a browser, with scripts and without, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from functions.models import Completion, Function, Revision
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.traces.factories import make_call

LIST = "/projects/acme/functions/"
OVERVIEW = "/projects/acme/functions/team/mini%20kb/overview/"


@pytest.fixture(autouse=True)
def _functions(project: Project) -> None:
    for name in ("team/mini kb", "a_function_with_a_name_that_is_longer_than_any_column_of_a_table_can_be"):
        function = Function.objects.create(project=project, name=name, description="Answer a question " * 9)
        model = ["openai/gpt-with-a-rather-long-name", "b"]
        at = timezone.now() - timedelta(days=2)
        Revision.objects.create(function=function, number=1, digest="1", model=model, created_at=at)
    for number in range(12):
        make_call(
            project,
            started_at=timezone.now() - timedelta(hours=5 * number),
            function_name="team/mini kb",
            revision_number=1,
            model=f"openai/gpt-with-a-rather-long-name-{number % 7}",
            score=number * 8,
            status="error" if number % 3 else "ok",
            error_message="a_message_without_a_single_space_" * 9,
            input="a_question_without_a_single_space_" * 9,
            tags={"env": "production" if number % 2 else "staging"},
        )
    function = Function.objects.get(name="team/mini kb")
    for span in project.spans.all():
        Completion.objects.create(span=span, project=project, function=function, state="done")


def test_every_choice_works_without_scripts(plain_page: Page) -> None:
    plain_page.goto(LIST)
    expect(plain_page.locator("[data-row]")).to_have_count(2)
    plain_page.click("th >> text=Success")
    assert plain_page.url.endswith("?sort=-success")
    plain_page.fill("[name=q]", "MINI")
    plain_page.press("[name=q]", "Enter")
    expect(plain_page.locator("[data-row]")).to_have_count(1)
    plain_page.click("summary:has-text('Last 24 hours')")
    plain_page.click("text=Last 7 days")
    expect(plain_page.locator("thead")).to_contain_text("Calls, 7 days")
    plain_page.click(".row-link")
    expect(plain_page.locator("h1")).to_have_text("team/mini kb")
    plain_page.click("text=Show as table")
    expect(plain_page.locator(".usage-time tbody tr")).to_have_count(56)
    plain_page.click("summary:has-text('Filter')")
    plain_page.fill("[name=tag]", "env=production")
    plain_page.press("[name=tag]", "Enter")
    expect(plain_page.locator(".overview-boxes > div >> nth=0")).to_contain_text("6")
    plain_page.click("text=All 4")
    assert 'q=function:"team/mini kb" tag:env=production status:error' in unquote(plain_page.url)
    expect(plain_page.locator("[data-row]")).to_have_count(4)


@pytest.mark.parametrize("path", [LIST, f"{LIST}?q=nothing", OVERVIEW, f"{OVERVIEW}?q=status:error%20tag:x"])
def test_nothing_scrolls_sideways_on_a_phone(open_page: Callable[..., Page], alice: User, path: str) -> None:
    phone = open_page(user=alice, size=PHONE)
    phone.goto(path)
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("path", [LIST, OVERVIEW], ids=["list", "overview"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_keep_nobody_out(
    open_page: Callable[..., Page],
    alice: User,
    axe: Callable[[Page], list[str]],
    console_errors: Callable[[Page], list[str]],
    path: str,
    size: dict[str, int],
    dark: bool,
) -> None:
    page = open_page(user=alice, dark=dark, size=size)
    refused = console_errors(page)
    page.goto(path)
    if path == OVERVIEW:
        page.click("text=Show as table")
    assert axe(page) == []
    assert refused == []
