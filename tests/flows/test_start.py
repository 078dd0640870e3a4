"""`manage.py up` as a person runs it: the first start, what stops a start, what is killed, and the end."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 40


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Running:
    """A process tree and what it prints."""

    def __init__(self, data_dir: Path, *arguments: str, **environment: str) -> None:
        self.port = int(environment.get("PORT", free_port()))
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {"PATH": os.environ["PATH"], "HOME": str(data_dir), "DATA_DIR": str(data_dir), "PORT": str(self.port)}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *(arguments or ["up"])],
            env=kept | environment,
            cwd=data_dir.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.printed: list[str] = []
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line_with(self, part: str) -> str:
        """Wait for a line that holds `part`."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError("\n".join(["nothing like it was printed:", *self.printed])) from None
            self.printed.append(line)
            if part in line:
                return line

    def ready(self) -> Running:
        self.line_with("is ready at")
        return self

    def child(self, name: str) -> int:
        """Return the process number of a living child."""
        for line in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            arguments = Path(f"/proc/{line}/cmdline").read_bytes().split(b"\0")
            if name.encode() in arguments:
                return int(line)
        raise AssertionError(f"there is no {name}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(12)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def run(*arguments: str, **environment: str) -> Running:
        started.append(Running(tmp_path / "data", *arguments, **environment))
        return started[-1]

    (tmp_path / "data").mkdir()
    yield run
    left = [running for running in started if running.process.poll() is None]
    for running in left:
        running.process.terminate()
    try:
        for running in left:
            running.process.wait(12)
    finally:
        # One that does not end must not take messages and ports from the next test.
        for running in started:
            running.process.kill()
            running.process.wait()
            if running.process.stdout is not None:
                running.process.stdout.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
class TestRunning:
    def test_the_first_start_tells_the_way_in_once_and_the_last_line_is_the_address(self, start):
        first = start().ready()
        assert first.printed[-1] == f"opperweb is ready at {first.address}"
        told = "\n".join(first.printed)
        assert "admin@localhost" in told
        key = re.search(r"op-\S+", told).group()
        assert httpx.get(f"{first.address}/healthz").status_code == 200
        assert httpx.get(f"{first.address}/readyz").json()["status"] == "ok"
        assert httpx.get(f"{first.address}/v2/traces", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        assert first.stop(signal.SIGINT) == 0
        second = start().ready()
        assert "admin@localhost" not in "\n".join(second.printed)
        assert second.stop(signal.SIGTERM) == 0

    def test_what_is_killed_is_started_again(self, start):
        running = start().ready()
        for name in ("web", "worker"):
            os.kill(running.child(name), signal.SIGKILL)
            running.line_with(f"{name} ended (signal 9); it is started again")
        assert running.stop() == 0

    def test_a_killed_parent_takes_its_children_along(self, start):
        running = start().ready()
        children = [running.child("web"), running.child("worker")]
        # A descriptor of a process becomes readable when that one ends.
        watched = [os.pidfd_open(pid) for pid in children]
        running.process.kill()
        for descriptor in watched:
            assert _ends(descriptor)
            os.close(descriptor)

    def test_a_taken_port_is_told_in_one_line(self, start):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            refused = start(PORT=str(taken.getsockname()[1]))
            line = refused.line_with("opperweb cannot start")
            assert "is taken by another program" in line
            assert refused.process.wait(PATIENCE_S) == 1
        assert refused.printed == [line]


def _ends(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], PATIENCE_S)[0])


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "http", "PORT is 'http'"),
        ("DATABASE_URL", "postgres://me:secret@127.0.0.1:1/x", "DATABASE_URL: the database does not answer"),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "REDIS_URL: Redis does not answer"),
        ("HOST", "192.0.2.1", "HOST is '192.0.2.1', which is no address of this machine"),
        ("DEFAULT_MODEL", "nowhere/x", "DEFAULT_MODEL is 'nowhere/x'"),
        ("DATA_DIR", "/dev/null/x", "DATA_DIR: /dev/null/x cannot be made"),
    ],
)
@pytest.mark.parametrize("command", ["up", "web"])
def test_what_stops_a_start_is_told_in_one_line(tmp_path, command, name, value, told):
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": str(free_port()), name: value}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"opperweb cannot start: {told}")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr
