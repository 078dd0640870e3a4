"""complete(task): the candidates in order, an answer checked and put right, until one fits or nothing is left to try.

    candidate ── ask ──▶ accepted: done
                  ├─▶ rejected: once more with what was wrong (a repair), then the next candidate
                  ├─▶ failed, may pass: once more after a pause, then the next candidate
                  └─▶ failed for good: the next candidate, or the end

With the list used up and attempts left it goes round again, each time in a clean conversation. At most
`max_attempts` requests in all, and one deadline for the whole.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from functions.completions.attempt import Attempt, Plan, ask, stopped_record
from functions.completions.candidates import Candidate
from functions.completions.failure import error_for
from functions.completions.strategies import Strategies
from functions.prompts.builder import messages_for, with_repair
from functions.providers.errors import ProviderError, SchemaRejected
from functions.schemas.validator import Validator
from functions.task import AttemptRecord, Result, Task

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
) -> Result:
    """Return the answer to a task or the reason why there is none, with every attempt; raise only CancelledError."""
    run = Run(task, candidates, timeout_seconds, time.monotonic() + deadline_seconds, on_attempt, sleep)
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
    attempts: list[Attempt] = field(default_factory=list)
    given_up: set[int] = field(default_factory=set)
    retries: int = 0
    pause: float = 0.0

    def __post_init__(self) -> None:
        schema = self.task.output_schema
        self.validator = Validator(schema) if schema is not None else None
        self.strategies = Strategies(schema)

    async def result(self) -> Result:
        while self.may_ask():
            for index, candidate in enumerate(self.candidates):
                if index not in self.given_up and self.may_ask():
                    attempt = await self.converse(index, candidate)
                    if attempt.is_accepted:
                        return self.accepted(attempt)
        return Result(attempts=self.records, error=error_for(self.attempts, self.task))

    @property
    def records(self) -> tuple[AttemptRecord, ...]:
        return tuple(attempt.record for attempt in self.attempts)

    def accepted(self, attempt: Attempt) -> Result:
        reply = attempt.reply
        return Result(
            message=attempt.message,
            value=attempt.value,
            images=list(reply.images) or None if reply is not None else None,
            audio=reply.audio if reply is not None else None,
            attempts=self.records,
        )

    def may_ask(self) -> bool:
        return (
            len(self.attempts) < self.task.configuration.max_attempts
            and len(self.given_up) < len(self.candidates)
            and time.monotonic() + self.pause < self.deadline
        )

    async def converse(self, index: int, candidate: Candidate) -> Attempt:
        """Ask one candidate, at most once more with what was wrong and at most once more after a failure."""
        plan = self.first_plan(candidate)
        may_repair = may_retry = True
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
        return Plan(candidate, strategy, messages_for(self.task, strategy=strategy, wire=wire), wire, notes)

    def repair_plan(self, plan: Plan, attempt: Attempt) -> Plan:
        first = messages_for(self.task, strategy=plan.strategy, wire=plan.wire)
        messages = with_repair(first, attempt.answer_text or "", attempt.problems)
        return Plan(plan.candidate, plan.strategy, messages, plan.wire, plan.notes, is_repair=True)

    async def attempt(self, plan: Plan) -> Attempt:
        waited = self.pause
        self.pause = 0.0
        if waited:
            await self.sleep(waited)
        number, started_at = len(self.attempts) + 1, datetime.now(UTC)
        try:
            attempt = await ask(
                plan,
                number=number,
                validator=self.validator,
                waited_ms=waited * 1000,
                timeout_seconds=max(0.05, min(self.timeout_seconds, self.deadline - time.monotonic())),
            )
        except asyncio.CancelledError:
            if self.on_attempt is not None:
                await asyncio.shield(self.on_attempt(stopped_record(plan, number, started_at, waited * 1000)))
            raise
        self.attempts.append(attempt)
        if self.on_attempt is not None and not attempt.is_accepted:
            await self.on_attempt(attempt.record)
        return attempt
