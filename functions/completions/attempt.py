"""One candidate, one request: ask, read the answer, check it, and tell what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any

from functions.completions.candidates import Candidate
from functions.completions.listening import Listener
from functions.completions.prices import load_prices
from functions.completions.structured import read_answer
from functions.providers.adapter import Exchange
from functions.providers.chat import ChatReply, ChatRequest, Message, Strategy, Usage, Wanted
from functions.providers.errors import AnswerRejected, ProviderError
from functions.schemas.dialects import IDENTITY, Wire
from functions.schemas.problems import Problem
from functions.schemas.validator import Validator
from functions.task import AttemptRecord

SHORTENED = 200
MAX_MESSAGE = 1000
LONG_ANSWER = 100_000
# What the built-in stand-in costs, and why it may say so: nobody is asked.
FREE = {"source": "built in", "input": "0", "output": "0", "per": "1M tokens"}


@dataclass(frozen=True)
class Plan:
    """How a candidate is asked: with which strategy, in which words, with what on the wire."""

    candidate: Candidate
    strategy: Strategy
    messages: tuple[Message, ...]
    wire: Wire | None = None
    notes: tuple[str, ...] = ()
    is_repair: bool = False
    wants: Wanted = "text"


@dataclass(frozen=True)
class Attempt:
    """What came of one request: its record, and the answer or the reason why there is none."""

    record: AttemptRecord
    message: str | None = None
    value: Any = None
    reply: ChatReply | None = None
    # What the model said, where that is an answer that can be put right.
    answer_text: str | None = None
    problems: tuple[Problem, ...] = ()
    error: ProviderError | None = None

    @property
    def is_accepted(self) -> bool:
        return self.record.outcome == "accepted"

    @property
    def can_come_again(self) -> bool:
        """Tell whether the model answered, if not well: in a clean conversation it may do better."""
        return self.answer_text is not None or (self.reply is not None and self.reply.finish_reason != "refused")


async def ask(
    plan: Plan,
    *,
    number: int,
    validator: Validator | None,
    waited_ms: float,
    timeout_seconds: float,
    listener: Listener | None = None,
) -> Attempt:
    """Send one request and judge its answer; a listener hears it as it comes. Raises nothing but CancelledError."""
    started_at = datetime.now(UTC)
    candidate = plan.candidate
    chat = ChatRequest(
        model=candidate.model,
        messages=plan.messages,
        options=candidate.options,
        extra_headers=candidate.extra_headers,
        strategy=plan.strategy,
        schema=plan.wire.schema if plan.wire is not None else None,
        is_strict=plan.strategy in ("native", "tool"),
        attempt_number=number,
        wants=plan.wants,
        is_streamed=listener is not None,
    )
    exchange = await _exchange(candidate, chat, timeout_seconds, listener)
    if candidate.provider.kind != "rehearsal" and not _load_prices_once.cache_info().currsize:
        await asyncio.to_thread(_load_prices_once)
    judge = partial(
        _judged, plan, exchange, number=number, validator=validator, waited_ms=waited_ms, started_at=started_at
    )
    # A long answer takes so long to read that others would wait for it on the event loop.
    if exchange.reply is not None and len(exchange.reply.text or "") > LONG_ANSWER:
        return await asyncio.to_thread(judge)
    return judge()


async def _exchange(
    candidate: Candidate, chat: ChatRequest, timeout_seconds: float, listener: Listener | None
) -> Exchange:
    if listener is None:
        return await candidate.provider.ask(chat, timeout_seconds=timeout_seconds)
    async with candidate.provider.stream(chat, timeout_seconds=timeout_seconds) as stream:
        listener.heard_so_far = stream.exchange
        async for delta in stream:
            listener.hear(delta)
        return stream.exchange()


@cache
def _load_prices_once() -> None:
    load_prices()


def stopped_record(
    plan: Plan, number: int, started_at: datetime, waited_ms: float, exchange: Exchange | None = None
) -> AttemptRecord:
    """Return the record of a request that was cut off from our side, with what had come of its stream by then."""
    record = AttemptRecord(
        number=number,
        outcome="stopped",
        requested_model=plan.candidate.name,
        provider=plan.candidate.provider.name,
        started_at=started_at,
        strategy=plan.strategy,
        is_repair=plan.is_repair,
        waited_ms=waited_ms,
        notes=list(plan.notes),
        messages=[message.as_json() for message in plan.messages],
    )
    if exchange is not None:
        record = _record(plan, exchange, number=number, waited_ms=waited_ms, started_at=started_at)
    return _with(
        record,
        outcome="stopped",
        error_kind="stopped",
        error_message="The caller left or the server stopped before the answer",
        duration_ms=(datetime.now(UTC) - started_at).total_seconds() * 1000,
    )


def _judged(
    plan: Plan,
    exchange: Exchange,
    *,
    number: int,
    validator: Validator | None,
    waited_ms: float,
    started_at: datetime,
) -> Attempt:
    reply = exchange.reply
    base = _record(plan, exchange, number=number, waited_ms=waited_ms, started_at=started_at)
    if exchange.error is not None:
        return _failed(base, exchange.error, validator)
    fault = _fault_of(reply)
    if fault is not None:
        kind, message = fault
        error = ProviderError(message)
        record = _with(base, outcome="failed", error_kind=kind, error_message=message[:MAX_MESSAGE])
        return Attempt(record, reply=reply, error=error)
    if reply is None or validator is None:
        return Attempt(_with(base, outcome="accepted"), message=reply.text if reply else None, reply=reply)
    return _read(base, reply, reply.text or "", plan, validator)


def _read(base: AttemptRecord, reply: ChatReply | None, text: str, plan: Plan, validator: Validator) -> Attempt:
    codec = plan.wire.codec if plan.wire is not None else IDENTITY
    is_complete = reply is None or reply.finish_reason == "stop"
    reading = read_answer(text, validator, codec, is_complete=is_complete)
    notes = [*base.notes, *reading.notes]
    if reading.problems:
        record = _with(
            base,
            outcome="rejected",
            error_kind="json" if reading.problems[0].rule == "json" else "schema",
            error_message=_sentence(reading.problems),
            problems=[_problem_json(problem) for problem in reading.problems],
            notes=notes,
        )
        return Attempt(record, reply=reply, answer_text=text, problems=tuple(reading.problems))
    return Attempt(_with(base, outcome="accepted", notes=notes), value=reading.value, reply=reply)


def _failed(base: AttemptRecord, error: ProviderError, validator: Validator | None) -> Attempt:
    record = _with(base, outcome="failed", error_kind=error.kind, error_message=str(error)[:MAX_MESSAGE])
    # Some hosts refuse an answer of their own that missed the schema, and hand it over: it can be put right.
    text = error.failed_text if isinstance(error, AnswerRejected) and validator is not None else None
    return Attempt(record, answer_text=text, error=error)


def _fault_of(reply: ChatReply | None) -> tuple[str, str] | None:
    """Return (kind, message) of a reply that is no answer, although it came with HTTP 200."""
    if reply is None:
        return "bad_reply", "The provider sent no reply"
    if reply.finish_reason == "refused":
        return "content_policy", reply.refusal or "The provider's filter stopped the answer"
    if reply.finish_reason == "length":
        return "length", "The answer was cut off at the token limit"
    if reply.finish_reason == "failed":
        return "bad_reply", f"The provider ended the answer with {reply.raw_finish_reason or 'no reason'}"
    if not (reply.text or "").strip() and not reply.images and not reply.audio:
        return "empty", "The answer was empty"
    return None


def _record(plan: Plan, exchange: Exchange, *, number: int, waited_ms: float, started_at: datetime) -> AttemptRecord:
    reply = exchange.reply
    usage = reply.usage if reply is not None else Usage()
    price, cost_usd = _cost(plan.candidate, reply, usage, started_at)
    return AttemptRecord(
        number=number,
        outcome="failed",
        requested_model=plan.candidate.name,
        provider=plan.candidate.provider.name,
        started_at=started_at,
        model=(reply.model if reply is not None else "")[:255],
        strategy=plan.strategy,
        is_repair=plan.is_repair,
        http_status=exchange.http_status,
        finish_reason=(reply.raw_finish_reason or reply.finish_reason)[:40] if reply is not None else "",
        request_id=(reply.request_id if reply is not None else "")[:120],
        waited_ms=waited_ms,
        queue_ms=exchange.queue_ms,
        first_byte_ms=exchange.first_byte_ms,
        first_token_ms=exchange.first_token_ms,
        duration_ms=exchange.duration_ms,
        usage=usage,
        cost_usd=cost_usd,
        reported_cost_usd=reply.reported_cost_usd if reply is not None else None,
        price=price,
        notes=[*plan.notes, *exchange.notes, *(reply.notes if reply is not None else ())],
        messages=[message.as_json() for message in plan.messages],
        method=exchange.method,
        url=exchange.url,
        request_headers=dict(exchange.request_headers),
        request_body=exchange.request_body,
        response_headers=dict(exchange.response_headers),
        response_body=exchange.response_body,
        chunk_ms=[list(chunk) for chunk in exchange.chunk_ms] if exchange.chunk_ms else None,
    )


def _cost(
    candidate: Candidate, reply: ChatReply | None, usage: Usage, at: datetime
) -> tuple[dict[str, Any] | None, Decimal | None]:
    """Return the price row and the cost; None where no price or no usage is known, which is not 0."""
    if candidate.provider.kind == "rehearsal":
        return dict(FREE), Decimal(0)
    served = reply.model if reply is not None else ""
    price = candidate.price_at(at, served=served, input_tokens=usage.input_tokens or 0)
    if price is None:
        return None, None
    return price.as_json(usage if usage.is_known else None), price.cost_of(usage) if usage.is_known else None


def _with(record: AttemptRecord, **changes: Any) -> AttemptRecord:
    return AttemptRecord(**{**record.__dict__, **changes})


def _sentence(problems: Sequence[Problem]) -> str:
    first = f"{problems[0].where or 'The answer'} {problems[0].message}"
    more = len(problems) - 1
    return (first if not more else f"{first}, and {more} more")[:MAX_MESSAGE]


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.where,
        "rule": problem.rule,
        "message": problem.message,
        "expected": _short(problem.expected),
        "value": _short(problem.value),
    }


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= SHORTENED else value[:SHORTENED] + "…"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return text if len(text) <= SHORTENED else text[:SHORTENED] + "…"
