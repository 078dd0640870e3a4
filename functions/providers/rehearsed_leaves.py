"""Texts and numbers that fit a JSON Schema, made of the words and the numbers of an input."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil, floor
from typing import Any

from functions.providers.input_words import Words
from functions.providers.joined_schemas import bounds
from functions.providers.patterns import matching

FORMATS = {
    "date-time": ("2026-01-01T12:00:00Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"),
    "date": ("2026-01-01", r"\b\d{4}-\d\d-\d\d\b"),
    "time": ("12:00:00Z", r"\b\d\d:\d\d:\d\dZ"),
    "duration": ("P1D", r"\bP\d+[DWMY]\b"),
    "email": ("someone@example.com", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "idn-email": ("someone@example.com", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "uri": ("https://example.com/", r"https?://[^\s\"'<>,]+"),
    "iri": ("https://example.com/", r"https?://[^\s\"'<>,]+"),
    "url": ("https://example.com/", r"https?://[^\s\"'<>,]+"),
    "uri-reference": ("/example", r"https?://[^\s\"'<>,]+"),
    "iri-reference": ("/example", r"https?://[^\s\"'<>,]+"),
    "uri-template": ("/example/{id}", r"$^"),
    "uuid": ("00000000-0000-4000-8000-000000000000", r"\b[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\b"),
    "hostname": ("example.com", r"$^"),
    "idn-hostname": ("example.com", r"$^"),
    "ipv4": ("192.0.2.1", r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
    "ipv6": ("2001:db8::1", r"$^"),
    "json-pointer": ("/example", r"$^"),
    "relative-json-pointer": ("0", r"$^"),
    "regex": ("^.*$", r"$^"),
}


def text_for(schema: dict[str, Any], key: str, words: Words, variation: int) -> str:
    """Return a text that fits, of the words in turn or of the ones that were heard by this key."""
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    most = None if most is None else int(most)
    text = words.next(key)
    if isinstance(pattern := schema.get("pattern"), str):
        candidates = [*matching(pattern, text, least=least, most=most), *_given(schema)]
        if candidates:
            return candidates[variation % len(candidates)]
    known = FORMATS.get(str(schema.get("format")))
    if known:
        found = re.findall(known[1], words.text)
        return found[0] if found and variation == 0 else known[0]
    while 0 < len(text) < least <= 1_000_000:
        text = f"{text} {text}"
    if most is not None and len(text) > most:
        text = text[:most]
        # Better a whole word less than half a word.
        whole = text.rpartition(" ")[0]
        text = whole if len(whole) >= max(least, most // 2) else text
    return text.rstrip() if len(text.rstrip()) >= least else text


def number_for(schema: dict[str, Any], words: Words, variation: int, *, is_whole: bool) -> int | float:
    """Return a number that fits, one of the input where that is possible."""
    step = schema.get("multipleOf") or (1 if is_whole else None)
    step = Fraction(str(step)) if step else None
    if is_whole and step and step.denominator != 1:
        step = Fraction(step.numerator)
    low, high = bounds(schema, step)
    heard = words.next_number()
    wanted = Fraction(str(heard)) if heard is not None and variation % 2 == 0 else low
    number = wanted if wanted is not None else Fraction(1) if low is None and (high is None or high >= 1) else high
    number = number if number is not None else Fraction(0)
    number = max(number, low) if low is not None else number
    number = min(number, high) if high is not None else number
    if not is_whole and not step and variation % 2:
        # A fraction fits where a whole number would fit another branch as well.
        number += Fraction(1, 2) if high is None or number + Fraction(1, 2) <= high else 0
    if step:
        number = ceil(number / step) * step
        number = floor(high / step) * step if high is not None and number > high else number
    return int(number) if number.denominator == 1 else float(number)


def _given(schema: dict[str, Any]) -> list[str]:
    examples = schema.get("examples")
    values = [*(examples if isinstance(examples, list) else ()), schema.get("default")]
    return [value for value in values if isinstance(value, str)]
