"""From a bad answer to a better function: what people do on the pages, what the SDK then gets, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opperai import Opper
from playwright.sync_api import Page, expect

from functions.completions import catalogue
from functions.models import Function
from opperweb.accounts.models import ApiKey, Project

INPUT = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": {"type": "string"}}, "question": {"type": "string"}},
    "required": ["facts", "question"],
}
OUTPUT = {
    "type": "object",
    "properties": {"thoughts": {"type": "string"}, "answer": {"type": "string", "pattern": "^The answer"}},
    "required": ["thoughts", "answer"],
}
FACTS = ["Jupiter is the largest planet.", "Saturn has rings."]
BAD = {"thoughts": "I know it.", "answer": "The answer is two"}
RIGHT = "The answer is unknown"


@pytest.fixture
def opper(server: str, project: Project, upstream: Any, settings: Any) -> Opper:
    settings.PROVIDERS = {"fake": {"name": "fake", "kind": "openai", "base_url": upstream.url, "api_key": "x"}}
    settings.EVALUATION_MODEL = "none"
    catalogue.forget()
    return Opper(http_bearer=ApiKey.objects.make(project, "sdk")[1], server_url=f"{server}/v2")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_bad_answer_becomes_an_example_that_the_next_prompt_shows_and_a_change_goes_back(
    open_page: Any, alice: Any, opper: Opper, upstream: Any, scripts: bool
) -> None:
    page: Page = open_page(user=alice, scripts=scripts)
    # A function is made on the page.
    page.goto("/projects/acme/functions/new/")
    page.fill("[name=name]", "mini_kb_query")
    page.fill("[name=instructions]", "Answer the question from the facts.")
    page.fill("[name=input_schema]", json.dumps(INPUT))
    page.fill("[name=output_schema]", json.dumps(OUTPUT))
    page.fill("[name=model]", "fake/kb")
    page.click("role=button[name='Make function']")
    expect(page.locator("h1")).to_have_text("mini_kb_query")

    # It is called by the SDK, and the answer is bad.
    function = opper.functions.get_by_name(name="mini_kb_query")
    upstream.script("kb", BAD)
    asked = {"facts": FACTS, "question": "How many moons does Mars have?"}
    answer = opper.functions.call(function_id=function.id, input=asked)
    assert answer.json_payload == BAD

    # It is put right where it is read, as an example.
    page.goto(f"/projects/acme/completions/{answer.span_id}/")
    page.click("text=Save as example")
    page.fill("[name='output.answer']", RIGHT)
    page.click("role=button[name='Save']")
    expect(page.locator("[data-row]")).to_have_count(1)
    example = Function.objects.get().examples.get()
    assert (example.input, example.answer["answer"]) == (asked, RIGHT)

    # The next call has it in its prompt.
    upstream.script("kb", {"thoughts": "No fact tells.", "answer": RIGHT})
    opper.functions.call(function_id=function.id, input={"facts": FACTS, "question": "How many moons does Venus have?"})
    sent = upstream.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    assert "How many moons does Mars have?" in sent[1]["content"]
    assert RIGHT in sent[2]["content"]

    # Its definition changes; the two revisions are put side by side; one click goes back.
    page.goto("/projects/acme/functions/mini_kb_query/definition/")
    page.fill("#instructions", "Answer the question from the facts. Be rude.")
    page.click("role=button[name='Save as revision 2']")
    page.goto("/projects/acme/functions/mini_kb_query/revisions/?revision=2&with=1")
    expect(page.locator("ins").first).to_contain_text("Be rude")
    page.goto("/projects/acme/functions/mini_kb_query/revisions/?revision=1&with=2")
    page.click("role=button[name='Restore revision 1']")
    expect(page.locator("body")).to_contain_text("revision 3, live")
    assert opper.functions.get(function_id=function.id).instructions == "Answer the question from the facts."
