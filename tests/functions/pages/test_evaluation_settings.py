"""What is changed beside the evaluations of a function, and on a project's settings page."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from functions.completions import catalogue
from functions.evaluations.policy import policy_of
from functions.examples import dataset
from functions.models import EvaluationPolicy, Function, ProjectEvaluation, Rubric
from functions.pages.evaluations.rubric import RubricForm
from opperweb.accounts.models import Project, User
from tests.functions.judging import JUDGE, judged, make_function, rated

PAGE = "/projects/acme/functions/kb/evaluations/"
SETTINGS = "/projects/acme/settings/evaluation/"
ROWS = {"criterion.0.name": "Polite", "criterion.0.sentence": "It is kind.", "criterion.0.weight": "3",
        "criterion.1.name": "Short", "criterion.1.sentence": "It is short.", "criterion.1.weight": "1"}  # fmt: skip


@pytest.fixture(autouse=True)
def _judge(settings: Any) -> None:
    account = {"kind": "openai", "api_key": "x", "name": "openai", "base_url": "http://127.0.0.1:9/v1"}
    settings.PROVIDERS = {"openai": account}
    settings.EVALUATION_MODEL = JUDGE
    catalogue.forget()


@pytest.fixture
def function(project: Project) -> Function:
    return make_function(project)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u202f", " ").split())


def sent(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def values_of(html: str) -> list[str]:
    return re.findall(r'name="criterion\.\d+\.name" value="([^"]*)"', html)


# --- the rubric -------------------------------------------------------------------------------------------------------


def test_the_rubric_is_saved_as_the_next_version(alice_client: Client, function: Function) -> None:
    assert "Save as judge version 1" in words(sent(alice_client.get(PAGE)))
    post = {**ROWS, "base": "0", "do": "save", "view": "range=30d"}
    response = alice_client.post(f"{PAGE}rubric/", post)
    assert response["Location"] == f"{PAGE}?range=30d#rubric"
    assert [each.name for each in policy_of(function).criteria] == ["Polite", "Short"]
    text = words(sent(alice_client.get(PAGE)))
    assert "Save as judge version 2" in text
    assert "Polite (weight 3): It is kind." in text


@pytest.mark.parametrize(
    ("do", "names"),
    [
        ("add", ["Polite", "Short", ""]), ("drop 0", ["Short"]), ("up 1", ["Short", "Polite"]),
        ("down 0", ["Short", "Polite"]), ("down 1", ["Polite", "Short"]), ("drop 99", ["Polite", "Short"]),
        ("up x", ["Polite", "Short"]), ("", ["Polite", "Short"]),
    ],
)  # fmt: skip
def test_criteria_are_added_moved_and_dropped_before_anything_is_saved(
    alice_client: Client, function: Function, do: str, names: list[str]
) -> None:
    html = sent(alice_client.post(f"{PAGE}rubric/", {**ROWS, "base": "0", "do": do}))
    assert values_of(html) == names
    assert "draft" in words(html)
    assert not Rubric.objects.exists()


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(alice_client: Client, function: Function) -> None:
    post = {**ROWS, "criterion.1.weight": "many", "base": "0", "do": "save"}
    html = sent(alice_client.post(f"{PAGE}rubric/", post), 422)
    assert 'name="criterion.1.weight" value="many"' in html
    assert re.search(r'id="criterion\.1\.weight\.says">.*a weight is a whole number from 1 to 10', html, re.S)
    assert not Rubric.objects.exists()


def test_a_rubric_that_somebody_saved_meanwhile_is_not_overwritten(alice_client: Client, function: Function) -> None:
    alice_client.post(f"{PAGE}rubric/", {**ROWS, "base": "0", "do": "save"})
    late = {**ROWS, "criterion.0.name": "Mine", "base": "0", "do": "save"}
    html = sent(alice_client.post(f"{PAGE}rubric/", late), 409)
    assert "version 1 was saved meanwhile" in html
    assert values_of(html) == ["Mine", "Short"]
    assert Rubric.objects.count() == 1


def test_a_new_version_is_tried_on_what_people_rated(alice_client: Client, function: Function, alice: User) -> None:
    rated(judged(function, 90), alice, 0.0)
    assert "Save and try on 1 rated output" in words(sent(alice_client.get(PAGE)))
    response = alice_client.post(f"{PAGE}rubric/", {**ROWS, "base": "0", "do": "try"})
    assert response["Location"].startswith(f"{PAGE}again/rated/")
    text = words(sent(alice_client.get(response["Location"])))
    assert "They are judged by version 1, openai/gpt-4o-mini." in text
    assert "Start 1 evaluation" in text


def test_a_form_that_is_sent_empty_or_odd_is_read(alice_client: Client, function: Function) -> None:
    assert RubricForm.sent({}).rows == ()
    html = sent(alice_client.post(f"{PAGE}rubric/", {"do": "save", "base": "x"}), 422)
    assert "a rubric has 1 to 12 criteria" in html
    assert alice_client.get(f"{PAGE}rubric/").status_code == 302


# --- checks -----------------------------------------------------------------------------------------------------------


def test_a_check_is_added_with_the_fields_of_its_kind(alice_client: Client, function: Function) -> None:
    html = sent(alice_client.get(f"{PAGE}?rule=length"))
    assert set(re.findall(r'id="rule-(\w+)"', html)) == {"path", "unit", "least", "most", "name"}
    alice_client.post(f"{PAGE}rules/", {"rule": "length", "path": "answer", "unit": "words", "most": "30"})
    assert policy_of(function).rules == ({"kind": "length", "path": "answer", "unit": "words", "most": 30},)
    judged(function, 90, rules=[{"name": "answer has at most 30 words", "passed": True, "message": ""}])
    assert "answer has at most 30 words 100.0 %" in words(sent(alice_client.get(PAGE)))


@pytest.mark.parametrize(
    ("post", "name", "message"),
    [
        ({"rule": "contains", "text": ""}, "text", "must be a text that is not empty"),
        ({"rule": "matches", "pattern": "("}, "pattern", ""),
        ({"rule": "range", "least": "5", "most": "nan"}, "most", "must be a number"),
        ({"rule": "range", "least": "5", "most": "2"}, "most", "must not be less than the least"),
        ({"rule": "present", "path": "a..b["}, "path", "must be a path"),
    ],
)
def test_a_check_without_sense_is_refused_at_its_field(
    alice_client: Client, function: Function, post: dict[str, str], name: str, message: str
) -> None:
    html = sent(alice_client.post(f"{PAGE}rules/", post), 422)
    assert re.search(rf'id="rule-{name}\.says">.*?{message}', html, re.S)
    assert policy_of(function).rules == ()


def test_a_check_is_switched_off_and_removed_once(alice_client: Client, function: Function) -> None:
    alice_client.post(f"{PAGE}rules/", {"rule": "present", "path": "answer"})
    named = {"words": "answer is there"}
    alice_client.post(f"{PAGE}rules/", {**named, "do": "off"})
    assert 'aria-checked="false"' in sent(alice_client.get(PAGE))
    alice_client.post(f"{PAGE}rules/", {**named, "do": "on"})
    assert policy_of(function).rules[0]["on"] is True
    alice_client.post(f"{PAGE}rules/", {**named, "do": "remove"})
    assert policy_of(function).rules == ()
    again = alice_client.post(f"{PAGE}rules/", {**named, "do": "remove"}, follow=True)
    assert "somebody has changed it" in again.content.decode()


# --- which calls, by whom, and what becomes an example ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampling", "sentence"),
    [
        ("all", "Every call is judged."),
        ("one_in", "One call in 7 is judged, and all that were retried or rated."),
        ("adaptive", "All calls up to 9 an hour, then fewer and fewer, down to one in 64. Now: all, 0 in the last"),
        ("none", "Nothing is judged unless somebody asks for it."),
    ],
)
def test_a_sentence_says_what_the_choice_of_calls_does_now(
    alice_client: Client, function: Function, sampling: str, sentence: str
) -> None:
    post = {"sampling": sampling, "one_in": "7", "per_hour": "9", "model": ""}
    assert alice_client.post(f"{PAGE}sampling/", post).status_code == 302
    assert sentence in words(sent(alice_client.get(PAGE)))


def test_an_adaptive_sample_tells_how_far_it_has_come_down(alice_client: Client, function: Function) -> None:
    for _ in range(3):
        judged(function, 90, starts=1)
    EvaluationPolicy.objects.create(function=function, per_hour=1)
    assert "Now: one in 8, 3 in the last hour." in words(sent(alice_client.get(PAGE)))


def test_a_function_chooses_its_judge_and_one_that_leads_nowhere_is_refused(
    alice_client: Client, function: Function
) -> None:
    post = {"sampling": "all", "one_in": "", "per_hour": "", "model": "nobody/judge"}
    html = sent(alice_client.post(f"{PAGE}sampling/", post), 422)
    assert 'value="nobody/judge"' in html
    assert 'id="policy-model_error"' in html
    assert not EvaluationPolicy.objects.exists()
    alice_client.post(f"{PAGE}sampling/", {**post, "model": "openai/gpt-5"})
    assert policy_of(function).model == "openai/gpt-5"
    assert alice_client.post(f"{PAGE}sampling/", {**post, "sampling": "one_in", "model": ""}).status_code == 422


def test_examples_on_their_own_are_chosen_and_removed(alice_client: Client, function: Function) -> None:
    post = {"from_score": "on", "least_score": "95", "most_examples": "12"}
    alice_client.post(f"{PAGE}learning/", post)
    policy = policy_of(function)
    assert (policy.examples_from_score, policy.examples_from_good, policy.most_examples) == (95, False, 12)
    alice_client.post(f"{PAGE}learning/", {"from_good": "on", "least_score": "95", "most_examples": "12"})
    assert policy_of(function).examples_from_score is None
    assert policy_of(function).examples_from_good
    for number in range(2):
        dataset.add(function, {"input": {"q": number}, "output": {"a": 1}}, source="automatic")
    assert "Remove the 2 that came on their own" in words(sent(alice_client.get(PAGE)))
    assert "2 examples are gone then." in words(sent(alice_client.get(f"{PAGE}learning/remove/")))
    assert function.examples.count() == 2
    alice_client.post(f"{PAGE}learning/remove/")
    assert function.examples.count() == 0
    for wrong in ({"from_score": "on", "most_examples": "9"}, {**post, "least_score": "101"}, {"most_examples": ""}):
        sent(alice_client.post(f"{PAGE}learning/", wrong), 422)


# --- the project ------------------------------------------------------------------------------------------------------


def test_an_editor_changes_who_judges_in_the_project_and_for_how_much(alice_client: Client, function: Function) -> None:
    judged(function, 90)
    text = words(sent(alice_client.get(SETTINGS)))
    assert "Spent $0.0002 Evaluations 1 On pace for" in text
    alice_client.post(SETTINGS, {"is_on": "on", "model": "openai/gpt-5", "daily_budget_usd": "0.5"})
    own = ProjectEvaluation.objects.get()
    assert (own.model, own.is_on, own.daily_budget_usd) == ("openai/gpt-5", True, Decimal("0.5"))
    assert 'value="0.5"' in sent(alice_client.get(SETTINGS))
    assert "Budget a day $0.50" in words(sent(alice_client.get(PAGE)))
    alice_client.post(SETTINGS, {"model": "", "daily_budget_usd": ""})
    own.refresh_from_db()
    assert (own.model, own.is_on, own.daily_budget_usd) == ("", False, None)
    assert "Evaluation is off in this project." in words(sent(alice_client.get(PAGE)))


@pytest.mark.parametrize("wrong", [{"model": "nobody/judge"}, {"daily_budget_usd": "-1"}, {"daily_budget_usd": "x"}])
def test_what_is_wrong_with_the_settings_of_a_project_is_named(
    alice_client: Client, project: Project, wrong: dict[str, str]
) -> None:
    assert "field-error" in sent(alice_client.post(SETTINGS, {"is_on": "on", **wrong}), 422)
    assert not ProjectEvaluation.objects.exists()


def test_readers_see_the_settings_and_strangers_do_not(
    bob_client: Client, charlie_client: Client, project: Project
) -> None:
    assert "<form class=" not in sent(bob_client.get(SETTINGS)).split("settings-body")[1]
    assert bob_client.post(SETTINGS, {}).status_code == 403
    assert charlie_client.get(SETTINGS).status_code == 404
