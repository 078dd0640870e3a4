"""The examples page: the list, the form beside it, examples made of calls, pairs that are nearly the same."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from functions import revising
from functions.examples import dataset
from functions.models import Completion, DatasetExample, Function
from functions.pages.examples.rows import answer_of, lines_of
from opperweb.accounts.models import Membership, Project, Role
from tests.traces.factories import make_call
from traces.models import Span

LIST = "/projects/acme/functions/planets/examples/"
TEXT = {"type": "string"}
INPUT = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": TEXT}, "question": TEXT},
    "required": ["facts", "question"],
}
OUTPUT = {
    "type": "object",
    "properties": {"thoughts": TEXT, "answer": {**TEXT, "pattern": "^The answer"}},
    "required": ["thoughts", "answer"],
}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "planets", {"input_schema": INPUT, "output_schema": OUTPUT})


def values(question: str = "Which planet is the largest?", answer: str = "The answer is Jupiter") -> dict[str, Any]:
    facts = ["Jupiter is large.", "Mars is small.", "Saturn has rings."]
    return {"input": {"facts": facts, "question": question}, "output": {"thoughts": "Look.", "answer": answer}}


def sent(question: str = "Which?", answer: str = "The answer is one", **more: str) -> dict[str, str]:
    fields = {"input.facts.0": "One.", "input.question": question, "output.thoughts": "Hm.", "output.answer": answer}
    return {**fields, "comment": "", "do": "save", **more}


def text_of(client: Client, address: str = LIST) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u202f", " ").split())


def rows_of(html: str) -> list[str]:
    return [words(row) for row in re.findall(r"<tr data-row.*?</tr>", html, re.DOTALL)]


def address_of(example: DatasetExample) -> str:
    return f"{LIST}{example.id}/"


# --- the list -----------------------------------------------------------------------------------------------------


def test_a_row_says_what_is_asked_and_answered_and_where_it_comes_from(
    alice_client: Client, function: Function, alice: Any
) -> None:
    dataset.add(function, values(), source="imported", source_name="a.jsonl", score=97, used_count=1204)
    dataset.add(function, values("Why?"), source="trace", created_by=alice)
    html = text_of(alice_client)
    first, second = rows_of(html)
    assert "Why? 3 facts The answer is Jupiter From a trace Alice – 0" in first
    assert "Which planet is the largest? 3 facts The answer is Jupiter Imported a.jsonl score 97 1,204" in second
    assert "2 examples, 3 go into each prompt" in words(html)


def test_an_input_is_told_by_its_texts_and_the_number_of_what_is_in_its_lists() -> None:
    assert lines_of("a · 2 more · why?", INPUT) == ("why?", "3 facts")
    assert lines_of("a · why?", INPUT) == ("a · why?", "")
    assert lines_of("a · 2 more", INPUT) == ("a", "3 facts")
    assert lines_of("a · 2 more · b · 1 more", INPUT) == ("a · 2 more · b · 1 more", "")
    assert lines_of("5 more", INPUT) == ("5 more", "")
    assert lines_of("anything", None) == ("anything", "")
    assert answer_of("hm · yes", OUTPUT) == "yes"
    assert answer_of("hm · so · yes", OUTPUT) == "hm · so · yes"


def test_the_list_is_paged_and_its_queries_do_not_grow_and_read_no_value(
    alice_client: Client, function: Function
) -> None:
    dataset.add(function, values("first"))
    # The first visit is noted.
    text_of(alice_client)
    with CaptureQueriesContext(connection) as few:
        text_of(alice_client)
    rows = [DatasetExample(function=function, **values(f"number {number}")) for number in range(60)]
    dataset.add_all(function, rows)
    with CaptureQueriesContext(connection) as many:
        html = text_of(alice_client)
    assert len(many) == len(few)
    for name in ("input", "output", "expected"):
        assert not any(f'"functions_datasetexample"."{name}"' in query["sql"] for query in many.captured_queries)
    assert len(rows_of(html)) == 50
    older = re.search(r'rel="next" href="([^"]+)"', html)
    assert older
    html = text_of(alice_client, unescape(older.group(1)))
    assert len(rows_of(html)) == 11
    assert "first" in rows_of(html)[-1]
    assert 'rel="prev"' in html


def test_a_search_finds_the_nearest_and_reads_no_value(alice_client: Client, function: Function) -> None:
    for question in ("Where are volcanoes?", "Who eats volcanoes and glaciers?", "What is blue?"):
        dataset.add(function, {**values(question), "input": {"facts": ["x"], "question": question}})
    with CaptureQueriesContext(connection) as captured:
        found = rows_of(text_of(alice_client, f"{LIST}?q=volcanoes+glaciers"))
    assert ["eats" in row for row in found] == [True, False]
    assert not any('"functions_datasetexample"."input"' in query["sql"] for query in captured.captured_queries)
    assert "No example shares a word with “whales”." in words(text_of(alice_client, f"{LIST}?q=whales"))


def test_what_does_not_fit_says_why_and_is_found_alone(alice_client: Client, function: Function) -> None:
    dataset.add(function, values())
    dataset.add(function, values("Bad?", "no"))
    assert "Does not fit 1" in words(text_of(alice_client))
    (row,) = rows_of(text_of(alice_client, f"{LIST}?misfit=1"))
    assert "Bad? output.answer must match ^The answer" in row
    DatasetExample.objects.exclude(misfit="").delete()
    assert "Every example fits" in text_of(alice_client, f"{LIST}?misfit=1")


def test_without_examples_there_are_ways_to_some(alice_client: Client, bob_client: Client, function: Function) -> None:
    assert f'href="{LIST}import/"' in text_of(alice_client)
    assert f'href="{LIST}import/"' not in text_of(bob_client)


def test_readers_read_and_change_nothing(bob_client: Client, function: Function) -> None:
    example = dataset.add(function, values())
    html = text_of(bob_client, address_of(example))
    assert "– Jupiter is large." in html
    for control in ("Add example", "Delete", "Save", "checkbox", "import/"):
        assert control not in html
    for address in (address_of(example), f"{LIST}delete/", f"{LIST}keep/", f"{LIST}import/", f"{LIST}new/"):
        assert bob_client.post(address, sent()).status_code == 403
    assert DatasetExample.objects.get().input == values()["input"]


def test_strangers_learn_of_nothing(charlie_client: Client, function: Function, other_project: Project) -> None:
    example = dataset.add(function, values())
    foreign = revising.create(other_project, "planets", {})
    for address in (LIST, address_of(example), f"{LIST}import/", f"{LIST}examples.csv", f"{LIST}examples.jsonl"):
        assert charlie_client.get(address).status_code == 404
    # A function of one's own does not open the examples of another.
    own = "/projects/umbrella/functions/planets/examples/"
    assert charlie_client.get(f"{own}{example.id}/").status_code == 404
    charlie_client.post(f"{own}delete/", {"id": str(example.id), "confirmed": "1"})
    assert DatasetExample.objects.filter(function=function).count() == 1
    assert not foreign.examples.exists()


# --- one example --------------------------------------------------------------------------------------------------


def test_an_example_is_written_in_a_form_made_from_the_schemas(
    alice_client: Client, function: Function, alice: Any
) -> None:
    html = text_of(alice_client, f"{LIST}new/")
    assert 'name="input.facts.0"' in html
    assert 'name="output.answer"' in html
    response = alice_client.post(f"{LIST}new/", sent(comment=" why\r\nso "))
    example = DatasetExample.objects.get()
    assert response.headers["Location"] == f"{LIST}?added={example.id}"
    assert example.input == {"facts": ["One."], "question": "Which?"}
    assert (example.source, example.created_by, example.comment) == ("written", alice, "why\nso")
    html = text_of(alice_client, response.headers["Location"])
    assert "“Which?” is an example now" not in html
    assert "is an example now" in html
    undone = alice_client.post(f"{LIST}delete/", {"id": str(example.id), "confirmed": "1"})
    assert undone.status_code == 302
    assert not DatasetExample.objects.exists()


def test_what_does_not_fit_is_said_at_its_field_and_kept_only_if_somebody_says_so(
    alice_client: Client, function: Function
) -> None:
    response = alice_client.post(f"{LIST}new/", sent(answer="Unknown"))
    html = response.content.decode()
    assert response.status_code == 422
    assert re.search(r'id="output\.answer~error">.*?Must match \^The answer', html, re.DOTALL)
    assert "Keep it although it does not fit" in html
    assert ">Unknown<" not in html
    assert "\nUnknown</textarea>" in html
    assert not DatasetExample.objects.exists()
    alice_client.post(f"{LIST}new/", sent(answer="Unknown", keep="1"))
    assert DatasetExample.objects.get().misfit.startswith("output.answer ")


def test_a_form_in_which_nothing_is_typed_makes_no_example(alice_client: Client, function: Function) -> None:
    assert alice_client.post(f"{LIST}new/", {"do": "save"}).status_code == 422
    empty = sent("", "The answer") | {"input.facts.0": "", "keep": "1"}
    html = alice_client.post(f"{LIST}new/", empty).content.decode()
    assert html.count("Nothing is given") == 1
    turned = alice_client.post(f"{LIST}new/", {**empty, "do": "json"}).content.decode()
    assert re.search(r'name="input~json"[^>]*>\n</textarea>', turned)
    assert not DatasetExample.objects.exists()
    # What is empty on purpose may be kept.
    alice_client.post(f"{LIST}new/", {"input~json": '{"facts": [], "question": ""}', **sent(), "do": "save"})
    assert DatasetExample.objects.get().input == {"facts": [], "question": ""}
    address = address_of(DatasetExample.objects.get())
    assert 'name="input.question~was" value="empty"' in text_of(alice_client, address)


def test_buttons_of_lists_come_back_with_all_that_was_typed(alice_client: Client, function: Function) -> None:
    more = alice_client.post(f"{LIST}new/", {**sent("typed"), "do": "", "add": "input.facts"}).content.decode()
    assert 'name="input.facts.1"' in more
    assert "\ntyped</textarea>" in more
    less = alice_client.post(f"{LIST}new/", {**sent("typed"), "remove": "input.facts.0"}).content.decode()
    assert "One." not in less
    assert not DatasetExample.objects.exists()


def test_an_example_is_changed_and_what_is_typed_into_another_list_stays(
    alice_client: Client, function: Function
) -> None:
    example = dataset.add(function, {**values(), "comment": "old"})
    html = text_of(alice_client, f"{address_of(example)}?q=largest")
    assert "\nMars is small.</textarea>" in html
    assert 'aria-current="true"' in html
    response = alice_client.post(f"{address_of(example)}?q=largest", sent("New?", comment="new"))
    assert response.headers["Location"] == f"{LIST}?q=largest"
    example.refresh_from_db()
    assert (example.input["question"], example.comment) == ("New?", "new")


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unasked(
    alice_client: Client, function: Function
) -> None:
    example = dataset.add(function, values())

    def seen(html: str) -> str:
        found = re.search(r'name="seen" value="([^"]+)"', html)
        assert found
        return found.group(1)

    before = seen(text_of(alice_client, address_of(example)))
    dataset.change(example, values("theirs"))
    response = alice_client.post(address_of(example), sent("mine", seen=before))
    html = response.content.decode()
    assert (response.status_code, "somebody else changed" in html, "\nmine</textarea>" in html) == (409, True, True)
    example.refresh_from_db()
    assert example.input["question"] == "theirs"
    # A button that saves nothing keeps what was seen first.
    later = alice_client.post(address_of(example), sent("mine", seen=before, add="input.facts")).content.decode()
    assert seen(later) == before
    assert alice_client.post(address_of(example), sent("mine", seen=seen(html))).status_code == 302
    example.refresh_from_db()
    assert example.input["question"] == "mine"


def test_a_corrected_answer_is_held_against_the_schema_in_place_of_the_output(
    alice_client: Client, function: Function
) -> None:
    example = dataset.add(function, values(answer="wrong"))
    address = address_of(example)
    post = {**sent(answer="wrong"), "do": "correct"}
    html = alice_client.post(address, post).content.decode()
    assert 'name="expected.answer"' in html
    corrected = {"has_expected": "1", "expected.thoughts": "Hm.", "expected.answer": "The answer is two"}
    assert alice_client.post(address, {**sent(answer="wrong"), **corrected}).status_code == 302
    example.refresh_from_db()
    assert (example.output["answer"], example.answer["answer"]) == ("wrong", "The answer is two")
    assert not example.misfit
    assert 'name="expected.answer"' in text_of(alice_client, address)
    html = alice_client.post(address, {**sent(), **corrected, "do": "uncorrect"}).content.decode()
    assert 'name="expected.answer"' not in html
    alice_client.post(address, sent())
    example.refresh_from_db()
    assert example.expected is None


def test_an_example_may_be_written_as_json_and_turned_into_fields(alice_client: Client, function: Function) -> None:
    html = alice_client.post(f"{LIST}new/", {**sent("typed"), "do": "json"}).content.decode()
    assert 'name="input~json"' in html
    assert "&quot;question&quot;: &quot;typed&quot;" in html
    as_json = {"input~json": json.dumps(values()["input"]), "output~json": json.dumps(values()["output"]), "do": ""}
    back = alice_client.post(f"{LIST}new/", {**as_json, "do": "fields"}).content.decode()
    assert 'name="input.facts.2"' in back
    broken = alice_client.post(f"{LIST}new/", {**as_json, "input~json": "{", "do": "save"})
    assert (broken.status_code, "Not JSON" in broken.content.decode()) == (422, True)
    assert "Keep it although" not in broken.content.decode()
    assert alice_client.post(f"{LIST}new/", {**as_json, "do": "save"}).status_code == 302
    assert DatasetExample.objects.get().output == values()["output"]


def test_markup_in_values_is_text(alice_client: Client, bob_client: Client, function: Function) -> None:
    bad = '<script>alert("1")</script>'
    example = dataset.add(function, {**values(bad, bad), "comment": bad}, source="imported", source_name=bad)
    for client in (alice_client, bob_client):
        for address in (LIST, address_of(example), f"{LIST}?q={bad}", f"{LIST}?duplicates=1"):
            assert "<script>alert" not in text_of(client, address)


def test_a_value_of_a_megabyte_is_shown_and_kept(alice_client: Client, function: Function) -> None:
    large = "word " * 200_000
    example = dataset.add(function, values(large))
    assert len(text_of(alice_client, LIST)) < 40_000
    assert large.strip() in text_of(alice_client, address_of(example))
    alice_client.post(address_of(example), sent(large, comment="still here"))
    example.refresh_from_db()
    assert (example.input["question"], example.comment) == (large, "still here")


def test_what_cannot_be_kept_is_told_at_its_place(alice_client: Client, function: Function) -> None:
    html = alice_client.post(f"{LIST}new/", sent("a\0b")).content.decode()
    assert "contains a NUL character" in html
    html = alice_client.post(f"{LIST}new/", sent(comment="a\0b")).content.decode()
    assert "contains a NUL character" in html
    html = alice_client.post(f"{LIST}new/", sent(comment="x" * 10_001)).content.decode()
    assert "At most 10,000 characters" in html
    assert not DatasetExample.objects.exists()


def test_a_file_is_not_lost_when_an_item_is_added(alice_client: Client, project: Project) -> None:
    media = {"type": "object", "properties": {"_opper_media_input": TEXT, "file_name": TEXT}}
    schema = {"type": "object", "properties": {"paper": media, "pages": {"type": "array", "items": TEXT}}}
    revising.create(project, "planets", {"input_schema": schema})
    file = SimpleUploadedFile("a.png", b"\x89PNG", "image/png")
    html = alice_client.post(f"{LIST}new/", {"input.paper~file": file, "add": "input.pages"}).content.decode()
    assert "data:image/png;base64,iVBORw==" in html


def test_a_function_without_schemas_has_examples_of_text(alice_client: Client, project: Project) -> None:
    function = revising.create(project, "planets", {})
    alice_client.post(f"{LIST}new/", {"input": "in", "output": "out", "do": "save"})
    example = DatasetExample.objects.get()
    assert (example.input, example.output) == ("in", "out")
    odd = dataset.add(function, {"input": {"a": 1}, "output": None})
    assert 'name="input~json"' in text_of(alice_client, address_of(odd))


def test_several_are_deleted_after_a_question(alice_client: Client, function: Function) -> None:
    kept, *others = (dataset.add(function, values(f"number {number}")) for number in range(3))
    ids = [str(each.id) for each in others]
    asked = alice_client.post(f"{LIST}delete/?q=number", {"id": [*ids, "nonsense", str(uuid4())]})
    assert "Delete 2 examples?" in asked.content.decode()
    assert DatasetExample.objects.count() == 3
    response = alice_client.post(f"{LIST}delete/?q=number", {"id": ids, "confirmed": "1"})
    assert response.headers["Location"] == f"{LIST}?q=number"
    assert DatasetExample.objects.get() == kept
    assert "2 examples are deleted" in text_of(alice_client)
    assert alice_client.post(f"{LIST}delete/").status_code == 302


# --- from a call --------------------------------------------------------------------------------------------------


@pytest.fixture
def span(project: Project, function: Function) -> Span:
    facts = {**values(answer="Unknown"), "score": 44, "function_name": "planets", "revision_number": 1}
    span = make_call(project, "planets", **facts).spans.get()
    Completion.objects.create(span=span, project=project, function=function, state="done")
    return span


def test_a_call_becomes_an_example_with_its_output_corrected(
    alice_client: Client, function: Function, span: Span
) -> None:
    trace = text_of(alice_client, f"/projects/acme/traces/{span.trace.id}/")
    link = f"/projects/acme/functions/of-call/{span.id}/example/"
    assert f'href="{link}"' in trace
    revising.save(function, {"instructions": "x"})
    Function.objects.update(name="worlds")
    response = alice_client.get(link, follow=True)
    address = response.redirect_chain[-1][0]
    assert address == f"/projects/acme/functions/worlds/examples/new/?from={span.id}"
    html = response.content.decode()
    assert "\nUnknown</textarea>" in html
    assert f'name="from" value="{span.id}"' in html
    response = alice_client.post(address, {**sent(), "from": str(span.id)})
    example = DatasetExample.objects.get()
    assert (example.source, example.span_id, example.score) == ("trace", span.id, 44)
    assert example.output["answer"] == "The answer is one"
    assert "This call is an example already" in text_of(alice_client, address)


def test_the_list_leads_on_to_the_form_of_a_call(alice_client: Client, bob_client: Client, span: Span) -> None:
    response = alice_client.get(f"{LIST}?from={span.id}")
    assert response.headers["Location"] == f"{LIST}new/?from={span.id}"
    assert bob_client.get(f"{LIST}?from={span.id}").status_code == 200


def test_a_call_of_another_project_is_not_there(
    alice_client: Client, function: Function, other_project: Project
) -> None:
    foreign = make_call(other_project, input="secret", output="x").spans.get()
    for wanted in (foreign.id, uuid4(), "nonsense"):
        assert alice_client.get(f"{LIST}new/?from={wanted}").status_code == 404
        assert alice_client.post(f"{LIST}new/", {**sent(), "from": str(wanted)}).status_code == 404
    assert alice_client.get(f"/projects/acme/functions/of-call/{foreign.id}/example/").status_code == 404


def test_a_call_offers_it_only_to_those_who_may_and_while_there_is_a_function(
    alice_client: Client, bob_client: Client, function: Function, span: Span
) -> None:
    address = f"/projects/acme/traces/{span.trace.id}/"
    assert "Save as example" in text_of(alice_client, address)
    assert "Save as example" not in text_of(bob_client, address)
    Membership.objects.filter(user__email="bob@example.com").update(role=Role.EDITOR)
    assert "Save as example" in text_of(bob_client, address)
    function.delete()
    assert "Save as example" not in text_of(alice_client, address)
    assert alice_client.get(f"/projects/acme/functions/of-call/{span.id}/example/").status_code == 404


# --- pairs --------------------------------------------------------------------------------------------------------


def test_pairs_stand_side_by_side_until_one_is_deleted_or_both_are_kept(
    alice_client: Client, bob_client: Client, function: Function
) -> None:
    older = dataset.add(function, values("Which of the planets is by far the largest of all?"))
    newer = dataset.add(function, values("Which of the planets is by far the largest of all?", "The answer is no"))
    html = text_of(alice_client, f"{LIST}?duplicates=1")
    assert "1 pair" in words(html)
    assert "Different answers" in html
    assert "Keep both" not in text_of(bob_client, f"{LIST}?duplicates=1")
    both = {"id": [str(older.id), str(newer.id)]}
    assert alice_client.post(f"{LIST}keep/", both).headers["Location"] == f"{LIST}?duplicates=1"
    assert "No near-duplicates" in text_of(alice_client, f"{LIST}?duplicates=1")
    # Somebody else is still shown them.
    assert "1 pair" in words(text_of(bob_client, f"{LIST}?duplicates=1"))
    post = {"id": str(older.id), "back": "duplicates", "confirmed": "1"}
    assert alice_client.post(f"{LIST}delete/", post).headers["Location"] == f"{LIST}?duplicates=1"
    assert DatasetExample.objects.get() == newer
