"""Rating a call in a browser: by keys, by buttons without scripts, with a verdict that arrives while one looks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from functions.models import Completion, DatasetExample, Function
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE
from tests.traces.factories import make_call
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Span

State = Evaluation.State
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
CRITERIA = [{"name": "Concise", "weight": 2, "score": 72, "reason": "“Which planet” is not needed."}]
RULES = [{"name": "answer is there", "passed": False, "message": "is not there"}]


@pytest.fixture
def span(project: Project) -> Span:
    function = Function.objects.create(project=project, name="kb")
    asked = {"input": {"q": "Which planet?"}, "output": {"answer": "Mars"}, "output_schema": SCHEMA}
    span = make_call(project, "kb", function_name="kb", **asked).spans.get()
    Completion.objects.create(span=span, project=project, function=function, state=Completion.State.DONE)
    return span


def judge_it(span: Span, **values: object) -> Evaluation:
    said = {"score": 91, "is_correct": True, "observations": "Right. It is short.", "criteria": CRITERIA}
    rest = {"rules": RULES, "judge_model": "fake/judge", "judge_version": 1, "state": State.DONE}
    return Evaluation.objects.create(project=span.project, span=span, **{**said, **rest, **values})


def address(span: Span, tab: str) -> str:
    return f"/projects/acme/traces/{span.trace.id}/?span={span.id}&tab={tab}"


def test_keys_rate_comment_and_undo_in_place(page: Page, span: Span) -> None:
    page.goto(address(span, "input"))
    page.wait_for_load_state("load")
    page.keyboard.press("u")
    expect(page.locator(".rated")).to_contain_text("Rated good")
    # Said once: the address no longer tells it, and still leads to the same tab.
    expect(page).to_have_url(re.compile(r"tab=input$"))
    page.keyboard.press("d")
    expect(page.locator("#rate-bad")).to_have_attribute("aria-pressed", "true")
    page.click(".rated >> text=Undo")
    expect(page.locator("#rate-good")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("m")
    page.keyboard.type("Mud")
    page.keyboard.press("Enter")
    expect(page.locator(".rated")).to_contain_text("Your comment is saved")
    given = Feedback.objects.get()
    assert (given.score, given.comment) == (1.0, "Mud")


def test_a_verdict_arrives_while_one_looks_and_types(page: Page, span: Span) -> None:
    waiting = judge_it(span, state=State.QUEUED, score=None, criteria=[], observations="")
    page.goto(address(span, "evaluation"))
    expect(page.locator("#evaluation")).to_contain_text("Waiting for the judge.")
    page.fill("#rate-comment", "Not yet sent")
    Evaluation.objects.filter(pk=waiting.pk).update(state=State.DONE, score=64, observations="Half right.")
    expect(page.locator("#evaluation .score")).to_contain_text("64")
    expect(page.locator("#tab-evaluation")).to_contain_text("64")
    expect(page.locator("#rate-comment")).to_have_value("Not yet sent")
    expect(page.locator("[hx-trigger='every 2s']")).to_have_count(0)


def test_a_correction_is_made_in_place_and_shows_what_differs_while_one_types(page: Page, span: Span) -> None:
    page.goto(address(span, "feedback"))
    page.click("text=Correct the output")
    page.fill("[id='output.answer']", "Jupiter")
    expect(page.locator("#difference-0 ins")).to_contain_text("Jupiter")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".rated")).to_contain_text("an example made of it")
    expect(page.locator(".opinions ins")).to_contain_text("Jupiter")
    assert DatasetExample.objects.get().expected == {"answer": "Jupiter"}


def test_without_scripts_all_of_it_works(plain_page: Page, span: Span) -> None:
    judge_it(span)
    plain_page.goto(address(span, "evaluation"))
    plain_page.click("text=Disagree")
    expect(plain_page.locator(".rated")).to_contain_text("Rated bad")
    plain_page.click(".rated >> text=Undo")
    assert not Feedback.objects.exists()
    plain_page.goto(address(span, "feedback"))
    plain_page.click("text=Correct the output")
    plain_page.fill("[id='output.answer']", "Jupiter")
    plain_page.click("text=Compare")
    expect(plain_page.locator("#difference-0 ins")).to_contain_text("Jupiter")
    plain_page.click("[data-saves]")
    expect(plain_page.locator("#tab-feedback")).to_have_attribute("aria-current", "page")
    assert Feedback.objects.get().correction == {"answer": "Jupiter"}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [None, PHONE])
def test_the_tabs_keep_nobody_out_and_fit(
    open_page: Callable[..., Page],
    alice: User,
    span: Span,
    axe: Callable[[Page], list[str]],
    size: dict[str, int] | None,
    dark: bool,
) -> None:
    judge_it(span)
    judge_it(span, state=State.FAILED, score=None, reason="It did not answer.")
    Feedback.objects.create(project=span.project, span=span, author=alice, score=0, correction={"answer": "Jupiter"})
    span.metrics.create(dimension="helpfulness" * 20, value=4, comment="word" * 200)
    page = open_page(user=alice, size=size, dark=dark)
    for tab in ("output", "evaluation", "feedback"):
        page.goto(address(span, tab))
        assert axe(page) == [], tab
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
    page.click("text=Change your correction")
    page.wait_for_selector("#correction-form")
    assert axe(page) == []
