"""Tokens as servers of OpenAI's dialect report them, each in its own way, brought into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from functions.providers.chat import Usage

MOST_TOKENS = 2_000_000_000
MOST_USD = Decimal(1_000_000)


def usage_of(value: Any) -> tuple[Usage, list[str]]:
    """Return the tokens, inclusive as `Usage` has them, and notes on what made no sense; missing is None, never 0."""
    if not isinstance(value, dict):
        return Usage(), []
    details = _object(value, "prompt_tokens_details") or _object(value, "prompt_token_details")
    given = _count(value.get("prompt_tokens"))
    cached = _first(details.get("cached_tokens"), _more_cached(value))
    written = _first(details.get("cache_write_tokens"))
    said = _count(value.get("completion_tokens"))
    reasoning = _first(_object(value, "completion_tokens_details").get("reasoning_tokens"))
    # xAI leaves the cached ones out of the prompt's where there are more of them.
    tokens_in = given + cached if given is not None and cached is not None and cached > given else given
    tokens_out = said
    if said is not None and reasoning and _stands_beside(value, given, said, reasoning):
        tokens_out = said + reasoning
    notes = []
    if cached is not None and tokens_in is None:
        cached = None
    if written is not None and (tokens_in is None or (cached or 0) + written > tokens_in):
        written = None
        notes.append("the provider reports more tokens written to its cache than there were; they are left out")
    if reasoning is not None and tokens_out is None:
        reasoning = None
    return Usage(tokens_in, cached, written, tokens_out, reasoning), notes


def reported_cost_of(value: Any) -> Decimal | None:
    """Return what the provider itself says the request cost, in US dollars."""
    cost = value.get("cost") if isinstance(value, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, int | float | str):
        return None
    try:
        amount = Decimal(str(cost)[:40])
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < MOST_USD else None


def _stands_beside(value: dict[str, Any], given: int | None, said: int, reasoning: int) -> bool:
    """Tell whether reasoning is counted beside the completion instead of inside: the total gives it away."""
    return reasoning > said or _count(value.get("total_tokens")) == (given or 0) + said + reasoning


def _more_cached(value: dict[str, Any]) -> Iterator[Any]:
    # DeepSeek's, Mistral's and Moonshot's names.
    for name in ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens"):
        yield value.get(name)


def _first(value: Any, more: Iterable[Any] = ()) -> int | None:
    for candidate in (value, *more):
        count = _count(candidate)
        if count is not None:
            return count
    return None


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None
