"""The page of revisions: the timeline, two of them side by side, and the way back."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from functions import revising
from functions.models import Completion, Function
from functions.pages import revisions as page_of_revisions
from functions.pages.revisions import boxes_of
from functions.revising import Author
from opperweb.accounts.models import ApiKey, Project, User
from tests.traces.factories import make_call
from traces.analytics.figures import Figures, slot_of
from traces.models import Span

PAGE = "/projects/acme/functions/mini_kb_query/revisions/"
OUTPUT = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


@pytest.fixture
def function(project: Project, alice: User) -> Function:
    function = revising.create(
        project, "mini_kb_query", {"instructions": "Answer.", "output_schema": OUTPUT}, author=Author(user=alice)
    )
    key = ApiKey.objects.make(project, "backend-prod")[0]
    described = {**OUTPUT, "properties": {"answer": {"type": "string", "maxLength": 20}}}
    revising.save(function, {"output_schema": described}, author=Author(api_key=key), note="Short answers")
    settings = {"configuration": {"invocation.few_shot.count": 0}, "instructions": "Answer briefly."}
    revising.save(function, settings, author=Author(user=alice), note="No examples")
    return function


def shown(client: Client, query: str = "") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_the_timeline_names_notes_and_authors(alice_client: Client, function: Function) -> None:
    page = shown(alice_client)
    for words in ("No examples", "Short answers", "API, backend-prod", "Alice, live"):
        assert words in page
    assert page.index("No examples") < page.index("Short answers")


def test_the_newest_is_compared_with_the_one_before(alice_client: Client, function: Function) -> None:
    comparison = alice_client.get(PAGE).context["comparison"]
    assert (comparison.chosen.number, comparison.other.number) == (3, 2)
    parts = {part.label: [(piece.kind, piece.text) for piece in part.pieces] for part in comparison.parts}
    assert ("added", " briefly") in parts["Instructions"]
    assert parts["Settings"] == [("added", "invocation.few_shot.count 0")]


def test_any_two_revisions_are_compared(alice_client: Client, function: Function) -> None:
    comparison = alice_client.get(f"{PAGE}?revision=2&with=1").context["comparison"]
    part = comparison.parts[0]
    assert (part.label, part.code) == ("Output", "answer")
    assert [(piece.kind, piece.text) for piece in part.pieces] == [("same", 'type "string"'), ("added", "maxLength 20")]
    assert "They say the same" in shown(alice_client, "?revision=2&with=2")


def test_the_first_revision_is_compared_with_the_next(alice_client: Client, function: Function) -> None:
    assert alice_client.get(f"{PAGE}?revision=1").context["comparison"].other.number == 2


@pytest.mark.parametrize("query", ["?revision=9", "?revision=x", "?with=77", "?revision=-1", "?revision=²"])
def test_a_revision_that_is_not_there_is_not_found(alice_client: Client, function: Function, query: str) -> None:
    assert alice_client.get(PAGE + query).status_code == 404


def test_one_press_restores_and_another_undoes_it(alice_client: Client, alice: User, function: Function) -> None:
    answer = alice_client.post(f"{PAGE}restore/", {"revision": "1"})
    assert answer["Location"] == f"{PAGE}?revision=4&with=3&undo=3"
    newest = function.revisions.get(number=4)
    assert (newest.instructions, newest.note, newest.created_by) == ("Answer.", "Restored revision 1", alice)
    page = alice_client.get(answer["Location"])
    assert "Revision 4 is live: Restored revision 1" in html.unescape(page.content.decode())
    assert page.context["undo"].number == 3
    alice_client.post(f"{PAGE}restore/", {"revision": "3"})
    assert function.revisions.get(number=5).instructions == "Answer briefly."


def test_restoring_what_is_live_makes_nothing(alice_client: Client, function: Function) -> None:
    assert alice_client.post(f"{PAGE}restore/", {"revision": "3"})["Location"] == PAGE
    assert function.revisions.count() == 3


def test_from_a_call_it_is_three_presses_to_the_revision_before(
    alice_client: Client, project: Project, function: Function
) -> None:
    span = Span.objects.get(trace=make_call(project, function_name="mini_kb_query", revision_number=3))
    newest = function.revisions.get(number=3)
    Completion.objects.create(span=span, project=project, function=function, revision=newest, state="done")
    trace = html.unescape(alice_client.get(f"/projects/acme/traces/{span.trace.id}/?span={span.id}").content.decode())
    link = f"/projects/acme/functions/of-call/{span.id}/revision/"
    assert f'href="{link}"' in trace
    # The function has another name by now.
    revising.save(function, {"name": "renamed"})
    address = alice_client.get(link)["Location"]
    assert address == "/projects/acme/functions/renamed/revisions/?revision=3"
    page = html.unescape(alice_client.get(address).content.decode())
    assert "Restore revision 3" in page
    assert alice_client.get(f"/projects/acme/functions/of-call/{span.id}/")["Location"].endswith("/renamed/overview/")
    function.delete()
    assert alice_client.get(link).status_code == 404


def test_a_reader_sees_and_restores_nothing(bob_client: Client, charlie_client: Client, function: Function) -> None:
    assert "Restore" not in shown(bob_client, "?revision=1")
    assert bob_client.post(f"{PAGE}restore/", {"revision": "1"}).status_code == 403
    assert charlie_client.get(PAGE).status_code == 404
    assert charlie_client.post(f"{PAGE}restore/", {"revision": "1"}).status_code == 404


def test_more_than_a_page_of_revisions_is_leafed_through(
    alice_client: Client, function: Function, monkeypatch: Any
) -> None:
    monkeypatch.setattr(page_of_revisions, "PAGE_SIZE", 2)
    for number in range(4, 8):
        revising.save(function, {"instructions": f"Answer {number}."})

    def numbers(query: str) -> list[int]:
        return [row.revision.number for row in alice_client.get(PAGE + query).context["rows"]]

    first = alice_client.get(PAGE).context
    assert (numbers(""), first["newer"], first["older"]) == ([7, 6], None, 5)
    assert numbers("?from=5") == [5, 4]
    assert alice_client.get(f"{PAGE}?from=1").context["older"] is None
    # A chosen revision is on the page that is shown.
    assert 2 in numbers("?revision=2")


def test_the_number_of_queries_does_not_grow_with_the_revisions(alice_client: Client, function: Function) -> None:
    def count() -> int:
        alice_client.get(PAGE)
        with CaptureQueriesContext(connection) as queries:
            alice_client.get(PAGE)
        return len(queries)

    before = count()
    for number in range(10):
        revising.save(function, {"instructions": f"Answer {number}."})
    assert count() == before


def test_the_figures_of_a_revision_stand_beside_those_of_the_other() -> None:
    def figures(**sums: int) -> Figures:
        return Figures({"calls": 100, "timed": 100, slot_of(500): 100, "cost_units": 10**9, "scored": 10, **sums})

    boxes = {box.label: box for box in boxes_of(figures(errors=1, score_sum=900), figures(errors=3, score_sum=950))}
    assert (boxes["Success"].shown, boxes["Success"].difference, boxes["Success"].tone) == ("99.0\u202f%", "+2.0", "ok")
    assert (boxes["Score"].shown, boxes["Score"].difference, boxes["Score"].tone) == ("90", "-5", "err")
    assert (boxes["p50"].difference, boxes["Per call"].difference) == ("", "")
    dearer = {box.label: box for box in boxes_of(figures(cost_units=2 * 10**9, rejected=3), figures())}
    assert (dearer["Per call"].difference, dearer["Per call"].tone) == ("+100\u202f%", "err")
    assert dearer["Did not fit"].shown == "3"


def test_figures_that_nobody_has_are_dashes() -> None:
    boxes = boxes_of(Figures(), Figures())
    assert [box.shown for box in boxes] == ["–", "–", "–", "–", "0"]
