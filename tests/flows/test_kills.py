"""A killed web process leaves no call running for ever; a killed worker loses no job and repeats no answered input."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.flows.test_start import Running

SECRET = "op-killed-0123456789"
# How often the product is asked how a call stands, and how long it may take to tell.
ASKED_EVERY_S, ASKED_TIMES = 0.25, 240

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.fixture
def running(start: Any, upstream: Any) -> Running:
    ready: Running = start(
        BOOTSTRAP_API_KEY=SECRET,
        OPENAI_COMPATIBLE=f"fake={upstream.url}",
        WEBHOOK_ALLOWED_HOSTS=urlsplit(upstream.url).netloc,
    ).ready()
    return ready


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {SECRET}"}
    with httpx.Client(base_url=running.address, headers=headers, timeout=30) as client:
        yield client


def kill(running: Running, name: str) -> None:
    pid = running.child(name)
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([descriptor], [], [], 10)
    os.close(descriptor)
    running.line_with(f"{name} ended (signal 9); it is started again")


def until(client: httpx.Client, path: str, wanted: Any) -> Any:
    """Ask until the answer is the wanted one; the last answer is returned."""
    answer = None
    pause = threading.Event()
    for _ in range(ASKED_TIMES):
        with contextlib.suppress(httpx.TransportError):
            answer = client.get(path).json()
            if wanted(answer):
                break
        pause.wait(ASKED_EVERY_S)
    return answer


def until_asked(upstream: Any, count: int) -> None:
    """Wait until the upstream was asked so often."""
    pause = threading.Event()
    for _ in range(ASKED_TIMES):
        if len(upstream.requests) >= count:
            return
        pause.wait(0.05)
    raise AssertionError(f"the upstream was asked {len(upstream.requests)} times")


def rows(tmp_path: Path, query: str) -> list[Any]:
    """Look into the database of what runs."""
    path = tmp_path / "data" / "opperweb.sqlite3"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def left_running(tmp_path: Path) -> list[Any]:
    """Return what is still under way anywhere."""
    open_rows = rows(tmp_path, "SELECT 'span', name FROM traces_span WHERE status = 'running'")
    open_rows += rows(tmp_path, "SELECT 'trace', name FROM traces_trace WHERE status = 'running' OR running_count <> 0")
    for table in ("completion", "batch", "batchitem"):
        open_rows += rows(
            tmp_path, f"SELECT '{table}', state FROM functions_{table} WHERE state IN ('queued', 'running')"
        )
    return open_rows


def test_a_call_that_a_killed_web_process_left_is_shown_as_stopped(running: Running, client: httpx.Client) -> None:
    def slow_call() -> None:
        with contextlib.suppress(httpx.TransportError):
            client.post("/v2/call", json={"name": "slow", "input": "x", "model": "fake/slow-600s"})

    caller = threading.Thread(target=slow_call, daemon=True)
    caller.start()
    assert until(client, "/v2/traces", lambda page: page["data"])["data"][0]["status"] == "running"
    kill(running, "web")
    caller.join(10)
    page = until(client, "/v2/traces?q=status:stopped", lambda page: page["data"])
    trace = client.get(f"/v2/traces/{page['data'][0]['id']}").json()
    assert trace["spans"][0]["end_time"] is not None
    assert "stopped" in trace["spans"][0]["error"]


def test_a_stream_that_a_killed_web_process_left_is_shown_as_stopped(
    running: Running, client: httpx.Client, tmp_path: Path
) -> None:
    # Half of the words come, and then nothing more.
    task = {"name": "slow", "input": "one two three four", "model": "fake/idle"}
    with client.stream("POST", "/v2/call/stream", json=task) as response:
        lines = (line for line in response.iter_lines() if line)
        span_id = json.loads(next(lines).removeprefix("data: "))["span_id"]
        assert json.loads(next(lines).removeprefix("data: "))["chunk_type"] == "text"
        kill(running, "web")
        with pytest.raises(httpx.TransportError):
            list(lines)
    span = until(client, f"/v2/spans/{span_id}", lambda span: span["status"] != "running")
    assert span["end_time"] is not None
    assert "stopped" in span["error"]
    assert left_running(tmp_path) == []


def test_jobs_of_a_killed_worker_are_done_after_its_restart(running: Running, client: httpx.Client) -> None:
    task = {"name": "later", "input": "x", "model": "fake/slow-2s", "background": True}
    spans = [client.post("/v2/call", json=task).json()["span_id"] for _ in range(4)]
    kill(running, "worker")
    for span_id in spans:
        span = until(client, f"/v2/spans/{span_id}", lambda span: span["status"] != "running")
        assert (span["status"], span["output"] is not None) == ("success", True)


def test_the_result_of_a_job_whose_worker_was_killed_is_posted_once_and_the_lost_request_is_on_its_trace(
    running: Running, client: httpx.Client, upstream: Any, tmp_path: Path
) -> None:
    hook = f"http://{urlsplit(upstream.url).netloc}/hook"
    task = {"name": "later", "input": "x", "model": "fake/slow-2s", "background": True, "webhook_url": hook}
    span_id = client.post("/v2/call", json=task).json()["span_id"]
    until_asked(upstream, 1)
    kill(running, "worker")
    # Asked again by the next worker, then posted.
    until_asked(upstream, 3)
    first, second, posted = upstream.requests
    assert first.body == second.body
    assert posted.path == "/hook"
    told = posted.json["data"]
    assert (told["span_id"], told["status"], told["message"]) == (span_id, "success", "x")
    attempts = rows(tmp_path, "SELECT number, outcome, error_message FROM traces_attempt ORDER BY number")
    assert [attempt[:2] for attempt in attempts] == [(1, "stopped"), (2, "accepted")]
    assert "may have been billed" in attempts[0][2]
    assert left_running(tmp_path) == []


def test_a_batch_of_a_killed_worker_goes_on_where_it_was_and_asks_no_answered_input_again(
    running: Running, client: httpx.Client, upstream: Any, tmp_path: Path
) -> None:
    at_once = 12
    inputs = [f"input {number}." for number in range(60)]
    task = {"name": "many", "inputs": inputs, "model": "fake/slow-1s", "at_once": at_once}
    path = f"/v2/call/batch/{client.post('/v2/call/batch', json=task).json()['batch_id']}"
    until(client, path, lambda batch: batch["done"] >= at_once)
    answered = {each["number"] for each in results(client, path) if each["status"] == "done"}
    kill(running, "worker")
    assert len(answered) >= at_once

    batch = until(client, path, lambda batch: batch["status"] != "running" and batch["status"] != "queued")
    assert (batch["status"], batch["done"], batch["failed"]) == ("done", 60, 0)
    assert [each["message"] for each in results(client, path)] == inputs
    assert left_running(tmp_path) == []

    asked = Counter(number_in(request) for request in upstream.requests)
    assert set(asked) == set(range(60))
    assert all(asked[number] == 1 for number in answered)
    # Only what was on its way at the kill was asked again, once, and both requests are on its trace.
    twice = {number for number, times in asked.items() if times > 1}
    assert 0 < len(twice) <= at_once
    recorded = rows(
        tmp_path,
        "SELECT item.number, count(*) FROM functions_batchitem item"
        " JOIN traces_attempt attempt ON attempt.span_id = item.span_id GROUP BY item.number",
    )
    assert Counter(dict(recorded)) == asked


def results(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    page: list[dict[str, Any]] = client.get(f"{path}/results").json()["data"]
    return page


def number_in(request: Any) -> int:
    found = re.search(rb"input (\d+)\.", request.body)
    assert found is not None
    return int(found[1])
