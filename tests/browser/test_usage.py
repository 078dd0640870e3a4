"""The Usage page in a browser, with scripts and without, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from urllib.parse import unquote

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.traces.factories import make_call

USAGE = "/projects/acme/usage/"


@pytest.fixture(autouse=True)
def _calls(project: Project) -> None:
    for number in range(12):
        make_call(
            project,
            started_at=timezone.now() - timedelta(days=number % 5, minutes=5),
            model=f"openai/gpt-with-a-rather-long-name-{number % 7}",
            cost_usd=Decimal("1.25"),
            tags={"user": f"company_{number % 3}", "env": "production"},
            score=60 + number,
            status="error" if number == 3 else "ok",
        )


def test_every_choice_works_without_scripts(plain_page: Page) -> None:
    plain_page.goto(USAGE)
    expect(plain_page.locator(".usage-table [data-row]")).to_have_count(7)
    plain_page.click(".usage-by summary")
    plain_page.click(".usage-tags >> text=user")
    expect(plain_page.locator(".usage-table [data-row]")).to_have_count(3)
    plain_page.click(".usage-figures >> text=Calls")
    expect(plain_page.locator("#usage-chart-title")).to_have_text("Calls by day")
    plain_page.click(".row-link >> text=company_2")
    expect(plain_page.locator(".filter-chip")).to_contain_text("tag:user")
    expect(plain_page.locator(".usage-table [data-row]")).to_have_count(1)
    plain_page.click("text=Show as table")
    expect(plain_page.locator(".usage-time")).to_contain_text("Total")
    assert "q=tag:user=company_2&by=tag&tag=user&measure=calls" in unquote(plain_page.url)
    plain_page.click("text=Open traces")
    expect(plain_page.locator("[data-row]")).to_have_count(4)


def test_a_typed_filter_keeps_how_the_page_is_set(page: Page) -> None:
    page.goto(f"{USAGE}?by=tag&tag=user&measure=errors")
    page.fill("#filter-input", "status:error")
    page.keyboard.press("Enter")
    expect(page.locator(".usage-table [data-row]")).to_have_count(1)
    assert {"q=status:error", "by=tag", "tag=user", "measure=errors"} == {
        *unquote(page.url).partition("?")[2].split("&")
    }


def test_a_column_leads_to_its_day(page: Page) -> None:
    page.goto(USAGE)
    columns = page.locator(".usage-main a:has(.column rect:nth-of-type(2)) rect.back")
    expect(columns).to_have_count(5)
    columns.last.click()
    expect(page.locator("#usage-chart-title")).to_have_text("Cost by hour")


def test_what_is_shown_comes_as_a_file(page: Page) -> None:
    page.goto(USAGE)
    with page.expect_download() as download:
        page.click("text=CSV >> nth=0")
    assert download.value.suggested_filename.startswith("usage-acme-")


@pytest.mark.parametrize("query", ["", "?range=1h", "?q=model:nothing"])
def test_nothing_scrolls_sideways_on_a_phone(open_page: Callable[..., Page], alice: User, query: str) -> None:
    phone = open_page(user=alice, size=PHONE)
    phone.goto(USAGE + query)
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_keeps_nobody_out(
    open_page: Callable[..., Page],
    alice: User,
    axe: Callable[[Page], list[str]],
    console_errors: Callable[[Page], list[str]],
    dark: bool,
    size: dict[str, int],
) -> None:
    page = open_page(user=alice, dark=dark, size=size)
    refused = console_errors(page)
    page.goto(f"{USAGE}?by=tag&tag=user")
    page.click("text=Show as table")
    assert axe(page) == []
    assert refused == []
