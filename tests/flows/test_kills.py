"""A killed web process leaves no call running for ever; a killed worker loses no job."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.flows.test_start import Running, start  # noqa: F401

SECRET = "op-killed-0123456789"
# How often the product is asked how a call stands, and how long it may take to tell.
ASKED_EVERY_S, ASKED_TIMES = 0.25, 200

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.fixture
def running(start: Any, upstream: Any) -> Running:  # noqa: F811
    ready: Running = start(BOOTSTRAP_API_KEY=SECRET, OPENAI_COMPATIBLE=f"fake={upstream.url}").ready()
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


def test_jobs_of_a_killed_worker_are_done_after_its_restart(running: Running, client: httpx.Client) -> None:
    task = {"name": "later", "input": "x", "model": "fake/slow-2s", "background": True}
    spans = [client.post("/v2/call", json=task).json()["span_id"] for _ in range(4)]
    kill(running, "worker")
    for span_id in spans:
        span = until(client, f"/v2/spans/{span_id}", lambda span: span["status"] != "running")
        assert (span["status"], span["output"] is not None) == ("success", True)
