"""Rating a call, correcting its output, having it judged again, from the panel of its span."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from functions.models import Completion, DatasetExample, EvaluationPolicy, Function
from opperweb.accounts.models import Membership, Project, Role, User
from tests.traces.factories import make_call, make_span, make_trace
from traces.evaluation_models import Evaluation, Feedback
from traces.models import Span

XSS = "<script>alert(1)</script>"
SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "pattern": "^The answer"},
        "sources": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["answer"],
}


def spelled(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u202f", " ").split())


@pytest.fixture
def function(project: Project) -> Function:
    return Function.objects.create(project=project, name="kb")


@pytest.fixture
def span(project: Project, function: Function) -> Span:
    return call_of(project, function)


@pytest.fixture
def reviewer(project: Project, bob: User) -> User:
    Membership.objects.filter(user=bob).update(role=Role.REVIEWER)
    return bob


@pytest.fixture
def judge(settings: Any, use_upstream: Any) -> None:
    use_upstream()
    settings.EVALUATION_MODEL = "fake/judge"


def call_of(project: Project, function: Function | None, **values: Any) -> Span:
    values = {
        "input": {"fact": "The Great Red Spot is a storm."},
        "output": {"answer": "The answer is Mars", "sources": [1, 2]},
        "output_schema": SCHEMA,
        "function_name": "kb",
        **values,
    }
    span = make_call(project, "kb", **values).spans.get()
    Completion.objects.create(span=span, project=project, function=function, state=Completion.State.DONE)
    return span


def judge_it(span: Span, **values: Any) -> Evaluation:
    values = {"state": Evaluation.State.DONE, "score": 91, "is_correct": True, "judge_model": "fake/judge", **values}
    if values["state"] == Evaluation.State.DONE:
        values.setdefault("judge_version", 3)
    return Evaluation.objects.create(project=span.project, span=span, **values)


def address(span: Span, what: str) -> str:
    return f"/projects/{span.project.slug}/completions/{span.id}/{what}/"


def panel(client: Client, span: Span, tab: str = "output", **query: str) -> str:
    response = client.get(
        f"/projects/acme/traces/{span.trace.id}/",
        {"span": str(span.id), "tab": tab, **query},
        headers={"HX-Request": "true", "HX-Target": "inspector"},
    )
    assert response.status_code == 200
    return response.content.decode()


# --- rating -----------------------------------------------------------------------------------------------------------


def test_a_rating_leads_back_to_the_span_and_its_tab_with_a_way_to_undo_it(alice_client: Client, span: Span) -> None:
    answer = alice_client.post(
        address(span, "rate"), {"rating": "good", "comment": "Fine", "next": "?tab=input&list=q%3Da&evil=1"}
    )
    assert answer.status_code == 302
    base = f"/projects/acme/traces/{span.trace.id}/?span={span.id}"
    assert answer["Location"] == f"{base}&tab=input&list=q%3Da&said=good"
    given = Feedback.objects.get()
    assert (given.score, given.comment, given.author and given.author.name) == (1.0, "Fine", "Alice")
    page = alice_client.get(answer["Location"]).content.decode()
    assert "Rated good" in page
    assert 'id="rate-good" name="rating" value="good" data-rating-key="u" aria-pressed="true"' in page
    assert 'value="Fine"' in page
    assert "Undo" in page
    assert 'id="unrate"' in panel(alice_client, span, "feedback")


def test_ones_own_rating_is_changed_and_taken_back(alice_client: Client, span: Span) -> None:
    alice_client.post(address(span, "rate"), {"rating": "good", "comment": "Fine"})
    changed = alice_client.post(address(span, "rate"), {"rating": "bad", "comment": "Fine"})
    assert "said=bad&was=good" in changed["Location"]
    assert Feedback.objects.get().score == 0.0
    undo = re.search(r'class="toasts rated".*?</form>', alice_client.get(changed["Location"]).content.decode(), re.S)
    assert undo
    assert 'name="rating" value="good"' in undo[0]
    taken = alice_client.post(address(span, "unrate"))
    assert not Feedback.objects.exists()
    assert "taken back" in alice_client.get(taken["Location"]).content.decode()
    # What is not there cannot be taken back; nothing is said of it.
    assert "said" not in alice_client.post(address(span, "unrate"))["Location"]


def test_a_comment_alone_keeps_the_rating_and_an_empty_one_goes(alice_client: Client, span: Span) -> None:
    alice_client.post(address(span, "rate"), {"comment": "Hm"})
    assert (Feedback.objects.get().score, Feedback.objects.get().comment) == (None, "Hm")
    alice_client.post(address(span, "rate"), {"comment": ""})
    assert not Feedback.objects.exists()


def test_a_rating_keeps_the_correction_that_was_made_before(alice_client: Client, alice: User, span: Span) -> None:
    Feedback.objects.create(project=span.project, span=span, author=alice, correction={"answer": "The answer"})
    alice_client.post(address(span, "rate"), {"rating": "bad"})
    assert Feedback.objects.get().correction == {"answer": "The answer"}


@pytest.mark.parametrize(
    ("is_correct", "rating", "score"),
    [(True, "agree", 1.0), (True, "disagree", 0.0), (False, "agree", 0.0), (False, "disagree", 1.0)],
)
def test_who_agrees_is_on_the_side_of_the_judge(
    alice_client: Client, alice: User, span: Span, is_correct: bool, rating: str, score: float
) -> None:
    judge_it(span, is_correct=is_correct)
    Feedback.objects.create(project=span.project, span=span, author=alice, comment="Kept")
    alice_client.post(address(span, "rate"), {"rating": rating, "next": "?tab=evaluation"})
    assert (Feedback.objects.get().score, Feedback.objects.get().comment) == (score, "Kept")


def test_what_makes_no_sense_is_refused(alice_client: Client, span: Span) -> None:
    assert alice_client.post(address(span, "rate"), {"rating": "great"}).status_code == 400
    assert alice_client.post(address(span, "rate"), {"rating": "agree"}).status_code == 400
    assert alice_client.post(address(span, "rate"), {"comment": "x" * 10_001}).status_code == 400
    assert not Feedback.objects.exists()


def test_a_step_is_not_rated(alice_client: Client, project: Project) -> None:
    step = make_span(make_trace(project), "step")
    assert alice_client.post(address(step, "rate"), {"rating": "good"}).status_code == 404
    assert 'class="rating' not in panel(alice_client, step)


def test_a_good_rating_becomes_an_example_where_the_function_says_so(
    alice_client: Client, span: Span, function: Function
) -> None:
    EvaluationPolicy.objects.create(function=function, examples_from_good=True)
    answer = alice_client.post(address(span, "rate"), {"rating": "good"})
    assert "said=good-example" in answer["Location"]
    assert DatasetExample.objects.get().span_id == span.id


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["rate", "unrate", "correct", "evaluate"])
def test_strangers_find_nothing_and_readers_are_refused(
    charlie_client: Client, bob_client: Client, span: Span, what: str
) -> None:
    assert charlie_client.post(address(span, what)).status_code == 404
    assert bob_client.post(address(span, what), {"rating": "good"}).status_code == 403
    elsewhere = f"/projects/umbrella/completions/{span.id}/{what}/"
    assert charlie_client.post(elsewhere, {"rating": "good"}).status_code == 404
    assert not Feedback.objects.exists()


def test_a_reader_sees_no_bar_and_a_reviewer_one_without_examples(
    alice_client: Client, bob_client: Client, bob: User, span: Span
) -> None:
    assert 'class="rating' not in panel(bob_client, span)
    assert "Correct the output" not in panel(bob_client, span, "feedback")
    Membership.objects.filter(user=bob).update(role=Role.REVIEWER)
    assert "Save as example" not in panel(bob_client, span)
    assert 'class="rating' in panel(bob_client, span)
    assert "Save as example" in panel(alice_client, span)


def test_a_reviewer_corrects_and_makes_no_example(bob_client: Client, reviewer: User, span: Span) -> None:
    page = bob_client.get(address(span, "correct")).content.decode()
    assert "Save as example" not in page
    sent = {"do": "save", "output.answer": "The answer is Jupiter", "output.sources.0": "1", "example": "on"}
    assert bob_client.post(address(span, "correct"), sent).status_code == 302
    assert Feedback.objects.get().author == reviewer
    assert not DatasetExample.objects.exists()
    assert bob_client.post(address(span, "evaluate")).status_code == 403


# --- the judge --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("judge")
def test_a_call_is_judged_again_once_at_a_time_and_the_first_verdict_stays(alice_client: Client, span: Span) -> None:
    judge_it(span)
    assert "Evaluate again" in panel(alice_client, span, "evaluation")
    for _ in range(2):
        answer = alice_client.post(address(span, "evaluate"), {"next": "?tab=evaluation"})
        assert answer["Location"].endswith("&tab=evaluation&said=asked")
    asked = Evaluation.objects.get(state=Evaluation.State.QUEUED)
    assert asked.is_asked_for
    html = panel(alice_client, span, "evaluation")
    assert "Waiting for the judge." in html
    assert 'hx-trigger="every 2s"' in html
    assert "<b>91</b>" in html
    Evaluation.objects.filter(pk=asked.pk).update(state=Evaluation.State.DONE, score=40, judge_version=4)
    html = panel(alice_client, span, "evaluation")
    assert "every 2s" not in html
    assert "Judge version 3" in spelled(html)


def test_where_nobody_can_judge_the_button_says_why(alice_client: Client, span: Span, settings: Any) -> None:
    settings.EVALUATION_MODEL = "rehearsal/echo"
    html = panel(alice_client, span, "evaluation")
    assert "rehearsal/* is no language model" in html
    assert re.search(r'id="evaluate" disabled title="[^"]+" aria-describedby="obstacle"', html)
    alice_client.post(address(span, "evaluate"))
    assert not Evaluation.objects.exists()


@pytest.mark.usefixtures("judge")
def test_without_an_evaluation_the_tab_says_why(
    alice_client: Client, project: Project, function: Function, settings: Any
) -> None:
    span = call_of(project, function)
    assert "calls like it were not judged" in panel(alice_client, span, "evaluation")
    foreign = make_call(project, "sent by a library").spans.get()
    assert "no call of a function" in panel(alice_client, foreign, "evaluation")
    assert 'id="evaluate"' not in panel(alice_client, foreign, "evaluation")
    EvaluationPolicy.objects.create(function=function, sampling="none")
    assert "No calls of this function are judged" in panel(alice_client, span, "evaluation")
    Function.objects.update(observer_enabled=False)
    html = panel(alice_client, span, "evaluation")
    assert "Evaluation is off for this function" in html
    assert "Evaluate now" in html
    assert " disabled" not in html
    settings.EVALUATION_MODEL = "none"
    assert "“none”" in panel(alice_client, span, "evaluation")
    failed = call_of(project, function, status="error", error_message="cut")
    assert "no output to judge" in panel(alice_client, failed, "evaluation")


# --- correcting -------------------------------------------------------------------------------------------------------


def test_a_correction_is_kept_with_what_differs_and_as_an_example(alice_client: Client, span: Span) -> None:
    form = alice_client.get(address(span, "correct")).content.decode()
    assert "The answer is Mars" in form
    assert "kb" in form
    sent = {"do": "save", "output.answer": "The answer is Jupiter", "output.sources.0": "1", "example": "on"}
    answer = alice_client.post(address(span, "correct"), sent)
    assert answer["Location"].endswith("tab=feedback&said=corrected-example")
    corrected = {"answer": "The answer is Jupiter", "sources": [1]}
    assert Feedback.objects.get().correction == corrected
    example = DatasetExample.objects.get()
    assert (example.expected, example.output["answer"]) == (corrected, "The answer is Mars")
    html = panel(alice_client, span, "feedback")
    assert "<del>" in html
    assert "Change your correction" in html
    assert "The answer is Jupiter" in alice_client.get(address(span, "correct")).content.decode()
    fresh = alice_client.get(address(span, "correct"), {"from": "output"}).content.decode()
    assert "The answer is Jupiter" not in fresh


def test_what_does_not_fit_is_said_at_its_field_and_not_kept(alice_client: Client, span: Span) -> None:
    sent = {"do": "save", "output.answer": "Jupiter", "output.sources.0": "one"}
    refused = alice_client.post(address(span, "correct"), sent)
    assert refused.status_code == 422
    html = refused.content.decode()
    assert "Type a whole number" in html
    assert "Jupiter" in html
    sent["output.sources.0"] = "1"
    html = alice_client.post(address(span, "correct"), sent).content.decode()
    assert re.search(r'id="output.answer~error">.*match', html)
    same = {"do": "save", "output.answer": "The answer is Mars", "output.sources.0": "1", "output.sources.1": "2"}
    refused = alice_client.post(address(span, "correct"), same)
    assert "the same as the output" in refused.content.decode()
    assert not Feedback.objects.exists()


def test_a_correction_as_json_is_checked_like_the_output(alice_client: Client, span: Span) -> None:
    assert "~json" in alice_client.get(address(span, "correct"), {"view": "json"}).content.decode()
    sent = {"do": "save", "view": "json", "output~json": '{"answer": "Jupiter"}'}
    assert "Answer must match" in alice_client.post(address(span, "correct"), sent).content.decode()
    sent["output~json"] = "{"
    assert "Not JSON" in alice_client.post(address(span, "correct"), sent).content.decode()
    sent["output~json"] = '{"answer": "The answer is Jupiter"}'
    assert alice_client.post(address(span, "correct"), sent).status_code == 302


def test_without_scripts_a_list_grows_and_differences_are_shown(alice_client: Client, span: Span) -> None:
    sent = {"output.answer": "The answer is Jupiter", "output.sources.0": "1"}
    grown = alice_client.post(address(span, "correct"), {**sent, "add": "output.sources"}).content.decode()
    assert 'name="output.sources.1"' in grown
    html = alice_client.post(address(span, "correct"), {**sent, "do": "compare"}).content.decode()
    assert "<ins>" in html
    headers = {"HX-Request": "true", "HX-Trigger": "correction-differences"}
    parts = alice_client.post(address(span, "correct"), sent, headers=headers).content.decode()
    assert parts.count("hx-swap-oob") == 2
    assert "<form" not in parts
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("output", ["Mars", 7, [1, 2], None, {"a": {"b": None}}])
def test_any_output_can_be_corrected_without_a_schema(
    alice_client: Client, project: Project, function: Function, output: Any
) -> None:
    span = call_of(project, function, output=output, output_schema=None)
    assert alice_client.get(address(span, "correct")).status_code == 200
    name = "output" if output is None or isinstance(output, str) else "output~json"
    answer = alice_client.post(address(span, "correct"), {"do": "save", name: '"Jupiter"'})
    assert answer.status_code == 302
    assert Feedback.objects.get().correction in ("Jupiter", '"Jupiter"')


def test_a_correction_is_removed_and_the_rating_stays(alice_client: Client, alice: User, span: Span) -> None:
    given = Feedback.objects.create(project=span.project, span=span, author=alice, score=0.0, correction={"answer": ""})
    alice_client.post(address(span, "correct"), {"do": "remove"})
    given.refresh_from_db()
    assert (given.score, given.correction) == (0.0, None)
    Feedback.objects.update(score=None, correction={"answer": ""})
    alice_client.post(address(span, "correct"), {"do": "remove"})
    assert not Feedback.objects.exists()


def test_a_correction_outlives_its_function(alice_client: Client, span: Span, function: Function) -> None:
    function.delete()
    sent = {"do": "save", "output.answer": "The answer is Jupiter", "output.sources.0": "1", "example": "on"}
    refused = alice_client.post(address(span, "correct"), sent)
    assert refused.status_code == 409
    assert "Save it without" in refused.content.decode()
    del sent["example"]
    assert alice_client.post(address(span, "correct"), sent).status_code == 302


def test_an_output_too_large_for_a_form_is_not_put_into_one(
    alice_client: Client, project: Project, function: Function
) -> None:
    span = call_of(project, function, output="x" * 300_000, output_schema=None)
    html = alice_client.get(address(span, "correct")).content.decode()
    assert "too large" in html
    assert len(html) < 100_000


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_everything_is_text(alice_client: Client, alice: User, project: Project, function: Function) -> None:
    span = call_of(project, function, output={"answer": XSS, XSS: XSS}, output_schema=None)
    rows = [{"name": XSS, "weight": XSS, "score": 50, "reason": f"“{XSS}”"}]
    rules = [{"name": XSS, "passed": False, "message": XSS}]
    judge_it(span, observations=XSS, criteria=rows, rules=rules, judge_model=XSS)
    judge_it(span, state="failed", reason=XSS, created_at=timezone.now() - timedelta(hours=1))
    judge_it(span, state="skipped", reason=XSS, created_at=timezone.now() + timedelta(hours=1))
    Feedback.objects.create(project=project, span=span, author=alice, comment=XSS, correction={"answer": XSS + "!"})
    span.metrics.create(dimension=XSS, value=1, comment=XSS)
    for tab in ("output", "evaluation", "feedback"):
        html = panel(alice_client, span, tab, said=XSS)
        assert XSS not in html
        assert escape(XSS) in html
    assert XSS not in alice_client.get(address(span, "correct")).content.decode()


def test_the_bar_costs_a_fixed_number_of_queries(
    alice_client: Client, alice: User, span: Span, django_assert_num_queries: Any, settings: Any
) -> None:
    settings.EVALUATION_MODEL = "rehearsal/echo"
    judge_it(span, rules=[], criteria=[])
    for _ in range(5):
        judge_it(span, state="failed", reason="No.")
    for tab, number in (("output", 11), ("evaluation", 15), ("feedback", 12)):
        panel(alice_client, span, tab)
        with django_assert_num_queries(number):
            panel(alice_client, span, tab)


def test_texts_of_evaluations_and_feedback_are_read_on_their_tabs_alone(
    alice_client: Client, span: Span, django_assert_max_num_queries: Any
) -> None:
    judge_it(span, observations="Seen.", criteria=[{"name": "Polite", "score": 80}])
    for tab, has_observations, has_corrections in (
        ("output", True, False),
        ("input", False, False),
        ("details", False, False),
        ("evaluation", True, False),
        ("feedback", False, True),
    ):
        with django_assert_max_num_queries(30) as asked:
            panel(alice_client, span, tab)
        texts = "\n".join(query["sql"] for query in asked.captured_queries)
        assert ('"observations"' in texts) is has_observations, tab
        assert ('"traces_feedback"."correction"' in texts) is has_corrections, tab
