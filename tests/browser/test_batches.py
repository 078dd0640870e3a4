"""Completions and batches in a browser: with scripts and without, on a desk and on a phone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from functions import batches
from functions.models import Batch, BatchInput, BatchItem
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.traces.factories import make_call, make_span, make_trace
from traces.models import Kind

COMPLETIONS = "/projects/acme/completions/"
LONG = "an input with a good many words in it, more than a line of a phone can hold, and then some more"


@pytest.fixture
def batch(project: Project, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """A batch with two inputs done, one failed, one refused and three left, and no worker."""
    monkeypatch.setattr(batches.batch_job, "delay", lambda _: None)
    batch = Batch.objects.create(
        project=project,
        name="facts_november",
        state="running",
        total_count=7,
        done_count=2,
        failed_count=1,
        refused_count=1,
        started_at=timezone.now() - timedelta(seconds=40),
    )
    for number, state in enumerate(("done", "done", "failed", "refused", "queued", "queued", "queued")):
        span = None
        if state in ("done", "failed"):
            status = "ok" if state == "done" else "error"
            span = make_call(project, input=LONG, output=f"answer {number}", status=status).spans.get()
        error = "answer must match ^The answer to the question is" if state in ("failed", "refused") else ""
        item = BatchItem.objects.create(batch=batch, number=number, state=state, span=span, error_message=error)
        BatchInput.objects.create(item=item, input={"question": LONG})
    return batch


def address(batch: Batch) -> str:
    return f"{COMPLETIONS}batches/{batch.pk}/"


def test_a_running_batch_moves_by_itself_and_stops_asking_when_it_ended(page: Page, batch: Batch) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type == "xhr" else None)
    page.goto(address(batch))
    page.click("text=Show as table")
    page.fill("#id_at_once", "12")
    BatchItem.objects.filter(number=4).update(state="cancelled")
    expect(page.locator("#batch-live")).to_contain_text("Not sent")
    # What was opened and typed is still there, and the step over half was announced.
    expect(page.locator("#batch-numbers")).to_have_attribute("open", "")
    expect(page.locator("#id_at_once")).to_have_value("12")
    expect(page.locator("#announce")).to_have_text("70 % of the inputs are through, 1 failed")
    BatchItem.objects.filter(state="queued").update(state="cancelled")
    Batch.objects.update(state="cancelled", ended_at=timezone.now())
    expect(page.locator("#batch-state")).to_have_text("Cancelled")
    expect(page.locator("#batch-ways")).to_contain_text("All results")
    assert page.locator("#batch-live[hx-get]").count() == 0
    assert all(url.endswith(address(batch)) for url in asked)


def test_a_server_that_does_not_answer_is_told_of(page: Page, batch: Batch) -> None:
    page.goto(address(batch))
    expect(page.locator("#batch-lost")).to_be_hidden()
    page.route("**/batches/**", lambda route: route.abort())
    expect(page.locator("#batch-lost")).to_be_visible()
    page.unroute("**/batches/**")
    expect(page.locator("#batch-lost")).to_be_hidden()


def test_the_rest_is_cancelled_after_a_question(page: Page, batch: Batch) -> None:
    page.goto(address(batch))
    page.click("text=Cancel the rest")
    expect(page.locator("#confirm-title")).to_have_text("Cancel the rest of facts_november?")
    expect(page.locator("#confirm a:has-text('Keep')")).to_be_focused()
    page.click("text=Cancel 3 inputs")
    expect(page.locator("#toasts")).to_contain_text("3 inputs were not sent")
    expect(page.locator("#batch-state")).to_have_text("Cancelled")


def test_all_of_it_works_without_scripts(plain_page: Page, batch: Batch) -> None:
    plain_page.goto(COMPLETIONS)
    expect(plain_page.locator("[data-row]")).to_have_count(3)
    plain_page.click(".summary a")
    expect(plain_page.locator("#summary")).to_contain_text("Took more than one attempt")
    plain_page.click(".topbar >> text=Batches")
    plain_page.click("text=facts_november")
    expect(plain_page.locator("#batch-live")).to_contain_text("57.1")
    plain_page.click(".tabs >> text=Does not fit")
    expect(plain_page.locator(".batch-table tbody tr")).to_have_count(1)
    plain_page.fill("#id_at_once", "70")
    plain_page.click("text=Save limits")
    expect(plain_page.locator(".batch-limits")).to_contain_text("less than or equal to 64")
    plain_page.click("text=Run 1 again")
    expect(plain_page.locator("#toasts")).to_contain_text("1 input is run again")
    plain_page.click("text=Cancel the rest")
    plain_page.click("text=Cancel 4 inputs")
    expect(plain_page.locator("#batch-state")).to_have_text("Cancelled")


def test_all_results_come_as_a_file(page: Page, batch: Batch) -> None:
    page.goto(address(batch))
    with page.expect_download() as download:
        page.click("#batch-download")
    assert download.value.suggested_filename == "facts_november-results.jsonl"
    lines = [json.loads(line) for line in Path(download.value.path()).read_text(encoding="utf-8").splitlines()]
    assert [line["number"] for line in lines] == list(range(7))
    assert lines[1]["output"] == "answer 1"


def test_a_filter_and_a_row_lead_to_the_call_in_its_trace(page: Page, project: Project) -> None:
    trace = make_trace(project)
    root = make_span(trace, "agent", kind=Kind.AGENT)
    make_span(trace, "first", parent=root, kind=Kind.LLM, tags={"env": "production"})
    wanted = make_span(trace, "second", parent=root, kind=Kind.LLM, tags={"env": "staging"})
    page.goto(COMPLETIONS)
    expect(page.locator("#summary dd").first).to_have_text("2")
    page.fill("#filter-input", "tag:env=staging")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("#summary dd").first).to_have_text("1")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/traces/{trace.id}/?span={wanted.id}")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url(f"**{COMPLETIONS}")


PAGES = ["", "?from=2020-01-01&to=2020-01-02", "batches/", "BATCH", "BATCH?state=failed", "BATCHcancel/"]


def there(batch: Batch, path: str) -> str:
    return address(batch) + path.removeprefix("BATCH") if path.startswith("BATCH") else COMPLETIONS + path


@pytest.mark.parametrize("path", PAGES)
def test_nothing_scrolls_sideways_on_a_phone(
    open_page: Callable[..., Page], alice: User, batch: Batch, path: str
) -> None:
    phone = open_page(user=alice, size=PHONE)
    phone.goto(there(batch, path))
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_keep_nobody_out(
    open_page: Callable[..., Page],
    alice: User,
    axe: Callable[[Page], list[str]],
    console_errors: Callable[[Page], list[str]],
    batch: Batch,
    dark: bool,
    size: dict[str, int],
) -> None:
    page = open_page(user=alice, dark=dark, size=size)
    refused = console_errors(page)
    for path in PAGES:
        page.goto(there(batch, path))
        assert axe(page) == []
    assert refused == []
