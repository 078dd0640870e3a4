"""Pictures and recordings on the page of a trace: they load, they can be opened and played, and keep nobody out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from functions.providers.rehearsed_media import picture_for, sound_for
from opperweb.accounts.models import Project, User
from tests.browser.conftest import PHONE, WIDE
from tests.traces.factories import make_attempt, make_call
from traces.models import AttemptBody, Span

PNG = f"data:image/png;base64,{picture_for('a')}"
WAV = f"data:audio/wav;base64,{sound_for('a')}"
PDF = "data:application/pdf;base64,JVBERi0xLjQK"


@pytest.fixture
def call(project: Project) -> Span:
    given = {"question": "What is on it?", "paper": {"_opper_media_input": PDF, "file_name": "report.pdf"}}
    output = {"images": [PNG, PNG], "audio": WAV, "transcript": "Hello"}
    span = make_call(project, "draw", input=given, output=output, attempt_count=0).spans.get()
    make_attempt(span, outcome="rejected", problems=[{"path": "images", "message": "must have 2 items"}])
    events = "".join(f'data: {{"text": "{number}"}}\n\n' for number in range(30))
    repaired = make_attempt(span, is_repair=True, strategy="tool", waited_ms=300, response_body=events)
    chunks = [[number, number * 20] for number in range(1, 31)]
    AttemptBody.objects.filter(attempt=repaired).update(chunk_ms=chunks)
    return span


def address_of(span: Span, query: str = "") -> str:
    return f"/projects/acme/traces/{span.trace.id}/?span={span.id}{query}"


def test_pictures_load_and_open_and_sounds_play(page: Page, call: Span) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(address_of(call))
    expect(page.locator("img.media")).to_have_count(2)
    page.wait_for_function("[...document.querySelectorAll('img.media')].every((one) => one.naturalWidth === 32)")
    page.wait_for_function("document.querySelector('audio').duration > 0.2")
    with page.context.expect_page() as opened:
        page.click("img.media >> nth=1")
    opened.value.wait_for_load_state("load")
    assert opened.value.evaluate("document.images[0].naturalWidth") == 32
    assert complaints == []


def test_a_picture_needs_no_script(plain_page: Page, call: Span) -> None:
    with plain_page.expect_response(lambda response: "at=%2Fimages%2F0" in response.url) as sent:
        plain_page.goto(address_of(call))
    assert sent.value.ok
    assert sent.value.headers["content-type"] == "image/png"


def test_a_file_is_downloaded_under_its_own_type(page: Page, call: Span) -> None:
    page.goto(address_of(call, "&tab=input"))
    with page.expect_download() as download:
        page.click("text=report.pdf")
    assert download.value.suggested_filename == f"{call.id}-input.pdf"


def test_the_chunks_of_a_stream_unfold(page: Page, call: Span) -> None:
    page.goto(address_of(call, "&tab=raw"))
    expect(page.locator(".chunks")).to_be_hidden()
    page.click("text=30 chunks")
    expect(page.locator(".chunks tbody tr")).to_have_count(30)
    expect(page.locator(".chunks")).to_be_visible()


@pytest.mark.parametrize("query", ["", "&view=json", "&tab=input", "&tab=raw"])
@pytest.mark.parametrize(("size", "dark"), [(WIDE, True), (PHONE, False)], ids=["wide dark", "phone light"])
def test_files_keep_nobody_out(
    open_page: Callable[..., Page],
    alice: User,
    call: Span,
    axe: Callable[[Page], list[str]],
    query: str,
    size: dict[str, int],
    dark: bool,
) -> None:
    page = open_page(user=alice, size=size, dark=dark)
    page.goto(address_of(call, query))
    for folded in page.locator(".raw-exchange .folded > summary").all():
        folded.click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
