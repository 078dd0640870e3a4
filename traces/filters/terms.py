"""The filter language as text ⇄ terms: words, "phrases", key:value, commas, quotes, a leading minus. Knows no keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_CHARACTERS = 4000
MOST_TERMS = 60
MOST_VALUES = 50

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_PLAIN = re.compile(r'[^\s",]+')


class BadText(ValueError):
    """The text as a whole cannot be read; the message says why."""


@dataclass(frozen=True)
class Term:
    """One condition. Without a key it is text to search for, and has one value."""

    key: str
    values: tuple[str, ...]
    is_negated: bool = False

    def __str__(self) -> str:
        sign = "-" if self.is_negated else ""
        if not self.key:
            return sign + _write_text(self.values[0])
        return f"{sign}{self.key}:{','.join(_write_value(value) for value in self.values)}"


def read_terms(text: str) -> tuple[Term, ...]:
    """Return the terms of `text` in their order; raise BadText where it is too long or holds odd characters."""
    if len(text) > MOST_CHARACTERS:
        raise BadText(f"The filter has more than {MOST_CHARACTERS:,} characters.")
    if any(_is_odd(character) for character in text):
        raise BadText("The filter holds characters that are not text.")
    terms: list[Term] = []
    at = 0
    while (at := _skip_space(text, at)) < len(text):
        if len(terms) == MOST_TERMS:
            raise BadText(f"The filter has more than {MOST_TERMS} parts.")
        term, at = _read_term(text, at)
        if term and term not in terms:
            terms.append(term)
    return tuple(terms)


def _is_odd(character: str) -> bool:
    is_control = ord(character) < 32 and not character.isspace()
    return is_control or 0xD800 <= ord(character) <= 0xDFFF


def write_terms(terms: tuple[Term, ...]) -> str:
    return " ".join(str(term) for term in terms)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _read_term(text: str, at: int) -> tuple[Term | None, int]:
    is_negated = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
    at += is_negated
    key = _KEY.match(text, at)
    # https://… is something to look for and no key.
    if key and text[key.end() : key.end() + 1] == ":" and text[key.end() + 1 : key.end() + 3] != "//":
        values, at = _read_values(text, key.end() + 1)
        return Term(key.group().lower(), values, is_negated), at
    if text[at] == '"':
        phrase, at = _read_quoted(text, at)
        return (Term("", (phrase,), is_negated) if phrase.strip() else None), at
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    return Term("", (text[at:end],), is_negated), end


def _read_values(text: str, at: int) -> tuple[tuple[str, ...], int]:
    values: list[str] = []
    value = ""
    while at < len(text) and not text[at].isspace():
        if text[at] == '"':
            part, at = _read_quoted(text, at)
            value += part
        elif text[at] == ",":
            values.append(value)
            value, at = "", at + 1
        else:
            plain = _PLAIN.match(text, at)
            assert plain
            value += plain.group()
            at = plain.end()
    values.append(value)
    if len(values) > MOST_VALUES:
        raise BadText(f"A filter has more than {MOST_VALUES} values.")
    return tuple(dict.fromkeys(value for value in values if value)), at


def _read_quoted(text: str, at: int) -> tuple[str, int]:
    """Read from an opening quote to its end; a quote that never closes runs to the end of the text."""
    parts: list[str] = []
    at += 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        parts.append(text[at])
        at += 1
    return "".join(parts), at + 1


def _write_value(value: str) -> str:
    return _quoted(value) if not value or re.search(r'[\s",\\]', value) else value


def _write_text(text: str) -> str:
    reads_back = not re.search(r'[\s"]', text) and not text.startswith("-") and not _looks_like_key(text)
    return text if reads_back else _quoted(text)


def _looks_like_key(text: str) -> bool:
    key = _KEY.match(text)
    if not key or text[key.end() : key.end() + 1] != ":":
        return False
    return text[key.end() + 1 : key.end() + 3] != "//"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
