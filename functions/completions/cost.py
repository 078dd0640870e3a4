"""What an attempt costs: its tokens by kind × the price of each kind, line by line.

A price nobody knows is None, and so is the cost: never 0 by default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from functions.providers.chat import Usage

PER = "1M tokens"
MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.0000000001")
# Kinds of tokens, and the kind whose price holds where one has none of its own.
PRICED_AS = {
    "input": "",
    "cached": "input",
    "cached_audio": "cached",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "input_audio": "input",
    "input_image": "input",
    "output": "",
    "output_audio": "output",
    "output_image": "output",
}
KINDS = tuple(PRICED_AS)

Figures = Mapping[str, Decimal]


@dataclass(frozen=True)
class Line:
    """One kind of tokens of one attempt: how many, at which price for a million, and what that comes to."""

    kind: str
    tokens: int
    price: Decimal | None
    cost_usd: Decimal | None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "tokens": self.tokens,
            "price": text_of(self.price),
            "cost_usd": text_of(self.cost_usd),
        }


@dataclass(frozen=True)
class Price:
    """What a model costs at a time, by kind of tokens, in US dollars per million; and who says so since when."""

    model: str
    figures: Figures
    source: str
    date: str

    def lines(self, usage: Usage) -> list[Line]:
        """Return a line for each kind of tokens there is any of."""
        return [self._line(kind, tokens) for kind, tokens in tokens_by_kind(usage).items() if tokens]

    def cost_of(self, usage: Usage) -> Decimal | None:
        """Return the cost in US dollars; None where the tokens or one of their prices are not known."""
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        costs = [line.cost_usd for line in self.lines(usage)]
        known = [cost for cost in costs if cost is not None]
        # As it is kept: the sum over attempts must be the sum of what stands beside each of them.
        return sum(known, Decimal(0)).quantize(SMALLEST) if len(known) == len(costs) else None

    def as_json(self, usage: Usage | None = None) -> dict[str, Any]:
        """Return what is kept beside an attempt: the figures, and the receipt's lines for its usage."""
        shown = {kind: text_of(self.figures.get(kind)) for kind in ("input", "cached", "output")}
        more = {kind: text_of(self.figures[kind]) for kind in KINDS if kind in self.figures and kind not in shown}
        origin = {"source": self.source, "date": self.date, "per": PER}
        lines = {"lines": [line.as_json() for line in self.lines(usage)]} if usage is not None else {}
        return {"model": self.model, **shown, **more, **origin, **lines}

    def _line(self, kind: str, tokens: int) -> Line:
        price = self._price_of(kind)
        return Line(kind, tokens, price, None if price is None else tokens * price / MILLION)

    def _price_of(self, kind: str) -> Decimal | None:
        while kind and kind not in self.figures:
            kind = PRICED_AS[kind]
        return self.figures[kind] if kind else None


def tokens_by_kind(usage: Usage) -> dict[str, int]:
    """Return the tokens so that each is counted once, whatever the usage has inside what.

    Numbers that contradict each other are cut so that the kinds never come to more than input and output together.
    """
    found: dict[str, int] = {}
    found.update(_split("input", usage.input_tokens, _input_parts(usage)))
    found.update(_split("output", usage.output_tokens, _output_parts(usage)))
    return found


def _input_parts(usage: Usage) -> Iterator[tuple[str, int]]:
    cached, cached_audio = usage.cached_tokens or 0, usage.cached_audio_tokens or 0
    written, hour = usage.cache_write_tokens or 0, usage.cache_write_1h_tokens or 0
    yield "cached_audio", min(cached_audio, cached)
    yield "cached", max(0, cached - cached_audio)
    yield "cache_write_1h", min(hour, written)
    yield "cache_write", max(0, written - hour)
    yield "input_audio", max(0, (usage.input_audio_tokens or 0) - cached_audio)
    yield "input_image", usage.input_image_tokens or 0


def _output_parts(usage: Usage) -> Iterator[tuple[str, int]]:
    yield "output_audio", usage.output_audio_tokens or 0
    yield "output_image", usage.output_image_tokens or 0


def _split(whole: str, tokens: int | None, parts: Iterator[tuple[str, int]]) -> dict[str, int]:
    left = tokens or 0
    found = {}
    for kind, count in parts:
        found[kind] = min(count, left)
        left -= found[kind]
    return {whole: left, **found}


def text_of(figure: Decimal | None) -> str | None:
    """Return a figure without an exponent and without zeros at its end."""
    return None if figure is None else f"{figure.normalize():f}"
