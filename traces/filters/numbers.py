"""Numbers as people write them in a filter ⇄ numbers: 2s, 1.5k, $0.01. What is no such number raises ValueError."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite

from opperweb.pages import display

_UNITS_MS = {"ms": 1, "": 1000, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}


def milliseconds(text: str) -> float:
    """Read a duration; without a unit they are seconds."""
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)", text.lower(), re.ASCII)
    if not parts or parts[2] not in _UNITS_MS:
        raise ValueError(text)
    return float(parts[1]) * _UNITS_MS[parts[2]]


def milliseconds_shown(milliseconds: float) -> str:
    """Return a duration as people would write it: 800 ms, 2 s, 2.5 s."""
    if milliseconds >= 60_000:
        return display.duration(milliseconds)
    unit, number = ("s", milliseconds / 1000) if milliseconds >= 1000 else ("ms", milliseconds)
    return f"{number:g}{display.NARROW}{unit}"


def whole(text: str) -> int:
    """Read a whole number from zero on, with k and m for thousands and millions."""
    parts = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)([km]?)", text.lower().replace("_", ""), re.ASCII)
    if not parts:
        raise ValueError(text)
    number = Decimal(parts[1]) * {"": 1, "k": 1000, "m": 1_000_000}[parts[2]]
    if number != int(number):
        raise ValueError(text)
    return int(number)


def dollars(text: str) -> Decimal:
    """Read an amount of US dollars."""
    if not re.fullmatch(r"\$?\d{0,9}(\.\d{1,10})?", text, re.ASCII) or text in ("", "$"):
        raise ValueError(text)
    return Decimal(text.removeprefix("$"))


def dollars_shown(usd: Decimal) -> str:
    return f"${usd:f}"


def any_number(text: str) -> float:
    """Read any finite number, of either sign."""
    if not re.fullmatch(r"-?\d{0,20}(\.\d{1,20})?(e[+-]?\d{1,3})?", text.lower(), re.ASCII):
        raise ValueError(text)
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number
