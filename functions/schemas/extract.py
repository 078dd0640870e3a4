"""The JSON in a reply: as it is, in a fence, between words, with small mistakes, or with its last brackets missing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any

from functions.schemas.loose import LooseReader, NotJson
from opperweb import json

FENCE = re.compile(r"```[ \t]*([A-Za-z0-9_+-]*)[ \t]*\r?\n(.*?)(?:\r?\n[ \t]*```|\Z)", re.DOTALL)
THINKING = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)
OPENING = re.compile(r"[{\[]")
BEYOND = re.compile(r"[eE]\+?\d{3}")
LARGE = re.compile(r"-?\d{1,400}(?:\.\d{1,400})?[eE]\+?\d{3,20}")
MOST_FOUND = 8
MOST_STARTS = 64
# Longer replies are read as they are, or not at all: looking around in them would take too long.
LONGEST_SEARCHED = 2_000_000


@dataclass(frozen=True)
class Found:
    """A value that a reply holds, and what had to be done to read it."""

    value: Any
    notes: tuple[str, ...] = ()


def json_in(text: str, *, is_complete: bool = True) -> list[Found]:
    """Return the JSON values of a reply, the likeliest first; empty where there is none."""
    text = text.strip().removeprefix("\ufeff")
    whole = _as_is(text)
    if whole is not None:
        return [whole]
    if len(text) > LONGEST_SEARCHED:
        return []
    found: list[Found] = []
    for each in _searched(text, is_complete):
        if all(each.value != other.value for other in found):
            found.append(each)
        if len(found) == MOST_FOUND:
            break
    return found


def beyond_a_double(text: str) -> str | None:
    """Return the first number in a text that is too large to keep, or None."""
    numbers = (each[0] for each in LARGE.finditer(text))
    return next((number for number in numbers if math.isinf(float(number))), None)


def _as_is(text: str) -> Found | None:
    try:
        value = json.loads(text)
        # Where a number is beyond a double it is infinity by now, which no JSON can say.
        if BEYOND.search(text):
            DECODER.decode(text)
        return Found(value)
    except (ValueError, RecursionError):
        return None


def _searched(text: str, is_complete: bool) -> Iterator[Found]:
    rest = THINKING.sub("", text, count=1)
    notes: tuple[str, ...] = ()
    if len(rest) != len(text):
        notes = ("Thoughts before the answer left out",)
        if (whole := _as_is(rest.strip())) is not None:
            yield Found(whole.value, notes)
            return
    for fence in FENCE.finditer(rest):
        if found := _in_fence(fence[2].strip(), is_complete):
            yield Found(found.value, (*notes, "Read from a fenced block", *found.notes))
    yield from _between_words(rest, is_complete, notes)


def _in_fence(text: str, is_complete: bool) -> Found | None:
    return _as_is(text) or _loosely(text, 0, is_complete, is_whole=True)[0]


def _between_words(text: str, is_complete: bool, notes: tuple[str, ...]) -> Iterator[Found]:
    place = starts = 0
    while starts < MOST_STARTS and (opening := OPENING.search(text, place)):
        starts += 1
        start = opening.start()
        found, end = _strictly(text, start)
        if found is None:
            found, end = _loosely(text, start, is_complete, is_whole=False)
        if found is not None:
            is_alone = not text[:start].strip() and not text[end:].strip()
            words = () if is_alone else ("Words around the JSON left out",)
            yield Found(found.value, (*notes, *words, *found.notes))
        place = end if found is not None else start + 1


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is a number too large to keep")
    return number


DECODER = JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _strictly(text: str, start: int) -> tuple[Found | None, int]:
    try:
        value, end = DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start
    return Found(value), end


def _loosely(text: str, start: int, is_complete: bool, *, is_whole: bool) -> tuple[Found | None, int]:
    reader = LooseReader(text, start, closes=is_complete)
    try:
        value = reader.read()
    except NotJson:
        return None, start
    if is_whole and text[reader.end :].strip():
        return None, start
    # A bracket in a sentence, [sic], is not a list that somebody forgot to close.
    if "open brackets closed" in reader.repairs and not value:
        return None, start
    return Found(value, tuple(f"Repaired: {repair}" for repair in reader.repairs)), reader.end
