"""Text that matches a regular expression, made of given words where the expression leaves room for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# In this order a character is looked for that an expression allows.
ALPHABET = LETTERS + "0123456789 -_.,:;/@#+*!?()[]{}'\"%&=<>|\\^~$\t\n" + "äöüéñßØλжא中あ"
MOST_CHARACTERS = 5_000
ROOM = 40


def matching(pattern: str, words: str, *, least: int = 0, most: int | None = None) -> Iterator[str]:
    """Yield texts that match `pattern` and have the length, the one nearest to the words first."""
    expression = _translated(pattern)
    try:
        # The parser of the standard library alone knows what an expression is made of; there is no public one.
        tree = parser.parse(expression)
        compiled = re.compile(expression)
    except (re.error, RecursionError, OverflowError, ValueError):
        return
    for room in dict.fromkeys((max(ROOM, least), most or 0, least, 1, 0)):
        try:
            text = _Writer(words, min(room, MOST_CHARACTERS)).write(tree)
        except (RecursionError, _Impossible):
            continue
        fits = least <= len(text) and (most is None or len(text) <= most)
        if fits and compiled.search(text):
            yield text


def _translated(pattern: str) -> str:
    """Return an expression of JSON Schema as Python writes it."""
    pattern = re.sub(r"\\[pP]\{\^?\w+\}", r"\\w", pattern)
    pattern = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: re.escape(chr(int(found[1], 16))), pattern)
    return pattern.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!").replace("\\/", "/")


class _Impossible(Exception):
    """No character is left that the expression allows."""


class _Writer:
    """Walks through a parsed expression and writes what it asks for."""

    def __init__(self, words: str, room: int) -> None:
        self.words = words
        self.room = room
        self.groups: dict[int, str] = {}

    def write(self, tree: Any) -> str:
        return "".join(self._one(code, value) for code, value in tree)

    def _one(self, code: Any, value: Any) -> str:
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            return self._repeated(*value)
        if code is codes.SUBPATTERN:
            text = self.write(value[3])
            if value[0]:
                self.groups[value[0]] = text
            return text
        if code is codes.BRANCH:
            return self.write(value[1][0])
        if code is codes.ATOMIC_GROUP:
            return self.write(value)
        if code is codes.GROUPREF:
            return self.groups.get(value, "")
        if code in (codes.AT, codes.ASSERT, codes.ASSERT_NOT, codes.GROUPREF_EXISTS):
            return ""
        return self._character(code, value)

    def _repeated(self, least: int, most: Any, tree: Any) -> str:
        most = MOST_CHARACTERS if most is codes.MAXREPEAT else int(most)
        room = max(least, min(most, self.room))
        if len(tree) == 1 and tree[0][0] in (codes.ANY, codes.IN, codes.NOT_LITERAL):
            code, value = tree[0]
            kept = "".join(character for character in self.words if _allows(code, value, character))[:room].strip()
            if least <= len(kept) and kept:
                return kept
            filler = self._character(code, value)
            return kept + filler * (max(least, 1 if most and self.room else 0) - len(kept))
        text = ""
        for count in range(room):
            if count >= least and (count >= 1 or not self.room):
                break
            text += self.write(tree)
        return text

    def _character(self, code: Any, value: Any) -> str:
        if code is codes.LITERAL:
            return chr(value)
        for character in self.words + ALPHABET:
            if not character.isspace() and _allows(code, value, character):
                return character
        for character in (" ", "\t", "\n", *_named(value if code is codes.IN else [])):
            if _allows(code, value, character):
                return character
        raise _Impossible


def _named(items: Any) -> Iterator[str]:
    for code, value in items:
        if code is codes.LITERAL:
            yield chr(value)
        elif code is codes.RANGE:
            yield chr(value[0])


def _allows(code: Any, value: Any, character: str) -> bool:
    if code is codes.ANY:
        return character not in "\n\r"
    if code is codes.NOT_LITERAL:
        return bool(ord(character) != value)
    if code is codes.LITERAL:
        return bool(ord(character) == value)
    if code is codes.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if code is codes.CATEGORY:
        return _is_of_category(value, character)
    if code is not codes.IN:
        return False
    items = list(value)
    is_negated = bool(items) and items[0][0] is codes.NEGATE
    return is_negated != any(_allows(inner, item, character) for inner, item in items[is_negated:])


def _is_of_category(category: Any, character: str) -> bool:
    # ASCII alone counts as a digit or a letter where JSON Schema's expressions come from.
    is_word = character.isascii() and (character.isalnum() or character == "_")
    return {
        codes.CATEGORY_DIGIT: character in "0123456789",
        codes.CATEGORY_NOT_DIGIT: character not in "0123456789",
        codes.CATEGORY_SPACE: character.isspace(),
        codes.CATEGORY_NOT_SPACE: not character.isspace(),
        codes.CATEGORY_WORD: is_word,
        codes.CATEGORY_NOT_WORD: not is_word,
    }.get(category, False)
