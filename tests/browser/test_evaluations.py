"""The page of evaluations in a browser: without scripts, on a phone, for everybody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from functions.completions import catalogue
from functions.evaluations import changing
from functions.models import Function, ProjectEvaluation
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.functions.judging import JUDGE, State, answered, judged, make_function, rated

PAGE = "/projects/acme/functions/mini_kb_query/evaluations/"
LONG = "a_question_without_a_single_space_" * 9


@pytest.fixture(autouse=True)
def _function(project: Project, alice: User, settings: Any) -> Function:
    account = {"kind": "openai", "api_key": "x", "name": "openai", "base_url": "http://127.0.0.1:9/v1"}
    settings.PROVIDERS = {"openai": account}
    settings.EVALUATION_MODEL = JUDGE
    catalogue.forget()
    function = make_function(project, "mini_kb_query")
    for number in range(36):
        span = answered(function, LONG if number % 7 else "Which?", revision_number=1 + number % 4)
        evaluation = judged(function, 100 - number * 2, ago=timedelta(minutes=number), span=span)
        rated(evaluation, alice, 0.0 if number % 5 == 0 else 1.0, comment=LONG)
        judged(function, 99 - number * 2, span=span, is_repeat=True)
    for state in (State.FAILED, State.SKIPPED, State.RUNNING):
        judged(function, None, state=state, reason=LONG)
    changing.add_rule(function, {"kind": "not_contains", "path": "answer", "text": LONG})
    changing.change_policy(function, examples_from_score=90)
    ProjectEvaluation.objects.create(project=project, daily_budget_usd=Decimal("0.5"))
    return function


def test_everything_works_without_scripts(plain_page: Page) -> None:
    plain_page.goto(PAGE)
    plain_page.click("#rubric summary >> nth=1")
    plain_page.fill("[name='criterion.1.sentence']", "Every claim is in the input.")
    plain_page.locator("button[value='down 1']").click()
    expect(plain_page.locator("#rubric")).to_contain_text("draft")
    plain_page.click("text=Save as judge version 1")
    expect(plain_page.locator("#rubric .evals-criterion >> nth=2")).to_contain_text("Every claim is in the input.")
    plain_page.click("summary:has-text('Add check')")
    plain_page.click("text=Is there")
    plain_page.fill("#rule-path", "answer")
    plain_page.click("button:has-text('Add check')")
    expect(plain_page.locator("#rules")).to_contain_text("answer is there")
    plain_page.locator("#rules .switch >> nth=1").click()
    expect(plain_page.locator("#rules .switch >> nth=1")).to_have_attribute("aria-checked", "false")
    plain_page.locator("text=Judge is right >> nth=0").click()
    expect(plain_page.locator("#disagreements nav")).to_contain_text("Settled 1")
    plain_page.click("#list nav >> text=Failed 1")
    expect(plain_page.locator("[data-row]")).to_have_count(1)
    plain_page.click("text=Try again")
    expect(plain_page.locator("#toasts")).to_contain_text("on its way")
    plain_page.click("text=Measure the spread")
    expect(plain_page.locator("#again")).to_contain_text("judged nothing yet that could be judged again")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_keeps_nobody_out_and_stays_within_the_screen(
    open_page: Callable[..., Page], alice: User, axe: Callable[[Page], list[str]], size: dict[str, int], dark: bool
) -> None:
    page = open_page(user=alice, size=size, dark=dark)
    for path in (f"{PAGE}?rule=length", f"{PAGE}again/listed/", "/projects/acme/settings/evaluation/"):
        page.goto(path)
        for details in page.locator("#rubric details, .evals-main section details").all():
            details.evaluate("each => each.open = true")
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"], path
