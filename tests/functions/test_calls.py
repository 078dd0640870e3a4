"""What becomes of calls that are cut off, queued, lost or taken twice."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from functions import calls, opening, orphans
from functions.models import Completion
from opperweb.accounts.models import ApiKey, Project
from opperweb.processes import heartbeat
from opperweb.processes.models import Process
from traces.models import Span, Status, Trace


@pytest.fixture
def api_key(project: Project) -> ApiKey:
    return ApiKey.objects.make(project, "tests")[0]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The keys that were sent to the broker."""
    keys: list[int] = []
    monkeypatch.setattr(calls.call_job, "delay", keys.append)
    return keys


ASKED = opening.Asked(name="greet", input="hello", definition={"model": "rehearsal/echo"})


def test_a_call_of_a_dead_process_is_stopped_and_its_trace_says_so(api_key: ApiKey) -> None:
    begun = opening.begin(api_key.project, ASKED, api_key=api_key)
    Completion.objects.update(process_id=uuid.uuid4())
    assert orphans.stop_orphans() == 1
    span = Span.objects.select_related("body").get()
    assert span.id == begun.span_id
    assert span.status == Status.STOPPED
    assert span.ended_at is not None
    assert "stopped" in span.body.error
    assert Trace.objects.get().status == Status.STOPPED


def test_a_call_of_a_living_process_goes_on(api_key: ApiKey) -> None:
    opening.begin(api_key.project, ASKED, api_key=api_key)
    assert orphans.stop_orphans() == 0
    assert Span.objects.get().status == Status.RUNNING


def test_a_call_of_a_silent_process_is_stopped(api_key: ApiKey) -> None:
    opening.begin(api_key.project, ASKED, api_key=api_key)
    Process.objects.update(seen_at=timezone.now() - Process.SILENT_AFTER - timedelta(seconds=1))
    assert orphans.stop_orphans() == 1


def test_a_background_call_is_a_row_before_it_is_a_message(
    api: Any, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = api.post("/v2/call", {"name": "greet", "input": "x", "model": "rehearsal/echo", "background": True})
    assert response.status_code == 202
    completion = Completion.objects.get()
    assert completion.state == "queued"
    assert sent == [completion.pk]
    span = api.get(f"/v2/spans/{response.json()['span_id']}").json()
    assert (span["status"], span["output"]) == ("running", None)


@pytest.mark.django_db(transaction=True)
async def test_a_queued_call_is_answered_once_however_often_it_is_sent(api_key: ApiKey, sent: list[int]) -> None:
    begun = await calls.call_later(api_key.project, ASKED, api_key=api_key)
    await asyncio.gather(*(calls._run_queued(begun.span_key) for _ in range(3)))
    completion = await Completion.objects.aget()
    assert (completion.state, completion.starts) == ("done", 1)
    span = await Span.objects.select_related("body").aget()
    assert span.body.output
    assert await span.attempts.acount() == 1


def test_a_background_call_of_a_dead_worker_is_queued_again_and_sent(api_key: ApiKey, sent: list[int]) -> None:
    begun = opening.begin(api_key.project, ASKED, api_key=api_key, mode="later")
    assert calls.claim(begun.span_key) is not None
    assert calls.claim(begun.span_key) is None
    Completion.objects.update(process_id=uuid.uuid4())
    orphans.stop_orphans()
    assert Completion.objects.get().state == "queued"
    assert sent == [begun.span_key]


def test_a_job_that_ends_its_worker_each_time_is_not_begun_for_ever(api_key: ApiKey, sent: list[int]) -> None:
    begun = opening.begin(api_key.project, ASKED, api_key=api_key, mode="later")
    for _ in range(orphans.MOST_STARTS):
        assert calls.claim(begun.span_key) is not None
        Completion.objects.update(process_id=uuid.uuid4())
        orphans.stop_orphans()
    assert Completion.objects.get().state == "stopped"
    assert Span.objects.get().status == Status.STOPPED


def test_a_lost_message_is_sent_again(api_key: ApiKey, sent: list[int]) -> None:
    begun = opening.begin(api_key.project, ASKED, api_key=api_key, mode="later")
    assert orphans.send_lost() == 0
    Completion.objects.update(created_at=timezone.now() - orphans.LOST_AFTER - timedelta(seconds=1))
    assert orphans.send_lost() == 1
    assert sent == [begun.span_key]


@pytest.mark.django_db(transaction=True)
async def test_a_caller_who_leaves_stops_the_call_and_the_trace_says_so(api_key: ApiKey) -> None:
    asked = opening.Asked(name="slow", input="x", definition={"model": "rehearsal/slow-60s"})
    running = asyncio.create_task(calls.call(api_key.project, asked, api_key=api_key))
    while not await Span.objects.aexists():
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    span = await Span.objects.aget()
    assert span.status == Status.STOPPED
    assert (await Completion.objects.aget()).state == "stopped"


def test_the_process_of_a_call_is_this_one(api_key: ApiKey) -> None:
    opening.begin(api_key.project, ASKED, api_key=api_key)
    assert Completion.objects.get().process_id == heartbeat.current_id()
