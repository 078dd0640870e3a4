"""How soon a completion is judged, and whether judging makes completions slower.

    ./run bench evaluation                     SQLite, in a folder of its own
    DATABASE_URL=… REDIS_URL=… ./run bench evaluation     PostgreSQL and Redis; use an empty database

200 completions come at 10 a second; the model answers after 20 ms and the judge after 200 ms, both on loopback. The
time to the verdict is that from the end of the completion's span to the end of its evaluation, as they are kept. The
same load then meets a server with evaluation off (`EVALUATION_MODEL=none`); on and off take turns, so that whatever
else the machine does falls on both. To reach: 95 % judged within 10 s; on / off within noise, which is how far those
turns differ from each other that are without evaluation.
"""

# ruff: noqa: E402
import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

import django
from _load import load
from gateway import KEY, free_port, running

# Before the settings are read: the database is that of the server that is measured.
FOLDER = Path(tempfile.mkdtemp(prefix="opperweb-bench-"))
UPSTREAM_PORT = free_port()
ENV = {
    "DATA_DIR": str(FOLDER),
    "BOOTSTRAP_API_KEY": KEY,
    "LOG_LEVEL": "warning",
    "OPENAI_COMPATIBLE": f"fake=http://127.0.0.1:{UPSTREAM_PORT}/v1",
    "BOOTSTRAP_PASSWORD": "bench-bench-bench",
}
os.environ |= {**ENV, "DJANGO_SETTINGS_MODULE": "opperweb.settings", "EVALUATION_MODEL": "none"}
django.setup()

from traces.evaluation_models import Evaluation

RATE = 10


async def at_a_rate(address: str, name: str, count: int) -> list[float]:
    """Send calls at RATE a second, whatever the answers do; return how long each took in milliseconds."""
    body = json.dumps({"name": name, "instructions": "Tell.", "input": "What is new?", "model": "fake/m-20"}).encode()
    began = time.perf_counter()
    running_calls = []
    for number in range(count):
        await asyncio.sleep(max(0, began + number / RATE - time.perf_counter()))
        running_calls.append(asyncio.ensure_future(load(address, "/v2/call", body, key=KEY, count=1, at_once=1)))
    outcomes = await asyncio.gather(*running_calls)
    failed = [problem for outcome in outcomes for problem in outcome.failed]
    if failed:
        print(f"  {len(failed)} failed, the first: {failed[0]}")
    return [duration for outcome in outcomes for duration in outcome.durations_ms]


def seconds_to_verdict(name: str) -> tuple[list[float], dict[str, int]]:
    """Return how long after its completion each verdict came, and how many evaluations are in each state."""
    rows = Evaluation.objects.filter(span__name=name).values_list("state", "ended_at", "span__ended_at")
    states = Counter(state for state, _, _ in rows)
    return [(ended - done).total_seconds() for state, ended, done in rows if state == "done"], dict(states)


def wait_for_verdicts(name: str, count: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        waiting = seconds_to_verdict(name)[1]
        if sum(waiting.get(state, 0) for state in ("done", "failed", "skipped")) >= count:
            return
        time.sleep(0.5)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--turns", type=int, default=3, help="with evaluation, and as many without")
    given = options.parse_args()
    count: int = given.count
    print(f"opperweb on {'PostgreSQL and Redis' if os.environ.get('DATABASE_URL') else 'SQLite'}")
    turns: dict[str, list[float]] = {"on": [], "off": []}
    try:
        with running([sys.executable, "bench/_upstream.py", str(UPSTREAM_PORT)], ready=f"127.0.0.1:{UPSTREAM_PORT}"):
            # Each goes first as often as second: what comes later meets a larger database.
            for turn in ("on", "off", "off", "on") * (given.turns // 2) + ("on", "off") * (given.turns % 2):
                port = free_port()
                model = "fake/judge-200" if turn == "on" else "none"
                with running(
                    [sys.executable, "manage.py", "up"], ready=f"127.0.0.1:{port}",
                    env={**ENV, "PORT": str(port), "EVALUATION_MODEL": model},
                ):  # fmt: skip
                    address, name = f"http://127.0.0.1:{port}", f"bench {turn} {len(turns[turn])}"
                    asyncio.run(at_a_rate(address, "warm", 10))
                    took = asyncio.run(at_a_rate(address, name, count))
                    turns[turn].append(statistics.median(took))
                    print(f"  evaluation {turn}: a call takes {turns[turn][-1]:.1f} ms in the median")
                    if turn == "on":
                        wait_for_verdicts(name, count)
                        seconds, states = seconds_to_verdict(name)
                        seconds.sort()
                        print(
                            f"    {states}; verdict after {statistics.median(seconds):.2f} s in the median, "
                            f"95 % {seconds[int(len(seconds) * 0.95)]:.2f} s, the last {seconds[-1]:.2f} s"
                        )
        on, off = (statistics.mean(turns[turn]) for turn in ("on", "off"))
        noise = (max(turns["off"]) - min(turns["off"])) / off
        print(
            f"  a call with evaluation / without: {on / off:.3f}; those without differ by {noise:.1%} among themselves"
        )
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
