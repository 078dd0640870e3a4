"""Hearing an answer as it comes: which of its pieces are passed on, and from when on there is no way back.

Pieces of text are passed on from the first one that is more than white space. Where an output schema applies, the
pieces are the fields of the value, each with its path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from functions.completions.json_stream import JsonStream
from functions.providers.adapter import Exchange
from functions.providers.chat import ChatDelta


@dataclass(frozen=True)
class Chunk:
    """A piece of an answer. `path` leads to the field it belongs to; None in a text."""

    delta: str | int | float | bool
    path: str | None = None


class Listener(Protocol):
    """Hears the attempts of one call, one after the other."""

    # What is known of the running attempt, for the record of one that is cut off.
    heard_so_far: Callable[[], Exchange] | None
    # Whether something was passed on: from then on no other model can answer.
    is_committed: bool
    # What the running attempt has said so far.
    text_so_far: str

    def begin(self, *, is_live: bool) -> None:
        """Forget the attempt before; pass on what comes if `is_live`, else wait for the whole."""

    def hear(self, delta: ChatDelta) -> None:
        """Take one piece."""

    def end(self, answer: Any) -> None:
        """Pass on what an accepted answer has that was not passed on while it came."""


class TextListener:
    """Passes on text."""

    def __init__(self, pass_on: Callable[[Chunk], None]) -> None:
        self.pass_on = pass_on
        self.heard_so_far: Callable[[], Exchange] | None = None
        self.is_committed = False
        self.text_so_far = ""
        self._blank = ""

    def begin(self, *, is_live: bool) -> None:
        self._blank = self.text_so_far = ""
        self.heard_so_far = None

    def hear(self, delta: ChatDelta) -> None:
        self.text_so_far += delta.text
        text = self._blank + delta.text
        if not self.is_committed and not text.strip():
            self._blank = text
        elif text:
            self._blank = ""
            self.is_committed = True
            self.pass_on(Chunk(text))

    def end(self, answer: Any) -> None:
        if not self.is_committed and answer:
            self.is_committed = True
            self.pass_on(Chunk(str(answer)))


class FieldListener:
    """Passes on the fields of a value."""

    def __init__(self, pass_on: Callable[[Chunk], None]) -> None:
        self.pass_on = pass_on
        self.heard_so_far: Callable[[], Exchange] | None = None
        self.is_committed = False
        self.text_so_far = ""
        self._json: JsonStream | None = None

    def begin(self, *, is_live: bool) -> None:
        self.text_so_far = ""
        self.heard_so_far = None
        self._json = JsonStream() if is_live else None

    def hear(self, delta: ChatDelta) -> None:
        self.text_so_far += delta.text
        for path, piece in self._json.feed(delta.text) if self._json is not None else ():
            self.is_committed = True
            self.pass_on(Chunk(piece, path))

    def end(self, answer: Any) -> None:
        if not self.is_committed:
            for path, piece in leaves_of(answer):
                self.is_committed = True
                self.pass_on(Chunk(piece, path))


def leaves_of(value: Any, path: str = "") -> list[tuple[str, str | int | float | bool]]:
    """Return the texts, numbers and truths in a value with their paths; null and what is empty have none."""
    found: list[tuple[str, str | int | float | bool]] = []
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{path}.{name}" if path else name, inner) for name, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", value[index]) for index in range(len(value) - 1, -1, -1)]
        elif value is not None:
            found.append((path, value))
    return found
