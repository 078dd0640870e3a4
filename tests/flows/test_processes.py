"""The halves apart, as on several machines: two web processes and two workers on PostgreSQL and Redis."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from queue import Empty
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
import redis

from tests.flows.test_start import Running

SECRET = "op-apart-0123456789"
DATABASE_URL, REDIS_URL = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
# Not the one that the other tests empty.
REDIS_NUMBER = "12"
ASKED_EVERY_S, ASKED_TIMES = 0.25, 240
CLOCK = "Sending due task stop_orphans"

pytestmark = pytest.mark.skipif(
    not (DATABASE_URL and REDIS_URL and sys.platform.startswith("linux")), reason="needs PostgreSQL and Redis"
)


@dataclass
class Apart:
    """What runs: every process is its own."""

    webs: list[Running]
    workers: list[Running]
    clients: list[httpx.Client]
    database: str

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database, which is there as long as the test runs."""
    name = f"opperweb_flow_{os.getpid()}"
    with psycopg.connect(DATABASE_URL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(DATABASE_URL)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def broker() -> Iterator[str]:
    address = urlunsplit(urlsplit(REDIS_URL)._replace(path=f"/{REDIS_NUMBER}"))
    with contextlib.closing(redis.Redis.from_url(address)) as client:
        client.flushdb()
        yield address
        client.flushdb()


@pytest.fixture
def apart(database: str, broker: str, start: Callable[..., Running], upstream: Any) -> Iterator[Apart]:
    settings = {
        "DATABASE_URL": database,
        "REDIS_URL": broker,
        "BOOTSTRAP_API_KEY": SECRET,
        "OPENAI_COMPATIBLE": f"fake={upstream.url}",
    }
    # A first start of all makes the project and its key; the halves alone do not.
    assert start(**settings).ready().stop() == 0
    settings["LOG_LEVEL"] = "debug"
    webs = [start("web", **settings) for _ in range(2)]
    workers = [start("worker", **settings) for _ in range(2)]
    for web in webs:
        web.line_with("is ready at")
    for worker in workers:
        worker.line_with("opperweb worker is ready")
    headers = {"Authorization": f"Bearer {SECRET}"}
    clients = [httpx.Client(base_url=web.address, headers=headers, timeout=30) for web in webs]
    yield Apart(webs, workers, clients, database)
    for client in clients:
        client.close()


def until(look: Callable[[], Any], wanted: Callable[[Any], Any]) -> Any:
    """Look until there is what is wanted; the last look is returned."""
    pause = threading.Event()
    for _ in range(ASKED_TIMES):
        seen = look()
        if wanted(seen):
            break
        pause.wait(ASKED_EVERY_S)
    return seen


def read(client: httpx.Client, path: str) -> Any:
    return client.get(path).json()


def printed(running: Running) -> list[str]:
    """Return what was printed that nobody has read yet."""
    lines = []
    with contextlib.suppress(Empty):
        while True:
            lines.append(running._lines.get_nowait())
    return lines


def test_two_webs_and_two_workers_share_the_work_and_end_when_they_are_told(apart: Apart, upstream: Any) -> None:
    one, other = apart.clients
    background_calls_are_done(one, other, upstream)
    a_batch_is_done_by_one_worker_and_cancelled_from_the_other_web(one, other, upstream)
    a_caller_who_leaves_cancels_the_call(one, other)
    assert apart.rows("SELECT 1 FROM functions_completion WHERE state IN ('queued', 'running')") == []
    assert apart.rows("SELECT 1 FROM traces_span WHERE status = 'running'") == []
    the_clock_strikes_in_one_worker_and_goes_over_to_the_other(apart)
    assert [web.stop() for web in apart.webs] == [0, 0]
    assert apart.workers[1].stop() == 0
    assert apart.rows("SELECT 1 FROM processes_process") == []


def background_calls_are_done(one: httpx.Client, other: httpx.Client, upstream: Any) -> None:
    task = {"name": "later", "input": "x", "model": "fake/slow-1s", "background": True}
    spans = [one.post("/v2/call", json=task).json()["span_id"] for _ in range(24)]
    for span_id in spans:
        span = until(partial(read, other, f"/v2/spans/{span_id}"), lambda span: span["output"])
        assert (span["status"], span["output"]) == ("success", "x")
    assert len(upstream.requests) == len(spans)


def a_batch_is_done_by_one_worker_and_cancelled_from_the_other_web(
    one: httpx.Client, other: httpx.Client, upstream: Any
) -> None:
    before = len(upstream.requests)
    task = {"name": "many", "inputs": [f"input {number}" for number in range(40)], "model": "fake/echo"}
    path = f"/v2/call/batch/{one.post('/v2/call/batch', json=task).json()['batch_id']}"
    batch = until(partial(read, other, path), lambda batch: batch["ended_at"])
    assert (batch["status"], batch["done"]) == ("done", 40)
    assert Counter(request.body for request in upstream.requests[before:]).most_common(1)[0][1] == 1

    path = f"/v2/call/batch/{one.post('/v2/call/batch', json=task | {'model': 'fake/slow-2s'}).json()['batch_id']}"
    until(partial(read, other, path), lambda batch: batch["running"])
    other.post(f"{path}/cancel")
    batch = until(partial(read, one, path), lambda batch: batch["ended_at"])
    assert (batch["status"], batch["queued"], batch["running"]) == ("cancelled", 0, 0)
    assert batch["done"] + batch["cancelled"] == 40
    assert batch["cancelled"] > 0


def a_caller_who_leaves_cancels_the_call(one: httpx.Client, other: httpx.Client) -> None:
    task = {"name": "left", "input": "x", "model": "fake/slow-600s"}
    with pytest.raises(httpx.ReadTimeout):
        one.post("/v2/call", json=task, timeout=1)
    page = until(partial(read, other, "/v2/traces?q=status:stopped"), lambda page: page["data"])
    assert [trace["name"] for trace in page["data"]] == ["left"]


def the_clock_strikes_in_one_worker_and_goes_over_to_the_other(apart: Apart) -> None:
    ids = apart.rows("SELECT pid FROM processes_process WHERE kind = 'worker' ORDER BY id")
    first, second = sorted(apart.workers, key=lambda worker: ids.index((worker.process.pid,)))
    printed(first)
    printed(second)
    for _ in range(2):
        first.line_with(CLOCK)
    assert not [line for line in printed(second) if CLOCK in line]
    assert first.stop() == 0
    second.line_with(CLOCK)
    apart.workers = [first, second]
