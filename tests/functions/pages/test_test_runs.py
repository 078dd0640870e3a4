"""The pages of runs on examples: a new one and what it will cost, the list, the results, and what revisions show."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from functions import revising
from functions.examples import dataset
from functions.models import Batch, BatchItem, EvaluationPolicy, Function, TestRun
from opperweb import json
from opperweb.accounts.models import Membership, Project, Role, User
from opperweb.database import db
from tests.functions.examples_running import make_run
from tests.functions.pages import reading
from tests.functions.pages.reading import FRAGMENT, part, words
from tests.functions.replaying import bad, good, make_draft, make_function, recorded, revision_of
from traces.evaluation_models import Evaluation

FUNCTION = "/projects/acme/functions/facts/"
RUNS = f"{FUNCTION}tests/"
NEW = f"{RUNS}new/"
RIGHT = {"answer": "right"}


@pytest.fixture
def function(project: Project, sent: list[str]) -> Function:
    return make_function(project, model="rehearsal/echo")


def add(function: Function, count: int) -> None:
    for number in range(count):
        dataset.add(function, {"input": f"question {number}", "output": RIGHT})


def page_text(client: Client, run: TestRun, query: str = "", **headers: str) -> str:
    return reading.page_text(client, f"{RUNS}{run.pk}/{query}", **headers)


def inputs(html: str) -> list[str]:
    return re.findall(r'class="row-link" id="result-\d+"[^>]*>([^<]+)<', html)


def ticked(html: str, name: str) -> list[str]:
    boxes = re.findall(rf'<input type="checkbox" name="{name}" value="(\w+)"([^>]*)>', html)
    return [value for value, rest in boxes if "checked" in rest]


# --- a new one --------------------------------------------------------------------------------------------------------


def test_it_says_what_it_will_run_and_cost_before_it_starts(alice_client: Client, function: Function) -> None:
    add(function, 3)
    dataset.add(function, {"input": "misfit", "output": "no object"})
    recorded(function, "live", RIGHT, duration_ms=4000.0)
    html = alice_client.get(NEW).content.decode()
    text = words(html)
    assert "Examples 3 Cost, about $0" in text
    assert "Time, about 4.00 s" in text
    assert "1 example is left out: it does not fit the schemas." in text
    assert "Run on 3 examples" in text
    assert '<option value="1" selected>Revision 1, live</option>' in html
    assert 'name="n" value="4"' in html
    assert not TestRun.objects.exists()


def test_a_press_begins_it_and_leads_to_it(
    alice_client: Client,
    alice: User,
    function: Function,
    sent: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    add(function, 3)
    schema = {"type": "object", "properties": {"answer": {"type": "string"}, "thoughts": {"type": "string"}}}
    make_draft(function, alice, output_schema=schema, instructions="Draft.")
    form: dict[str, Any] = {"sent": "1", "revision": "draft", "n": "2", "at_once": "3", "threshold": "95"}
    form |= {"checks": ["fields", "exact"], "fields_counted": ["answer"]}
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_client.post(NEW, form)
    run = TestRun.objects.select_related("batch").get()
    assert answer.headers["Location"] == f"{RUNS}{run.pk}/"
    assert (run.checks, run.fields, run.threshold, run.example_count, run.is_draft, run.created_by) == (
        ["exact", "fields"], ["answer"], 95, 2, True, alice,
    )  # fmt: skip
    assert run.definition["instructions"] == "Draft."
    assert run.batch is not None
    assert (run.batch.at_once, run.batch.origin, sent) == (3, "test", [str(run.batch_id)])
    html = page_text(alice_client, run)
    assert inputs(html) == []
    assert "question 2" in html
    assert "draft of revision 1" in html


def test_what_was_chosen_is_sent_as_it_was_shown(alice_client: Client, function: Function) -> None:
    add(function, 1)
    html = alice_client.get(f"{NEW}?sent=1&revision=1&checks=exact&threshold=80").content.decode()
    form = html[html.index('method="post"') :]
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    data: dict[str, list[str]] = {}
    for name, value in hidden:
        data.setdefault(name, []).append(value)
    assert alice_client.post(NEW, data).status_code == 302
    run = TestRun.objects.get()
    assert (run.checks, run.fields, run.threshold) == (["exact"], [], 80)


def test_the_usual_checks_are_those_that_can_say_something(
    alice_client: Client, function: Function, settings: Any, use_upstream: Any
) -> None:
    add(function, 1)
    settings.EVALUATION_MODEL = "none"
    html = alice_client.get(NEW).content.decode()
    assert (ticked(html, "checks"), ticked(html, "fields_counted")) == (["fields"], ["answer"])
    rules = [{"kind": "present", "path": "answer"}]
    policy = EvaluationPolicy.objects.create(function=function, rules=rules, model="rehearsal/echo")
    html = alice_client.get(NEW).content.decode()
    assert ticked(html, "checks") == ["fields", "rules"]
    assert "Each answer is judged" not in html
    assert "rehearsal/* is no language model" in alice_client.get(f"{NEW}?sent=1&checks=ai").content.decode()
    use_upstream()
    policy.model = "fake/judge"
    policy.save()
    revising.save(function, {"output_schema": None})
    html = alice_client.get(NEW).content.decode()
    assert (ticked(html, "checks"), ticked(html, "fields_counted")) == (["exact", "rules", "ai"], [])
    assert "Each answer is judged by fake/judge" in html


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("revision=9&checks=exact", "There is no 9 of this function."),
        ("revision=draft&checks=exact", "You have no draft of this function."),
        ("revision=x%27&checks=exact", "There is no x&#x27; of this function."),
        ("n=0&checks=exact", "greater than or equal to 1"),
        ("n=1001&checks=exact", "less than or equal to 1000"),
        ("threshold=101&checks=exact", "less than or equal to 100"),
        ("threshold=0&checks=exact", "greater than or equal to 1"),
        ("threshold=most&checks=exact", "Enter a whole number"),
        ("n=1", "Choose at least one check."),
        ("checks=guess", "Select a valid choice."),
        ("checks=fields", "Choose at least one field."),
        ("checks=rules", "This function has no rule checks."),
        ("checks=ai", "AI evaluation is off for this function"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(
    alice_client: Client, function: Function, settings: Any, query: str, said: str
) -> None:
    settings.EVALUATION_MODEL = "none"
    add(function, 1)
    response = alice_client.get(f"{NEW}?sent=1&{query}")
    assert response.status_code == 200
    html = response.content.decode()
    assert said in html
    assert "field-error" in html
    assert "What will be run" not in html
    form = dict(each.split("=", 1) for each in f"sent=1&{query}".split("&"))
    assert alice_client.post(NEW, form).status_code == 422
    assert not TestRun.objects.exists()


def test_without_examples_there_is_a_way_on_and_no_start(alice_client: Client, function: Function) -> None:
    assert "This function has no examples." in words(alice_client.get(NEW).content.decode())
    dataset.add(function, {"input": "misfit", "output": "no object"})
    html = alice_client.get(NEW).content.decode()
    assert "No example of this function fits its schemas." in words(html)
    assert 'method="post"' not in html[html.index("What will be run") :].partition("</section>")[0]
    assert alice_client.post(NEW, {}).status_code == 422
    assert not TestRun.objects.exists()


def test_a_definition_that_cannot_be_run_says_why_and_is_not_begun(
    alice_client: Client, alice: User, function: Function
) -> None:
    add(function, 1)
    make_draft(function, alice, model="nowhere/at-all")
    assert "It cannot be run:" in alice_client.get(f"{NEW}?revision=draft").content.decode()
    assert alice_client.post(NEW, {"revision": "draft"}).status_code == 422
    assert not TestRun.objects.exists()


def test_a_function_without_a_revision_says_so(alice_client: Client, project: Project) -> None:
    Function.objects.create(project=project, name="facts")
    for path in (NEW, RUNS):
        assert alice_client.get(path).status_code == 200
    assert alice_client.post(NEW, {}).status_code == 200
    assert not TestRun.objects.exists()


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_has_the_newest_first_and_asks_as_much_for_many(
    alice_client: Client, function: Function, alice: User
) -> None:
    make_run(function, [{"got": good(RIGHT)}], created_by=alice, threshold=90)

    def asked() -> int:
        alice_client.get(RUNS)
        with CaptureQueriesContext(connection) as queries:
            alice_client.get(RUNS)
        return len(queries)

    before = asked()
    for number in range(4):
        make_run(function, [{"got": good(RIGHT)}, *[{"got": bad()}] * (number + 1)], threshold=90, created_by=alice)
    assert asked() == before
    text = words(alice_client.get(RUNS).content.decode())
    assert text.index("5 examples Exactly as expected") < text.index("1 example Exactly as expected")
    assert "5 examples Exactly as expected revision 1 5 examples: 20 % (needs 90 %) 1 of 5 $0.0142 Alice" in text
    assert "1 example: 100 % (needs 90 %)" in text


def test_the_list_can_be_that_of_one_revision(alice_client: Client, function: Function) -> None:
    make_run(function, [{"got": good(RIGHT)}])
    revising.save(function, {"instructions": "Second."})
    make_run(function, [{"got": good(RIGHT)}, {"got": bad()}])
    text = words(alice_client.get(f"{RUNS}?revision=1").content.decode())
    assert "1 example Exactly as expected" in text
    assert "2 examples Exactly as expected" not in text
    for odd in ("x", "9" * 30):
        assert alice_client.get(f"{RUNS}?revision={odd}").content.decode().count("data-row") == 2


def test_the_list_goes_on_where_fifty_end(alice_client: Client, function: Function) -> None:
    for _ in range(53):
        make_run(function, [])
    first = alice_client.get(RUNS).content.decode()
    assert first.count("data-row") == 50
    [older] = re.findall(r'rel="next" href="([^"]+)"', first)
    assert alice_client.get(RUNS + older).content.decode().count("data-row") == 3
    assert alice_client.get(f"{RUNS}?before=nonsense").content.decode().count("data-row") == 50


def test_without_any_it_says_what_a_run_is(alice_client: Client, bob_client: Client, function: Function) -> None:
    add(function, 1)
    assert "No runs on examples yet" in alice_client.get(RUNS).content.decode()
    assert NEW in alice_client.get(RUNS).content.decode()
    Membership.objects.filter(user__email__startswith="bob").update(role=Role.READER)
    assert NEW not in bob_client.get(RUNS).content.decode()


# --- one --------------------------------------------------------------------------------------------------------------


def test_it_asks_again_while_it_runs_and_until_the_last_is_judged(alice_client: Client, function: Function) -> None:
    run = make_run(function, [{"got": good(RIGHT), "ai": "queued"}, {"got": "queued"}], checks=["exact", "ai"])
    changes = page_text(alice_client, run, "?verdict=judging", **FRAGMENT)
    assert f'hx-get="{RUNS}{run.pk}/?verdict=judging" hx-trigger="every 2s"' in changes
    assert "<html" not in changes
    assert changes.count('hx-swap-oob="true"') == 2
    text = part(changes, "batch-live")
    assert "1 of 2 inputs" in text
    assert "To be judged 1 Running 0 Left 1" in text
    BatchItem.objects.filter(state="queued").update(state="running")
    assert "Running question 1" in part(page_text(alice_client, run), "test-results")
    Batch.objects.update(state="done", ended_at=timezone.now())
    BatchItem.objects.update(state="done")
    assert "every 2s" in page_text(alice_client, run)
    Evaluation.objects.update(state="done", score=90)
    html = page_text(alice_client, run)
    assert "every 2s" not in html
    assert "<progress" not in html
    assert "Cancel" not in part(html, "batch-live")


def test_an_example_shows_what_was_expected_what_came_and_what_differs(
    alice_client: Client, function: Function
) -> None:
    expected = {"answer": "There are two", "sure": True, "id": 1, "x": 2}
    got = {"answer": "There are <b>none</b>", "sure": True, "id": 1, "x": 2}
    rules = [{"kind": "contains", "path": "answer", "text": "two"}, {"kind": "present", "path": "id"}]
    run = make_run(function, [{"expected": expected, "got": good(got), "ai": 41}], rules=rules, checks=["fields"])
    html = page_text(alice_client, run)
    text = part(html, "test-results")
    assert "removed: two end" in text
    assert "&lt;b&gt;" in html
    assert "<b>none" not in html
    assert 'title="Wrong: answer"' in html
    assert "fields 3 of 4 rules 1 of 2 AI 41" in text
    assert "answer contains “two”: “two” is not in it" in text
    assert "Wrong" in text
    span = BatchItem.objects.get().span
    assert span is not None
    assert f"/traces/{span.trace.id}/?span={span.id}" in html


def test_failures_come_first_and_tabs_choose_a_verdict(alice_client: Client, function: Function) -> None:
    examples: list[dict[str, Any]] = [
        {"input": "passes", "got": good(RIGHT)},
        {"input": "wrong", "got": good({"answer": "left"})},
        {"input": "fails", "got": bad("No valid output")},
    ]
    run = make_run(function, examples)
    html = page_text(alice_client, run)
    assert inputs(html) == ["fails", "wrong", "passes"]
    assert "All 3 Failed 1 Wrong 1 Passed 1" in part(html, "test-results")
    assert "No valid output" in html
    for verdict, found in (("wrong", ["wrong"]), ("passed", ["passes"]), ("nonsense", ["fails", "wrong", "passes"])):
        assert inputs(page_text(alice_client, run, f"?verdict={verdict}")) == found
    assert "No result has this verdict." in page_text(alice_client, run, "?verdict=unjudged")


def test_totals_stand_against_the_threshold(alice_client: Client, function: Function) -> None:
    expected = {"answer": "right", "id": 1}
    examples: list[dict[str, Any]] = [
        {"expected": expected, "got": good(expected), "ai": 90},
        {"expected": expected, "got": good({"answer": "left", "id": 1}), "ai": 30},
        {"expected": expected, "got": good(expected), "ai": "skipped"},
    ]
    run = make_run(function, examples, checks=["exact", "ai"], threshold=30, rules=[{"kind": "present", "path": "id"}])
    text = part(page_text(alice_client, run), "test-boxes")
    assert "Passed enough 33 % 1 of 3, needs 30 %, 1 not judged" in text
    assert "Exactly as expected 66 % 2 of 3" in text
    assert "Fields right 83 % 5 of 6, least answer: 2 of 3" in text
    assert "Rule checks kept 100 % 3 of 3" in text
    assert "Good, says the judge 50 % 1 of 2, average score 60" in text
    TestRun.objects.update(threshold=34)
    assert "Passed too few 33 %" in part(page_text(alice_client, run), "test-boxes")


def test_more_than_fifty_results_go_over_pages(alice_client: Client, function: Function) -> None:
    run = make_run(function, [{"got": "queued"} for _ in range(53)])
    html = page_text(alice_client, run)
    assert "1–50" in part(html, "test-results")
    assert "51–53" in part(page_text(alice_client, run, "?page=2"), "test-results")
    assert "51–53" in part(page_text(alice_client, run, "?page=9999"), "test-results")
    assert "1–50" in part(page_text(alice_client, run, "?page=x"), "test-results")


def test_many_results_are_shown_in_as_many_queries_as_few(alice_client: Client, function: Function) -> None:
    def asked(count: int) -> int:
        run = make_run(function, [{"got": good(RIGHT), "ai": 90}] * count)
        page_text(alice_client, run)
        with CaptureQueriesContext(connection) as queries:
            page_text(alice_client, run)
        return len(queries)

    assert asked(2) == asked(12)


def test_the_rest_is_cancelled_after_a_question(alice_client: Client, function: Function) -> None:
    run = make_run(function, [{"got": good(RIGHT)}, {"got": "queued"}, {"got": "queued"}], threshold=10)
    question = alice_client.get(f"{RUNS}{run.pk}/cancel/").content.decode()
    assert "Cancel 2 examples" in question
    assert not BatchItem.objects.filter(state="cancelled").exists()
    html = alice_client.post(f"{RUNS}{run.pk}/cancel/", follow=True).content.decode()
    assert "Cancelled: 2 examples were not sent" in html
    assert "not all were run" in part(html, "test-boxes")
    run.refresh_from_db()
    assert (run.is_whole, run.is_enough) == (False, None)
    again = alice_client.post(f"{RUNS}{run.pk}/cancel/", follow=True).content.decode()
    assert "Nothing was left to cancel" in again


def test_a_run_whose_batch_was_deleted_still_shows(alice_client: Client, function: Function) -> None:
    run = make_run(function, [{"got": good(RIGHT)}])
    page_text(alice_client, run)
    Batch.objects.all().delete()
    html = page_text(alice_client, run)
    assert "every 2s" not in html
    assert "Not sent" in part(html, "test-results")
    assert "1 example: 100 %" in words(alice_client.get(RUNS).content.decode())


# --- exports ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_all_of_it_is_sent_as_csv_and_as_lines_of_json(
    async_client: AsyncClient, alice: User, function: Function
) -> None:
    long = {"answer": "x" * 500}
    examples: list[dict[str, Any]] = [
        {"input": {"n": "=1+1"}, "expected": long, "got": good(long, cost_usd=Decimal("0.5")), "ai": 90},
        {"input": "plain", "got": good({"answer": "left"})},
        {"input": "broken", "got": bad("No")},
    ]
    rules = [{"kind": "contains", "path": "answer", "text": "x"}]
    run = await db(lambda: make_run(function, examples, rules=rules))
    await async_client.aforce_login(alice)
    texts = {}
    for suffix in ("csv", "jsonl"):
        response: Any = await async_client.get(f"{RUNS}{run.pk}/results.{suffix}")
        assert response.headers["Content-Disposition"] == f'attachment; filename="facts-test-run.{suffix}"'
        texts[suffix] = b"".join([chunk async for chunk in response.streaming_content]).decode()
    rows = [json.loads(line) for line in texts["jsonl"].splitlines()]
    assert [(row["input"], row["verdict"]) for row in rows] == [
        ("broken", "failed"), ("plain", "wrong"), ({"n": "=1+1"}, "passed"),
    ]  # fmt: skip
    assert rows[2]["got"] == rows[2]["expected"] == long
    assert (rows[2]["score"], rows[2]["good"], rows[2]["exact"], rows[2]["cost_usd"]) == (90, True, True, "0.5")
    assert (rows[1]["wrong_fields"], rows[1]["rules_kept"], rows[1]["rules"]) == (["answer"], 0, 1)
    assert rows[0]["error"] == "No"
    table = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert [line["verdict"] for line in table] == ["failed", "wrong", "passed"]
    assert (table[2]["got"], table[2]["exact"], table[1]["exact"]) == (json.dumps(long), "true", "false")
    assert table[1]["broken_rules"] == json.dumps(["answer contains “x”"])


# --- elsewhere --------------------------------------------------------------------------------------------------------


def test_a_revision_shows_its_newest_run_and_whether_it_is_enough(alice_client: Client, function: Function) -> None:
    add(function, 1)
    make_run(function, [{"got": good(RIGHT)}])
    failing = make_run(function, [{"got": good(RIGHT)}, {"got": bad()}], threshold=95)
    revising.save(function, {"instructions": "Second."})
    html = alice_client.get(f"{FUNCTION}revisions/?revision=1").content.decode()
    assert "2 examples: 50 % (needs 95 %)" in html
    assert "50 % of 2 (needs 95 %)" in html
    assert html.count('class="badge err"') == 2
    assert f'href="{RUNS}{failing.pk}/"' in html
    assert f"{NEW}?revision=1" in html
    make_run(function, [{"got": good(RIGHT)}], revision=revision_of(function), threshold=95)
    html = alice_client.get(f"{FUNCTION}revisions/").content.decode()
    assert "100 % of 1 (needs 95 %)" in html
    assert "1 example: 100 %" not in html
    assert 'class="badge err"' not in html


def test_revisions_with_runs_ask_as_much_as_one(alice_client: Client, function: Function) -> None:
    def asked() -> int:
        alice_client.get(f"{FUNCTION}revisions/")
        with CaptureQueriesContext(connection) as queries:
            alice_client.get(f"{FUNCTION}revisions/")
        return len(queries)

    revising.save(function, {"instructions": "Second."})
    make_run(function, [{"got": good(RIGHT)}])
    before = asked()
    for number in range(3):
        revising.save(function, {"instructions": f"Version {number}."})
        make_run(function, [{"got": good(RIGHT)}], threshold=90)
    assert asked() == before


def test_examples_lead_to_a_run(alice_client: Client, bob_client: Client, function: Function) -> None:
    assert NEW not in alice_client.get(f"{FUNCTION}examples/").content.decode()
    add(function, 1)
    assert NEW in alice_client.get(f"{FUNCTION}examples/").content.decode()


# --- who may ----------------------------------------------------------------------------------------------------------


def test_readers_look_and_editors_run(bob_client: Client, bob: User, function: Function) -> None:
    add(function, 1)
    Membership.objects.filter(user=bob).update(role=Role.READER)
    run = make_run(function, [{"got": good(RIGHT)}, {"got": "queued"}])
    html = page_text(bob_client, run)
    assert "Cancel" not in html
    assert NEW not in html
    assert bob_client.get(RUNS).status_code == 200
    for path in (NEW, f"{RUNS}{run.pk}/cancel/"):
        assert bob_client.get(path).status_code == 403
        assert bob_client.post(path, {}).status_code == 403
    assert TestRun.objects.count() == 1
    assert Batch.objects.get().state == "running"


def test_a_stranger_and_another_function_find_nothing(
    charlie_client: Client, alice_client: Client, function: Function, project: Project
) -> None:
    run = make_run(function, [{"got": good(RIGHT)}])
    make_function(project, "others", model="rehearsal/echo")
    tails = ("", "cancel/", "results.csv", "results.jsonl")
    for path in (RUNS, NEW, *(f"{RUNS}{run.pk}/{tail}" for tail in tails)):
        assert charlie_client.get(path).status_code == 404, path
    for tail in tails:
        assert alice_client.get(f"/projects/acme/functions/others/tests/{run.pk}/{tail}").status_code == 404
        assert alice_client.get(f"{RUNS}{uuid4()}/{tail}").status_code == 404
