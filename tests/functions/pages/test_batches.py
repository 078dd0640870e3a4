"""The pages of batches: how far one is, what failed and why, its inputs, its results, and changing its course."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import AsyncClient, Client
from django.utils import timezone

from functions.models import Batch, BatchInput, BatchItem
from functions.pages.batches.chart import MOST_BARS, chart_of
from functions.pages.batches.progress import Progress
from opperweb.accounts.models import Membership, Project, Role, User
from opperweb.database import db
from tests.functions.pages import reading
from tests.functions.pages.reading import FRAGMENT, part, words
from tests.traces.factories import make_attempt, make_call
from traces.models import Attempt, Span, Status

BATCHES = "/projects/acme/completions/batches/"
Make = Callable[..., Batch]


@pytest.fixture
def make(project: Project) -> Make:
    """Make a batch of items in these states: `make(done=3, failed=1, queued=2, state="running")`."""

    def made(*, error: str = "rehearsed", attempts: int = 1, **values: Any) -> Batch:
        counts = {str(state): values.pop(state, 0) for state in BatchItem.State.values}
        values = {"name": "facts", "state": Batch.State.RUNNING, **values}
        values.setdefault("started_at", timezone.now() - timedelta(seconds=30))
        batch = Batch.objects.create(
            project=project,
            total_count=sum(counts.values()),
            **{f"{state}_count": counts[state] for state in ("done", "failed", "refused")},
            **values,
        )
        for state in (state for state, count in counts.items() for _ in range(count)):
            add(batch, state, error=error, attempts=attempts)
        return batch

    return made


def add(batch: Batch, state: str, *, error: str = "rehearsed", attempts: int = 1, **values: Any) -> BatchItem:
    """Add the next input, with the call that came of it."""
    number = batch.items.count()
    is_over = state in ("done", "failed")
    span = None
    if is_over or state == "running":
        status = {"done": Status.OK, "failed": Status.ERROR, "running": Status.RUNNING}[state]
        values = {"status": status, "input": f"question {number}", "attempt_count": attempts, **values}
        trace = make_call(batch.project, output=f"answer {number}" if state == "done" else None, **values)
        span = trace.spans.get()
        if is_over:
            Span.objects.filter(pk=span.pk).update(ended_at=timezone.now() - timedelta(seconds=5))
    is_wrong = state in ("failed", "refused")
    item = BatchItem.objects.create(
        batch=batch, number=number, state=state, span=span, error_message=error if is_wrong else ""
    )
    BatchInput.objects.create(item=item, input={"question": f"question {number}"})
    return item


def page_text(client: Client, batch: Batch, query: str = "", **headers: str) -> str:
    return reading.page_text(client, f"{BATCHES}{batch.pk}/{query}", **headers)


def rows(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'<th scope="row" class="c-name">(?:<a[^>]*>)?(\d+)', html)]


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_tells_how_far_each_is_the_newest_first(alice_client: Client, make: Make) -> None:
    make(name="older", done=3, failed=1, refused=2, state="done", cost_usd=Decimal("0.5"))
    make(name="newer", queued=2)
    html = alice_client.get(BATCHES).content.decode()
    text = words(html)
    assert text.index("newer") < text.index("older")
    assert "older Done 3 of 6 1 failed 2 refused $0.5000" in text
    assert "newer Running 0 of 2" in text


def test_the_list_goes_on_where_fifty_end(alice_client: Client, make: Make) -> None:
    for number in range(55):
        make(name=f"batch-{number:02}", id=UUID(int=number + 1))
    first = alice_client.get(BATCHES).content.decode()
    assert "batch-54" in first
    assert "batch-05" in first
    assert "batch-04" not in first
    [older] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = alice_client.get(BATCHES + older).content.decode()
    assert "batch-04" in second
    assert "batch-00" in second
    assert "batch-05" not in second
    assert "batch-54" in alice_client.get(f"{BATCHES}?before=nonsense").content.decode()


def test_without_any_it_says_what_would_be_here(alice_client: Client, project: Project) -> None:
    assert "No batches yet" in words(alice_client.get(BATCHES).content.decode())


def test_the_list_asks_as_much_for_many_as_for_one(
    alice_client: Client, make: Make, django_assert_num_queries: Any
) -> None:
    make(done=1)
    alice_client.get(BATCHES)
    for _ in range(2):
        with django_assert_num_queries(5):
            alice_client.get(BATCHES)
        for _number in range(10):
            make(done=1)


# --- progress -----------------------------------------------------------------------------------------------------


def test_the_strip_counts_in_words_and_foretells_time_and_cost(alice_client: Client, make: Make) -> None:
    batch = make(
        done=6, failed=2, refused=2, running=2, queued=8, cost_usd=Decimal("0.08"), stop_at_usd=Decimal(2), at_once=2
    )
    html = page_text(alice_client, batch)
    text = part(html, "batch-live")
    for said in (
        "of 20 inputs 50.0 %",
        "Done 6 Failed 2 Refused 2 Running 2 Left 8",
        # Eight ended in half a minute, ten are left.
        "a minute So far 30.",
        "s Still to go 37.",
        "Cost so far $0.0800 Cost at the end $0.1800 Stops at $2.00",
        "You can leave this page.",
    ):
        assert said in text
    assert re.search(r'<progress [^>]*max="20" value="10"', html)
    assert 'data-said="50 % of the inputs are through, 2 failed"' in html
    bars = re.findall(r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%" height="9"/>', html)
    assert bars == [
        ("done", "0.00", "30.00"), ("error", "30.00", "10.00"), ("refused", "40.00", "10.00"),
        ("running", "50.00", "10.00"),
    ]  # fmt: skip


def test_it_asks_again_while_it_runs_and_no_longer_when_it_ended(alice_client: Client, make: Make) -> None:
    batch = make(done=1, queued=1)
    assert 'hx-trigger="every 2s"' in page_text(alice_client, batch)
    changes = page_text(alice_client, batch, **FRAGMENT)
    assert 'hx-trigger="every 2s"' in changes
    assert "<html" not in changes
    assert changes.count('hx-swap-oob="true"') == 5
    Batch.objects.update(state="done", ended_at=timezone.now())
    for html in (page_text(alice_client, batch), page_text(alice_client, batch, **FRAGMENT)):
        assert "every 2s" not in html
        assert "<progress" not in html
        assert "Cancel the rest" not in html
        assert "All results" in html


def test_a_cancelled_batch_is_looked_at_until_the_last_call_is_over(alice_client: Client, make: Make) -> None:
    batch = make(done=1, running=1, cancelled=3, state="cancelled")
    html = page_text(alice_client, batch)
    assert 'hx-trigger="every 2s"' in html
    assert "Not sent 3" in part(html, "batch-live")


def test_one_that_stopped_at_its_limit_says_how_to_go_on(alice_client: Client, make: Make) -> None:
    html = page_text(alice_client, make(done=1, queued=1, state="paused", stop_at_usd=Decimal("0.5")))
    assert "every 2s" not in html
    assert "It stopped at its limit." in part(html, "batch-live")
    assert "Save limits and go on" in html


def test_one_that_waits_for_a_worker_foretells_nothing(alice_client: Client, make: Make) -> None:
    html = page_text(alice_client, make(queued=3, state="queued", started_at=None))
    assert "Rate – So far – Still to go – Cost so far – Cost at the end –" in part(html, "batch-live").replace(
        "Running 0 Left 3 ", ""
    )
    assert "None has ended yet." in part(html, "batch-chart")
    assert "Waiting for a worker" in words(html)


def test_the_rate_is_that_of_the_last_minute(project: Project) -> None:
    now = timezone.now()
    batch = Batch(project=project, total_count=700, started_at=now - timedelta(minutes=10))
    ends = [(now - timedelta(minutes=5, seconds=number), True) for number in range(300)]
    slower = [(now - timedelta(seconds=number), True) for number in range(0, 60, 2)]
    assert Progress(batch, {}, ends + slower, now).rate == 0.5
    # Where nothing has ended for a minute it is that of all the time.
    assert Progress(batch, {}, ends, now).rate == 0.5
    batch.ended_at = now - timedelta(minutes=5)
    assert Progress(batch, {}, ends, now).rate == 1


def test_calls_without_a_price_are_told_of(alice_client: Client, make: Make) -> None:
    html = page_text(alice_client, make(done=2, queued=1, unpriced_count=1, cost_usd=Decimal("0.01")))
    assert "Cost, as far as known" in part(html, "batch-live")
    assert "1 call has no price" in html


# --- the chart ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 59, 61, 3_000, 90_000, 40 * 86_400])
def test_the_chart_has_no_more_bars_than_can_be_seen(project: Project, seconds: int) -> None:
    now = timezone.now()
    started_at = now - timedelta(seconds=seconds)
    batch = Batch(project=project, total_count=200, started_at=started_at)
    ends = [(started_at + timedelta(seconds=seconds * number / 100), number % 2 == 0) for number in range(100)]
    found = chart_of(Progress(batch, {"queued": 100}, ends, now))
    assert found is not None
    assert found.rest is not None
    assert 2 <= len(found.chart.columns) <= MOST_BARS + 2
    assert sum(done for _, done, _ in found.lines) == sum(failed for _, _, failed in found.lines) == 50


def test_the_chart_tells_its_numbers_as_a_table(alice_client: Client, make: Make) -> None:
    html = page_text(alice_client, make(done=3, failed=1, state="done", ended_at=timezone.now()))
    text = part(html, "batch-chart")
    assert "Completions a minute" in text
    assert re.search(r"From Done Failed .*\d\d:\d\d:\d\d 3 1", text)


# --- what went wrong ----------------------------------------------------------------------------------------------


def test_failed_inputs_are_grouped_by_message_and_refused_ones_stand_apart(alice_client: Client, make: Make) -> None:
    batch = make(done=1)
    for _ in range(4):
        add(batch, "failed", error="answer must match ^The <b>", attempts=3)
    add(batch, "failed", error="Time limit of 20 s reached")
    add(batch, "refused", error="facts has more than 200 items")
    text = part(page_text(alice_client, batch), "batch-failures")
    assert "answer must match ^The &lt;b&gt; after 3 attempts each rows 1, 2 and 2 more 4" in text
    assert "Time limit of 20 s reached after 1 attempt row 5 1" in text
    failed, refused = text.split("Refused before the first call")
    assert "facts has more than 200 items not sent, no cost row 6 1" in refused
    assert "facts has" not in failed
    assert failed.index("answer") < failed.index("Time limit")


def test_a_message_of_many_kinds_of_calls_names_least_and_most_attempts(alice_client: Client, make: Make) -> None:
    batch = make()
    add(batch, "failed", attempts=1)
    add(batch, "failed", attempts=3)
    assert "after 1 to 3 attempts rows 0, 1 2" in part(page_text(alice_client, batch), "batch-failures")


def test_recovered_ones_are_one_quiet_line(alice_client: Client, make: Make) -> None:
    batch = make(recovered_count=2)
    for status in (429, 429, 500):
        span = add(batch, "done").span
        assert span is not None
        Span.objects.filter(pk=span.pk).update(status=Status.RECOVERED)
        make_attempt(span, outcome=Attempt.Outcome.FAILED, http_status=status, provider="openai", error_kind="x")
        make_attempt(span, provider="openai")
    Batch.objects.update(recovered_count=3)
    html = page_text(alice_client, batch)
    assert "3 more failed once and then recovered, 2 of them on 429 from openai." in part(html, "batch-failures")
    assert rows(page_text(alice_client, batch, "?state=recovered")) == [0, 1, 2]


# --- the inputs ---------------------------------------------------------------------------------------------------


def test_each_input_is_a_row_that_leads_to_its_call(alice_client: Client, make: Make) -> None:
    batch = make(done=1, failed=1, queued=1)
    html = page_text(alice_client, batch)
    text = part(html, "batch-items")
    assert "Waiting 0 Waiting question 0 → – – –" in text
    assert "Done 1 Done question 1 → answer 1" in text
    assert "Failed 2 Failed question 2 → rehearsed" in text
    span = Span.objects.order_by("key").first()
    assert span is not None
    assert f'href="/projects/acme/traces/{span.trace.id}/?span={span.id}"' in html


def test_a_long_input_that_waits_is_cut_before_it_is_read(alice_client: Client, make: Make) -> None:
    batch = make(queued=2)
    BatchInput.objects.filter(item__number=0).update(input={"text": "long \u00e5 " * 100_000})
    BatchInput.objects.filter(item__number=1).update(input="")
    html = page_text(alice_client, batch)
    assert len(html) < 60_000
    assert "long \u00e5 long" in html


def test_inputs_come_a_hundred_a_page_and_by_state(alice_client: Client, make: Make) -> None:
    batch = make(queued=230, done=3)
    first = page_text(alice_client, batch)
    assert rows(first) == list(range(100))
    [more] = re.findall(r'rel="next" href="[^"?]+\?([^"#]+)', first)
    second = page_text(alice_client, batch, "?" + more.replace("&amp;", "&"))
    assert rows(second) == list(range(100, 200))
    [back] = re.findall(r'rel="prev" href="[^"?]+\?([^"#]+)', second)
    assert rows(page_text(alice_client, batch, "?" + back.replace("&amp;", "&"))) == rows(first)
    done = page_text(alice_client, batch, "?state=done")
    assert rows(done) == [230, 231, 232]
    assert 'hx-get="' in done
    assert "?state=done" in done
    assert rows(page_text(alice_client, batch, "?state=nonsense&after=nonsense")) == rows(first)


def test_the_page_asks_as_much_for_many_as_for_few_and_reads_no_texts(
    alice_client: Client, make: Make, django_assert_num_queries: Any
) -> None:
    batch = make(done=1, failed=1, queued=1)
    alice_client.get(BATCHES)
    for _ in range(2):
        with django_assert_num_queries(10) as asked:
            page_text(alice_client, batch)
        assert not any("traces_spanbody" in query["sql"] for query in asked.captured_queries)
        for number in range(40):
            add(batch, ("done", "failed", "queued", "refused")[number % 4], error=f"problem {number}")


# --- its results --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_all_results_come_as_lines_of_json_in_order(alice: User, make: Make, async_client: AsyncClient) -> None:
    batch = await _thread(lambda: make(done=45, failed=1, refused=1, cancelled=1, name="Fåcts, november"))
    await async_client.aforce_login(alice)
    response: Any = await async_client.get(f"{BATCHES}{batch.pk}/results.jsonl")
    assert response.headers["Content-Disposition"] == 'attachment; filename="facts-november-results.jsonl"'
    pieces = [piece async for piece in response.streaming_content]
    assert len(pieces) > 2
    lines = [json.loads(line) for line in b"".join(pieces).splitlines()]
    assert [line["number"] for line in lines] == list(range(48))
    assert lines[0] == {
        "number": 0,
        "status": "done",
        "input": {"question": "question 0"},
        "output": "answer 0",
        "error": None,
        "span_id": lines[0]["span_id"],
    }
    assert lines[0]["span_id"]
    assert {line["status"] for line in lines[45:]} == {"failed", "refused", "cancelled"}
    assert next(line for line in lines if line["status"] == "failed")["error"] == "rehearsed"


async def _thread(make: Callable[[], Any]) -> Any:
    return await db(make)


# --- changing its course ------------------------------------------------------------------------------------------


def test_limits_are_changed_while_it_runs(alice_client: Client, make: Make, sent: list[str]) -> None:
    batch = make(queued=1)
    answer = alice_client.post(f"{BATCHES}{batch.pk}/limits/", {"at_once": "16", "stop_at_usd": "2.5"})
    assert answer.headers["Location"] == f"{BATCHES}{batch.pk}/"
    batch.refresh_from_db()
    assert (batch.at_once, batch.stop_at_usd, sent) == (16, Decimal("2.5"), [])
    assert 'value="2.5"' in page_text(alice_client, batch)
    alice_client.post(f"{BATCHES}{batch.pk}/limits/", {"at_once": "16", "stop_at_usd": ""})
    batch.refresh_from_db()
    assert batch.stop_at_usd is None


@pytest.mark.django_db(transaction=True)
def test_a_raised_limit_lets_a_stopped_one_go_on(alice_client: Client, make: Make, sent: list[str]) -> None:
    batch = make(queued=1, state="paused", stop_at_usd=Decimal(1))
    alice_client.post(f"{BATCHES}{batch.pk}/limits/", {"at_once": "8", "stop_at_usd": "2"})
    batch.refresh_from_db()
    assert (batch.state, sent) == ("queued", [str(batch.pk)])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"at_once": "0"}, "greater than or equal to 1"),
        ({"at_once": "65"}, "less than or equal to 64"),
        ({"at_once": "many"}, "Enter a whole number"),
        ({"at_once": "8", "stop_at_usd": "-1"}, "greater than or equal to 0"),
        ({"at_once": "8", "stop_at_usd": "1e99"}, "Ensure that there are no more than"),
        ({"at_once": "8", "stop_at_usd": "NaN"}, "Enter a number"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_at_its_field(
    alice_client: Client, make: Make, given: dict[str, str], said: str
) -> None:
    batch = make(queued=1)
    html = alice_client.post(f"{BATCHES}{batch.pk}/limits/", given).content.decode()
    assert said in words(html)
    batch.refresh_from_db()
    assert (batch.at_once, batch.stop_at_usd) == (8, None)


def test_cancelling_asks_first_and_keeps_what_is_done(alice_client: Client, make: Make) -> None:
    batch = make(done=1, running=1, queued=3)
    asked = alice_client.get(f"{BATCHES}{batch.pk}/cancel/").content.decode()
    assert "Cancel the rest of facts?" in asked
    assert "Cancel 3 inputs" in asked
    batch.refresh_from_db()
    assert batch.state == "running"
    answer = alice_client.post(f"{BATCHES}{batch.pk}/cancel/", follow=True)
    assert "Cancelled: 3 inputs were not sent" in answer.content.decode()
    batch.refresh_from_db()
    assert (batch.state, batch.items.filter(state="cancelled").count(), batch.done_count) == ("cancelled", 3, 1)
    assert batch.items.filter(state="running").count() == 1


@pytest.mark.django_db(transaction=True)
def test_failed_inputs_are_run_again(alice_client: Client, make: Make, sent: list[str]) -> None:
    batch = make(done=1, failed=2, state="done", ended_at=timezone.now())
    assert "Run 2 again" in part(page_text(alice_client, batch), "batch-failures")
    answer = alice_client.post(f"{BATCHES}{batch.pk}/again/", follow=True)
    assert "2 inputs are run again" in answer.content.decode()
    batch.refresh_from_db()
    assert (batch.state, batch.failed_count, sent) == ("queued", 0, [str(batch.pk)])


def test_what_comes_too_late_says_so(alice_client: Client, make: Make, sent: list[str]) -> None:
    batch = make(done=1, state="done", ended_at=timezone.now())
    assert "dialog-foot" not in alice_client.get(f"{BATCHES}{batch.pk}/cancel/").content.decode().partition("keys")[0]
    for way, said in (("cancel", "Nothing was left to cancel"), ("again", "No input has failed")):
        assert said in alice_client.post(f"{BATCHES}{batch.pk}/{way}/", follow=True).content.decode()
    batch.refresh_from_db()
    assert (batch.state, sent) == ("done", [])


def test_readers_look_and_change_nothing(bob: User, bob_client: Client, make: Make) -> None:
    batch = make(done=1, failed=1, queued=1)
    html = page_text(bob_client, batch)
    for button in ("Cancel the rest", "again", "Save limits"):
        assert button not in part(html, "batch-failures") + part(html, "batch-ways")
    assert "8 at once." in words(html)
    for way in ("cancel", "again", "limits"):
        assert bob_client.post(f"{BATCHES}{batch.pk}/{way}/", {"at_once": "2"}).status_code == 403
    assert bob_client.get(f"{BATCHES}{batch.pk}/cancel/").status_code == 403
    Membership.objects.filter(user=bob).update(role=Role.EDITOR)
    assert bob_client.post(f"{BATCHES}{batch.pk}/limits/", {"at_once": "2"}).status_code == 302


def test_another_projects_batch_is_not_there(
    charlie_client: Client, alice_client: Client, other_project: Project, make: Make
) -> None:
    batch = make(done=1, failed=1, queued=1)
    theirs = f"/projects/umbrella/completions/batches/{batch.pk}/"
    for way in ("", "results.jsonl", "cancel/"):
        assert charlie_client.get(theirs + way).status_code == 404
        assert charlie_client.get(f"{BATCHES}{batch.pk}/{way}").status_code == 404
    for way in ("cancel/", "again/", "limits/"):
        assert charlie_client.post(theirs + way, {"at_once": "2"}).status_code == 404
    assert "facts" not in charlie_client.get("/projects/umbrella/completions/batches/").content.decode()
    assert alice_client.get(f"{BATCHES}{uuid4()}/").status_code == 404


@pytest.mark.parametrize("way", ["again", "limits"])
def test_nothing_changes_by_looking(alice_client: Client, make: Make, way: str) -> None:
    assert alice_client.get(f"{BATCHES}{make(failed=1).pk}/{way}/").status_code == 405
