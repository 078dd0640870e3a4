"""A limit for each of many short steps, by one timer for all of them.

`asyncio.timeout` sets up and takes down a timer for every step, which for the pieces of a stream costs more than
reading them.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Watch:
    """Cuts off a step that takes too long: `with watch.until(moment): await …` raises TimeoutError then.

    One step at a time, each in whichever task; moments are those of the loop's clock. `stop` at the end.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._has_cut = False
        # How often somebody else had asked the task to stop when the step began.
        self._cancelling = 0

    def until(self, moment: float) -> Watch:
        """Set the end of the step that follows."""
        self._until = moment
        return self

    def stop(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("only a task can be watched")
        self._task, self._has_cut, self._cancelling = task, False, task.cancelling()
        # A timer that rings too early looks again; only one that would ring too late has to be set anew.
        if self._timer is None or self._timer.when() > self._until:
            self.stop()
            self._timer = loop.call_at(self._until, self._ring)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        # Whoever else has stopped the task is obeyed.
        is_ours = self._has_cut and task is not None and task.uncancel() <= self._cancelling
        if is_ours and isinstance(problem, asyncio.CancelledError):
            raise TimeoutError from problem

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._until:
            self._timer = loop.call_at(self._until, self._ring)
            return
        self._has_cut = True
        self._task.cancel()
