"""A real browser on the real server: pages with scripts and without, signed in as one likes, checked by axe-core."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from opperweb.accounts.models import User

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
HERE = Path(__file__).parent

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

# How long a page may take before a test gives up: long, because the machine may be busy with something else. The very
# first page waits for the server to read its templates, too.
PATIENCE_MS = 30_000
LOADING_MS = 90_000
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in filter(_is_here, items):
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.network_threads)
        item.add_marker(pytest.mark.django_db(transaction=True))
    # Last of all: Playwright's event loop stays on this thread, and an async test needs one of its own.
    items.sort(key=_is_here)


def _is_here(item: pytest.Item) -> bool:
    return HERE in item.path.parents


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        _do_without("there is no Chromium on this machine")
    # Playwright's loop runs on this thread, where Django would therefore refuse to touch the database.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def _do_without(reason: str) -> None:
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def open_page(browser: Browser, server: str) -> Iterator[Callable[..., Page]]:
    """Open a page: `open_page(user=alice, scripts=False, size=PHONE, dark=True)`; paths are relative to the server."""
    contexts: list[BrowserContext] = []

    def opened(
        *, user: User | None = None, scripts: bool = True, size: dict[str, int] | None = None, dark: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=server,
            java_script_enabled=scripts,
            viewport=size or WIDE,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": _session(user), "url": server}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.set_default_navigation_timeout(LOADING_MS)
        return page

    yield opened
    for context in contexts:
        context.close()


def _session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies[django_settings.SESSION_COOKIE_NAME].value)


@pytest.fixture
def page(open_page: Callable[..., Page], alice: User) -> Page:
    """A page with scripts, Alice signed in."""
    return open_page(user=alice)


@pytest.fixture
def plain_page(open_page: Callable[..., Page], alice: User) -> Page:
    """A page without scripts, Alice signed in."""
    return open_page(user=alice, scripts=False)


@pytest.fixture
def console_errors() -> Callable[[Page], list[str]]:
    """The errors in a page's console from now on: what the policy refuses, what breaks, what is not found."""

    def watched(page: Page) -> list[str]:
        errors: list[str] = []

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                errors.append(f"{message.text} ({message.location['url']})")

        page.on("console", hear)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return errors

    return watched


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """Check a page for what keeps people out: one line for each violation, none where all is well."""
    if not AXE.exists():
        _do_without("axe-core is not installed: npm install")
    source = AXE.read_text(encoding="utf-8")

    def violations(page: Page) -> list[str]:
        # Evaluated by the debugger, which no content security policy concerns.
        page.evaluate(source + "; 0")
        found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {violation['help']} at {node['target']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    return violations
