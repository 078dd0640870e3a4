"""The line that a list shows of an input or an output: the texts in it, in the order the caller wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from traces.media import Media, media_in

LENGTH = 300
# A list shows its first items only; more would never be seen in a line.
MOST_TEXTS = 12
MOST_FILES = 100


def preview(value: Any) -> str:
    """Return one line of at most 300 characters: an object's values joined by " · ", of a list its first item.

    A value without any text in it is "empty", no value is nothing.
    """
    if value is None:
        return ""
    words = " · ".join(_texts(value, depth=0))
    if not words and isinstance(value, (Mapping, list, tuple)):
        # Not the same as no value, which a list shows as a dash.
        return "empty"
    line = " ".join(words.split())
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        if depth > 4:
            yield f"{len(value)} fields"
            return
        for number, item in enumerate(value.values()):
            if number == MOST_TEXTS:
                yield f"{len(value) - MOST_TEXTS} more"
                return
            if item is not None and item != "":
                yield from _texts(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        if files := _files_in(value):
            yield files_in_words(files)
            return
        if value:
            yield from _texts(value[0], depth + 1) if depth <= 4 else iter([f"{len(value)} items"])
        if len(value) > 1 and depth <= 4:
            yield f"{len(value) - 1} more"
    else:
        yield _text_of(value)


def _files_in(values: Sequence[Any]) -> list[Media]:
    """Return the files that a list is made of, nothing where it holds anything else."""
    files = [media_in(item) if isinstance(item, str) else None for item in values[:MOST_FILES]]
    return [file for file in files if file is not None] if all(files) and len(values) <= MOST_FILES else []


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        file = media_in(value)
        return files_in_words([file]) if file is not None else printable(value[: LENGTH * 2])
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)[: LENGTH * 2]


def files_in_words(files: Sequence[Media]) -> str:
    """Return "1 image", "3 images", "audio", "2 files"; of several kinds each."""
    kinds = [file.kind for file in files]
    return ", ".join(_counted(kind, kinds.count(kind)) for kind in dict.fromkeys(kinds))


def _counted(kind: str, number: int) -> str:
    if kind == "audio":
        return "audio" if number == 1 else f"{number} recordings"
    return f"{number} {kind}" if number == 1 else f"{number} {kind}s"


def printable(text: str) -> str:
    """Return text that every database column holds: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
