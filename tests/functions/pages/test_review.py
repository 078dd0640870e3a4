"""Review as people meet it: one completion a screen, rated by forms, without a word of what others think."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.utils import timezone

from functions.models import Completion, DatasetExample, EvaluationPolicy, Function
from opperweb.accounts.models import Membership, Project, Role, User
from tests.test_strangers import PAGES, filled
from tests.traces.factories import make_call, make_span, make_trace
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Kind, Origin, Span, Status

PAGE = "/projects/acme/review/"
SCHEMA = {
    "type": "object",
    "properties": {
        "thoughts": {"type": "string"},
        "answer": {"type": "string", "pattern": "^The answer", "maxLength": 80},
        "moons": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["thoughts", "answer"],
}
OUTPUT = {"thoughts": "Water\nand ice.", "answer": "The answer is Europa", "moons": ["Europa"]}
SENT = {
    "output.thoughts": "Water\r\nand ice.",
    "output.answer": "The answer is Europa",
    "output.moons.0": "Europa",
}


@pytest.fixture
def dora(project: Project) -> User:
    return member(project, "dora@example.com", "Dora", Role.REVIEWER)


@pytest.fixture
def dora_client(dora: User) -> Client:
    return signed_in(dora)


@pytest.fixture
def function(project: Project) -> Function:
    return Function.objects.create(project=project, name="mini_kb_query")


def member(project: Project, email: str, name: str, role: Role) -> User:
    user = User.objects.create_user(email, "a-long-quiet-river", name=name)
    Membership.objects.create(user=user, project=project, role=role)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def call(project: Project, question: str = "Which moons?", *, minutes: float = 1, **values: Any) -> Span:
    function = values.pop("function", None)
    values = {
        "function_name": function.name if function else "mini_kb_query",
        "input": {"question": question, "facts": ["one", "two", "three"]},
        "output": OUTPUT,
        "output_schema": SCHEMA,
        "started_at": timezone.now() - timedelta(minutes=minutes),
        **values,
    }
    span = make_call(project, **values).spans.get()
    if function:
        Completion.objects.create(span=span, project=project, function=function, state=Completion.State.DONE)
    return span


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def page(client: Client, address: str = PAGE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def action(html: str) -> str:
    [found] = re.findall(r'<form id="review" method="post" action="([^"]+)"', html)
    return PAGE + unescape(found)


def shown(html: str) -> str:
    [found] = re.findall(r'name="span" value="([^"]+)"', html)
    return str(found)


def skip(html: str) -> str:
    [found] = re.findall(r'class="button quiet review-skip" href="([^"]+)"', html)
    return PAGE + unescape(found)


def rate(client: Client, html: str, rating: str = "good", **post: str) -> str:
    """Rate what a page shows and return the next page."""
    response = client.post(action(html), {**SENT, "span": shown(html), "comment": "", "rating": rating, **post})
    assert response.status_code == 302, words(response.content.decode())
    return page(client, response.headers["Location"])


def test_the_newest_comes_first_and_a_rating_moves_on(dora_client: Client, dora: User, project: Project) -> None:
    older, newer = call(project, "older?", minutes=2), call(project, "newer?", minutes=1)
    first = page(dora_client)
    assert "1 of 2" in words(first)
    assert "newer?" in first
    assert "older?" not in first
    assert first.index("newer?") < first.index("Water")
    second = rate(dora_client, first, "good", comment="well said")
    assert "2 of 2" in words(second)
    assert shown(second) == str(older.id)
    last = rate(dora_client, second, "bad")
    assert "Nothing left to review You rated 2 completions in this round." in words(last)
    given = {each.span_id: each for each in Feedback.objects.filter(author=dora)}
    assert (given[newer.pk].score, given[newer.pk].comment, given[newer.pk].correction) == (1.0, "well said", None)
    assert given[older.pk].score == 0.0


def test_only_complete_calls_of_a_model_that_no_judge_made_wait(dora_client: Client, project: Project) -> None:
    trace = make_trace(project)
    make_span(trace, "step", kind=Kind.TOOL)
    call(project, origin=Origin.EVALUATION)
    call(project, status=Status.ERROR, output=None, error_message="too many requests")
    call(project, status=Status.RUNNING)
    assert "Nothing left to review" in words(page(dora_client))
    assert "too many requests" in page(dora_client, f"{PAGE}?q=status:error")


def test_any_filter_of_the_list_chooses_what_is_reviewed(dora_client: Client, project: Project) -> None:
    call(project, "production?", minutes=5, tags={"env": "production"}, function_name="other")
    call(project, "staging?", tags={"env": "staging"})
    call(project, "old?", minutes=60 * 24 * 40, tags={"env": "production"})
    html = page(dora_client, f"{PAGE}?q=tag:env=production")
    assert "production?" in html
    assert "1 of 1" in words(html)
    assert "production?" in page(dora_client, f"{PAGE}?function=other")
    assert "1 of 2" in words(page(dora_client, f"{PAGE}?q=tag:env=production&range=all"))
    assert "Did you mean latency?" in words(page(dora_client, f"{PAGE}?q=laency:>2s"))


def test_the_lists_and_the_function_lead_here_with_their_filter(
    dora_client: Client, bob_client: Client, project: Project, function: Function
) -> None:
    call(project, function=function)
    completions = "/projects/acme/completions/?q=tag:env"
    assert f'href="{PAGE}?q=tag:env&amp;range=24h"' in page(dora_client, completions)
    head = page(dora_client, "/projects/acme/functions/mini_kb_query/overview/")
    assert f'href="{PAGE}?function=mini_kb_query"' in head
    for address in (completions, "/projects/acme/functions/mini_kb_query/overview/"):
        assert PAGE not in page(bob_client, address)


def test_neither_judge_nor_others_are_heard_before_one_has_rated(
    dora_client: Client, alice: User, bob: User, project: Project
) -> None:
    span = call(project, score=92)
    Evaluation.objects.create(
        project=project, span=span, state=Evaluation.State.DONE, score=92, observations="Well reasoned."
    )
    Feedback.objects.create(project=project, span=span, author=alice, score=0.0, comment="nonsense-comment")
    Feedback.objects.create(project=project, span=span, author=bob, comment="said nothing of it")
    before = page(dora_client)
    beforehand = page(dora_client, f"{PAGE}?last={span.id}")
    for html in (before, beforehand):
        assert not {"92", "reasoned", "nonsense", "said bad", "judge"} & set(re.findall(r"[\w]+", words(html)))
        assert "nonsense-comment" not in html
    after = rate(dora_client, before, "good")
    assert "Rated good. The judge gave 92. One other said bad." in words(after)


def test_skipped_ones_come_back_at_the_end_of_the_round(dora_client: Client, project: Project) -> None:
    for number in range(3):
        call(project, f"question {number}?", minutes=number + 1)
    html = page(dora_client)
    html = page(dora_client, skip(html))
    assert "question 1?" in html
    assert "2 of 3" in words(html)
    html = rate(dora_client, html)
    assert "question 2?" in html
    assert "3 of 3" in words(html)
    html = rate(dora_client, html)
    assert "question 0?" in html
    assert "3 of 3" in words(html)
    # There is nothing else to skip to.
    assert "question 0?" in page(dora_client, skip(html))


def test_what_arrives_meanwhile_waits_for_the_next_round(dora_client: Client, project: Project) -> None:
    call(project, "first?")
    html = page(dora_client)
    call(project, "second?", started_at=timezone.now() + timedelta(seconds=1))
    html = rate(dora_client, html)
    assert "Nothing left" in html
    Span.objects.filter(started_at__gt=timezone.now()).update(started_at=timezone.now())
    html = page(dora_client, f"{PAGE}?until=1&done=1")
    assert "Look for new ones 1" in words(html)


def test_undo_takes_the_last_rating_back_and_keeps_what_was_typed(
    dora_client: Client, dora: User, project: Project
) -> None:
    span = call(project, "first?")
    call(project, "second?", minutes=2)
    html = rate(dora_client, page(dora_client), "bad", comment="why not", **{"output.answer": "The answer is Io"})
    assert "second?" in html
    [query] = re.findall(r'<form method="post" action="([^"]+)"><input type="hidden" name="csrf', html)
    response = dora_client.post(PAGE + unescape(query), {"do": "undo"})
    html = page(dora_client, response.headers["Location"])
    assert shown(html) == str(span.id)
    assert "1 of 2" in words(html)
    assert "why not" in html
    assert "The answer is Io" in html
    assert not Feedback.objects.filter(author=dora, score__isnull=False).exists()
    assert "Rated bad" not in html
    # Once is enough.
    again = dora_client.post(PAGE + unescape(query), {"do": "undo"}, follow=True)
    assert "There is no rating to undo." in words(again.content.decode())
    rate(dora_client, html, "good", **{"output.answer": "The answer is Io"})
    given = Feedback.objects.get(author=dora)
    assert (given.score, given.correction) == (1.0, {**OUTPUT, "answer": "The answer is Io"})


def test_undo_leaves_nothing_where_nothing_was_said(dora_client: Client, project: Project) -> None:
    span = call(project)
    rate(dora_client, page(dora_client))
    dora_client.post(f"{PAGE}?last={span.id}&done=1", {"do": "undo"})
    assert not Feedback.objects.exists()


def test_nobody_undoes_what_another_said(dora_client: Client, alice: User, project: Project) -> None:
    span = call(project)
    Feedback.objects.create(project=project, span=span, author=alice, score=1.0)
    dora_client.post(f"{PAGE}?last={span.id}", {"do": "undo"})
    assert Feedback.objects.get().score == 1.0


# --- corrections and examples -------------------------------------------------------------------------------------


def test_a_field_is_corrected_where_it_stands(dora_client: Client, project: Project) -> None:
    call(project)
    html = page(dora_client)
    assert html.count("<summary") >= 3
    rate(dora_client, html, "bad", **{"output.moons.1": "Enceladus"})
    assert Feedback.objects.get().correction == {**OUTPUT, "moons": ["Europa", "Enceladus"]}


def test_a_correction_that_does_not_fit_is_shown_again_and_nothing_is_rated(
    dora_client: Client, project: Project
) -> None:
    call(project)
    html = page(dora_client)
    post = {**SENT, "output.answer": "Io", "span": shown(html), "comment": "typed before", "rating": "bad"}
    response = dora_client.post(action(html), post)
    again = response.content.decode()
    assert response.status_code == 422
    assert 'value="Io"' in again
    assert "typed before" in again
    assert "Nothing is rated yet." in again
    assert 'id="output.answer~error"' in again
    assert not Feedback.objects.exists()


def test_buttons_of_the_form_rate_nothing_and_keep_what_is_typed(dora_client: Client, project: Project) -> None:
    call(project)
    html = page(dora_client)
    post = {**SENT, "span": shown(html), "comment": "half a thought", "output.answer": "The answer is Io"}
    more = dora_client.post(action(html), {**post, "add": "output.moons"}).content.decode()
    assert 'name="output.moons.1"' in more
    assert "half a thought" in more
    back = dora_client.post(action(html), {**post, "back": "output.answer"}).content.decode()
    assert 'value="The answer is Europa"' in back
    stay = dora_client.post(action(html), {**post, "do": "stay"}).content.decode()
    assert 'value="The answer is Io"' in stay
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    ("output", "schema", "sent", "kept"),
    [
        ("It is Europa.", None, {"output": "It is Io."}, "It is Io."),
        (["a"], None, {"output~json": '["b"]'}, ["b"]),
        ({"a": 1, "more": 2}, {"type": "object", "properties": {"a": {"type": "integer"}}}, {"output.a": "3",
          "output~rest~json": '{"more": 2}'}, {"a": 3, "more": 2}),
    ],
)  # fmt: skip
def test_outputs_of_every_shape_are_corrected(
    dora_client: Client, project: Project, output: Any, schema: Any, sent: dict[str, str], kept: Any
) -> None:
    call(project, output=output, output_schema=schema)
    html = page(dora_client)
    response = dora_client.post(action(html), {**sent, "span": shown(html), "rating": "bad"})
    assert response.status_code == 302
    assert Feedback.objects.get().correction == kept


@pytest.mark.parametrize("output", ["plain", {"a": [1, {"b": None}]}, "", 0, False, None])
def test_an_output_that_nobody_touched_is_no_correction(dora_client: Client, project: Project, output: Any) -> None:
    call(project, output=output, output_schema=None)
    html = page(dora_client)
    fields = dict(re.findall(r'name="(output[^"]*)"[^>]*>\s*([^<]*)<', html))
    assert fields or output is None
    post = {name: unescape(text) for name, text in fields.items()}
    response = dora_client.post(action(html), {**post, "span": shown(html), "rating": "good"})
    assert response.status_code == 302
    assert Feedback.objects.get().correction is None


def test_the_whole_output_is_corrected_as_json(dora_client: Client, project: Project) -> None:
    span = call(project)
    html = page(dora_client, f"{PAGE}?view=json")
    assert 'name="output~json"' in html
    post = {"span": str(span.id), "rating": "bad", "output~json": '{"thoughts": "", "answer": "The answer is Io"}'}
    dora_client.post(action(html), post)
    assert Feedback.objects.get().correction == {"thoughts": "", "answer": "The answer is Io"}


def test_an_output_too_long_for_a_form_is_rated_all_the_same(dora_client: Client, project: Project) -> None:
    call(project, output="word " * 200_000, output_schema=None)
    html = page(dora_client)
    assert "too long to be corrected here" in words(html)
    assert len(html) < 150_000
    response = dora_client.post(action(html), {"span": shown(html), "rating": "good"})
    assert response.status_code == 302
    assert Feedback.objects.get().score == 1.0


def test_who_may_edit_saves_an_example_with_the_rating_and_undo_removes_it(
    alice_client: Client, alice: User, project: Project, function: Function
) -> None:
    span = call(project, function=function)
    html = page(alice_client)
    html = rate(alice_client, html, "bad", example="on", **{"output.answer": "The answer is Io"})
    example = DatasetExample.objects.get()
    assert (example.function, example.span_id, example.created_by) == (function, span.id, alice)
    assert example.expected == {**OUTPUT, "answer": "The answer is Io"}
    [query] = re.findall(r'<form method="post" action="([^"]+)"><input type="hidden" name="csrf', html)
    alice_client.post(PAGE + unescape(query), {"do": "undo"})
    assert not DatasetExample.objects.exists()


def test_undo_keeps_an_example_that_was_there_before(
    alice_client: Client, alice: User, project: Project, function: Function
) -> None:
    span = call(project, function=function)
    DatasetExample.objects.create(
        function=function, span_id=span.id, input=1, output=2, created_by=alice, source=DatasetExample.Source.TRACE
    )
    response = alice_client.post(PAGE, {**SENT, "span": str(span.id), "rating": "good", "example": "on"})
    alice_client.post(response.headers["Location"], {"do": "undo"})
    assert DatasetExample.objects.count() == 1
    assert not Feedback.objects.exists()


def test_a_bad_output_is_no_example_unless_it_is_corrected(
    alice_client: Client, project: Project, function: Function
) -> None:
    span = call(project, function=function)
    response = alice_client.post(PAGE, {**SENT, "span": str(span.id), "rating": "bad", "example": "on"})
    assert response.status_code == 422
    assert "A bad output is no example." in words(response.content.decode())
    assert not Feedback.objects.exists()


def test_a_reviewer_saves_no_example_but_the_rule_of_the_function_may(
    dora_client: Client, project: Project, function: Function
) -> None:
    call(project, function=function)
    html = page(dora_client)
    assert 'name="example"' not in html
    rate(dora_client, html, "good", example="on")
    assert not DatasetExample.objects.exists()
    EvaluationPolicy.objects.create(function=function, examples_from_good=True)
    call(project, function=function)
    rate(dora_client, page(dora_client), "good")
    assert DatasetExample.objects.count() == 1


def test_a_rating_is_kept_where_there_is_no_place_for_its_example(alice_client: Client, project: Project) -> None:
    span = call(project)
    response = alice_client.post(PAGE, {**SENT, "span": str(span.id), "rating": "good", "example": "on"}, follow=True)
    assert "Rated, but not saved as an example" in words(response.content.decode())
    assert Feedback.objects.get().score == 1.0


# --- who and what -------------------------------------------------------------------------------------------------


def test_several_rate_the_same_one_and_each_is_kept(
    dora_client: Client, alice_client: Client, dora: User, alice: User, project: Project
) -> None:
    call(project)
    doras, alices = page(dora_client), page(alice_client)
    rate(dora_client, doras, "good")
    assert "Rated bad. One other said good." in words(rate(alice_client, alices, "bad"))
    # The same page sent twice is one opinion.
    rate(alice_client, alices, "bad", comment="again")
    assert {(each.author, each.score) for each in Feedback.objects.all()} == {(dora, 1.0), (alice, 0.0)}


def test_who_only_reads_does_not_review(bob_client: Client, charlie_client: Client, project: Project) -> None:
    span = call(project)
    for client, status in ((bob_client, 403), (charlie_client, 404)):
        assert client.get(PAGE).status_code == status
        assert client.post(PAGE, {"span": str(span.id), "rating": "good"}).status_code == status
    assert not Feedback.objects.exists()


def test_a_reviewer_changes_nothing_but_ratings(
    dora_client: Client, alice: User, project: Project, function: Function
) -> None:
    span = call(project, function=function)
    place = Membership.objects.get(user=alice)
    page(dora_client)
    before = everything()
    wrong = []
    for route in PAGES:
        if route.endswith(("<slug:project>/review/", "/rate/", "/unrate/", "/correct/")):
            continue
        address = filled(route.replace("<path:name>", function.name), span, project, place)
        status = dora_client.post(address, {"name": "mine", "confirmed": "1"}).status_code
        # Some pages only show, however they are asked.
        if status not in (403, 404, 405) and status != dora_client.get(address).status_code:
            wrong.append((route, status))
    assert wrong == []
    assert everything() == before
    for path in ("settings/project/", "settings/keys/", "settings/webhooks/", "functions/new/"):
        assert dora_client.get(f"/projects/acme/{path}").status_code == 403, path


def everything() -> list[str]:
    """All that is kept, as text."""
    models = [model for app in ("accounts", "functions", "traces") for model in apps.get_app_config(app).get_models()]
    return [serializers.serialize("json", model._default_manager.order_by("pk")) for model in models]


def test_another_projects_completion_is_not_there(
    dora_client: Client, project: Project, other_project: Project
) -> None:
    theirs = call(other_project, "their question?")
    assert "Nothing left" in page(dora_client)
    assert dora_client.get(f"{PAGE}?span={theirs.id}").status_code == 404
    response = dora_client.post(PAGE, {"span": str(theirs.id), "rating": "good"}, follow=True)
    assert "that completion is no longer there" in words(response.content.decode())
    assert dora_client.get(f"{PAGE}?last={theirs.id}").status_code == 200
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "until=x", "until=9999999999999999", "until=99999999999999999999", "done=-1", "done=9999999999999999",
        "after=x", "after=WyIyMDI1LTAxLTAxIiwxXQ", "last=x", "span=x", "span=&view=odd", "made=1", "until=1&range=all",
    ],
)  # fmt: skip
def test_an_address_that_makes_no_sense_is_no_error(dora_client: Client, project: Project, query: str) -> None:
    call(project)
    assert dora_client.get(f"{PAGE}?{query}").status_code == 200


@pytest.mark.parametrize("post", [{}, {"span": "x"}, {"span": str(uuid4())}, {"do": "undo"}, {"rating": "odd"}])
def test_a_form_that_makes_no_sense_rates_nothing(dora_client: Client, project: Project, post: dict[str, str]) -> None:
    call(project)
    assert dora_client.post(PAGE, post).status_code == 302
    assert not Feedback.objects.exists()


def test_a_comment_that_is_too_long_is_told_and_kept_on_the_page(dora_client: Client, project: Project) -> None:
    span = call(project)
    response = dora_client.post(PAGE, {**SENT, "span": str(span.id), "rating": "good", "comment": "x" * 10_001})
    assert response.status_code == 422
    assert "A comment has at most 10,000 characters." in words(response.content.decode())


def test_texts_are_no_markup(dora_client: Client, project: Project) -> None:
    bad = "<script>alert(1)</script>"
    call(
        project, bad, function_name=bad, output={bad: bad, "answer": bad, "moons": [bad]}, tags={bad: bad}
    )  # fmt: skip
    html = page(dora_client, f"{PAGE}?q=-tag:x=%3Cscript%3E")
    assert bad not in html
    assert html.count("&lt;script&gt;alert(1)") >= 5


def test_a_call_without_any_text_is_shown(dora_client: Client, project: Project) -> None:
    span = call(project)
    span.body.delete()
    text = words(page(dora_client))
    assert "No input was recorded." in text
    assert "No output was recorded." in text
    response = dora_client.post(PAGE, {"span": str(span.id), "rating": "bad"})
    assert response.status_code == 302


@pytest.mark.parametrize(
    "schema",
    [[], "text", {"type": 5}, {"$ref": "#"}, {"$ref": "https://example.com/x"}, {"properties": []}, {"enum": 1}],
)
def test_a_schema_that_makes_no_sense_is_no_error(dora_client: Client, project: Project, schema: Any) -> None:
    span = call(project, output_schema=schema, input_schema=schema)
    page(dora_client)
    post = {"span": str(span.id), "rating": "bad", "output~json": '{"answer": "Io"}'}
    assert dora_client.post(f"{PAGE}?view=json", post).status_code == 302
    assert Feedback.objects.get().correction == {"answer": "Io"}


def test_pictures_stand_in_their_place(dora_client: Client, project: Project) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    span = call(project, input={"photo": {"_opper_media_input": picture}, "more": [picture]}, output=[picture])
    html = page(dora_client)
    for side, place in (("input", "%2Fphoto%2F_opper_media_input"), ("input", "%2Fmore%2F0"), ("output", "%2F0")):
        assert (
            f"?span={span.id}&amp;raw={side}&amp;at={place}" in html
            or f"?span={span.id}&raw={side}&amp;at={place}" in html
        )


def test_where_nothing_is_left_the_ways_on_lead_to_something(dora_client: Client, project: Project) -> None:
    call(project, minutes=60 * 24 * 40)
    html = page(dora_client, f"{PAGE}?q=tag:env=none")
    text = words(html)
    assert "Drop the filter, at all times 1" in text
    assert "Look at all times" not in text
    [query] = re.findall(r'class="button" href="(\?range=all)"', html)
    assert "1 of 1" in words(page(dora_client, PAGE + query))


def test_as_much_is_asked_of_the_database_for_many_as_for_one(
    dora_client: Client, dora: User, alice: User, project: Project, django_assert_num_queries: Any
) -> None:
    rated = call(project, minutes=0.5)
    Feedback.objects.create(project=project, span=rated, author=dora, score=1.0)
    call(project)
    page(dora_client)
    for _ in range(2):
        with django_assert_num_queries(9):
            page(dora_client, f"{PAGE}?last={rated.id}")
        for number in range(20):
            other = call(project, minutes=2 + number)
            Feedback.objects.create(project=project, span=rated, score=1.0)
            Feedback.objects.create(project=project, span=other, author=alice, score=1.0)
