"""What differs between two texts, two lists of lines, two JSON values. The work is bounded, whatever they hold.

Words for texts, lines for settings, fields for JSON. A text that differs too much is compared in larger pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from itertools import accumulate
from typing import Any, Literal

WORDS = re.compile(r"\w+|\s+|[^\w\s]")
SENTENCES = re.compile(r"[^\n]*?(?:[.!?][ \t]+|\n|$)", re.DOTALL)
# Steps of a comparison: less than a second of them. One look at everything may take a few of a hundred of them.
MOST_STEPS = 3_000_000
MOST_STEPS_A_LOOK = MOST_STEPS // 20
MOST_DEPTH = 60
# What two changes have between them is told apart only when it is more than that.
SHORTEST_SAME = 3


@dataclass(frozen=True)
class Piece:
    kind: Literal["same", "removed", "added"]
    text: str


@dataclass(frozen=True)
class FieldChange:
    """A difference of two JSON values. `moved` is another order of the fields of a schema: the names, in order."""

    path: tuple[str | int, ...]
    before: Any
    after: Any
    kind: Literal["changed", "removed", "added", "moved"]


def words(before: str, after: str) -> list[Piece]:
    """Return the pieces of both texts: same and removed make the one, same and added the other."""
    steps = _Steps(MOST_STEPS)
    pieces = _compared(WORDS.findall(before), WORDS.findall(after), steps)
    if pieces is None or steps.left <= 0:
        steps = _Steps(MOST_STEPS)
        larger = _compared(SENTENCES.findall(before), SENTENCES.findall(after), steps) or _whole(before, after)
        pieces = [piece for block in _blocks(larger) for piece in _finer(block, steps)]
    return _tidy(pieces)


def lines(before: str, after: str) -> list[Piece]:
    """Return the lines of both texts, each without its end."""
    steps = _Steps(MOST_STEPS)
    old, new = before.splitlines(), after.splitlines()
    pieces = _compared(old, new, steps, join=None)
    if pieces is not None:
        return pieces
    return [*(Piece("removed", line) for line in old), *(Piece("added", line) for line in new)]


def fields(before: Any, after: Any) -> list[FieldChange]:
    """Return the differences of two JSON values by their paths; an object whose keys only moved has none."""
    return list(_field_changes((), before, after))


# --- texts --------------------------------------------------------------------------------------------------------


class _Steps:
    """How much work a comparison may still take."""

    def __init__(self, left: int) -> None:
        self.left = left


class _Matcher(SequenceMatcher[str]):
    """Finds equal runs; what is left when the steps are used up counts as different."""

    def __init__(self, old: Sequence[str], new: Sequence[str], steps: _Steps) -> None:
        # White space joins equal words, and is never the reason to call two places equal.
        super().__init__(str.isspace, old, new, autojunk=False)
        self.steps = steps
        places: dict[str, list[int]] = getattr(self, "b2j", {})
        self.costs = [0, *accumulate(1 + len(places.get(token, ())) for token in old)]

    @property
    def cost(self) -> int:
        return self.costs[-1]

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        end = len(self.costs) - 1 if ahi is None else ahi
        self.steps.left -= self.costs[end] - self.costs[alo]
        return super().find_longest_match(alo, ahi, blo, bhi) if self.steps.left > 0 else Match(alo, blo, 0)


def _compared(old: Sequence[str], new: Sequence[str], steps: _Steps, join: str | None = "") -> list[Piece] | None:
    """Return the pieces of two lists of tokens; None where already the first look would take too much work."""
    head = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    end_old, end_new = len(old) - tail, len(new) - tail
    matcher = _Matcher(old[head:end_old], new[head:end_new], steps)
    if matcher.cost > min(steps.left, MOST_STEPS_A_LOOK):
        return None
    ranges: list[tuple[Literal["same", "removed", "added"], Sequence[str]]] = [("same", old[:head])]
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            ranges.append(("same", old[head + a : head + a_end]))
        else:
            ranges += [("removed", old[head + a : head + a_end]), ("added", new[head + b : head + b_end])]
    ranges.append(("same", old[end_old:]))
    if join is None:
        return [Piece(kind, token) for kind, tokens in ranges for token in tokens]
    return [Piece(kind, join.join(tokens)) for kind, tokens in ranges if tokens]


def _whole(before: str, after: str) -> list[Piece]:
    return [Piece(kind, text) for kind, text in (("removed", before), ("added", after)) if text]  # type: ignore[arg-type]


def _blocks(pieces: list[Piece]) -> Iterator[tuple[str, str, str]]:
    """Yield (same, removed, added), of which either the first or the others are empty."""
    removed = added = ""
    for piece in pieces:
        if piece.kind == "same":
            if removed or added:
                yield "", removed, added
            removed = added = ""
            yield piece.text, "", ""
        elif piece.kind == "removed":
            removed += piece.text
        else:
            added += piece.text
    if removed or added:
        yield "", removed, added


def _finer(block: tuple[str, str, str], steps: _Steps) -> list[Piece]:
    same, removed, added = block
    if same:
        return [Piece("same", same)]
    finer = _compared(WORDS.findall(removed), WORDS.findall(added), steps) if removed and added else None
    return finer if finer is not None else _whole(removed, added)


def _tidy(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces with what is hardly the same, between two changes, made part of them."""
    tidy: list[list[str]] = []
    blocks = list(_blocks(pieces))
    for place, (same, removed, added) in enumerate(blocks):
        between = 0 < place < len(blocks) - 1 and _is_little(same, blocks[place - 1], blocks[place + 1])
        if same and between:
            tidy[-1][1] += same
            tidy[-1][2] += same
        elif not same and tidy and not tidy[-1][0]:
            tidy[-1][1] += removed
            tidy[-1][2] += added
        else:
            tidy.append([same, removed, added])
    kinds: tuple[Literal["same", "removed", "added"], ...] = ("same", "removed", "added")
    return [Piece(kind, text) for block in tidy for kind, text in zip(kinds, block, strict=True) if text]


def _is_little(same: str, before: tuple[str, str, str], after: tuple[str, str, str]) -> bool:
    is_between_two = all(block[1] and block[2] for block in (before, after))
    return len(same.strip()) <= SHORTEST_SAME and "\n" not in same and (is_between_two or not same.strip())


# --- JSON ---------------------------------------------------------------------------------------------------------


def _field_changes(path: tuple[str | int, ...], before: Any, after: Any) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict) and len(path) < MOST_DEPTH:
        yield from _object_changes(path, before, after)
    elif isinstance(before, list) and isinstance(after, list) and len(path) < MOST_DEPTH:
        yield from _list_changes(path, before, after)
    elif _key(before) != _key(after):
        yield FieldChange(path, before, after, "changed")


def _object_changes(
    path: tuple[str | int, ...], before: dict[str, Any], after: dict[str, Any]
) -> Iterator[FieldChange]:
    for name, value in before.items():
        if name not in after:
            yield FieldChange((*path, name), value, None, "removed")
        else:
            yield from _field_changes((*path, name), value, after[name])
    for name, value in after.items():
        if name not in before:
            yield FieldChange((*path, name), None, value, "added")
    old, new = [name for name in before if name in after], [name for name in after if name in before]
    # Only there the order of keys is read by people and by models.
    if old != new and path[-1:] == ("properties",) and path[-2:-1] != ("properties",):
        yield FieldChange(path, old, new, "moved")


def _list_changes(path: tuple[str | int, ...], before: list[Any], after: list[Any]) -> Iterator[FieldChange]:
    old, new = [_key(item) for item in before], [_key(item) for item in after]
    if path[-1:] == ("required",) and sorted(old) == sorted(new):
        return
    matcher = _Matcher(old, new, _Steps(MOST_STEPS))
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        paired = min(a_end - a, b_end - b)
        for step in range(paired):
            yield from _field_changes((*path, b + step), before[a + step], after[b + step])
        yield from (FieldChange((*path, at), before[at], None, "removed") for at in range(a + paired, a_end))
        yield from (FieldChange((*path, at), None, after[at], "added") for at in range(b + paired, b_end))


def _key(value: Any) -> str:
    """Return a text that is the same for values that mean the same."""
    try:
        return json.dumps(value, sort_keys=True)
    except (RecursionError, ValueError):
        return repr(type(value))
