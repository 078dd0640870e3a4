"""The playground without scripts: the form, its buttons, the variants, a run and what is shown of it, and who may."""

from __future__ import annotations

import json
import uuid
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from functions import revising
from functions.examples import dataset
from functions.models import Draft, Function, PlaygroundRun
from functions.revising import Author
from opperweb.accounts.models import Project, User
from traces.models import Span, Status

PAGE = "/projects/acme/playground/"
ECHO = "rehearsal/echo"
TEXT = {"type": "string"}
QUESTION: dict[str, Any] = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": TEXT}, "question": {**TEXT, "description": "What to ask"}},
    "required": ["question"],
}
ANSWER = {"type": "object", "properties": {"thoughts": TEXT, "answer": TEXT}, "required": ["thoughts", "answer"]}


@pytest.fixture
def function(project: Project) -> Function:
    values = {"instructions": "Answer", "model": ECHO, "input_schema": QUESTION, "output_schema": ANSWER}
    return revising.create(project, "ask", values)


@pytest.fixture
def client(alice_client: Client) -> Client:
    return alice_client


class Sent(HTMLParser):
    """What a browser would send of the form of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.post: dict[str, str] = {}
        self.choice = self.area = ""
        start = text.index('<form class="playground"')
        self.feed(text[start : text.index("</form>", start)])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and given.get("type") != "file":
            self.post[given["name"]] = given.get("value", "")
        elif tag == "select":
            self.choice = given["name"]
        elif tag == "option" and self.choice:
            if "selected" in given or self.choice not in self.post:
                self.post[self.choice] = given["value"]
        elif tag == "textarea":
            self.area = given["name"]
            self.post[self.area] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.choice = ""
        elif tag == "textarea":
            # The first end of line is none of the text.
            self.post[self.area] = self.post[self.area].removeprefix("\n")
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.post[self.area] += data


def page(client: Client, query: str = "?function=ask") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return response.content.decode()


def form_of(text: str) -> dict[str, str]:
    return Sent(text).post


def press(client: Client, do: str, query: str = "?function=ask", **changes: Any) -> Any:
    """Open a page, change fields, press a button: `a_model` stands for a.model, `input_question` for input.question."""
    post = form_of(page(client, query)) | {name.replace("_", ".", 1): value for name, value in changes.items()}
    return client.post(PAGE + query, {**post, "do": do})


def run(client: Client, query: str = "?function=ask", **changes: Any) -> str:
    response = press(client, "run", query, **{"input_question": "Which?", **changes})
    assert response.status_code == 302, response.content.decode()
    return client.get(response["Location"]).content.decode()


# --- the form ---------------------------------------------------------------------------------------------------------


def test_the_form_is_made_from_the_input_schema(client: Client, function: Function) -> None:
    text = page(client)
    assert {"input.question", "a.model", "a.revision", "a.temperature"} <= set(form_of(text))
    assert "What to ask" in text
    assert "Revision 1, live" in text


def test_without_a_function_the_definition_is_typed_in(client: Client, function: Function) -> None:
    sent = form_of(page(client, ""))
    assert {"instructions", "input_schema", "output_schema", "input", "a.model"} <= set(sent)
    response = client.post(PAGE, {**sent, "instructions": "Say", "input": "hello", "a.model": ECHO, "do": "run"})
    assert response.status_code == 302
    span = Span.objects.select_related("body", "completion").get()
    assert (span.body.instructions, span.body.input, span.completion.function) == ("Say", "hello", None)
    assert form_of(page(client, response["Location"].removeprefix(PAGE)))["instructions"] == "Say"


def test_schemas_that_were_typed_in_make_the_form(client: Client, function: Function) -> None:
    sent = {**form_of(page(client, "")), "input_schema": json.dumps(QUESTION), "do": "keep"}
    response = client.post(PAGE, sent)
    assert "input.question" in form_of(response.content.decode())


def test_a_list_gets_and_loses_items_by_buttons(client: Client, function: Function) -> None:
    post = {**form_of(page(client)), "add": "input.facts"}
    sent = form_of(client.post(PAGE + "?function=ask", post).content.decode())
    assert "input.facts.0" in sent
    text = client.post(
        PAGE + "?function=ask", {**sent, "input.facts.0": "One", "remove": "input.facts.0"}
    ).content.decode()
    assert "input.facts.0" not in form_of(text)


def test_the_same_input_is_shown_as_json_and_back(client: Client, function: Function) -> None:
    response = press(client, "show json", input_question="Which?", a_model="rehearsal/empty")
    sent = form_of(response.content.decode())
    assert json.loads(sent["input~json"]) == {"question": "Which?"}
    assert sent["a.model"] == "rehearsal/empty"
    text = client.post(
        PAGE + "?function=ask", {**sent, "input~json": '{"question": "Why?"}', "do": "show form"}
    ).content
    assert form_of(text.decode())["input.question"] == "Why?"


def test_json_that_is_none_stays_with_its_place(client: Client, function: Function) -> None:
    for do in ("show form", "run"):
        post = {**form_of(press(client, "paste").content.decode()), "input~json": '{"question": ', "do": do}
        response = client.post(PAGE + "?function=ask", post)
        assert response.status_code == 422
        assert "Not JSON" in response.content.decode()
        assert form_of(response.content.decode())["input~json"] == '{"question": '
    assert not PlaygroundRun.objects.exists()


def test_the_form_is_filled_from_an_example_or_the_last_call(client: Client, function: Function, api: Any) -> None:
    assert "no call yet" in press(client, "fill last").content.decode()
    example = dataset.add(function, {"input": {"question": "Kept?"}, "output": {"thoughts": "t", "answer": "a"}})
    response = press(client, f"fill {example.id}")
    assert form_of(response.content.decode())["input.question"] == "Kept?"
    api.post("/v2/call", {"name": "ask", "input": {"question": "Called?"}})
    response = press(client, "fill last")
    assert form_of(response.content.decode())["input.question"] == "Called?"
    assert press(client, f"fill {uuid.uuid4()}").status_code == 422


def test_a_span_opens_with_its_function_its_revision_and_its_input(
    client: Client, function: Function, api: Any
) -> None:
    span_id = api.post("/v2/call", {"name": "ask", "input": {"question": "Called?"}}).json()["span_id"]
    revising.save(function, {"instructions": "Answer well"})
    sent = form_of(page(client, f"?span={span_id}"))
    assert (sent["input.question"], sent["a.revision"]) == ("Called?", "1")


def test_a_file_becomes_a_part_of_the_input(client: Client, project: Project) -> None:
    picture = {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"}
    schema = {"type": "object", "properties": {"picture": picture}, "required": ["picture"]}
    revising.create(project, "look", {"model": ECHO, "input_schema": schema})
    sent = form_of(page(client, "?function=look"))
    upload = SimpleUploadedFile("a.png", b"\x89PNG\r\n", "image/png")
    response = client.post(PAGE + "?function=look", {**sent, "input.picture~file": upload, "do": "variant"})
    sent = form_of(response.content.decode())
    assert sent["input.picture"].startswith("data:image/png;base64,")


# --- variants ---------------------------------------------------------------------------------------------------------


def test_a_variant_more_begins_as_the_last_one_and_there_are_four_at_most(client: Client, function: Function) -> None:
    post = form_of(page(client)) | {"a.temperature": "0.3"}
    for letter in "bcd":
        text = client.post(PAGE + "?function=ask", {**post, "do": "variant"}).content.decode()
        post = form_of(text)
        assert post[f"{letter}.temperature"] == "0.3"
    assert 'value="variant"' not in text
    text = client.post(PAGE + "?function=ask", {**post, "d.model": "x/y", "do": "drop b"}).content.decode()
    assert form_of(text)["c.model"] == "x/y"
    assert "d.model" not in form_of(text)


def test_what_differs_from_the_first_is_marked(client: Client, function: Function) -> None:
    post = form_of(press(client, "variant").content.decode()) | {
        "b.temperature": "0.7",
        "b.model": "rehearsal/empty",
    }
    text = client.post(PAGE + "?function=ask", {**post, "do": "keep"}).content.decode()
    first, second = text.split('<section class="pg-column"')[1:]
    assert "differs" not in first
    assert '<span class="chip differs"><span>temperature 0.7</span>' in second
    assert '<span class="chip"><span>attempts 5</span>' in second
    assert 'class="input mono differs"' in second


def test_an_address_names_revisions_drafts_and_models(client: Client, function: Function, alice: User) -> None:
    revising.save(function, {"instructions": "Answer well"})
    Draft.objects.create(function=function, author=alice, definition={"instructions": "x", "model": ECHO})
    sent = form_of(page(client, "?function=ask&a=1,rehearsal/empty&b=draft"))
    assert (sent["a.revision"], sent["a.model"], sent["b.revision"]) == ("1", "rehearsal/empty", "draft")


@pytest.mark.parametrize("revision", ["9", "draft", "x", "-1", "99999999999999999999"])
def test_a_revision_that_there_is_not_is_told_at_its_field(client: Client, function: Function, revision: str) -> None:
    response = press(client, "run", input_question="Which?", a_revision=revision)
    assert response.status_code == 422
    assert 'id="a.revision.says"' in response.content.decode()
    assert not PlaygroundRun.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "nobody/x"),
        ("temperature", "warm"),
        ("max_tokens", "0"),
        ("options", "[1]"),
        ("options", "{"),
        ("examples", "-1"),
        ("attempts", "0"),
        ("attempts", "1000"),
    ],
)
def test_what_is_wrong_with_a_variant_stands_at_its_field(
    client: Client, function: Function, field: str, value: str
) -> None:
    response = press(client, "run", input_question="Which?", **{f"a_{field}": value})
    assert response.status_code == 422
    text = response.content.decode()
    assert f'id="a.{field}.says"' in text
    assert form_of(text)[f"a.{field}"] == value
    assert not PlaygroundRun.objects.exists()


def test_a_schema_that_is_none_stands_at_its_field(client: Client, project: Project) -> None:
    sent = form_of(page(client, "")) | {"input_schema": '{"type": "nonsense"}', "output_schema": "{", "do": "run"}
    response = client.post(PAGE, sent)
    assert response.status_code == 422
    assert 'id="input_schema.says"' in response.content.decode()
    assert 'id="output_schema.says"' in response.content.decode()


def test_an_input_that_is_checked_and_does_not_fit_is_told_at_its_field(client: Client, function: Function) -> None:
    short = {**QUESTION, "properties": {**QUESTION["properties"], "question": {**TEXT, "minLength": 5}}}
    configuration = {"beta.invocation.input_validation.enabled": True}
    revising.save(function, {"input_schema": short, "configuration": configuration})
    response = press(client, "run", input_question="Why?")
    assert response.status_code == 422
    assert 'id="input.question~error"' in response.content.decode()
    assert not PlaygroundRun.objects.exists()


def test_a_nul_character_is_refused_where_it_stands(client: Client, project: Project) -> None:
    sent = form_of(page(client, "")) | {"instructions": "a\0b", "input": "c\0d", "a.model": ECHO, "do": "run"}
    response = client.post(PAGE, sent)
    assert response.status_code == 422
    assert 'id="instructions.says"' in response.content.decode()
    assert 'id="input~error"' in response.content.decode()


# --- a run ------------------------------------------------------------------------------------------------------------


def test_a_run_shows_the_fields_of_each_answer_with_its_facts(client: Client, function: Function) -> None:
    text = run(client, "?function=ask&a=1&b=1,rehearsal/flaky-schema-2")
    first, second = text.split('<section class="pg-column"')[1:]
    for column in (first, second):
        assert '<span class="mono">thoughts</span>' in column
        assert all(words in column for words in ("Duration", "Tokens", "Cost", "Score", "Open trace"))
    assert "third attempt" in second
    assert 'data-copy-text="http://testserver/projects/acme/playground/?function=ask&amp;run=' in text


def test_the_address_of_a_run_shows_the_same_again(client: Client, function: Function) -> None:
    run(client, a_temperature="0.4", a_options='{"seed": 3}', a_examples="1")
    begun = PlaygroundRun.objects.get()
    sent = form_of(page(client, f"?run={begun.pk}"))
    assert (sent["input.question"], sent["a.temperature"], sent["a.examples"]) == ("Which?", "0.4", "1")
    assert json.loads(sent["a.options"]) == {"seed": 3}
    assert (begun.variants.get().is_draft, Span.objects.get().revision_number) == (True, None)


def test_results_stay_at_their_columns_when_one_is_removed(client: Client, function: Function) -> None:
    run(client, "?function=ask&a=1&b=1")
    second = str(PlaygroundRun.objects.get().variants.get(number=1).span_id)
    response = press(client, "drop a", f"?run={PlaygroundRun.objects.get().pk}")
    text = response.content.decode()
    assert f"span={second}" in text
    assert 'id="result-1"' in text
    assert 'id="result-0"' not in text


def test_one_that_fails_stands_beside_one_that_does_not(client: Client, function: Function) -> None:
    text = run(client, "?function=ask&a=1,rehearsal/fail-500&b=1")
    first, second = text.split('<section class="pg-column"')[1:]
    assert "error-box" in first
    assert "Complete" in second
    assert set(Span.objects.values_list("status", flat=True)) == {Status.ERROR, Status.OK}


def test_the_ten_newest_runs_of_the_function_are_listed(client: Client, function: Function, project: Project) -> None:
    for number in range(12):
        PlaygroundRun.objects.create(project=project, function=function, input_preview=f"input {number}.")
    PlaygroundRun.objects.create(project=project, input_preview="typed in")
    text = page(client)
    assert "input 11." in text
    assert "input 2." in text
    assert "input 1." not in text
    assert "typed in" not in text
    assert "typed in" in page(client, "")


def test_what_a_model_and_a_person_wrote_is_text(client: Client, project: Project) -> None:
    mark = "<script>alert(1)</script>"
    revising.create(project, "say", {"instructions": mark, "model": ECHO})
    sent = form_of(page(client, "?function=say")) | {"input": mark, "a.model": ECHO}
    response = client.post(PAGE + "?function=say", {**sent, "do": "run"})
    text = client.get(response["Location"]).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize("language", ["curl", "python", "node"])
def test_a_run_can_be_copied_as_code(client: Client, function: Function, language: str) -> None:
    run(client, a_model="rehearsal/empty")
    text = page(client, f"?run={PlaygroundRun.objects.get().pk}&as={language}")
    assert "rehearsal/empty" in text.split('id="code-text"')[1]
    assert "Which?" in text.split('id="code-text"')[1]


def test_a_view_can_be_chosen_for_all_results(client: Client, function: Function) -> None:
    run(client)
    assert 'class="json boxed' in page(client, f"?run={PlaygroundRun.objects.get().pk}&view=json")


def test_the_page_says_which_models_are_asked(client: Client, function: Function) -> None:
    text = page(client, "?function=ask&a=1&b=1,rehearsal/empty")
    asks = text.split('id="asks"')[1].split("</p>")[0]
    assert ECHO in asks
    assert "rehearsal/empty" in asks


def test_a_function_without_a_revision_says_so(client: Client, project: Project) -> None:
    Function.objects.create(project=project, name="bare")
    assert "No definition yet" in page(client, "?function=bare")


# --- who may, and how dear it is --------------------------------------------------------------------------------------


def test_a_reader_sees_runs_and_runs_none(client: Client, bob_client: Client, function: Function) -> None:
    run(client)
    text = page(bob_client, f"?run={PlaygroundRun.objects.get().pk}")
    assert "Complete" in text
    assert 'value="run"' not in text
    assert bob_client.post(PAGE + "?function=ask", {"a.model": ECHO, "do": "run"}).status_code == 403


def test_strangers_and_other_projects_find_nothing(
    client: Client, charlie_client: Client, function: Function, other_project: Project, api: Any
) -> None:
    run(client)
    begun = PlaygroundRun.objects.get()
    span_id = api.post("/v2/call", {"name": "ask", "input": {"question": "x"}}).json()["span_id"]
    assert charlie_client.get(PAGE).status_code == 404
    there = "/projects/umbrella/playground/"
    for query in (f"?run={begun.pk}", f"?span={span_id}", "?function=ask"):
        assert charlie_client.get(there + query).status_code == 404
    assert charlie_client.post(f"{there}?run={begun.pk}", {"do": "run"}).status_code == 404
    assert charlie_client.get(f"{there}runs/{begun.pk}/0/").status_code == 404
    assert charlie_client.post(f"{there}runs/{begun.pk}/0/stream/").status_code == 404


@pytest.mark.parametrize("query", ["?run=x", "?span=x", "?function=none", f"?run={uuid.UUID(int=1)}"])
def test_what_there_is_not_is_not_found(client: Client, function: Function, query: str) -> None:
    assert client.get(PAGE + query).status_code == 404


def test_a_page_takes_as_many_queries_whatever_there_is(client: Client, function: Function, alice: User) -> None:
    run(client, "?function=ask&a=1&b=1")
    begun = PlaygroundRun.objects.get()

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(client, f"?run={begun.pk}")
        return len(queries)

    count()
    before = count()
    for number in range(3):
        run(client, "?function=ask&a=1&b=1")
        revising.save(function, {"instructions": f"Answer {number}"}, author=Author(user=alice))
        dataset.add(function, {"input": {"question": f"q{number}"}, "output": {"thoughts": "t", "answer": "a"}})
    assert count() <= before + 1
    assert before <= 40
