"""What eight vendors say they used, and what it costs to ten decimals: each sum worked out by hand beside it.

The answers go through the adapters, so that each vendor's own way of counting is part of what is tested. Prices are
US dollars for a million tokens, made up for the test, so that no new price list changes a result.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from functions.completions.cost import Price
from functions.providers.adapter import Adapter
from functions.providers.anthropic import Anthropic
from functions.providers.chat import ChatReply
from functions.providers.gemini import Gemini
from functions.providers.openai import OpenAI
from functions.providers.openai_usage import image_usage_of

TEN_DECIMALS = Decimal("0.0000000001")


class Fixture(NamedTuple):
    adapter: Adapter
    usage: dict[str, Any]
    prices: dict[str, str]
    cost: str
    reported: str | None = None


FIXTURES = {
    # 36 × 2.50 + 1,920 × 1.25 cached + 50 × 40 audio in + 280 × 10 (192 of them reasoning) + 20 × 80 audio out
    #   = 90 + 2,400 + 2,000 + 2,800 + 1,600 = 8,890
    "openai": Fixture(
        OpenAI("openai", "https://api.openai.com/v1"),
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 50},
            "completion_tokens_details": {"reasoning_tokens": 192, "audio_tokens": 20},
        },
        {"input": "2.50", "cached": "1.25", "input_audio": "40", "output": "10", "output_audio": "80"},
        "0.0088900000",
    ),
    # 2,048 × 3 + 1,800 × 0.30 read + 456 × 3.75 written for 5 minutes + 100 × 6 for an hour + 503 × 15
    #   = 6,144 + 540 + 1,710 + 600 + 7,545 = 16,539
    "anthropic": Fixture(
        Anthropic("anthropic", "https://api.anthropic.com"),
        {
            "input_tokens": 2048,
            "cache_read_input_tokens": 1800,
            "cache_creation_input_tokens": 556,
            "cache_creation": {"ephemeral_5m_input_tokens": 456, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 503,
        },
        {"input": "3", "cached": "0.30", "cache_write": "3.75", "cache_write_1h": "6", "output": "15"},
        "0.0165390000",
    ),
    # 450 × 0.30 + 100 × 0.30 image + 250 × 1 audio + 150 × 0.03 cached + 50 × 0.10 cached audio + (120 + 80) × 2.50
    #   = 135 + 30 + 250 + 4.5 + 5 + 500 = 924.5
    "gemini": Fixture(
        Gemini("gemini", "https://generativelanguage.googleapis.com"),
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 200,
            "candidatesTokenCount": 120,
            "thoughtsTokenCount": 80,
            "totalTokenCount": 1200,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 600},
                {"modality": "AUDIO", "tokenCount": 300},
                {"modality": "IMAGE", "tokenCount": 100},
            ],
            "cacheTokensDetails": [
                {"modality": "TEXT", "tokenCount": 150},
                {"modality": "AUDIO", "tokenCount": 50},
            ],
        },
        {"input": "0.30", "input_audio": "1", "cached": "0.03", "cached_audio": "0.10", "output": "2.50"},
        "0.0009245000",
    ),
    # Reasoning stands beside the completion: 36 × 3 + 5 × 0.75 cached + (9 + 314) × 15 = 108 + 3.75 + 4,845 = 4,956.75
    "xai": Fixture(
        OpenAI("xai", "https://api.x.ai/v1"),
        {
            "prompt_tokens": 41,
            "completion_tokens": 9,
            "total_tokens": 364,
            "prompt_tokens_details": {"text_tokens": 41, "cached_tokens": 5, "audio_tokens": 0, "image_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 314},
        },
        {"input": "3", "cached": "0.75", "output": "15"},
        "0.0049567500",
    ),
    # 476 × 0.28 + 1,024 × 0.028 + 700 × 0.42 (450 of them reasoning) = 133.28 + 28.672 + 294 = 455.952
    "deepseek": Fixture(
        OpenAI("deepseek", "https://api.deepseek.com"),
        {
            "prompt_tokens": 1500,
            "completion_tokens": 700,
            "total_tokens": 2200,
            "prompt_cache_hit_tokens": 1024,
            "prompt_cache_miss_tokens": 476,
            "completion_tokens_details": {"reasoning_tokens": 450},
        },
        {"input": "0.28", "cached": "0.028", "output": "0.42"},
        "0.0004559520",
    ),
    # 234 × 0.40 + 1,000 × 0.04 + 321 × 2 = 93.6 + 40 + 642 = 775.6
    "mistral": Fixture(
        OpenAI("mistral", "https://api.mistral.ai/v1"),
        {"prompt_tokens": 1234, "completion_tokens": 321, "total_tokens": 1555, "num_cached_tokens": 1000},
        {"input": "0.40", "cached": "0.04", "output": "2"},
        "0.0007756000",
    ),
    # 388 × 0.60 + 512 × 0.15 + 100 × 2.50 = 232.8 + 76.8 + 250 = 559.6
    "moonshot": Fixture(
        OpenAI("moonshot", "https://api.moonshot.ai/v1"),
        {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000, "cached_tokens": 512},
        {"input": "0.60", "cached": "0.15", "output": "2.50"},
        "0.0005596000",
    ),
    # 1,500 × 1.25 + 1,000 × 0.125 cached + 500 × 1.5625 written + 200 × 10 (100 reasoning) + 200 × 30 image
    #   = 1,875 + 125 + 781.25 + 2,000 + 6,000 = 10,781.25
    "openrouter": Fixture(
        OpenAI("openrouter", "https://openrouter.ai/api/v1"),
        {
            "prompt_tokens": 3000,
            "completion_tokens": 400,
            "total_tokens": 3400,
            "cost": 0.012345,
            "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 500, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 100, "image_tokens": 200},
        },
        {"input": "1.25", "cached": "0.125", "cache_write": "1.5625", "output": "10", "output_image": "30"},
        "0.0107812500",
        "0.012345",
    ),
}


def reply_with(adapter: Adapter, usage: dict[str, Any]) -> ChatReply:
    bodies: dict[str, dict[str, Any]] = {
        "anthropic": {
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "Jupiter"}],
            "stop_reason": "end_turn",
            "usage": usage,
        },
        "gemini": {
            "candidates": [{"content": {"role": "model", "parts": [{"text": "Jupiter"}]}, "finishReason": "STOP"}],
            "usageMetadata": usage,
        },
    }
    choice = {"index": 0, "message": {"role": "assistant", "content": "Jupiter"}, "finish_reason": "stop"}
    body = bodies.get(adapter.dialect, {"model": "m", "choices": [choice], "usage": usage})
    return adapter.reply(200, {"content-type": "application/json"}, json.dumps(body).encode())


def price_of(prices: dict[str, str]) -> Price:
    return Price("m", {kind: Decimal(figure) for kind, figure in prices.items()}, "by hand", "2026-01-01")


@pytest.mark.parametrize("vendor", FIXTURES)
def test_each_vendors_usage_costs_what_was_worked_out_by_hand(vendor: str) -> None:
    fixture = FIXTURES[vendor]
    reply = reply_with(fixture.adapter, fixture.usage)
    price = price_of(fixture.prices)
    cost = price.cost_of(reply.usage)
    assert cost is not None
    assert str(cost.quantize(TEN_DECIMALS)) == fixture.cost
    assert cost == Decimal(fixture.cost)
    assert sum(line.cost_usd or Decimal(0) for line in price.lines(reply.usage)) == cost
    assert reply.reported_cost_usd == (None if fixture.reported is None else Decimal(fixture.reported))


@pytest.mark.parametrize("vendor", FIXTURES)
def test_every_token_is_billed_once(vendor: str) -> None:
    usage = reply_with(FIXTURES[vendor].adapter, FIXTURES[vendor].usage).usage
    lines = price_of({"input": "1", "output": "1"}).lines(usage)
    assert sum(line.tokens for line in lines) == usage.total_tokens


@pytest.mark.parametrize("vendor", FIXTURES)
def test_a_kind_without_a_price_is_not_free(vendor: str) -> None:
    fixture = FIXTURES[vendor]
    usage = reply_with(fixture.adapter, fixture.usage).usage
    without_output = {kind: figure for kind, figure in fixture.prices.items() if not kind.startswith("output")}
    assert price_of(without_output).cost_of(usage) is None


@pytest.mark.parametrize("vendor", FIXTURES)
def test_no_usage_is_no_cost_and_not_nothing(vendor: str) -> None:
    fixture = FIXTURES[vendor]
    assert price_of(fixture.prices).cost_of(reply_with(fixture.adapter, {}).usage) is None


def test_pictures_cost_what_their_tokens_do() -> None:
    # 10 × 5 + 40 × 10 image in + 4,160 × 40 image out = 50 + 400 + 166,400 = 166,850
    details = {"text_tokens": 10, "image_tokens": 40}
    usage = image_usage_of({"input_tokens": 50, "output_tokens": 4160, "input_tokens_details": details})
    price = price_of({"input": "5", "input_image": "10", "output": "20", "output_image": "40"})
    assert price.cost_of(usage) == Decimal("0.1668500000")
