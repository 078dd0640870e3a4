"""JSON with the mistakes models make: comments, trailing commas, single quotes, bare keys, Python's words.

It never guesses a value: what is cut inside of a string, a number or a word stays unread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

MOST_DEPTH = 200
MOST_DIGITS = 4_000
BLANK = re.compile(r"(?:\s|//[^\n]*|#[^\n]*|/\*.*?\*/)+", re.DOTALL)
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?(?![\w.])", re.ASCII)
WORD = re.compile(r"[A-Za-z_$][\w$-]*")
WORDS = {"true": True, "false": False, "null": None}
PYTHON_WORDS = {"True": True, "False": False, "None": None}
CHUNK = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
FOUR_HEX = re.compile(r"[0-9a-fA-F]{4}")
HIGH, LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


class NotJson(ValueError):
    """Even with some good will this is no JSON."""


@dataclass
class LooseReader:
    """Reads one value; `end` tells where it ended and `repairs` what was put right."""

    text: str
    start: int = 0
    # Whether brackets left open at the end may be closed: not where the reply was cut off.
    closes: bool = False
    end: int = 0
    repairs: dict[str, None] = field(default_factory=dict)

    def read(self) -> Any:
        """Return the value that begins at `start`; raise NotJson."""
        self.end = self.start
        return self._value(0)

    def _value(self, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise NotJson("nested too deep")
        self._skip_blank()
        sign = self.text[self.end : self.end + 1]
        if sign == "{":
            return self._object(depth)
        if sign == "[":
            return self._list(depth)
        if sign in ('"', "'") and sign:
            return self._string(sign)
        return self._number_or_word()

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.end += 1
        while not self._closed("}"):
            key = self._key()
            self._skip_blank()
            if self.text[self.end : self.end + 1] != ":":
                raise NotJson("a name without a value")
            self.end += 1
            found[key] = self._value(depth + 1)
            self._separator("}")
        return found

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self.end += 1
        while not self._closed("]"):
            found.append(self._value(depth + 1))
            self._separator("]")
        return found

    def _closed(self, bracket: str) -> bool:
        self._skip_blank()
        if self.text.startswith(bracket, self.end):
            self.end += 1
            return True
        if self.end >= len(self.text):
            if not self.closes:
                raise NotJson("cut off")
            self.repairs["open brackets closed"] = None
            return True
        return False

    def _separator(self, bracket: str) -> None:
        self._skip_blank()
        if self.text.startswith(",", self.end):
            self.end += 1
            self._skip_blank()
            if self.text.startswith(bracket, self.end):
                self.repairs["trailing comma removed"] = None
        elif not self.text.startswith(bracket, self.end) and self.end < len(self.text):
            raise NotJson("a comma is missing")

    def _key(self) -> str:
        sign = self.text[self.end]
        if sign in "\"'":
            return self._string(sign)
        word = WORD.match(self.text, self.end)
        if word is None:
            raise NotJson("a name is missing")
        self.end = word.end()
        self.repairs["bare names quoted"] = None
        return word[0]

    def _string(self, quote: str) -> str:
        if quote == "'":
            self.repairs["single quotes read as double quotes"] = None
        self.end += 1
        pieces: list[str] = []
        while True:
            chunk = CHUNK[quote].match(self.text, self.end)
            assert chunk is not None
            pieces.append(chunk[0])
            if any(sign < " " for sign in chunk[0]):
                self.repairs["control characters in a text kept"] = None
            self.end = chunk.end()
            if self.end >= len(self.text):
                raise NotJson("cut off inside of a text")
            if self.text[self.end] == quote:
                self.end += 1
                return "".join(pieces)
            pieces.append(self._escape())

    def _escape(self) -> str:
        sign = self.text[self.end + 1 : self.end + 2]
        if sign == "u":
            return self._code_point()
        self.end += 2
        if sign in ESCAPES:
            return ESCAPES[sign]
        if sign and sign in '"\\/':
            return sign
        if sign == "'":
            self.repairs["needless escapes removed"] = None
            return sign
        raise NotJson("an escape that does not exist")

    def _code_point(self) -> str:
        first = self._hex()
        if first in HIGH and self.text.startswith("\\u", self.end):
            place = self.end
            second = self._hex()
            if second in LOW:
                return chr(0x10000 + ((first - HIGH.start) << 10) + second - LOW.start)
            self.end = place
        return chr(first)

    def _hex(self) -> int:
        digits = FOUR_HEX.match(self.text, self.end + 2)
        if digits is None:
            raise NotJson("an escape that does not exist")
        self.end = digits.end()
        return int(digits[0], 16)

    def _number_or_word(self) -> Any:
        if number := NUMBER.match(self.text, self.end):
            if len(number[0]) > MOST_DIGITS:
                raise NotJson("a number too long to read")
            self.end = number.end()
            value = float(number[0]) if number[1] or number[2] else int(number[0])
            if value in (float("inf"), float("-inf")):
                raise NotJson("a number too large to keep")
            return value
        word = WORD.match(self.text, self.end)
        if word is not None and word[0] in WORDS:
            self.end = word.end()
            return WORDS[word[0]]
        if word is not None and word[0] in PYTHON_WORDS:
            self.end = word.end()
            self.repairs["Python's True, False and None read as JSON"] = None
            return PYTHON_WORDS[word[0]]
        raise NotJson("a word that is no value")

    def _skip_blank(self) -> None:
        if blank := BLANK.match(self.text, self.end):
            self.end = blank.end()
            if not blank[0].isspace():
                self.repairs["comments removed"] = None
