"""Tokens as servers of OpenAI's dialect report them, each in its own way, brought into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from functions.providers.chat import Usage

MOST_TOKENS = 2_000_000_000
MOST_USD = Decimal(1_000_000)


def usage_of(value: Any, *, counts_reasoning_apart: bool = False) -> tuple[Usage, list[str]]:
    """Return the tokens, inclusive as `Usage` has them, and notes on what made no sense; missing is None, never 0."""
    if not isinstance(value, dict):
        return Usage(), []
    details = _details(value, "prompt", "input")
    details_out = _details(value, "completion", "output")
    given = _first(value.get("prompt_tokens"), (value.get("input_tokens"),))
    cached = _first(details.get("cached_tokens"), _more_cached(value))
    written = _first(details.get("cache_write_tokens"))
    said = _first(value.get("completion_tokens"), (value.get("output_tokens"),))
    reasoning = _first(details_out.get("reasoning_tokens"))
    # xAI leaves the cached ones out of the prompt's where there are more of them.
    tokens_in = given + cached if given is not None and cached is not None and cached > given else given
    tokens_out = said
    if said is not None and reasoning and _stands_beside(value, given, said, reasoning, counts_reasoning_apart):
        tokens_out = said + reasoning
    notes = []
    if cached is not None and tokens_in is None:
        cached = None
    if written is not None and (tokens_in is None or (cached or 0) + written > tokens_in):
        written = None
        notes.append("the provider reports more tokens written to its cache than there were; they are left out")
    if reasoning is not None and tokens_out is None:
        reasoning = None
    usage = Usage(tokens_in, cached, written, tokens_out, reasoning, **_media_tokens(details, details_out))
    return usage, notes


def image_usage_of(value: Any) -> Usage:
    """Return the tokens of an answer of the images endpoint, where all that comes out is pictures."""
    usage, _ = usage_of(value)
    if usage.output_image_tokens is None:
        usage = replace(usage, output_image_tokens=usage.output_tokens)
    return usage


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


def _stands_beside(value: dict[str, Any], given: int | None, said: int, reasoning: int, is_usual: bool) -> bool:
    """Tell whether reasoning is counted beside the completion instead of inside: the total gives it away."""
    total = _count(value.get("total_tokens"))
    if reasoning > said or total == (given or 0) + said + reasoning:
        return True
    return is_usual and total != (given or 0) + said


def _media_tokens(details: dict[str, Any], details_out: dict[str, Any]) -> dict[str, int | None]:
    return {
        "input_audio_tokens": _count(details.get("audio_tokens")),
        "input_image_tokens": _count(details.get("image_tokens")),
        "cached_audio_tokens": _count(_object(details, "cached_tokens_details").get("audio_tokens")),
        "output_audio_tokens": _count(details_out.get("audio_tokens")),
        "output_image_tokens": _count(details_out.get("image_tokens")),
    }


def _details(value: dict[str, Any], *sides: str) -> dict[str, Any]:
    """Return the parts of one side's tokens, by one of the names that servers have for them."""
    names = (f"{side}_{tokens}_details" for side in sides for tokens in ("tokens", "token"))
    return next((found for name in names if (found := _object(value, name))), {})


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
