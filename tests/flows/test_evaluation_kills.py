"""However often its workers are killed, every evaluation comes to one end.

Five kills among 150 evaluations; with `KILLS=20 EVALUATIONS=500` in the environment as many as that.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.test_kills import SECRET, kill, rows

KILLS = int(os.environ.get("KILLS", "5"))
EVALUATIONS = int(os.environ.get("EVALUATIONS", "150"))
LONGEST_S = 0.6 * EVALUATIONS + 10 * KILLS + 60

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def test_every_evaluation_ends_once_whatever_is_killed(start: Any, upstream: Any, tmp_path: Path) -> None:
    running = start(
        BOOTSTRAP_API_KEY=SECRET, OPENAI_COMPATIBLE=f"fake={upstream.url}", EVALUATION_MODEL="fake/slow-1s"
    ).ready()
    all_made = threading.Event()

    def make() -> None:
        task = {"name": "kb", "input": "one two three", "model": "fake/echo"}
        headers = {"Authorization": f"Bearer {SECRET}"}
        with (
            httpx.Client(base_url=running.address, headers=headers, timeout=60) as client,
            ThreadPoolExecutor(4) as callers,
        ):
            answers = callers.map(lambda _: client.post("/v2/call", json=task).status_code, range(EVALUATIONS))
            assert set(answers) == {200}
        all_made.set()

    maker = threading.Thread(target=make)
    maker.start()
    chance, pause = random.Random(7), threading.Event()
    for _ in range(KILLS):
        # While some are on their way, at any moment of their second.
        wait_for(tmp_path, lambda counts: counts.get("running", 0) > 0 and is_there(running))
        pause.wait(chance.random())
        kill(running, "worker")
    maker.join()
    assert all_made.is_set()
    counts = wait_for(tmp_path, lambda counts: not counts.get("queued") and not counts.get("running"))
    assert sum(counts.values()) == EVALUATIONS
    # One that was killed each time it was begun is the only thing that may have failed.
    failed = rows(tmp_path, "SELECT reason, starts FROM traces_evaluation WHERE state = 'failed'")
    assert all(starts == 5 for _reason, starts in failed), failed
    assert len(failed) <= KILLS
    # Past 200 an hour not all are judged, and each of those says so.
    skipped = rows(tmp_path, "SELECT DISTINCT reason FROM traces_evaluation WHERE state = 'skipped'")
    assert all(reason.startswith("Not in the sample") for (reason,) in skipped), skipped
    # None is counted twice, and each verdict is on the span that it is of.
    [(spans,)] = rows(tmp_path, "SELECT count(DISTINCT span_id) FROM traces_evaluation")
    assert spans == EVALUATIONS
    [(wrong,)] = rows(
        tmp_path,
        "SELECT count(*) FROM traces_evaluation e JOIN traces_span s ON s.key = e.span_id"
        " WHERE e.state = 'done' AND s.score IS NOT e.score",
    )
    assert wrong == 0
    [(scored, summed)] = rows(
        tmp_path, "SELECT sum(scored_count), sum(score_sum) FROM traces_trace WHERE origin <> 'evaluation'"
    )
    [(done, scores)] = rows(tmp_path, "SELECT count(*), sum(score) FROM traces_evaluation WHERE state = 'done'")
    assert (scored, summed) == (done, scores)
    assert done >= min(EVALUATIONS, 200) - KILLS


def is_there(running: Any) -> bool:
    """Tell whether the worker that was killed has been started again."""
    try:
        running.child("worker")
    except AssertionError:
        return False
    return True


def states(tmp_path: Path) -> dict[str, int]:
    return dict(rows(tmp_path, "SELECT state, count(*) FROM traces_evaluation GROUP BY state"))


def wait_for(tmp_path: Path, wanted: Any) -> dict[str, int]:
    """Look until the evaluations are as wanted, and return how many are in each state."""
    pause, counts = threading.Event(), {}
    for _ in range(int(LONGEST_S / 0.2)):
        counts = states(tmp_path)
        if wanted(counts):
            return counts
        pause.wait(0.2)
    raise AssertionError(f"after {LONGEST_S:.0f} s: {counts}")
