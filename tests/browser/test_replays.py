"""Replays in a browser: with scripts and without, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from functions import batches
from functions.models import Batch, BatchItem, Function, Replay
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.browser.rows import assert_no_rows_overlap
from tests.functions.replaying import bad, good, make_draft, make_function, make_replay, recorded
from traces.models import Span

LIST = "/projects/acme/functions/mini_kb_query/replays/"
NO_BREAK = "unbroken" * 30
PAIRS: list[dict[str, Any]] = [
    {
        "input": {"question": "Why is Venus hotter than Mercury?", "facts": ["thick air"]},
        "before": good("The answer to the question is its thick air", 90),
        "after": bad("No valid output after 2 attempts"),
    },
    {
        "input": "Which moons could hold life?",
        "before": good("Europa and Enceladus", 91),
        "after": good("unknown", 48),
    },
    {"input": "Is Pluto a planet?", "before": good("no, as of 2006", 71), "after": good("no", 92)},
    {"input": NO_BREAK, "before": good(NO_BREAK, 94), "after": good(NO_BREAK + "!", 95)},
    {"input": "What colour is Neptune?", "before": good("blue"), "after": good("a deep blue")},
    {"input": "How far is Neptune?", "before": good("30 astronomical units", 92), "after": "running"},
    {"input": "Which planet has rings?", "before": good("Saturn", 96), "after": "queued"},
]


@pytest.fixture
def function(project: Project, monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setattr(batches.batch_job, "delay", lambda _: None)
    return make_function(project, "mini_kb_query", model="rehearsal/echo")


@pytest.fixture
def replay(function: Function, alice: User) -> Replay:
    """A replay of a draft with pairs of every verdict, which runs without a worker."""
    return make_replay(function, PAIRS, user=alice)


def address(replay: Replay) -> str:
    return f"{LIST}{replay.pk}/"


def test_a_running_replay_moves_by_itself_and_stops_asking_when_it_ended(page: Page, replay: Replay) -> None:
    page.goto(address(replay))
    page.click("text=Show changes")
    page.locator("#pair-1").focus()
    item = BatchItem.objects.get(number=6)
    item.span, item.state = Span.objects.exclude(batch_item=None).latest("pk"), "failed"
    BatchItem.objects.filter(span=item.span).update(span=None)
    item.save()
    expect(page.locator("#replay-pairs .choice").first).to_contain_text("Failed 2")
    # What was opened is still open, and who was at a row is still there.
    expect(page.locator(".replay-changes")).to_have_attribute("open", "")
    expect(page.locator("#pair-1")).to_be_focused()
    expect(page.locator("#announce")).to_have_text("80 % of the inputs are through, 2 failed")
    BatchItem.objects.filter(number=5).update(state="cancelled")
    Batch.objects.update(state="cancelled", ended_at=timezone.now())
    expect(page.locator("#batch-live[hx-get]")).to_have_count(0)
    expect(page.locator("#batch-live")).to_contain_text("Took")


def test_a_server_that_does_not_answer_is_told_of(page: Page, replay: Replay) -> None:
    page.goto(address(replay))
    page.route("**/replays/**", lambda route: route.abort())
    expect(page.locator("#batch-lost")).to_be_visible()
    page.unroute("**/replays/**")
    expect(page.locator("#batch-lost")).to_be_hidden()


def test_without_scripts_it_is_begun_read_cancelled_and_saved(
    plain_page: Page, function: Function, alice: User
) -> None:
    for number in range(3):
        recorded(function, f"question {number}", {"answer": "x"})
    make_draft(function, alice, instructions="Answer better.")
    plain_page.goto(f"{LIST}new/")
    plain_page.fill("#id_n", "2")
    plain_page.click("text=Find inputs")
    plain_page.click("text=Start 2 calls")
    expect(plain_page.locator("#replay-pairs tbody tr")).to_have_count(2)
    expect(plain_page.locator("#batch-live noscript p")).to_be_visible()
    plain_page.click("#replay-cancel")
    plain_page.click("text=Cancel 2 inputs")
    expect(plain_page.locator("#batch-live")).to_contain_text("Not sent")
    plain_page.click("text=Save as revision 2")
    expect(plain_page.locator("h1 ~ .end")).to_contain_text("Live as revision 2")
    assert function.revisions.get(number=2).instructions == "Answer better."


def test_a_row_leads_to_the_newer_call_and_the_old_output_to_the_older_one(page: Page, replay: Replay) -> None:
    page.goto(address(replay))
    page.click("#pair-1")
    page.wait_for_url("**/traces/**")
    newer = page.url
    page.go_back()
    page.locator(".replay-before").nth(1).click()
    page.wait_for_url("**/traces/**")
    assert page.url != newer


def test_rows_are_walked_by_keys(page: Page, replay: Replay) -> None:
    page.goto(address(replay))
    page.keyboard.press("j")
    expect(page.locator("#pair-0")).to_be_focused()
    page.keyboard.press("j")
    assert page.locator(".row-link:focus").get_attribute("id") != "pair-0"


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_overflows_and_no_two_rows_overlap(
    open_page: Callable[..., Page], alice: User, replay: Replay, size: dict[str, int]
) -> None:
    page = open_page(user=alice, size=size)
    for path in (address(replay), LIST, f"{LIST}new/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.goto(address(replay))
    assert_no_rows_overlap(page, ".replay-table", len(PAIRS))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(
    open_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    alice: User,
    function: Function,
    replay: Replay,
    size: dict[str, int],
    dark: bool,
) -> None:
    recorded(function, "a")
    page = open_page(user=alice, size=size, dark=dark)
    for path in (address(replay), LIST, f"{LIST}new/", f"{LIST}new/?n=0", f"{address(replay)}cancel/"):
        page.goto(path)
        assert axe(page) == [], path


def test_every_difference_stands_in_words_too(page: Page, replay: Replay) -> None:
    page.goto(address(replay))
    boxes = page.locator("#replay-boxes .replay-boxes > div")
    for box in boxes.all()[1:]:
        text = box.inner_text()
        assert re.search(r"between|too few pairs to say", text), text
