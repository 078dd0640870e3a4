"""What of a value examples are found by: the texts in it, and the words of a text in the form that is kept."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from traces.media import media_in
from traces.preview import printable

LONGEST_TEXT = 6_000
LONGEST_WORD = 32
MOST_WORDS = 1_000
MOST_LEAVES = 2_000
# Longer without a space, it is a file or a key and nothing that was written.
LONGEST_RUN = 200
WORD = re.compile(r"[^\W_]+")
# Scripts that put no space between words: their words are told by each two letters that stand together.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
# Ends of words by which the forms of one word differ, and what stands in their place. The first that fits counts.
ENDINGS = (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", ""))
SHORTEST_STEM = 3


def text_of(value: Any) -> str:
    """Return the texts and numbers in a value, one a line, without the names of fields and without files."""
    lines: list[str] = []
    left = LONGEST_TEXT
    for leaf in _leaves(value):
        line = leaf[:left].strip()
        if line:
            lines.append(line)
            left -= len(line) + 1
        if left <= 0:
            break
    return printable("\n".join(lines))


def words_of(text: str) -> list[str]:
    """Return the words of a text in order, folded: without case, accents and the commonest endings."""
    words: list[str] = []
    for found in WORD.findall(_folded(text[:LONGEST_TEXT])):
        if found.isascii() or not UNSPACED.search(found):
            words.append(_stem(found[:LONGEST_WORD]))
        else:
            words.extend(_unspaced(found))
    return words[:MOST_WORDS]


def digest_of(text: str) -> str:
    """Return what tells whether two texts are the same; empty for one without words."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() if text else ""


def _leaves(value: Any) -> Iterator[str]:
    waiting, count = [value], 0
    while waiting and count < MOST_LEAVES:
        item = waiting.pop()
        count += 1
        if isinstance(item, Mapping):
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, str):
            if not _is_file(item):
                yield item
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield str(item)[:LONGEST_WORD]


def _is_file(text: str) -> bool:
    return media_in(text) is not None or (len(text) > LONGEST_RUN and not re.search(r"\s", text[:LONGEST_RUN]))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")
    return unicodedata.normalize("NFC", kept).casefold()


def _stem(word: str) -> str:
    # What digits stand in is a name or a number, and no form of another word.
    if len(word) <= SHORTEST_STEM or not word.isalpha():
        return word
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word[: -len(ending)] + instead
    return word


def _unspaced(run: str) -> Iterator[str]:
    for part in re.split(f"({UNSPACED.pattern})", run):
        if UNSPACED.fullmatch(part) and len(part) > 1:
            yield from (part[place : place + 2] for place in range(len(part) - 1))
        elif part:
            yield _stem(part[:LONGEST_WORD])
