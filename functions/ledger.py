"""Calls that are traces of their own, written together: whatever has come while one transaction ran is the next one.

A call that ends before its beginning was written is written once, with its end. One that takes longer is written while
it runs, so that a kill leaves a trace of it: after a twentieth of a second, or a quarter where many run at once.
Answers go out when their end is in the database.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction

from functions.evaluations.queue import row_for
from functions.kept import attempt_rows, body_of, keep_attempt, keep_result, values_of
from functions.models import Completion
from functions.task import AttemptRecord, Result
from opperweb.database import db
from traces import drafts
from traces.drafts import Draft
from traces.models import Attempt, AttemptBody

logger = logging.getLogger(__name__)

WRITTEN_AFTER_SECONDS = 0.05
WRITTEN_AFTER_SECONDS_WHEN_MANY = 0.25
MANY = 16
MOST_AT_ONCE = 200


@dataclass(eq=False)
class Entry:
    """One call on its way into the database."""

    draft: Draft
    completion: Completion
    due_at: float
    # Whether it gets an evaluation with its end.
    is_judged: bool = False
    result: Result | None = None
    # The numbers of attempts that were written as they failed.
    kept: set[int] = field(default_factory=set)
    # The thread is at it: until it is through nobody changes anything.
    is_busy: bool = False
    waiting: list[Callable[[BaseException | None], object]] = field(default_factory=list)

    @property
    def records(self) -> list[AttemptRecord]:
        """Return the attempts that are still to be written."""
        return [record for record in self.result.attempts if record.number not in self.kept] if self.result else []


class Ledger:
    """The writer of a process: one transaction after the other, and where the database can, two at a time."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._is_closed = False
        # Calls that have begun and not ended; one that is cut off is let go of too.
        self._running = 0

    async def open(
        self, draft: Draft, completion: Completion, *, at_once: bool = False, is_judged: bool = False
    ) -> Entry:
        """Take on a call that has begun; with `at_once` it is the next to be written."""
        pause = WRITTEN_AFTER_SECONDS if self._running < MANY else WRITTEN_AFTER_SECONDS_WHEN_MANY
        entry = Entry(draft, completion, 0 if at_once else time.monotonic() + pause, is_judged)
        if settings.DB_THREAD_SENSITIVE:
            # In a test: in its transaction, on its thread.
            await db(_write, [entry])
            return entry
        with self._changed:
            self._running += 1
            self._add(entry)
        return entry

    async def written(self, entry: Entry) -> int:
        """Return the key of the call's span, which is in the database by then."""
        while not self._stands(entry):
            await self._written(entry)
        key: int = entry.draft.span.pk
        return key

    async def keep(self, entry: Entry, record: AttemptRecord) -> None:
        """Write an attempt that failed, while the call goes on."""
        key = await self.written(entry)
        await db(keep_attempt, key, record)
        entry.kept.add(record.number)

    async def close(self, entry: Entry, result: Result) -> None:
        """Write what came of a call, and return when that is in the database."""
        while not self._change(entry, result):
            await self._written(entry)
        if settings.DB_THREAD_SENSITIVE:
            await db(_write, [entry])
        else:
            await self._written(entry)

    async def leave(self, entry: Entry) -> int:
        """Let go of a call that is cut off, and return the key of its span, which is in the database by then."""
        self._running -= 1
        return await self.written(entry)

    def stop(self) -> None:
        """Write what is left and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)
        self._threads = []
        self._is_closed = False

    def _stands(self, entry: Entry) -> bool:
        """Tell whether a call is in the database: its rows have their keys before they are."""
        with self._changed:
            return entry.draft.is_written and not entry.is_busy

    def _change(self, entry: Entry, result: Result) -> bool:
        """Put the end of a call into its rows; False while they are being written."""
        with self._changed:
            if entry.is_busy:
                return False
            self._running -= 1
            entry.draft.change(body=body_of(result), **values_of(result, []))
            entry.completion.state = Completion.State.FAILED if result.error is not None else Completion.State.DONE
            entry.result = result
            return True

    async def _written(self, entry: Entry) -> None:
        """Return when the entry was written the next time; raise what went wrong."""
        loop = asyncio.get_running_loop()
        through: asyncio.Future[None] = loop.create_future()

        def settle(problem: BaseException | None) -> None:
            if through.done():
                return
            if problem is None:
                through.set_result(None)
            else:
                through.set_exception(problem)

        with self._changed:
            entry.waiting.append(lambda problem: loop.call_soon_threadsafe(settle, problem))
            entry.due_at = 0
            self._add(entry)
        await through

    def _add(self, entry: Entry) -> None:
        if entry not in self._entries and not entry.is_busy:
            self._entries.append(entry)
        if not self._threads:
            # SQLite has one writer at a time; elsewhere those that begin need not wait for those that end.
            count = 1 if connection.vendor == "sqlite" else 2
            self._threads = [threading.Thread(target=self._run, name="ledger", daemon=True) for _ in range(count)]
            for thread in self._threads:
                thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while entries := self._next():
            problems = _settled(entries)
            with self._changed:
                for entry in entries:
                    entry.is_busy = False
                    waiting, entry.waiting = entry.waiting, []
                    for tell in waiting:
                        tell(problems.get(entry))
        connection.close()

    def _next(self) -> list[Entry]:
        """Wait for entries that are due and take them; none when there is nothing left to do at all."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = [entry for entry in self._entries if entry.due_at <= now or self._is_closed][:MOST_AT_ONCE]
                if due or self._is_closed:
                    for entry in due:
                        entry.is_busy = True
                    self._entries = [entry for entry in self._entries if not entry.is_busy]
                    return due
                if connection.vendor != "sqlite":
                    # Others may have it meanwhile; while one group follows the other it is kept.
                    connection.close()
                soonest = min((entry.due_at for entry in self._entries), default=None)
                self._changed.wait(None if soonest is None else max(0.001, soonest - now))


ledger = Ledger()


def _settled(entries: list[Entry], *, is_again: bool = False) -> dict[Entry, BaseException]:
    """Write entries together; where that fails, one by one, so that one does not take the others with it.

    A lone one that gave way in a deadlock, or whose connection broke, is written once more.
    """
    new = [entry for entry in entries if not entry.draft.is_written]
    try:
        _write(entries)
        return {}
    except Exception as problem:
        for entry in new:
            # Nothing of it stands, also where only the commit failed: the next try must not take it for written.
            entry.draft.trace.pk = entry.draft.span.pk = entry.draft.body.pk = None
        if len(entries) == 1:
            if entries[0].completion.function_id is not None and isinstance(problem, IntegrityError):
                # The function was deleted meanwhile; what came of the call is kept all the same.
                entries[0].completion.function = entries[0].completion.revision = None
                return _settled(entries)
            if isinstance(problem, OperationalError) and not is_again:
                return _settled(entries, is_again=True)
            logger.exception("a call could not be written")
            return {entries[0]: problem}
    finally:
        if connection.errors_occurred:
            connection.close()
    return {entry: problem for each in entries for entry, problem in _settled([each]).items()}


@transaction.atomic
def _write(entries: Sequence[Entry]) -> None:
    new = [entry for entry in entries if not entry.draft.is_written]
    ending = [entry for entry in entries if entry.draft.is_written and entry.result is not None]
    if new:
        _insert(new)
    if ending:
        _finish(ending)
    drafts.insert_rows(
        [
            row_for(entry.draft.span, is_failed=entry.result.error is not None, is_cached=entry.result.cached)
            for entry in entries
            if entry.is_judged and entry.result is not None
        ]
    )


def _insert(entries: Sequence[Entry]) -> None:
    drafts.insert([entry.draft for entry in entries])
    for entry in entries:
        entry.completion.span = entry.draft.span
    drafts.insert_rows([entry.completion for entry in entries])
    _add_attempts(entries)


def _finish(entries: Sequence[Entry]) -> None:
    changed = {id(draft) for draft in drafts.finish([entry.draft for entry in entries])}
    ours = [entry for entry in entries if id(entry.draft) not in changed]
    _add_attempts(ours)
    drafts.update_rows([entry.completion for entry in ours], ("state",))
    for entry in entries:
        if id(entry.draft) in changed and entry.result is not None:
            # Somebody hung a span under it, or changed it: read first, then write.
            keep_result(entry.draft.span.pk, entry.result)


def _add_attempts(entries: Sequence[Entry]) -> None:
    rows: list[Attempt] = []
    bodies: list[AttemptBody] = []
    for entry in entries:
        for record in entry.records:
            row, body = attempt_rows(entry.draft.span.pk, record)
            rows.append(row)
            bodies.append(body)
    drafts.insert_rows(rows)
    drafts.insert_rows(bodies)
