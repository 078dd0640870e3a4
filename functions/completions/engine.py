"""complete(task): the candidates in order, an answer checked and put right, until one fits or nothing is left to try.

    candidate ── ask ──▶ accepted: done
                  ├─▶ rejected: once more with what was wrong (a repair), then the next candidate
                  ├─▶ failed, may pass: once more after a pause, then the next candidate
                  └─▶ failed for good: the next candidate, or the end

With the list used up and attempts left it goes round again, each time in a clean conversation. At most
`max_attempts` requests in all, and one deadline for the whole. Each candidate that was not asked yet has one of these
requests in reserve: nobody is asked once more at the cost of it. A listener hears the answers as they come: once
something was passed on to the caller, no other model can answer.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from functions.completions.attempt import Attempt, Plan, ask, stopped_record
from functions.completions.candidates import Candidate
from functions.completions.catalogue import Learned
from functions.completions.failure import error_for
from functions.completions.listening import Listener
from functions.completions.prices import listed_model
from functions.completions.strategies import Strategies
from functions.prompts.builder import messages_for, with_repair
from functions.prompts.media import InvalidMedia, split
from functions.providers.chat import Message, Strategy, Wanted
from functions.providers.errors import BadRequest, ContextTooLong, ProviderError, SchemaRejected
from functions.providers.media_kind import media_kind
from functions.schemas.dialects import Wire
from functions.schemas.validator import Validator
from functions.task import AttemptRecord, Example, Result, Task

DEADLINE_SECONDS = 300.0
# A pause longer than this is not waited out: the next candidate is asked instead.
LONGEST_PAUSE_SECONDS = 10.0
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)

OnAttempt = Callable[[AttemptRecord], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


async def complete(
    task: Task,
    candidates: tuple[Candidate, ...],
    *,
    timeout_seconds: float = 120.0,
    deadline_seconds: float = DEADLINE_SECONDS,
    on_attempt: OnAttempt | None = None,
    sleep: Sleep = asyncio.sleep,
    learned: Mapping[tuple[str, str], Learned] | None = None,
    listener: Listener | None = None,
    before: int = 0,
    on_ask: OnAttempt | None = None,
) -> Result:
    """Return the answer to a task or the reason why there is none, with every attempt; raise only CancelledError.

    `learned` says how models had to be asked for a schema before; `before` is the number of attempts that a start
    before this one has made; `on_ask` is told of each attempt before it is made, as of one that was cut off.
    """
    deadline = time.monotonic() + deadline_seconds
    run = Run(task, candidates, timeout_seconds, deadline, on_attempt, sleep, learned or {}, listener, before, on_ask)
    return await run.result()


@dataclass
class Run:
    """The state of one completion: what was asked so far, and what may still be asked."""

    task: Task
    candidates: tuple[Candidate, ...]
    timeout_seconds: float
    deadline: float
    on_attempt: OnAttempt | None
    sleep: Sleep
    learned: Mapping[tuple[str, str], Learned]
    listener: Listener | None = None
    before: int = 0
    on_ask: OnAttempt | None = None
    attempts: list[Attempt] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)
    # Who was to be asked once more, but not at the cost of the others → when that may be, by the monotonic clock.
    put_off: dict[int, float] = field(default_factory=dict)
    retries: int = 0
    pause: float = 0.0

    def __post_init__(self) -> None:
        self.task, self.left_out = _without_broken_examples(self.task)
        schema = self.task.output_schema
        self.validator = Validator(schema) if schema is not None else None
        self.strategies = Strategies(schema, self.learned)

    async def result(self) -> Result:
        while self.may_ask():
            waiting = [index for index in range(len(self.candidates)) if index not in self.given_up]
            while waiting and self.may_ask():
                index = waiting.pop(0)
                attempt = await self.converse(index, self.candidates[index])
                if attempt.is_accepted:
                    return self.accepted(attempt)
                waiting = self.after(attempt, index, waiting)
        return Result(
            message=self.heard,
            attempts=self.records,
            error=error_for(self.attempts, self.task),
            learned=self.learned_now,
        )

    def after(self, attempt: Attempt, index: int, waiting: list[int]) -> list[int]:
        """Return who is asked next, in order, after a candidate that brought no answer."""
        if isinstance(attempt.error, ContextTooLong):
            # Sorting keeps the caller's order among those whose windows are equal or unknown.
            return sorted(waiting, key=lambda other: -_window_of(self.candidates[other]))
        if isinstance(attempt.error, BadRequest):
            # What one server does not take, another of the same dialect does not take either.
            kind = self.candidates[index].provider.kind
            same = [other for other in waiting if self.candidates[other].provider.kind == kind]
            self.given_up.update(same)
            return [other for other in waiting if other not in same]
        return waiting

    @property
    def records(self) -> tuple[AttemptRecord, ...]:
        return tuple(attempt.record for attempt in self.attempts)

    @property
    def learned_now(self) -> dict[str, tuple[str, str]]:
        return {name: (learned.strategy, learned.reason) for name, learned in self.strategies.learned.items()}

    @property
    def heard(self) -> str | None:
        """Return what the caller has heard of an answer that failed on its way."""
        return self.listener.text_so_far if self.listener is not None and self.listener.is_committed else None

    def accepted(self, attempt: Attempt) -> Result:
        reply = attempt.reply
        if self.listener is not None:
            self.listener.end(attempt.message if self.validator is None else attempt.value)
        return Result(
            message=attempt.message,
            value=attempt.value,
            images=list(reply.images) or None if reply is not None else None,
            audio=reply.audio if reply is not None else None,
            attempts=self.records,
            learned=self.learned_now,
        )

    def may_ask(self) -> bool:
        return (
            self.requests_left > 0
            and not (self.listener is not None and self.listener.is_committed)
            and len(self.given_up) < len(self.candidates)
            and time.monotonic() + self.pause < self.deadline
        )

    @property
    def requests_left(self) -> int:
        # Who starts once more has one request, whatever the start before used up.
        most = max(self.task.configuration.max_attempts - self.before, 1)
        return most - len(self.attempts)

    def may_ask_again(self) -> bool:
        """Tell whether one candidate may be asked once more, and each that was not asked yet still be asked."""
        unasked = len(self.candidates) - len(self.asked | self.given_up)
        return self.may_ask() and self.requests_left > unasked

    async def converse(self, index: int, candidate: Candidate) -> Attempt:
        """Ask one candidate, at most once more with what was wrong and at most once more after a failure."""
        self.asked.add(index)
        plan = self.first_plan(candidate)
        may_repair, may_retry = True, index not in self.put_off
        self.pause = max(0.0, self.put_off.pop(index, 0.0) - time.monotonic())
        while True:
            attempt = await self.attempt(plan)
            if attempt.is_accepted or not self.may_ask():
                return attempt
            if isinstance(attempt.error, SchemaRejected) and self.strategies.downgrade(candidate, str(attempt.error)):
                plan = self.first_plan(candidate)
            elif attempt.answer_text is not None and may_repair:
                may_repair = False
                plan = self.repair_plan(plan, attempt)
            elif attempt.error is not None and may_retry and self.can_retry(attempt.error):
                may_retry = False
            else:
                if not attempt.can_come_again:
                    self.given_up.add(index)
                return attempt
            if not self.may_ask_again():
                # Its turn comes again if requests are left when the others have been asked.
                if not may_retry:
                    self.put_off[index] = time.monotonic() + self.pause
                self.pause = 0.0
                return attempt

    def can_retry(self, error: ProviderError) -> bool:
        """Tell whether to ask the same candidate again, and set the pause before that."""
        if not error.can_retry:
            return False
        pause = self.pause_after(error)
        # Another candidate is at hand sooner than a long wait ends.
        longest = 5.0 if len(self.candidates) - len(self.given_up) > 1 else LONGEST_PAUSE_SECONDS
        if pause > longest or time.monotonic() + pause >= self.deadline:
            return False
        self.pause = pause
        return True

    def pause_after(self, error: ProviderError) -> float:
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds
        most = BACKOFF_SECONDS[min(self.retries, len(BACKOFF_SECONDS) - 1)]
        self.retries += 1
        return random.uniform(0, most)

    def first_plan(self, candidate: Candidate) -> Plan:
        strategy, wire, notes = self.strategies.choose(candidate)
        messages = self.messages(candidate, strategy, wire)
        wants = wanted_of(self.task, candidate)
        return Plan(candidate, strategy, messages, wire, (*candidate.notes, *self.left_out, *notes), wants=wants)

    def messages(self, candidate: Candidate, strategy: Strategy, wire: Wire | None) -> tuple[Message, ...]:
        return messages_for(
            self.task,
            strategy=strategy,
            wire=wire,
            is_schema_shown=candidate.provider.shows_schemas,
            wants=wanted_of(self.task, candidate),
        )

    def repair_plan(self, plan: Plan, attempt: Attempt) -> Plan:
        first = self.messages(plan.candidate, plan.strategy, plan.wire)
        messages = with_repair(first, attempt.answer_text or "", attempt.problems)
        return Plan(plan.candidate, plan.strategy, messages, plan.wire, plan.notes, is_repair=True, wants=plan.wants)

    async def attempt(self, plan: Plan) -> Attempt:
        waited = self.pause
        self.pause = 0.0
        if waited:
            await self.sleep(waited)
        number, started_at = self.before + len(self.attempts) + 1, datetime.now(UTC)
        listener = self.listener if plan.wants == "text" else None
        if listener is not None:
            listener.begin(is_live=plan.wire is None or plan.wire.codec.keeps_paths)
        if self.on_ask is not None:
            await self.on_ask(stopped_record(plan, number, started_at, waited * 1000))
        try:
            attempt = await ask(
                plan,
                number=number,
                validator=self.validator,
                waited_ms=waited * 1000,
                timeout_seconds=max(0.05, min(self.timeout_seconds, self.deadline - time.monotonic())),
                listener=listener,
            )
        except asyncio.CancelledError:
            if self.on_attempt is not None:
                heard = listener.heard_so_far if listener is not None else None
                record = stopped_record(plan, number, started_at, waited * 1000, heard() if heard else None)
                await asyncio.shield(self.on_attempt(record))
            raise
        self.attempts.append(attempt)
        if self.on_attempt is not None and not attempt.is_accepted:
            await self.on_attempt(attempt.record)
        return attempt


def wanted_of(task: Task, candidate: Candidate) -> Wanted:
    """Return what is to come back: what the configuration says, else what a model of this name gives."""
    if task.configuration.wants:
        return task.configuration.wants
    return "text" if task.output_schema is not None else media_kind(candidate.model)


def _without_broken_examples(task: Task) -> tuple[Task, tuple[str, ...]]:
    """Return the task without examples whose media cannot be shown, and a note on each of these."""
    fitting: list[Example] = []
    notes: list[str] = []
    for number, example in enumerate(task.examples, 1):
        try:
            split(example.input, task.input_schema)
        except InvalidMedia as problem:
            # It may have been kept long ago: that is no reason for a call to fail.
            notes.append(f"example {number} was left out: {problem}")
        else:
            fitting.append(example)
    return (replace(task, examples=tuple(fitting)), tuple(notes)) if notes else (task, ())


def _window_of(candidate: Candidate) -> int:
    found = listed_model(candidate.provider.name, candidate.model, candidate.provider.base_url)
    return (found.context_window if found is not None else None) or 0
