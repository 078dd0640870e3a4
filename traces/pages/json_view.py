"""A JSON value → the lines of a viewer: numbered, folded, long texts clipped, JSON inside texts opened up.

The lines are flat, with an opening and a closing one for every fold, so that a template needs no recursion and
a value of any depth and size comes to a bounded page.
"""

from __future__ import annotations

import json as plain_json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from opperweb import json
from traces.pages.media_view import Chip, pointer, with_chips

MAX_CHARACTERS = 256_000
MAX_LINES = 4000
MAX_DEPTH = 40
MAX_INDENT = 12
CLIP = 300
ALWAYS_OPEN_DEPTH = 2
UNFOLDED_LINES = 40
MOST_PARSED = 100_000


@dataclass(slots=True)
class Line:
    """`kind` is open, close, line or outline; what a template prints, in the order it prints it."""

    kind: str
    number: int
    depth: int
    key: str | None = None
    text: str = ""
    css: str = ""
    rest: int = 0
    whole: str = ""
    end: str = ""
    tail: str = ""
    size: str = ""
    note: str = ""
    is_open: bool = True
    is_wrong: bool = False
    # Of a file: the JSON pointer that leads to it.
    place: str | None = None

    @property
    def indent(self) -> int:
        return min(self.depth, MAX_INDENT)


@dataclass(frozen=True)
class JsonView:
    """What is shown of a value. `is_outline`: too large for more than its first level."""

    lines: list[Line]
    characters: int
    is_outline: bool = False
    is_cut: bool = False


@dataclass(slots=True)
class _Step:
    key: str | None
    value: Any
    depth: int
    tail: str
    path: str
    # None inside a text that was opened: no pointer leads there.
    place: str | None = None
    closes: str = ""


@dataclass
class _Writer:
    wrong: Collection[str]
    lines: list[Line] = field(default_factory=list)
    number: int = 0
    is_cut: bool = False

    def write(self, line: Line) -> None:
        self.number += 1
        line.number = self.number
        self.lines.append(line)


def view_of(value: Any, wrong: Collection[str] = ()) -> JsonView:
    """Return the lines of a value; `wrong` are the paths ("items[3].qty") to mark in it."""
    value = with_chips(value)
    characters = len(compact(value))
    if characters > MAX_CHARACTERS:
        return JsonView(_outline(value), characters, is_outline=True)
    writer = _Writer(wrong)
    steps = [_Step(None, value, 0, "", "", "")]
    while steps:
        step = steps.pop()
        if step.closes:
            writer.write(Line("close", 0, step.depth, text=step.closes, tail=step.tail))
        elif len(writer.lines) >= MAX_LINES:
            writer.is_cut = True
        else:
            steps.extend(reversed(_write(writer, step)))
    if len(writer.lines) > UNFOLDED_LINES:
        for line in writer.lines:
            line.is_open = line.depth < ALWAYS_OPEN_DEPTH
    return JsonView(writer.lines, characters, is_cut=writer.is_cut)


def view_of_text(text: str | None, wrong: Collection[str] = ()) -> JsonView | None:
    """Return the lines of JSON text, or None where it is no JSON."""
    if text is None:
        return None
    try:
        return view_of(json.loads(text), wrong)
    except (ValueError, RecursionError):
        return None


def compact(value: Any) -> str:
    """Return a value as JSON text on one line."""
    try:
        return readable(plain_json.dumps(value, ensure_ascii=False))
    except (RecursionError, ValueError):
        return "…"


def indented(value: Any) -> str:
    """Return a value as JSON text as people lay it out."""
    try:
        return readable(plain_json.dumps(value, ensure_ascii=False, indent=2))
    except (RecursionError, ValueError):
        return compact(value)


def readable(text: str) -> str:
    """Return text that can be sent: a lone surrogate as its escape, NUL as a sign for it."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "␀")


def _write(writer: _Writer, step: _Step) -> list[_Step]:
    """Write the line of a value and return the steps to what is inside it."""
    value, note, path, place = step.value, "", step.path, step.place
    if isinstance(value, str) and (parsed := _parsed(value)) is not None:
        value, note, path, place = parsed, "parsed from a string", "", None
    key = None if step.key is None else compact(step.key)
    if isinstance(value, dict | list) and value and step.depth < MAX_DEPTH:
        start, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
        line = Line("open", 0, step.depth, key, start, end=end, tail=step.tail, size=size_of(value), note=note)
        line.is_wrong = bool(path) and path in writer.wrong
        writer.write(line)
        return [*_inside(value, step.depth + 1, path, place), _Step(None, None, step.depth, step.tail, "", closes=end)]
    line = _leaf(value, Line("line", 0, step.depth, key, tail=step.tail, place=place))
    line.is_wrong = bool(path) and path in writer.wrong
    writer.write(line)
    return []


def _inside(value: dict[str, Any] | list[Any], depth: int, path: str, place: str | None) -> Iterator[_Step]:
    last = len(value) - 1
    named = [(key, f"{path}.{key}".lstrip(".")) for key in value] if isinstance(value, dict) else None
    for at, inner in enumerate(value.values() if isinstance(value, dict) else value):
        key, inner_path = named[at] if named is not None else (None, f"{path}[{at}]")
        inner_place = None if place is None else pointer(place, at if key is None else key)
        yield _Step(key, inner, depth, "," if at < last else "", inner_path, inner_place)


def _leaf(value: Any, line: Line) -> Line:
    line.css = "s" if isinstance(value, str) else "w" if value is None or isinstance(value, bool) else "n"
    if isinstance(value, Chip):
        line.size = str(value)
        return line
    line.place = None
    text = compact(value)
    if len(text) > CLIP + 20:
        line.text, line.whole, line.rest = text[:CLIP] + "…", text, len(text) - CLIP
    else:
        line.text = text
    return line


def _parsed(text: str) -> Any:
    """Return the object or list that a text holds as JSON, or None."""
    stripped = text.strip()
    if not 2 < len(stripped) <= MOST_PARSED or (stripped[0], stripped[-1]) not in (("{", "}"), ("[", "]")):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return with_chips(value) or None


def size_of(value: Any) -> str:
    """12 items, 3 keys, 240 characters."""
    if isinstance(value, dict):
        return f"{len(value):,} {'key' if len(value) == 1 else 'keys'}"
    if isinstance(value, list):
        return f"{len(value):,} {'item' if len(value) == 1 else 'items'}"
    return f"{len(value):,} characters" if isinstance(value, str) else ""


def _outline(value: Any) -> list[Line]:
    """Return one line for each part of the first level."""
    pairs: list[tuple[str | None, Any]] = [(None, value)]
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [(str(place), inner) for place, inner in enumerate(value)]
    lines = []
    for number, (key, inner) in enumerate(pairs[:200], 1):
        text = compact(inner)
        size = size_of(inner)
        if isinstance(inner, dict | list):
            size = f"{size}, {len(text):,} characters"
        line = Line("outline", number, 0, None if key is None else readable(str(key)), size=size)
        line.text = "" if isinstance(inner, dict | list) else text[:80] + ("…" if len(text) > 80 else "")
        lines.append(line)
    return lines
