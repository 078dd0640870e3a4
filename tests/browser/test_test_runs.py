"""Runs on examples in a browser: with scripts and without, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from functions import batches
from functions.examples import dataset
from functions.models import Batch, BatchItem, Function, TestRun
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.browser.rows import assert_no_rows_overlap
from tests.functions.examples_running import make_run
from tests.functions.replaying import bad, good, make_draft, make_function
from traces.evaluation_models import Evaluation

FUNCTION = "/projects/acme/functions/mini_kb_query/"
LIST = f"{FUNCTION}tests/"
NO_BREAK = "unbroken" * 30
EXPECTED = {"answer": "The answer to the question is Jupiter", "sure": True, "sources": [1], "language": "en"}
RULES = [{"kind": "length", "path": "answer", "unit": "words", "most": 7}, {"kind": "present", "path": "sources"}]
EXAMPLES: list[dict[str, Any]] = [
    {"input": "Which planet has the Great Red Spot?", "expected": EXPECTED, "got": good(EXPECTED), "ai": 97},
    {
        "input": {"question": "Which planet is the largest?", "facts": ["Jupiter is the largest planet."]},
        "expected": EXPECTED,
        "got": good({**EXPECTED, "answer": "The answer to the question is probably Saturn, as it seems"}),
        "ai": 38,
    },
    {"input": "Why is Venus hotter?", "expected": EXPECTED, "got": bad("No valid output after 2 attempts")},
    {"input": NO_BREAK, "expected": {"answer": NO_BREAK}, "got": good(NO_BREAK + "!"), "ai": 70},
    {"input": "Is Pluto a planet?", "expected": EXPECTED, "got": good(EXPECTED), "ai": "queued"},
    {"input": "How far is Neptune?", "expected": EXPECTED, "got": "running"},
    {"input": "Which planet has rings?", "expected": EXPECTED, "got": "queued"},
]


@pytest.fixture
def function(project: Project, monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setattr(batches.batch_job, "delay", lambda _: None)
    return make_function(project, "mini_kb_query", model="rehearsal/echo")


@pytest.fixture
def run(function: Function, alice: User) -> TestRun:
    """A run with results of every verdict, which goes on without a worker."""
    checks = ["fields", "rules", "ai"]
    return make_run(function, EXAMPLES, checks=checks, rules=RULES, threshold=95, created_by=alice)


def address(run: TestRun) -> str:
    return f"{LIST}{run.pk}/"


def test_a_running_run_moves_by_itself_until_the_last_is_judged(page: Page, run: TestRun) -> None:
    page.goto(address(run))
    page.locator("#result-1").focus()
    BatchItem.objects.filter(number__in=(5, 6)).update(state="cancelled")
    Batch.objects.update(state="cancelled", ended_at=timezone.now())
    expect(page.locator("#batch-live")).to_contain_text("Took")
    expect(page.locator("#batch-live[hx-get]")).to_have_count(1)
    expect(page.locator("#result-1")).to_be_focused()
    Evaluation.objects.filter(state="queued").update(state="done", score=90, is_correct=True)
    expect(page.locator("#test-results .choice").first).to_contain_text("Passed 2")
    expect(page.locator("#batch-live[hx-get]")).to_have_count(0)


def test_without_scripts_it_is_begun_read_and_cancelled(plain_page: Page, function: Function, alice: User) -> None:
    for number in range(3):
        dataset.add(function, {"input": f"question {number}", "output": {"answer": "x"}})
    make_draft(function, alice, instructions="Answer better.")
    plain_page.goto(f"{FUNCTION}examples/")
    plain_page.click("text=Run as test")
    plain_page.select_option("#id_revision", "draft")
    plain_page.fill("#id_n", "2")
    plain_page.fill("#id_threshold", "95")
    plain_page.check("text=Exactly as expected")
    plain_page.click("text=Find examples")
    plain_page.click("text=Run on 2 examples")
    expect(plain_page.locator("#test-results tbody tr")).to_have_count(2)
    expect(plain_page.locator("#batch-live noscript p")).to_be_visible()
    plain_page.click("#replay-cancel")
    plain_page.click("text=Cancel 2 examples")
    expect(plain_page.locator("#batch-live")).to_contain_text("Not sent")
    made = TestRun.objects.get()
    assert (made.is_draft, made.threshold, "exact" in made.checks) == (True, 95, True)


def test_a_row_leads_to_its_call(page: Page, run: TestRun) -> None:
    page.goto(address(run))
    page.click("#result-1")
    page.wait_for_url("**/traces/**")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_overflows_and_no_two_rows_overlap(
    open_page: Callable[..., Page], alice: User, run: TestRun, size: dict[str, int]
) -> None:
    page = open_page(user=alice, size=size)
    for path in (address(run), LIST, f"{LIST}new/", f"{FUNCTION}revisions/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
    page.goto(address(run))
    assert_no_rows_overlap(page, ".test-table", len(EXAMPLES))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(
    open_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    alice: User,
    function: Function,
    run: TestRun,
    size: dict[str, int],
    dark: bool,
) -> None:
    dataset.add(function, {"input": "a", "output": {"answer": "x"}})
    make_run(function, [{"got": good({"answer": "right"})}, {"got": bad()}], threshold=95)
    page = open_page(user=alice, size=size, dark=dark)
    new = f"{LIST}new/"
    for path in (
        address(run),
        f"{address(run)}cancel/",
        LIST,
        new,
        f"{new}?sent=1&n=0&checks=exact",
        f"{FUNCTION}revisions/",
    ):
        page.goto(path)
        assert axe(page) == [], path
