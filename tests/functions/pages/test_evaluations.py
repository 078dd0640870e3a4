"""The page of evaluations: scores, trust, disagreements, the list and what is asked for from it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from functions.completions import catalogue
from functions.evaluations import again, changing
from functions.evaluations.agreement import Agreement
from functions.models import DatasetExample, Function
from functions.pages.evaluations import rows as evaluation_rows
from functions.pages.evaluations.charts import averages_of, histogram_of, trust_boxes
from opperweb.accounts.models import Membership, Project, Role, User
from tests.functions.judging import JUDGE, State, answered, judged, make_function, rated
from traces.evaluation_models import Evaluation, Feedback

PAGE = "/projects/acme/functions/kb/evaluations/"


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


def page_text(client: Client, query: str = "", path: str = PAGE) -> str:
    response = client.get(f"{path}{query}")
    assert response.status_code == 200
    return words(response.content.decode())


def part(client: Client, name: str, query: str = "") -> str:
    html = client.get(f"{PAGE}{query}").content.decode()
    start = html.index(f'aria-labelledby="{name}-title"')
    return words(html[html.index(">", start) + 1 : html.index("</section>", start)])


# --- scores -----------------------------------------------------------------------------------------------------------


def test_scores_fall_into_twenty_bars_and_the_low_ones_are_counted() -> None:
    histogram = histogram_of([0, 4, 5, 49, 50, 74, 75, 94, 95, 100], lambda text: text)
    assert histogram is not None
    counts = [count for _, count in histogram.table]
    assert len(counts) == 20
    assert (counts[0], counts[1], counts[9], counts[10], counts[14], counts[15], counts[18], counts[19]) == (
        2, 1, 1, 1, 1, 1, 1, 2,
    )  # fmt: skip
    assert (histogram.low, histogram.middling) == (4, 6)
    assert histogram.chart.columns[19].query == "score:95..100"
    assert [bar.css for bar in histogram.chart.columns[9].bars] == ["low"]
    assert [bar.css for bar in histogram.chart.columns[10].bars] == ["middling"]
    assert histogram_of([], str) is None


def test_scores_of_two_versions_are_never_put_together(alice_client: Client, function: Function) -> None:
    judged(function, 90)
    judged(function, 20, judge_version=1)
    assert "average 20" in part(alice_client, "spread")
    assert "average 90" in part(alice_client, "spread", "?version=0")
    assert "Judge version 1" in page_text(alice_client)


def test_averages_stand_by_criterion_and_revision_and_colour_is_for_clear_changes(
    alice_client: Client, function: Function
) -> None:
    for number in range(6):
        judged(function, 60 + number, span=answered(function, revision_number=1))
        judged(function, 80 + number, span=answered(function, revision_number=2))
    text = part(alice_client, "averages")
    assert "Follows instructions 62 82 +20.0" in text
    assert "All together 62 82 +20.0" in text
    html = alice_client.get(PAGE).content.decode()
    assert 'class="num is-ok">+20.0' in html
    assert averages_of([]) is None


def test_what_is_older_than_the_range_is_not_counted(alice_client: Client, function: Function) -> None:
    judged(function, 90, ago=timedelta(days=8))
    assert "Nothing was judged in this time" in page_text(alice_client)
    assert "average 90" in page_text(alice_client, "?range=30d")


# --- trust ------------------------------------------------------------------------------------------------------------


def test_under_thirty_rated_there_are_only_the_counts(alice_client: Client, function: Function, alice: User) -> None:
    for score, said in ((90, 1.0), (90, 0.0), (20, 0.0)):
        rated(judged(function, score), alice, said)
    text = part(alice_client, "trust")
    assert "3 outputs rated by 1 person, judge version 0, last 30 days" in text
    assert "Judge good Judge bad People good 1 0 People bad 1 1" in text
    assert "Rate 27 more to know" in text
    assert "False alarms" not in text.split("version of the judge")[0]


def test_with_enough_rated_each_share_has_its_interval(alice_client: Client, function: Function, alice: User) -> None:
    for number in range(40):
        rated(judged(function, 90 if number % 2 else 20), alice, 1.0 if number % 2 and number > 1 else 0.0)
    text = part(alice_client, "trust")
    assert "Agrees with people 97.5 % 87.1–99.6 %" in text
    assert "False alarms 0.0 % 0.0–16.8 % good, marked bad" in text
    assert "Misses 4.8 %" in text
    assert "κ 0.95" in text


def test_where_nobody_says_bad_there_are_no_misses_to_tell_of() -> None:
    boxes = trust_boxes(Agreement(good_good=40))
    assert [box.bounds for box in boxes][2] == "nothing to tell from"


def test_repeats_give_the_spread_and_how_many_changed_sides(alice_client: Client, function: Function) -> None:
    first = judged(function, 48, is_correct=False)
    judged(function, 52, span=first.span, is_repeat=True)
    assert "Spread on repeats ± 2.8" in part(alice_client, "trust")
    assert "1 outputs 1 changed sides" in part(alice_client, "trust")


def test_versions_stand_side_by_side(alice_client: Client, function: Function, alice: User) -> None:
    changing.save_rubric(function, [{"name": "Kind", "sentence": "It is kind.", "weight": 1}], base=0, user=alice)
    first = judged(function, 90)
    rated(first, alice, 0.0)
    judged(function, 10, span=first.span, judge_version=1)
    text = part(alice_client, "trust")
    assert "2 versions of the judge side by side" in text
    assert "1, in force gpt-4o-mini 1 1 (100.0 %)" in text
    assert "0 gpt-4o-mini 1 0 (0.0 %)" in text


# --- disagreements ----------------------------------------------------------------------------------------------------


def test_the_most_certain_mistakes_come_first_with_what_people_said(
    alice_client: Client, function: Function, alice: User
) -> None:
    for score, question in ((60, "Unsure?"), (98, "Sure?")):
        rated(judged(function, score, span=answered(function, question)), alice, 0.0, comment="<b>No</b>")
    html = alice_client.get(PAGE).content.decode()
    text = part(alice_client, "disagreements")
    assert text.index("Sure?") < text.index("Unsure?")
    assert "98 AI Bad <b>No</b> Alice Make it an example Judge is right" in text
    assert "&lt;b&gt;No" in html
    assert "Open 2 Settled 0" in text


def test_the_judge_is_right_and_that_is_undone(alice_client: Client, function: Function, alice: User) -> None:
    evaluation = judged(function, 98)
    rated(evaluation, alice, 0.0)
    address = f"{PAGE}{evaluation.span.id}/settle/"
    response = alice_client.post(address, {"is_right": "1", "view": "range=30d"})
    assert response["Location"] == f"{PAGE}?range=30d#disagreements"
    assert "Open 0 Settled 1" in part(alice_client, "disagreements")
    assert "Undo" in part(alice_client, "disagreements", "?disagreements=settled")
    alice_client.post(address, {"is_right": "0"})
    assert "Open 1 Settled 0" in part(alice_client, "disagreements")


def test_a_correction_is_an_example_at_once_and_bad_without_one_asks(
    alice_client: Client, function: Function, alice: User
) -> None:
    bad, corrected, good = (judged(function, score) for score in (98, 97, 10))
    rated(bad, alice, 0.0)
    rated(corrected, alice, 0.0, correction={"answer": "unknown"})
    rated(good, alice, 1.0)
    asks = alice_client.post(f"{PAGE}{bad.span.id}/example/")
    assert asks["Location"] == f"/projects/acme/functions/kb/examples/new/?from={bad.span.id}"
    for evaluation in (corrected, good):
        alice_client.post(f"{PAGE}{evaluation.span.id}/example/")
    kept = {example.span_id: example.expected for example in DatasetExample.objects.all()}
    assert kept == {corrected.span.id: {"answer": "unknown"}, good.span.id: None}
    assert "Open 1 Settled 2" in part(alice_client, "disagreements")


# --- the list ---------------------------------------------------------------------------------------------------------


def test_each_state_has_its_tab_its_reason_and_a_way_on(alice_client: Client, function: Function) -> None:
    judged(function, 94)
    judged(function, 12)
    judged(function, None, state=State.FAILED, reason="It left out a field")
    judged(function, None, state=State.SKIPPED, reason="Not in the sample")
    judged(function, None, state=State.SKIPPED, reason="It failed", span=answered(function, status="error"))
    judged(function, None, state=State.RUNNING)
    text = part(alice_client, "list")
    assert "2 done, 1 running" in text
    assert "Failed 1 Skipped 2" in text
    assert "It left out a field Try again" in text
    assert "Not in the sample Evaluate now" in text
    assert "It failed Evaluate now" not in text
    assert "It left out" not in part(alice_client, "list", "?state=skipped")
    lowest = part(alice_client, "list", "?state=lowest")
    assert lowest.index("12 $") < lowest.index("94 $")


def test_a_filter_holds_for_the_list_and_says_what_it_does_not_understand(
    alice_client: Client, function: Function
) -> None:
    judged(function, 94, span=answered(function, "Kept?", tags={"env": "production"}))
    judged(function, 94, span=answered(function, "Gone?"))
    text = part(alice_client, "list", "?q=tag:env=production")
    assert "Kept?" in text
    assert "Gone?" not in text
    assert "nonsense:1" in part(alice_client, "list", "?q=nonsense:1")


@pytest.mark.parametrize("state", ["", "lowest"])
def test_pages_follow_each_other_without_a_gap(
    alice_client: Client, function: Function, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(evaluation_rows, "SIZE", 4)
    for number in range(10):
        judged(function, number // 3, span=answered(function, f"Question {number}?"), ago=timedelta(minutes=number))
    address, seen = f"{PAGE}?state={state}", []
    while address:
        html = alice_client.get(address).content.decode()
        seen += re.findall(r'class="row-link"[^>]*>[^<]*(Question \d+)', html)
        older = re.search(r'rel="next" href="([^"]+)"', html)
        address = unescape(older[1]) if older else ""
    assert len(seen) == 10
    assert sorted(seen) == [f"Question {number}" for number in range(10)]


@pytest.mark.parametrize(
    "query",
    [
        "?before=x", "?before=~", "?before=2020-01-01~0", "?state=nothing&range=9y", "?version=99999999999999&by=x",
        "?q=%22", "?rule=nothing", "?state=lowest&before=9999~018f0000-0000-7000-8000-000000000000",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_left_out(alice_client: Client, function: Function, query: str) -> None:
    judged(function, 94)
    assert alice_client.get(f"{PAGE}{query}").status_code == 200


# --- asked for --------------------------------------------------------------------------------------------------------


def test_what_is_listed_is_judged_again_after_it_was_said_what_it_costs(
    alice_client: Client, function: Function
) -> None:
    for score in (10, 20, 90):
        judged(function, score)
    ask = f"{PAGE}again/listed/"
    text = page_text(alice_client, "?q=score:<50", ask)
    # The filter asks for the score of the call, which none has yet.
    assert "Nothing here has an output" in text
    text = page_text(alice_client, "?state=lowest", ask)
    assert "3 Outputs" not in text
    assert "Outputs 3 Mean cost $0.00020 Cost, about $0.0006" in text
    assert not Evaluation.objects.filter(state=State.QUEUED).exists()
    response = alice_client.post(ask, {"view": "state=lowest"})
    assert response["Location"] == f"{PAGE}?state=lowest"
    assert Evaluation.objects.filter(state=State.QUEUED, is_asked_for=True, is_repeat=False).count() == 3


def test_the_spread_is_measured_by_repeats(alice_client: Client, function: Function) -> None:
    judged(function, 90)
    assert "Times each 3" in page_text(alice_client, path=f"{PAGE}again/spread/")
    alice_client.post(f"{PAGE}again/spread/")
    assert Evaluation.objects.filter(state=State.QUEUED, is_repeat=True).count() == again.TIMES


def test_one_is_judged_now_once(alice_client: Client, function: Function) -> None:
    skipped = judged(function, None, state=State.SKIPPED, reason="Not in the sample")
    for _ in range(2):
        alice_client.post(f"{PAGE}{skipped.span.id}/now/", {"view": ""})
    assert Evaluation.objects.filter(state=State.QUEUED).count() == 1


def test_without_a_judge_nothing_is_asked_for_and_the_page_says_why(
    alice_client: Client, function: Function, settings: Any
) -> None:
    settings.EVALUATION_MODEL = "rehearsal/echo"
    evaluation = judged(function, 90)
    assert "No model that could judge is configured" in page_text(alice_client)
    alice_client.post(f"{PAGE}again/listed/", {"view": ""})
    alice_client.post(f"{PAGE}{evaluation.span.id}/now/", {"view": ""})
    assert not Evaluation.objects.filter(state=State.QUEUED).exists()
    assert alice_client.get(f"{PAGE}again/everything/").status_code == 404


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_reader_sees_everything_and_changes_nothing(
    bob_client: Client, function: Function, alice: User, project: Project
) -> None:
    evaluation = judged(function, 98)
    rated(evaluation, alice, 0.0)
    html = bob_client.get(PAGE).content.decode()
    main = html[html.index("<main") : html.index("</main>")]
    assert 'method="post"' not in main
    assert "Supported by the input" in words(main)
    assert "Judge is right" not in main
    for path in ("again/listed/", f"{evaluation.span.id}/now/", f"{evaluation.span.id}/settle/", "rubric/", "rules/",
                 "sampling/", "learning/", "learning/remove/", f"{evaluation.span.id}/example/"):  # fmt: skip
        assert bob_client.post(f"{PAGE}{path}").status_code == 403
    Membership.objects.filter(project=project).update(role=Role.EDITOR)
    assert bob_client.post(f"{PAGE}{evaluation.span.id}/settle/").status_code == 302


def test_a_stranger_finds_nothing_nor_does_an_output_of_another_function(
    alice_client: Client, charlie_client: Client, function: Function
) -> None:
    other = judged(make_function(function.project, "other"), 98)
    assert charlie_client.get(PAGE).status_code == 404
    for action in ("now", "settle", "example"):
        assert charlie_client.post(f"{PAGE}{other.span.id}/{action}/").status_code == 404
        assert alice_client.post(f"{PAGE}{other.span.id}/{action}/").status_code == 404
    assert not Feedback.objects.filter(judge_is_right=True).exists()


def test_the_page_asks_the_database_as_often_for_many_as_for_few(
    alice_client: Client, function: Function, alice: User, bob: User
) -> None:
    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            alice_client.get(PAGE)
        return len(queries)

    def more(number: int) -> None:
        for place in range(number):
            evaluation = judged(function, 90 if place % 2 else 20, rules=[{"name": "r", "passed": True}])
            rated(evaluation, alice if place % 3 else bob, 0.0, comment="No")
            judged(function, 50, span=evaluation.span, is_repeat=True)

    changing.add_rule(function, {"kind": "present", "path": "answer"})
    more(3)
    count()
    few = count()
    more(40)
    assert count() == few
    assert few < 45
