"""Review in a browser: by keys, by forms alone, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from functions.models import Completion, DatasetExample, Function
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.traces.factories import make_call
from traces.evaluation_models import Evaluation, Feedback

REVIEW = "/projects/acme/review/"
FACTS = [
    "Europa has a salty ocean under its ice.",
    "Enceladus sprays water with organic matter into space.",
    "Titan has lakes of methane and a thick atmosphere.",
    "Callisto may hide a very deep ocean.",
    "The Moon has no air and no liquid water.",
]
SCHEMA = {
    "type": "object",
    "properties": {
        "thoughts": {"type": "string"},
        "answer": {"type": "string", "pattern": "^The answer to the question is [A-Za-z0-9, ]+$", "maxLength": 90},
    },
    "required": ["thoughts", "answer"],
}
THOUGHTS = (
    "Life as we know it needs liquid water and organic matter. The first two facts give both for Enceladus and water "
    "for Europa. Titan has no liquid water, and Callisto’s ocean is only a guess."
)
ANSWER = "The answer to the question is Europa, Titan and Callisto"
QUESTIONS = ("Which moons could hold life, and why those?", "Is Pluto a planet?", "unbroken" * 40)


@pytest.fixture(autouse=True)
def calls(project: Project) -> list[Any]:
    function = Function.objects.create(project=project, name="mini_kb_query")
    made = []
    for number, question in enumerate(QUESTIONS):
        span = make_call(
            project,
            function_name=function.name,
            input={"question": question, "facts": FACTS},
            output={"thoughts": THOUGHTS, "answer": ANSWER},
            output_schema=SCHEMA,
            started_at=timezone.now() - timedelta(minutes=number + 1),
        ).spans.get()
        Completion.objects.create(span=span, project=project, function=function, state=Completion.State.DONE)
        Evaluation.objects.create(project=project, span=span, state=Evaluation.State.DONE, score=92)
        made.append(span)
    return made


def test_all_of_it_is_done_by_keys(
    page: Page, alice: User, calls: list[Any], console_errors: Callable[[Page], list[str]]
) -> None:
    refused = console_errors(page)
    page.goto(REVIEW)
    expect(page.locator(".review-progress")).to_contain_text("1 of 3")
    page.keyboard.press("m")
    page.keyboard.type("Ugly")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page.locator(".review-last")).to_have_text("Rated good. The judge gave 92.")
    given = Feedback.objects.get(author=alice)
    assert (given.span, given.score, given.comment) == (calls[0], 1.0, "Ugly")
    page.keyboard.press("s")
    expect(page.locator(".review-progress")).to_contain_text("3 of 3")
    page.keyboard.press("e")
    page.keyboard.press("u")
    expect(page.locator(".review-page")).to_contain_text(QUESTIONS[1])
    page.wait_for_url("**last=**")
    assert DatasetExample.objects.get().span_id == calls[2].id
    page.keyboard.press("z")
    expect(page.locator(".review-page")).to_contain_text(QUESTIONS[2])
    assert not DatasetExample.objects.exists()
    # G and a letter lead elsewhere, and rate nothing.
    page.keyboard.press("g")
    page.keyboard.press("u")
    page.keyboard.press("d")
    expect(page.locator(".review-last")).to_contain_text("Rated bad.")
    page.keyboard.press("d")
    expect(page.locator(".state")).to_contain_text("Nothing left to review")
    assert Feedback.objects.filter(score=0.0).count() == 2
    assert refused == []


def test_a_field_is_corrected_in_place_and_put_back(page: Page, alice: User) -> None:
    page.goto(REVIEW)
    part = page.locator("#part-1")
    expect(part.locator("input[type=text]")).to_be_hidden()
    part.locator("summary").click()
    expect(part.locator("input[type=text]")).to_be_focused()
    expect(part.locator(".review-value")).to_be_hidden()
    part.locator("input[type=text]").fill("The answer to the question is Europa and Enceladus")
    expect(part.locator("del")).to_contain_text("Titan and Callisto")
    expect(part.locator("ins")).to_contain_text("Enceladus")
    expect(part.locator(".review-mark")).to_be_visible()
    part.locator("text=Put back").click()
    expect(part.locator(".review-value")).to_contain_text(ANSWER)
    expect(part.locator(".review-mark")).to_be_hidden()
    part.locator("summary").click()
    part.locator("input[type=text]").fill("The answer to the question is Europa and Enceladus")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator(".review-last")).to_contain_text("Rated bad")
    correction = Feedback.objects.get(author=alice).correction
    assert correction == {"thoughts": THOUGHTS, "answer": "The answer to the question is Europa and Enceladus"}


def test_without_scripts_it_is_rated_corrected_skipped_and_undone(plain_page: Page, alice: User) -> None:
    page = plain_page
    page.goto("/projects/acme/completions/")
    page.click("text=Review >> visible=true")
    page.click(".review-skip")
    expect(page.locator(".review-progress")).to_contain_text("2 of 3")
    page.click("#part-1 summary")
    page.fill("#part-1 input[type=text]", "wrong")
    # Enter in a field rates nothing.
    page.press("#part-1 input[type=text]", "Enter")
    expect(page.locator("#part-1 del")).to_be_visible()
    page.click("text=Bad")
    expect(page.locator("[role=alert]")).to_contain_text("Nothing is rated yet.")
    page.click("#part-1 >> text=Put back")
    expect(page.locator("#part-1 .review-value")).to_contain_text(ANSWER)
    page.fill("[name=comment]", "Good enough")
    page.click(".good")
    expect(page.locator(".review-last")).to_contain_text("Rated good.")
    page.click("text=Undo")
    expect(page.locator("[name=comment]")).to_have_value("Good enough")
    page.click(".good")
    assert Feedback.objects.get(author=alice, score=1.0).correction is None


def test_on_a_phone_lists_are_one_line_and_thumbs_find_their_buttons(
    open_page: Callable[..., Page], alice: User
) -> None:
    page = open_page(user=alice, size=PHONE)
    page.goto(REVIEW)
    fold = page.locator(".review-fold")
    expect(fold.locator("li").first).to_be_hidden()
    expect(fold.locator("summary")).to_contain_text("+4 more")
    fold.locator("summary").click()
    expect(fold.locator("li").last).to_be_visible()
    for name in ("bad", "good"):
        box = page.locator(f".review-bar .{name}").bounding_box()
        assert box
        assert box["height"] == 48
        assert box["y"] > PHONE["height"] - 80
    page.locator(".review-example").click()
    expect(page.locator("[name=example]")).to_be_checked()


def test_on_a_desk_nothing_is_folded(page: Page) -> None:
    page.goto(REVIEW)
    expect(page.locator(".review-fold summary")).to_be_hidden()
    expect(page.locator(".review-fold li").last).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_keeps_nobody_out(
    open_page: Callable[..., Page],
    alice: User,
    bob: User,
    calls: list[Any],
    axe: Callable[[Page], list[str]],
    console_errors: Callable[[Page], list[str]],
    size: dict[str, int],
    dark: bool,
) -> None:
    page = open_page(user=alice, dark=dark, size=size)
    refused = console_errors(page)
    Feedback.objects.create(project=calls[0].project, span=calls[2], author=bob, score=0.0)
    Feedback.objects.create(project=calls[0].project, span=calls[2], author=alice, score=1.0)
    for address in (
        REVIEW,
        f"{REVIEW}?last={calls[2].id}&done=1",
        f"{REVIEW}?view=json",
        f"{REVIEW}?span={calls[2].id}",
        f"{REVIEW}?q=laency:x",
        f"{REVIEW}?q=nothing",
    ):
        page.goto(address)
        for summary in page.locator(".review-correct > summary").all():
            summary.click()
        assert axe(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"], address
    assert refused == []
