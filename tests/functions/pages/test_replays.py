"""The pages of replays: a new one and what it will cost, the list, the pairs and totals, what follows from them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import AsyncClient, Client
from django.utils import timezone

from functions import drafts, revising
from functions.completions import catalogue
from functions.examples import dataset
from functions.models import Batch, BatchItem, Draft, Function, Replay
from functions.pages.replays.boxes import boxes_of, drawing_of, outputs_of
from functions.pages.signed import signed
from functions.replays.figures import totals_of
from functions.replays.pairs import Pair
from functions.replays.statistics import Interval
from functions.trials.sides import Side
from opperweb.accounts.models import Membership, Project, Role, User
from opperweb.database import db
from tests.functions.pages import reading
from tests.functions.pages.reading import FRAGMENT, NARROW, part, words
from tests.functions.replaying import bad, good, make_draft, make_function, make_replay, recorded, revision_of

REPLAYS = "/projects/acme/functions/facts/replays/"
NEW = f"{REPLAYS}new/"


@pytest.fixture
def function(project: Project, sent: list[str]) -> Function:
    return make_function(project, model="rehearsal/echo")


def page_text(client: Client, replay: Replay, query: str = "", **headers: str) -> str:
    return reading.page_text(client, f"{REPLAYS}{replay.pk}/{query}", **headers)


def inputs(html: str) -> list[str]:
    return re.findall(r'class="row-link" id="pair-\d+"[^>]*>([^<]+)<', html)


# --- a new one --------------------------------------------------------------------------------------------------------


def test_it_says_what_it_will_run_and_cost_before_it_starts(
    alice_client: Client, function: Function, sent: list[str]
) -> None:
    for number in range(7):
        recorded(function, f"question {number % 6}", {"answer": "x"}, duration_ms=4000.0)
    text = words(alice_client.get(NEW).content.decode())
    assert "Inputs found 6 of 50 asked for Calls 6 Cost, about $0" in text
    # Six calls of four seconds, at most six of the eight at once.
    assert "Time, about 4.00 s" in text
    assert "1 repeat is left out." in text
    assert "Start 6 calls" in text
    assert not Replay.objects.exists()


def test_what_is_not_known_is_said_and_never_nothing(alice_client: Client, function: Function, settings: Any) -> None:
    settings.PROVIDERS = {"own": {"name": "own", "kind": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "x"}}
    catalogue.forget()
    revising.save(function, {"model": "own/unheard-of"})
    recorded(function, "a", duration_ms=None, input_tokens=None)
    html = alice_client.get(f"{NEW}?before=2").content.decode()
    assert "Calls 1 Cost, about not known Time, about not known" in words(html)


def test_a_press_begins_it_and_leads_to_it(
    alice_client: Client, alice: User, function: Function, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    for number in range(3):
        recorded(function, f"question {number}", {"answer": "x"}, tags={"env": "production"})
    recorded(function, "elsewhere", {"answer": "x"})
    make_draft(function, alice, instructions="Draft.")
    form = {"after": "draft", "before": "1", "source": "recent", "n": "2", "q": "tag:env=production", "at_once": "3"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_client.post(NEW, form)
    replay = Replay.objects.select_related("after_batch").get()
    assert answer.headers["Location"] == f"{REPLAYS}{replay.pk}/"
    assert (replay.is_draft, replay.total_count, replay.filter, replay.created_by) == (
        True, 2, "tag:env=production", alice,
    )  # fmt: skip
    assert replay.after_definition["instructions"] == "Draft."
    assert replay.after_batch is not None
    assert (replay.after_batch.at_once, replay.after_batch.origin, sent) == (3, "replay", [str(replay.after_batch_id)])
    assert inputs(page_text(alice_client, replay)) == ["question 2", "question 1"]


def test_without_words_it_tries_the_draft_on_the_revision_it_was_made_from(
    alice_client: Client, alice: User, function: Function
) -> None:
    recorded(function, "a")
    make_draft(function, alice, instructions="Draft.", model="rehearsal/jupiter")
    revising.save(function, {"instructions": "Somebody else's."})
    html = alice_client.get(NEW).content.decode()
    assert '<option value="draft" selected>My draft, 2 changes</option>' in html
    assert '<option value="1" selected>Revision 1</option>' in html
    Draft.objects.all().delete()
    html = alice_client.get(NEW).content.decode()
    assert '<option value="2" selected>Revision 2, live</option>' in html
    assert '<option value="1" selected>Revision 1</option>' in html


def test_an_older_revision_is_held_against_the_live_one(alice_client: Client, function: Function) -> None:
    revising.save(function, {"instructions": "Second."})
    html = alice_client.get(f"{NEW}?after=1").content.decode()
    assert '<option value="2" selected>Revision 2, live</option>' in html


def test_a_revision_beyond_those_that_are_listed_can_be_named(
    alice_client: Client, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.pages.trials.choices.MOST_REVISIONS", 1)
    for number in range(3):
        revising.save(function, {"instructions": f"Version {number}."})
    html = alice_client.get(f"{NEW}?before=2").content.decode()
    assert re.findall(r'<option value="(\d+)"', html[html.index('name="before"') :]) == ["4", "2"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("after=9", "There is no 9 of this function."),
        ("after=draft", "You have no draft of this function."),
        ("before=x%27", "There is no x&#x27; of this function."),
        ("before=99999999999999999999", "There is no 99999999999999999999 of this function."),
        ("n=0", "greater than or equal to 1"),
        ("n=1001", "less than or equal to 1000"),
        ("n=many", "Enter a whole number"),
        ("q=latency:quick", "is no such number"),
        ("q=colour:red", "Unknown filter."),
        ("source=elsewhere", "Select a valid choice."),
        ("source=dataset&before=any", "Both sides are run then: choose a revision."),
        ("again=on&before=any", "Both sides are run then: choose a revision."),
        ("at_once=65", "less than or equal to 64"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(
    alice_client: Client, function: Function, query: str, said: str
) -> None:
    recorded(function, "a")
    response = alice_client.get(f"{NEW}?{query}")
    assert response.status_code == 200
    html = response.content.decode()
    assert said in html
    assert "field-error" in html
    assert "What will be run" not in html
    form = dict(each.split("=", 1) for each in query.split("&"))
    assert alice_client.post(NEW, form).status_code in (302, 422)


def test_a_form_that_makes_no_sense_begins_nothing(alice_client: Client, function: Function) -> None:
    recorded(function, "a")
    assert alice_client.post(NEW, {"n": "0"}).status_code == 422
    assert not Replay.objects.exists()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "This revision has answered no call yet."),
        ("?q=status:error", "No call is found with this filter."),
        ("?source=dataset", "No example of this function fits its schemas."),
    ],
)
def test_without_inputs_there_is_a_way_on_and_no_start(
    alice_client: Client, function: Function, query: str, said: str
) -> None:
    html = alice_client.get(f"{NEW}{query}").content.decode()
    assert said in words(html)
    assert "Start" not in html
    assert alice_client.post(f"{NEW}", {}).status_code == 422
    assert not Replay.objects.exists()


def test_a_definition_that_cannot_be_run_says_why_and_is_not_begun(
    alice_client: Client, alice: User, function: Function
) -> None:
    recorded(function, "a")
    make_draft(function, alice, model="nowhere/at-all")
    html = alice_client.get(NEW).content.decode()
    assert "It cannot be run:" in html
    assert "nowhere" in html
    assert "Start" not in html
    assert alice_client.post(NEW, {}).status_code == 422
    assert not Replay.objects.exists()


def test_a_function_without_a_revision_says_so(alice_client: Client, project: Project) -> None:
    Function.objects.create(project=project, name="facts")
    assert "No definition yet" in alice_client.get(NEW).content.decode()
    assert alice_client.post(NEW, {}).status_code == 200
    assert not Replay.objects.exists()


def test_examples_are_run_on_both_sides(alice_client: Client, function: Function) -> None:
    dataset.add(function, {"input": "one", "output": {"answer": "1"}})
    revising.save(function, {"instructions": "Second."})
    text = words(alice_client.get(f"{NEW}?source=dataset").content.decode())
    assert "Examples found 1 of 50 asked for Calls 2" in text
    alice_client.post(NEW, {"source": "dataset"})
    replay = Replay.objects.get()
    assert (replay.source, replay.before_revision, replay.after_revision) == (
        "dataset", revision_of(function), revision_of(function, 2),
    )  # fmt: skip
    assert "0 of 2 calls" in part(page_text(alice_client, replay), "batch-live")


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_has_the_newest_first_and_asks_as_much_for_many(
    alice_client: Client, function: Function, alice: User, django_assert_num_queries: Any
) -> None:
    make_replay(function, [{"before": good("a"), "after": good("b")}], user=alice)
    alice_client.get(REPLAYS)
    for _ in range(2):
        with django_assert_num_queries(7):
            html = alice_client.get(REPLAYS).content.decode()
        for number in range(5):
            make_replay(function, [{"before": good("a"), "after": bad()}] * (number + 2))
    text = words(alice_client.get(REPLAYS).content.decode())
    assert text.index("6 real inputs") < text.index("1 real input ")
    assert "1 real input revision 1 → against draft 1 of 1 0 failed $0.0142 Alice" in text
    assert "New replay" in html


def test_the_list_goes_on_where_fifty_end(alice_client: Client, function: Function) -> None:
    for _ in range(53):
        make_replay(function, [])
    first = alice_client.get(REPLAYS).content.decode()
    assert first.count("data-row") == 50
    [older] = re.findall(r'rel="next" href="([^"]+)"', first)
    assert alice_client.get(REPLAYS + older).content.decode().count("data-row") == 3
    assert alice_client.get(f"{REPLAYS}?before=nonsense").content.decode().count("data-row") == 50


def test_without_any_it_says_what_a_replay_is(alice_client: Client, bob_client: Client, function: Function) -> None:
    assert "No replays yet" in alice_client.get(REPLAYS).content.decode()
    assert NEW in alice_client.get(REPLAYS).content.decode()
    assert NEW not in bob_client.get(REPLAYS).content.decode()


# --- progress ---------------------------------------------------------------------------------------------------------


def test_the_strip_counts_in_words_and_foretells_time_and_cost(alice_client: Client, function: Function) -> None:
    pairs: list[dict[str, Any]] = [{"before": good("a"), "after": good("b")} for _ in range(3)]
    pairs += [{"before": good("a"), "after": bad()}, {"before": good("a"), "after": "running"}]
    pairs += [{"before": good("a"), "after": "queued"} for _ in range(5)]
    replay = make_replay(function, pairs, estimated_usd=Decimal("0.5"))
    html = page_text(alice_client, replay)
    text = part(html, "batch-live")
    assert "4 of 10 inputs about" in text
    assert "Done 3 Failed 1 Running 1 Left 5" in text
    # Four cost $0.0142, ten will have cost two and a half times as much.
    assert "$0.0142 of about $0.0355" in text
    assert "Cancel" in text
    assert re.search(r'<progress [^>]*max="10" value="4"', html)
    assert 'data-said="40 % of the inputs are through, 1 failed"' in html
    assert 'hx-trigger="every 2s"' in html


def test_it_asks_again_while_it_runs_and_no_longer_when_it_ended(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": "queued"}])
    changes = page_text(alice_client, replay, "?verdict=failed&words=off", **FRAGMENT)
    assert f'hx-get="{REPLAYS}{replay.pk}/?verdict=failed&amp;words=off" hx-trigger="every 2s"' in changes
    assert "<html" not in changes
    assert changes.count('hx-swap-oob="true"') == 2
    Batch.objects.update(state="done", ended_at=timezone.now())
    BatchItem.objects.update(state="done")
    for html in (page_text(alice_client, replay), page_text(alice_client, replay, **FRAGMENT)):
        assert "every 2s" not in html
        assert "<progress" not in html
        assert "Cancel" not in part(html, "batch-live")


def test_both_sides_that_are_run_are_one_strip(alice_client: Client, function: Function) -> None:
    example = {"before": good("a"), "after": "queued", "expected": {"answer": "a"}}
    replay = make_replay(function, [example, {**example, "after": good("a")}])
    text = part(page_text(alice_client, replay), "batch-live")
    assert "3 of 4 calls" in text
    # Of both batches.
    assert "$0.0284" in text


def test_a_replay_whose_batch_was_deleted_still_shows(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": good("b")}])
    Batch.objects.all().delete()
    html = page_text(alice_client, replay)
    assert "every 2s" not in html
    assert "Not sent" in part(html, "replay-pairs")


# --- totals -----------------------------------------------------------------------------------------------------------


def test_totals_say_how_many_are_better_and_by_how_much(alice_client: Client, function: Function) -> None:
    pairs: list[dict[str, Any]] = [
        {
            "before": good("a", 60 + number, duration_ms=1000.0 + number, output_tokens=100),
            "after": good("b", 90 - number, duration_ms=990.0 + 9 * number, output_tokens=80 + number),
        }
        for number in range(8)
    ]
    pairs += [{"before": good("a"), "after": bad()}, {"before": good("a"), "after": "queued"}]
    text = part(page_text(alice_client, make_replay(function, pairs)), "replay-boxes")
    assert "Outputs 8 pairs 8 better 0 same 0 worse" in text
    # 8 against 1: 2 × (1 + 9) / 2⁹
    assert "chance of this by luck 4 %, 1 failed one counts as worse" in text
    assert "Score better 63.5 → became 86.5 +23.0 between +18." in text
    assert "Fits the schema no clear change 9 → became 8 −1 between" in text
    assert "Duration, p50 no clear change 1.00 s → became 1.0" in text
    assert "Cost per call no clear change $0.00012 → became $0.00014 +14 % between" in text
    assert "Tokens out shorter 90 → became 75" in text


def test_few_pairs_are_too_few_to_say(alice_client: Client, function: Function) -> None:
    html = page_text(alice_client, make_replay(function, [{"before": good("a", 1), "after": good("b", 99)}]))
    text = part(html, "replay-boxes")
    assert "Score too few pairs to say 1.0 → became 99.0" in text
    assert "between" not in text


def test_before_the_first_pair_is_finished_nothing_is_claimed(alice_client: Client, function: Function) -> None:
    html = page_text(alice_client, make_replay(function, [{"before": good("a"), "after": "running"}]))
    assert "No pair is finished yet." in part(html, "replay-boxes")


def test_a_band_is_drawn_with_zero_in_sight() -> None:
    drawing = drawing_of(Interval(3, 1, 5))
    places = [float(text.removesuffix("%")) for text in (drawing.zero, drawing.low, drawing.value, drawing.width)]
    zero, low, value, width = places
    assert 0 < zero < low < value < low + width < 100
    flat = drawing_of(Interval(0, 0, 0))
    assert (flat.zero, flat.value, flat.width) == ("50.00%", "50.00%", "0.00%")


@pytest.mark.parametrize(
    ("number", "decimals", "said"),
    [(3.46, 1, "+3.5"), (-0.04, 1, "0"), (-12345.6, 0, "−12,346"), (0, 0, "0"), (-0.5, 1, "−0.5")],
)
def test_differences_bear_their_sign(number: float, decimals: int, said: str) -> None:
    assert signed(number, decimals) == said


def test_units_stand_with_every_difference() -> None:
    pairs = [
        Pair(
            number,
            "i",
            Side("done", text='"a"', duration_ms=20_000 + number, cost_usd=Decimal(2), output_tokens=1000),
            Side("done", text='"b"', duration_ms=8_000 + number, cost_usd=Decimal(1), output_tokens=990 + number % 2),
        )
        for number in range(6)
    ]
    totals = totals_of(pairs)
    fits, duration, cost, tokens = boxes_of(totals, has_schema=False)
    assert (fits.label, fits.before, fits.after) == ("Answered", "6", "6")
    assert (duration.before, duration.difference, duration.word) == (f"20.0{NARROW}s", f"−12.0{NARROW}s", "faster")
    assert (cost.before, cost.after, cost.difference) == ("$2.00", "$1.00", f"−50{NARROW}%")
    assert (tokens.difference, tokens.word, tokens.css) == ("−9.5", "shorter", "is-ok")
    assert [(part.label, part.count) for part in outputs_of(totals).parts] == [("same", 0), ("changed", 6)]
    assert outputs_of(totals).chance == ""


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_each_pair_shows_both_outputs_with_the_words_that_differ(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("There are two", 41), "after": good("There are <b>none</b>", 96)}])
    html = page_text(alice_client, replay)
    text = part(html, "replay-pairs")
    assert "removed: two end" in text
    assert "added:" in text
    assert "&lt;b&gt;" in html
    assert "<b>none" not in html
    assert "fits" in html
    assert "41 96 +55" in text
    plain = page_text(alice_client, replay, "?words=off")
    assert "<del>" not in plain
    assert "There are &lt;b&gt;none&lt;/b&gt;" in plain


def test_a_pair_leads_to_both_of_its_traces(alice_client: Client, function: Function) -> None:
    replay = make_replay(
        function, [{"before": good("a"), "after": good("b")}, {"before": good("c"), "after": "queued"}]
    )
    html = page_text(alice_client, replay)
    after = BatchItem.objects.get(number=0).span
    before = replay.items.get(number=0).recorded
    waiting = replay.items.get(number=1).recorded
    assert after is not None
    assert before is not None
    assert waiting is not None
    assert f'id="pair-0" href="/projects/acme/traces/{after.trace.id}/?span={after.id}"' in html
    assert f'class="replay-before" href="/projects/acme/traces/{before.trace.id}/?span={before.id}"' in html
    assert f'id="pair-1" href="/projects/acme/traces/{waiting.trace.id}/?span={waiting.id}"' in html


def test_a_failure_gives_its_reason_where_the_output_would_be(alice_client: Client, function: Function) -> None:
    replay = make_replay(
        function,
        [
            {"before": good("a"), "after": bad("answer does not meet its pattern")},
            {"before": good("a"), "after": "refused"},
            {"before": good("a"), "after": "cancelled"},
        ],
    )
    text = part(page_text(alice_client, replay), "replay-pairs")
    assert "answer does not meet its pattern" in text
    assert "the input does not fit" in text
    assert "Not sent" in text
    assert "does not fit" in page_text(alice_client, replay)


def test_pairs_are_chosen_by_verdict_and_the_links_keep_the_rest(alice_client: Client, function: Function) -> None:
    replay = make_replay(
        function,
        [
            {"input": "gains", "before": good("a", 10), "after": good("b", 90)},
            {"input": "loses", "before": good("a", 90), "after": good("b", 20)},
            {"input": "stays", "before": good("a", 50), "after": good("a", 50)},
            {"input": "fails", "before": good("a", 50), "after": bad()},
            {"input": "turns", "before": good("a"), "after": good("b")},
            {"input": "waits", "before": good("a"), "after": "queued"},
        ],
    )
    html = page_text(alice_client, replay)
    assert inputs(html) == ["fails", "turns", "gains", "loses", "stays", "waits"]
    assert "All 6 Better 1 Same 1 Worse 1 Failed 1 Changed 1" in part(html, "replay-pairs")
    for verdict, expected in (("better", "gains"), ("worse", "loses"), ("same", "stays"), ("failed", "fails")):
        assert inputs(page_text(alice_client, replay, f"?verdict={verdict}")) == [expected]
    chosen = page_text(alice_client, replay, "?verdict=changed&words=off")
    assert inputs(chosen) == ["turns"]
    assert "?verdict=better&amp;words=off#replay-pairs" in chosen
    assert inputs(page_text(alice_client, replay, "?verdict=nonsense&page=x")) == inputs(html)


def test_a_verdict_that_no_pair_has_says_so(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": good("b")}])
    assert "No pair has this verdict." in page_text(alice_client, replay, "?verdict=worse")


def test_pairs_come_fifty_a_page(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": good("a")} for _ in range(53)])
    first = page_text(alice_client, replay)
    assert len(inputs(first)) == 50
    assert "1–50" in first
    [more] = re.findall(r'rel="next" href="[^"?]+\?([^"#]+)', first)
    second = page_text(alice_client, replay, f"?{more}")
    assert inputs(second) == ["question 50", "question 51", "question 52"]
    for query in ("?page=99", "?page=0", "?page=-1", "?page=99999999999"):
        assert len(inputs(page_text(alice_client, replay, query))) in (3, 50)


def test_a_long_output_is_cut_and_leads_to_all_of_it(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": good("long " * 50_000)}])
    html = page_text(alice_client, replay)
    assert len(html) < 60_000
    assert "All of it" in html


def test_the_page_asks_as_much_for_many_as_for_few(
    alice_client: Client, function: Function, alice: User, django_assert_num_queries: Any
) -> None:
    few = make_replay(function, [{"before": good("a"), "after": good("b")}], user=alice)
    many = make_replay(function, [{"before": good("a", 1), "after": good(f"b {n}", 9)} for n in range(60)], user=alice)
    alice_client.get(REPLAYS)
    for replay in (few, many):
        with django_assert_num_queries(11):
            page_text(alice_client, replay)
        with django_assert_num_queries(10):
            page_text(alice_client, replay, **FRAGMENT)


def test_the_changes_of_the_definition_are_shown_as_they_were_tried(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": good("b")}])
    html = page_text(alice_client, replay)
    assert "draft, 1 change" in words(html)
    changes = words(html[html.index("Show changes") : html.index("</details>", html.index("Show changes"))])
    assert "Instructions" in changes
    assert "better" in changes


# --- CSV --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_all_pairs_come_as_csv_with_whole_texts(
    alice: User, function: Function, async_client: AsyncClient
) -> None:
    long = "long " * 1000
    pairs: list[dict[str, Any]] = [
        {"input": {"q": number}, "before": good("a"), "after": good(long)} for number in range(45)
    ]
    pairs += [{"input": "=1+1", "before": good("=cmd()", 10), "after": bad("no")}]
    replay = await _thread(lambda: make_replay(function, pairs))
    await async_client.aforce_login(alice)
    response: Any = await async_client.get(f"{REPLAYS}{replay.pk}/pairs.csv")
    assert response.headers["Content-Disposition"] == 'attachment; filename="facts-replay.csv"'
    pieces = [piece async for piece in response.streaming_content]
    assert len(pieces) > 2
    lines = list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))
    assert len(lines) == 46
    # Failures first, as in the table; no cell is taken for a formula.
    assert (lines[0]["verdict"], lines[0]["input"], lines[0]["before_score"]) == ("failed", "'=1+1", "10")
    assert lines[0]["before_output"] == '{"answer":"=cmd()"}'
    assert (lines[0]["after_output"], lines[0]["after_error"], lines[0]["after_status"]) == ("", "no", "failed")
    assert (lines[1]["input"], lines[1]["after_output"]) == ('{"q":0}', f'{{"answer":"{long}"}}')
    assert (lines[1]["before_cost_usd"], lines[1]["before_duration_ms"]) == ("0.00012", "1000")


async def _thread(make: Callable[[], Any]) -> Any:
    return await db(make)


# --- changing its course ----------------------------------------------------------------------------------------------


def test_cancelling_asks_first_and_keeps_what_is_done(alice_client: Client, function: Function) -> None:
    pairs: list[dict[str, Any]] = [{"before": good("a"), "after": good("b")}]
    replay = make_replay(function, [*pairs, *({"before": good("a"), "after": "queued"} for _ in range(3))])
    asked = alice_client.get(f"{REPLAYS}{replay.pk}/cancel/").content.decode()
    assert "Cancel the rest of this replay?" in asked
    assert "Cancel 3 inputs" in asked
    assert Batch.objects.get().state == "running"
    done = alice_client.post(f"{REPLAYS}{replay.pk}/cancel/", follow=True).content.decode()
    assert "Cancelled: 3 inputs were not sent" in done
    assert (Batch.objects.get().state, BatchItem.objects.filter(state="cancelled").count()) == ("cancelled", 3)
    assert "1 changed" in part(done, "replay-boxes")
    again = alice_client.post(f"{REPLAYS}{replay.pk}/cancel/", follow=True).content.decode()
    assert "Nothing was left to cancel" in again


def test_a_draft_is_saved_as_the_next_revision(alice_client: Client, function: Function, alice: User) -> None:
    draft = make_draft(function, alice, instructions="Answer better.")
    replay = make_replay(function, [{"before": good("a"), "after": "queued"}], after_definition=draft.definition)
    assert "Save as revision 2" in page_text(alice_client, replay)
    done = alice_client.post(f"{REPLAYS}{replay.pk}/save/", follow=True).content.decode()
    assert "Revision 2 is live" in done
    assert "Live as revision 2" in done
    assert "Save as revision" not in done
    newest = revision_of(function, 2)
    assert (newest.instructions, newest.created_by) == ("Answer better.", alice)
    assert not Draft.objects.exists()


def test_who_saved_meanwhile_is_told_of_and_not_overwritten(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": good("b")}])
    revising.save(function, {"instructions": "Somebody else's."})
    done = alice_client.post(f"{REPLAYS}{replay.pk}/save/", follow=True).content.decode()
    assert "Not saved: revision 2 was saved since this draft was begun." in done
    assert function.revisions.count() == 2


def test_what_makes_no_sense_any_more_is_not_saved(alice_client: Client, function: Function) -> None:
    definition = {"instructions": "", "input_schema": None, "output_schema": None, "model": "nowhere/x"}
    replay = make_replay(
        function, [{"before": good("a"), "after": good("b")}], after_definition={**definition, "configuration": {}}
    )
    assert "Not saved: " in alice_client.post(f"{REPLAYS}{replay.pk}/save/", follow=True).content.decode()
    assert function.revisions.count() == 1


def test_a_revision_that_did_better_is_restored(alice_client: Client, function: Function) -> None:
    first = revision_of(function)
    revising.save(function, {"instructions": "Worse."})
    replay = make_replay(
        function,
        [{"before": good("a"), "after": good("b")}],
        is_draft=False,
        after_revision=first,
        after_definition=drafts.definition_of(first),
    )
    assert "Restore revision 1" in page_text(alice_client, replay)
    assert "Revision 3 is live" in alice_client.post(f"{REPLAYS}{replay.pk}/save/", follow=True).content.decode()
    assert revision_of(function, 3).instructions == "Answer."
    assert "Live as revision 3" in page_text(alice_client, replay)


def test_readers_look_and_change_nothing(bob: User, bob_client: Client, function: Function) -> None:
    recorded(function, "a")
    replay = make_replay(function, [{"before": good("a"), "after": "queued"}])
    html = page_text(bob_client, replay)
    for button in ("Save as revision", "Back to draft", "/cancel/"):
        assert button not in html
    assert bob_client.get(REPLAYS).status_code == 200
    assert bob_client.get(NEW).status_code == 403
    for path in (NEW, f"{REPLAYS}{replay.pk}/cancel/", f"{REPLAYS}{replay.pk}/save/"):
        assert bob_client.post(path).status_code == 403
    assert bob_client.get(f"{REPLAYS}{replay.pk}/cancel/").status_code == 403
    assert Replay.objects.count() == 1
    Membership.objects.filter(user=bob).update(role=Role.EDITOR)
    assert bob_client.post(NEW, {}).status_code == 302


def test_another_projects_replay_is_not_there(
    charlie_client: Client, alice_client: Client, other_project: Project, function: Function, project: Project
) -> None:
    theirs = make_function(other_project, "facts", model="rehearsal/echo")
    mine = make_function(project, "other", model="rehearsal/echo")
    replay = make_replay(function, [{"input": "secret", "before": good("a"), "after": "queued"}])
    for base in (REPLAYS, "/projects/umbrella/functions/facts/replays/"):
        for way in ("", "cancel/", "pairs.csv"):
            assert charlie_client.get(f"{base}{replay.pk}/{way}").status_code == 404
        for way in ("cancel/", "save/"):
            assert charlie_client.post(f"{base}{replay.pk}/{way}").status_code == 404
    assert charlie_client.get(NEW).status_code == 404
    assert charlie_client.post(NEW).status_code == 404
    # Nor is it one of another function of the same project.
    assert alice_client.get(f"/projects/acme/functions/{mine.name}/replays/{replay.pk}/").status_code == 404
    assert alice_client.get(f"{REPLAYS}{uuid4()}/").status_code == 404
    assert Batch.objects.get().state == "running"
    assert theirs.revisions.count() == 1


def test_nothing_changes_by_looking(alice_client: Client, function: Function) -> None:
    replay = make_replay(function, [{"before": good("a"), "after": "queued"}])
    assert alice_client.get(f"{REPLAYS}{replay.pk}/save/").status_code == 405
    recorded(function, "a")
    alice_client.get(f"{NEW}?after=1&before=1&n=5")
    assert Replay.objects.count() == 1


def test_the_name_of_a_function_may_hold_slashes(alice_client: Client, project: Project, sent: list[str]) -> None:
    function = make_function(project, "a/replays/new", model="rehearsal/echo")
    recorded(function, "x")
    base = "/projects/acme/functions/a/replays/new/replays/"
    answer = alice_client.post(f"{base}new/", {})
    assert answer.headers["Location"] == f"{base}{Replay.objects.get().pk}/"
    assert alice_client.get(answer.headers["Location"]).status_code == 200
