"""The process tree: starts web and worker processes, starts again what dies, stops all of them by one signal."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

logger = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A stop may take 10 s in all; who has not ended by then is killed.
STOP_WITHIN_S = 9.3
LONGEST_PAUSE_S = 10.0
STEADY_AFTER_S = 30.0
LOOK_EVERY_S = 0.1


@dataclass
class Child:
    """One process of the tree, however often it had to be started."""

    name: str
    arguments: list[str]
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0

    def is_due(self) -> bool:
        return self.process is None and time.monotonic() >= self.start_at

    def has_died(self) -> bool:
        return self.process is not None and self.process.poll() is not None


@dataclass
class Supervisor:
    """Keeps its children alive until a signal comes."""

    children: list[Child]
    is_stopping: bool = False
    _alarm: threading.Event = field(default_factory=threading.Event)
    _lifeline: tuple[int, int] = field(default_factory=os.pipe)

    def run(self, is_ready: Callable[[Supervisor], bool], when_ready: Callable[[], None], *, patience_s: float) -> int:
        """Start the children, call `when_ready` once, keep them until a signal; return the exit status."""
        for name in STOP_SIGNALS:
            signal.signal(name, self._stop)
        deadline = time.monotonic() + patience_s
        was_ready = False
        while not self.is_stopping:
            self._look_after()
            if not was_ready and is_ready(self):
                was_ready = True
                when_ready()
            if not was_ready and (self._is_hopeless() or time.monotonic() > deadline):
                logger.error("the start did not succeed; what is printed above says why")
                self._end()
                return 1
            self._alarm.wait(LOOK_EVERY_S)
        self._end()
        return 0

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stopping = True
        self._alarm.set()

    def _look_after(self) -> None:
        for child in self.children:
            if child.has_died():
                self._note_death(child)
            if child.is_due():
                self._start(child)

    def _start(self, child: Child) -> None:
        reading_end, _ = self._lifeline
        child.process = subprocess.Popen(
            [sys.executable, sys.argv[0], *child.arguments, "--lifeline", str(reading_end)],
            pass_fds=(reading_end, *child.fds),
            # Ctrl+C reaches this process alone; the children hear of it in order.
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        child.started_at = time.monotonic()

    def _note_death(self, child: Child) -> None:
        assert child.process is not None
        status = child.process.returncode
        if time.monotonic() - child.started_at > STEADY_AFTER_S:
            child.failures = 0
        pause = min(LONGEST_PAUSE_S, 2.0**child.failures - 1)
        child.failures += 1
        child.process = None
        child.start_at = time.monotonic() + pause
        how = f"signal {-status}" if status < 0 else f"status {status}"
        logger.warning("%s ended (%s); it is started again%s", child.name, how, f" in {pause:.0f} s" if pause else "")

    def _is_hopeless(self) -> bool:
        return any(child.failures >= 3 for child in self.children)

    def _end(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def follow(lifeline: int | None) -> None:
    """End this process soon after the one that holds the other end of the lifeline, however that one ended."""
    if lifeline is not None:
        threading.Thread(target=_follow, args=(lifeline,), name="lifeline", daemon=True).start()


def _follow(lifeline: int) -> None:
    # Nothing is ever written: reading returns when no writer is left.
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_WITHIN_S)
    os._exit(1)
