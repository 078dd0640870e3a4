"""What an attempt sent and what came back, as the tab Raw shows it: texts, headers, notes, what did not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from traces.models import Attempt, AttemptBody
from traces.pages.attempt_view import STRATEGIES
from traces.pages.json_view import JsonView, compact, readable, view_of_text

MOST_WORDS = 10_000
MOST_TEXT = 20_000
MOST_CHUNKS = 200


@dataclass(frozen=True)
class ChunkRow:
    """A piece of a stream: when it came, and with how many bytes."""

    ms: float
    octets: int


@dataclass
class Exchange:
    """An attempt with its request and response, which may not have been recorded."""

    attempt: Attempt | None
    body: AttemptBody | None

    @property
    def title(self) -> str:
        if self.attempt and self.attempt.outcome == Attempt.Outcome.REJECTED:
            return "Output did not meet the schema"
        kind = self.attempt.error_kind if self.attempt else ""
        return readable(kind.replace("_", " ").capitalize()) or "The request failed"

    @property
    def strategy(self) -> str:
        """How structure was asked for, in words; empty where none was."""
        strategy = self.attempt.strategy if self.attempt else ""
        return str(STRATEGIES.get(strategy, readable(strategy)))

    @property
    def url_path(self) -> str:
        """The path of the request's address, as the first line of the request has it."""
        return readable(urlsplit(self.body.url).path) if self.body else ""

    @cached_property
    def request_json(self) -> JsonView | None:
        return view_of_text(self.body.request_body) if self.body else None

    @cached_property
    def response_json(self) -> JsonView | None:
        return view_of_text(self.body.response_body, self._wrong_paths) if self.body else None

    @cached_property
    def request_text(self) -> str:
        return readable(self.body.request_body or "") if self.body else ""

    @cached_property
    def response_text(self) -> str:
        return readable(self.body.response_body or "") if self.body else ""

    @property
    def request_start(self) -> str:
        """As much of the request as a page shows where it is no JSON."""
        return self.request_text[:MOST_TEXT]

    @property
    def response_start(self) -> str:
        return self.response_text[:MOST_TEXT]

    @property
    def response_size(self) -> int:
        return len(self.response_text.encode())

    @cached_property
    def all_chunks(self) -> list[ChunkRow]:
        """The pieces of a stream in their order."""
        return list(chunk_rows(self.body.chunk_ms)) if self.body else []

    @property
    def chunks(self) -> list[ChunkRow]:
        return self.all_chunks[:MOST_CHUNKS]

    @property
    def _wrong_paths(self) -> frozenset[str]:
        return frozenset(str(problem.get("path", "")) for problem in self._raw_problems)

    @property
    def problems(self) -> list[dict[str, str]]:
        """What did not fit the schema. Paths and messages quote the answer, so they may hold anything."""
        return [{name: _words(problem.get(name)) for name in ("path", "message")} for problem in self._raw_problems]

    @property
    def _raw_problems(self) -> list[dict[str, Any]]:
        problems = self.attempt.problems if self.attempt else []
        return [problem for problem in problems if isinstance(problem, dict)] if isinstance(problems, list) else []

    @property
    def notes(self) -> list[str]:
        notes = self.attempt.notes if self.attempt else []
        return [_words(note) for note in notes] if isinstance(notes, list) else []

    @property
    def request_headers(self) -> list[tuple[str, str]]:
        return _headers(self.body.request_headers) if self.body else []

    @property
    def response_headers(self) -> list[tuple[str, str]]:
        return _headers(self.body.response_headers) if self.body else []


def chunk_rows(chunk_ms: Any) -> Iterator[ChunkRow]:
    """Yield the pieces of a stream from [milliseconds, bytes so far]; what is no such pair is passed over."""
    before = 0
    for pair in chunk_ms if isinstance(chunk_ms, list) else ():
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, int | float) for each in pair)):
            continue
        yield ChunkRow(float(pair[0]), int(pair[1]) - before)
        before = int(pair[1])


def _headers(headers: Any) -> list[tuple[str, str]]:
    return [(_words(name), _words(value)) for name, value in headers.items()] if isinstance(headers, dict) else []


def _words(value: Any) -> str:
    """Return what a note, a problem or a header says: text that can be sent and fits on a page."""
    if value is None:
        return ""
    return readable(value[:MOST_WORDS]) if isinstance(value, str) else compact(value)[:MOST_WORDS]
