"""However often Redis is killed, every call is answered and every evaluation comes to one end.

Three kills among 60 evaluations; with `KILLS=20 EVALUATIONS=500` in the environment as many as that. The Redis is the
test's own and keeps nothing: each kill loses every message. What is lost with it must all be in the database.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
import redis

from opperweb.cache import Cache
from tests.flows.test_kills import number_in
from tests.flows.test_processes import printed
from tests.flows.test_start import ROOT, Running, free_port

SECRET, PASSWORD = "op-redis-0123456789", "a-long-quiet-river"
JUDGE = "slow-1s"
KILLS = int(os.environ.get("KILLS", "3"))
EVALUATIONS = int(os.environ.get("EVALUATIONS", "60"))
LONGEST_S = 0.3 * EVALUATIONS + 15 * KILLS + 60
LOOKED_EVERY_S = 0.1
# As many as `WORKER_CONCURRENCY` is where nobody says otherwise.
WORKER_THREADS = 8
EVERY_FOURTH = 4
DATABASE_URL = os.environ.get("DATABASE_URL", "")

pytestmark = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and shutil.which("redis-server")), reason="needs /proc and redis-server"
)


# SQLite is for one machine without other services; what it has to do with a Redis is little.
with_postgresql = pytest.mark.skipif(not DATABASE_URL, reason="needs PostgreSQL")


class Broker:
    """A Redis of one's own on a port that stays its own however often it is killed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
        until(self.answers, bool)

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.address) as client:
            return bool(client.ping())
        return False

    def is_listened_to(self) -> bool:
        """Tell whether a worker waits here for messages."""
        with redis.Redis.from_url(self.address) as client:
            return any(each["cmd"] == "brpop" for each in client.client_list())

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    broker.start()
    yield broker
    broker.kill()


class Database:
    """The database of what runs."""

    def __init__(self, address: str) -> None:
        self.settings = {"DATABASE_URL": address}
        self.address = address

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.address, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def value(self, query: str) -> Any:
        [(value,)] = self.rows(query)
        return value

    def states(self) -> dict[str, int]:
        return dict(self.rows("SELECT state, count(*) FROM traces_evaluation GROUP BY state"))


@pytest.fixture
def database() -> Iterator[Database]:
    name = f"opperweb_redis_{os.getpid()}"
    with psycopg.connect(DATABASE_URL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield Database(urlunsplit(urlsplit(DATABASE_URL)._replace(path=f"/{name}")))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def until(look: Callable[[], Any], wanted: Callable[[Any], Any]) -> Any:
    """Look until there is what is wanted, and return it."""
    pause, seen = threading.Event(), None
    for _ in range(int(LONGEST_S / LOOKED_EVERY_S)):
        seen = look()
        if wanted(seen):
            return seen
        pause.wait(LOOKED_EVERY_S)
    raise AssertionError(f"after {LONGEST_S:.0f} s: {seen}")


@pytest.fixture
def running(database: Database, broker: Broker, start: Callable[..., Running], upstream: Any) -> Running:
    return start(
        **database.settings,
        REDIS_URL=broker.address,
        BOOTSTRAP_API_KEY=SECRET,
        OPENAI_COMPATIBLE=f"fake={upstream.url}",
        BOOTSTRAP_PASSWORD=PASSWORD,
        EVALUATION_MODEL=f"fake/{JUDGE}",
    ).ready()


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {SECRET}"}
    with httpx.Client(base_url=running.address, headers=headers, timeout=60) as client:
        yield client


class Calls:
    """What is asked: every fourth call is for later, and no function has so many that not all of them are judged."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.made: list[Future[int]] = []
        self._callers = ThreadPoolExecutor(4)

    def make(self, count: int) -> list[Future[int]]:
        first = len(self.made)
        new = [self._callers.submit(self._call, number) for number in range(first, first + count)]
        self.made += new
        return new

    def statuses(self) -> set[int]:
        return {each.result(60) for each in self.made}

    def one_for_later(self) -> int:
        return self._call(-(-len(self.made) // EVERY_FOURTH) * EVERY_FOURTH)

    def _call(self, number: int) -> int:
        task = {"name": f"function {number % 10}", "input": f"input {number}.", "model": "fake/echo"}
        return self.client.post("/v2/call", json=task | {"background": number % EVERY_FOURTH == 0}).status_code


@with_postgresql
def test_every_evaluation_ends_once_however_often_redis_is_killed(
    database: Database, broker: Broker, running: Running, client: httpx.Client, upstream: Any, tmp_path: Path
) -> None:
    children = {name: running.child(name) for name in ("web", "worker")}
    calls, chance, pause = Calls(client), random.Random(18), threading.Event()
    for number in range(KILLS):
        share = EVALUATIONS * (number + 1) // KILLS - len(calls.made)
        calls.make(share // 2)
        # While the worker waits for messages, while it judges, or before it is back from the kill before.
        match chance.choice(("listening", "judging", "away")) if number else "judging":
            case "listening":
                until(broker.is_listened_to, bool)
            case "judging":
                until(database.states, lambda states: states.get("running"))
        pause.wait(chance.random())
        broker.kill()
        # None of these finds a Redis: it is started when all of them are answered.
        without = calls.make(share - share // 2)
        assert {each.result(60) for each in without} <= {200, 202}
        everything_else_goes_on(client)
        broker.start()
    assert calls.statuses() == {200, 202}
    assert until(database.states, lambda states: has_ended(states, EVALUATIONS)) == {"done": EVALUATIONS}
    each_was_asked_once(upstream)
    the_figures_agree(database, tmp_path)
    until(lambda: client.get("/readyz").json(), lambda ready: set(ready.values()) == {"ok"})
    # Both found the way back by themselves.
    until(broker.is_listened_to, bool)
    assert {name: running.child(name) for name in children} == children
    # Whoever sends something next says that the broker is back.
    assert calls.one_for_later() == 202
    until(database.states, lambda states: has_ended(states, EVALUATIONS + 1))
    broker.kill()
    assert running.stop() == 0
    it_was_told_once(running)


@with_postgresql
def test_a_worker_with_its_hands_full_comes_back_too(
    database: Database, broker: Broker, running: Running, client: httpx.Client
) -> None:
    """What ends while Redis is away cannot be acknowledged; the worker must take something else all the same."""
    worker, task = running.child("worker"), {"name": "slow", "input": "x", "model": "fake/slow-2s", "background": True}
    until(broker.is_listened_to, bool)
    for _ in range(WORKER_THREADS):
        assert client.post("/v2/call", json=task).status_code == 202
    count = (
        "SELECT count(*) FROM functions_completion JOIN traces_span ON key = span_id WHERE name = 'slow' AND state = "
    )
    until(lambda: database.value(f"{count} 'running'"), lambda number: number == WORKER_THREADS)
    broker.kill()
    until(lambda: database.value(f"{count} 'done'"), lambda number: number == WORKER_THREADS)
    broker.start()
    until(broker.is_listened_to, bool)
    assert running.child("worker") == worker


def everything_else_goes_on(client: httpx.Client) -> None:
    """What asks the cache or the broker for something does without it, and says so where somebody watches."""
    ready = client.get("/readyz")
    told = {"status": "unavailable", "database": "ok", "broker": "does not answer", "worker": "ok"}
    assert (ready.status_code, ready.json()) == (503, told)
    assert client.get("/healthz").status_code == client.get("/metrics").status_code == 200
    # A refused call is noted in the cache, and who signs in is counted there.
    refused = client.get("/v2/traces", headers={"Authorization": "Bearer op-nobody"})
    assert refused.status_code == 401
    with httpx.Client(base_url=client.base_url) as browser:
        token = browser.get("/login/").cookies["opperweb_csrf"]
        form = {"email": "admin@localhost", "password": PASSWORD, "csrfmiddlewaretoken": token}
        assert browser.post("/login/", data=form).status_code == 302


def has_ended(states: dict[str, int], count: int) -> bool:
    return sum(states.values()) == count and not states.keys() & {"queued", "running"}


def each_was_asked_once(upstream: Any) -> None:
    """A killed Redis stops nobody at work: no model is asked twice, neither for an answer nor for a verdict."""
    asked = Counter((request.json["model"], number_in(request)) for request in upstream.requests)
    assert asked == {(model, number): 1 for model in ("echo", JUDGE) for number in range(EVALUATIONS)}


def the_figures_agree(database: Database, tmp_path: Path) -> None:
    assert database.rows("SELECT DISTINCT starts FROM traces_evaluation") == [(1,)]
    assert database.value("SELECT count(DISTINCT span_id) FROM traces_evaluation") == EVALUATIONS
    assert database.value("SELECT count(DISTINCT judge_span_id) FROM traces_evaluation") == EVALUATIONS
    assert database.rows("SELECT state, count(*) FROM functions_completion GROUP BY state") == [
        ("done", 2 * EVALUATIONS)
    ]
    wrong = "FROM traces_evaluation e JOIN traces_span s ON s.key = e.span_id WHERE s.score IS DISTINCT FROM e.score"
    assert database.value(f"SELECT count(*) {wrong}") == 0
    of_traces = "SELECT sum(scored_count), sum(score_sum) FROM traces_trace WHERE origin <> 'evaluation'"
    assert database.rows(of_traces) == database.rows("SELECT count(*), sum(score) FROM traces_evaluation")
    # The usage of the hours, added up as if they were over.
    roll_up(database, tmp_path)
    rolled_up = database.rows(
        "SELECT d.origin, sum(calls), sum(errors), sum(r.input_tokens), sum(r.output_tokens)"
        " FROM traces_usagerow r JOIN traces_usagedimension d ON d.id = r.dimension_id"
        " WHERE r.is_whole AND NOT r.is_day GROUP BY d.origin ORDER BY d.origin"
    )
    counted = database.rows(
        "SELECT origin, count(*), 0, sum(input_tokens), sum(output_tokens) FROM traces_span GROUP BY origin"
        " ORDER BY origin"
    )
    assert rolled_up == counted
    assert [row[:2] for row in rolled_up] == [("", EVALUATIONS), ("evaluation", EVALUATIONS)]
    judged = "SELECT sum(input_tokens), sum(output_tokens) FROM traces_evaluation"
    assert database.rows(judged) == [rolled_up[1][3:]]


def roll_up(database: Database, tmp_path: Path) -> None:
    lines = (
        "from datetime import timedelta",
        "from django.utils import timezone",
        "from traces.analytics.rollups import roll_up",
        "roll_up(now=timezone.now() + timedelta(hours=3))",
    )
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", "; ".join(lines)]
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), **database.settings}
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL)


def it_was_told_once(running: Running) -> None:
    """An outage is a line in the log where it begins and one where it ends; nothing broke."""
    running.printed += printed(running)
    told = "\n".join(running.printed)
    for what in ("the broker", "the cache"):
        # Each process says it, and not each of its calls.
        assert 0 < told.count(f"{what} does not answer") <= 4 * (KILLS + 1)
    assert 0 < told.count("the broker answers again") <= 4 * KILLS
    # Beside Celery, which could not connect or acknowledge, and the probes that were told so, nobody met with an error.
    loud = re.findall(r"^\S+ (?:error|critical) +([\w.]+):", told, re.MULTILINE)
    assert set(loud) <= {"celery.worker.consumer.consumer", "celery.worker.request", "django.request"}


def test_while_redis_is_away_a_process_counts_by_itself(broker: Broker) -> None:
    cache = Cache(broker.address, {})
    cache.set("count", 7, 60)
    broker.kill()
    assert cache.get("count") is None
    assert [cache.add("count", 0, 60), cache.add("count", 0, 60)] == [True, False]
    assert [cache.incr("count"), cache.incr("count"), cache.decr("count")] == [1, 2, 1]
    assert cache.get_or_set("other", lambda: 3, 60) == cache.get("other") == 3
    broker.start()
    # It has come back empty, and what was counted meanwhile does not come up again the next time.
    until(lambda: cache.get("count"), lambda count: count is None)
    cache.set("count", 8, 60)
    assert (cache.get("count"), cache.own.get("count")) == (8, None)
    cache._cache.get_client(write=True).connection_pool.disconnect()
