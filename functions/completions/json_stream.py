"""Growing JSON text → the fields in it as they fill: (path, piece of a text, or a whole number, true or false).

What stands around the value (words, a fence) is passed over. At the first thing that is not JSON it falls silent: the
whole text is read and checked when it has come, and that decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from opperweb import json

ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
WORD = re.compile(r"[-+.0-9A-Za-z]+")
DEEPEST = 200
LONGEST_WORD = 400

Piece = tuple[str, str | int | float | bool]


class JsonStream:
    """Reads one value; `feed` may be called with pieces of any length."""

    def __init__(self) -> None:
        # Open containers from the outside: the name of the present field, or the place in a list.
        self._places: list[str | int] = []
        self._state = "before"
        self._rest = ""
        self._text = ""
        self._half = ""
        self._is_name = False

    @property
    def is_over(self) -> bool:
        return self._state in ("after", "silent")

    def feed(self, text: str) -> list[Piece]:
        """Return what the text adds."""
        if self.is_over:
            return []
        pieces: list[Piece] = []
        self._rest += text
        for path, piece in self._read():
            # Pieces of one text that came in one go are one piece.
            if pieces and isinstance(piece, str) and pieces[-1][0] == path and isinstance(pieces[-1][1], str):
                pieces[-1] = (path, pieces[-1][1] + piece)
            else:
                pieces.append((path, piece))
        return pieces

    def _read(self) -> Iterator[Piece]:
        while self._rest and not self.is_over:
            before = (self._rest, self._state)
            if self._state == "before":
                self._find_beginning()
            elif self._state == "text":
                yield from self._read_text()
            else:
                yield from self._read_between()
            if (self._rest, self._state) == before:
                # What is there does not tell yet what it will be.
                return

    def _find_beginning(self) -> None:
        found = re.search(r"[{\[]", self._rest)
        self._rest = self._rest[found.start() :] if found else ""
        if found:
            self._state = "value"

    def _read_between(self) -> Iterator[Piece]:
        self._rest = self._rest.lstrip(" \t\r\n")
        if not self._rest:
            return
        sign = self._rest[0]
        if self._state == "value" and sign in "{[":
            self._open(sign)
        elif sign == '"' and self._state in ("value", "name"):
            self._rest = self._rest[1:]
            self._is_name, self._text, self._state = self._state == "name", "", "text"
        elif self._state == "value" and sign not in "]},:":
            yield from self._read_word()
        elif sign == ":" and self._state == "colon":
            self._rest, self._state = self._rest[1:], "value"
        elif sign == "," and self._state == "comma":
            self._next()
        elif sign in "]}" and self._state in ("comma", "value", "name"):
            self._close(sign)
        else:
            self._state = "silent"

    def _open(self, sign: str) -> None:
        self._rest = self._rest[1:]
        self._places.append("" if sign == "{" else 0)
        self._state = "name" if sign == "{" else "value"
        if len(self._places) > DEEPEST:
            self._state = "silent"

    def _close(self, sign: str) -> None:
        if isinstance(self._places[-1], str) != (sign == "}"):
            self._state = "silent"
            return
        self._rest = self._rest[1:]
        self._places.pop()
        self._state = "comma" if self._places else "after"

    def _next(self) -> None:
        self._rest = self._rest[1:]
        place = self._places[-1]
        if isinstance(place, int):
            self._places[-1], self._state = place + 1, "value"
        else:
            self._state = "name"

    def _read_text(self) -> Iterator[Piece]:
        found = PLAIN.match(self._rest)
        if found:
            self._rest = self._rest[found.end() :]
            yield from self._add(self._whole(found.group()))
        elif self._rest[0] == '"':
            self._rest = self._rest[1:]
            yield from self._add(self._whole(""))
            self._end_text()
        elif self._rest[0] == "\\":
            yield from self._read_escape()
        else:
            # A bare line break is no JSON, but what models mean by it is plain.
            sign, self._rest = self._rest[0], self._rest[1:]
            yield from self._add(self._whole(sign))

    def _read_escape(self) -> Iterator[Piece]:
        if len(self._rest) < 2:
            return
        sign = self._rest[1]
        if sign != "u":
            self._rest = self._rest[2:]
            if sign in ESCAPES:
                yield from self._add(self._whole(ESCAPES[sign]))
            else:
                self._state = "silent"
            return
        if len(self._rest) < 6:
            return
        digits, self._rest = self._rest[2:6], self._rest[6:]
        if not re.fullmatch(r"[0-9A-Fa-f]{4}", digits):
            self._state = "silent"
            return
        yield from self._add(self._joined(chr(int(digits, 16))))

    def _joined(self, sign: str) -> str:
        """Return what an escape stands for; the first half of a pair waits for the second."""
        if self._half and "\udc00" <= sign <= "\udfff":
            first, self._half = self._half, ""
            return (first + sign).encode("utf-16", "surrogatepass").decode("utf-16")
        before = self._whole("")
        if "\ud800" <= sign <= "\udbff":
            self._half = sign
            return before
        return before + ("\ufffd" if "\udc00" <= sign <= "\udfff" else sign)

    def _whole(self, text: str) -> str:
        half, self._half = self._half, ""
        return ("\ufffd" if half else "") + text

    def _add(self, text: str) -> Iterator[Piece]:
        if self._is_name:
            self._text += text
        elif text:
            yield self._path(), text

    def _end_text(self) -> None:
        if self._is_name:
            self._places[-1], self._state = self._text, "colon"
        else:
            self._state = "comma"

    def _read_word(self) -> Iterator[Piece]:
        found = WORD.match(self._rest)
        if not found or len(found.group()) > LONGEST_WORD:
            self._state = "silent"
        elif found.end() < len(self._rest):
            # Something stands behind it, so it is whole.
            self._rest, self._state = self._rest[found.end() :], "comma"
            value = self._value(found.group())
            if value is not None:
                yield self._path(), value

    def _value(self, word: str) -> Any:
        try:
            return json.loads(word)
        except ValueError:
            self._state = "silent"
            return None

    def _path(self) -> str:
        path = ""
        for place in self._places:
            path += f"[{place}]" if isinstance(place, int) else f".{place}" if path else place
        return path
