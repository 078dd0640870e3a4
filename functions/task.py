"""The question and the answer, as values: what a caller asks of language models, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Any, Literal

from functions.providers.chat import Strategy, Usage, Wanted

Path = tuple[str | int, ...]
Outcome = Literal["accepted", "rejected", "failed", "stopped"]

DEFAULT_INSTRUCTIONS = "You are a helpful assistant"
WANTED: tuple[Wanted, ...] = ("text", "image", "audio", "transcript")
MOST_ATTEMPTS = 100
MOST_CHOICES = 50
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,4000}")


class TaskError(Exception):
    """A part of a task makes no sense. `path` leads to it from the value that was read."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class InvalidModel(TaskError):
    """`model` is in none of its forms."""


class InvalidConfiguration(TaskError):
    """A known key of `configuration` has a value of the wrong type or out of range."""


@dataclass(frozen=True)
class Example:
    """A worked example. `similarity` tells how near a kept one is to the input, 0 to 1."""

    input: Any
    output: Any
    comment: str | None = None
    similarity: float | None = None
    # Of a kept one.
    id: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what is kept of it beside the call that it was shown to."""
        facts = {"input": self.input, "output": self.output, "comment": self.comment}
        return facts if self.id is None else {**facts, "similarity": self.similarity, "id": self.id}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Example:
        """Read what `as_dict` gave."""
        return cls(*(values.get(name) for name in ("input", "output", "comment", "similarity", "id")))


@dataclass(frozen=True)
class LanguageModelChoice:
    """One model a task may be answered by, `provider/name`, with what is sent along unchanged."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """The settings of a task that we know; others are kept by whoever holds the dictionary."""

    few_shot_count: int = 3
    max_attempts: int = 5
    cache_ttl_seconds: int = 0
    validates_input: bool = False
    # What is to come back, where neither a schema nor the model says it; empty: the model decides.
    wants: Wanted | Literal[""] = ""
    # provider/name of the model whose vectors tell which examples are near; empty: their words do.
    embedding_model: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> Configuration:
        """Read the flat dotted form. Absent and null mean the default; unknown keys are ignored."""
        read = _ConfigurationReader(values or {})
        return cls(
            few_shot_count=read.integer("invocation.few_shot.count", 3, least=0, most=1000),
            max_attempts=read.integer("invocation.structured_generation.max_attempts", 5, least=1, most=MOST_ATTEMPTS),
            cache_ttl_seconds=read.integer("invocation.cache.ttl", 0, least=0, most=2**31),
            validates_input=read.boolean("beta.invocation.input_validation.enabled", default=False),
            wants=read.wanted("invocation.output.type"),
            embedding_model=read.model("invocation.few_shot.embedding_model"),
        )


class _ConfigurationReader:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidConfiguration((key,), f"{key} must be a whole number")
        if not least <= value <= most:
            raise InvalidConfiguration((key,), f"{key} must be from {least} to {most}")
        return value

    def model(self, key: str) -> str:
        value = self.values.get(key)
        if value is None or value == "":
            return ""
        if not isinstance(value, str) or len(value) > 255 or not value.isprintable() or not value.strip():
            raise InvalidConfiguration((key,), f"{key} must be the name of a model, provider/name")
        return value.strip()

    def wanted(self, key: str) -> Wanted | Literal[""]:
        value = self.values.get(key)
        if value is None:
            return ""
        for known in WANTED:
            if value == known:
                return known
        raise InvalidConfiguration((key,), f"{key} must be one of {', '.join(WANTED)}")

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise InvalidConfiguration((key,), f"{key} must be true or false")
        return value


@dataclass(frozen=True)
class Task:
    """What a caller asks. Without `choices` the default model answers."""

    name: str
    instructions: str = DEFAULT_INSTRUCTIONS
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    input: Any = None
    choices: tuple[LanguageModelChoice, ...] = ()
    examples: tuple[Example, ...] = ()
    configuration: Configuration = field(default_factory=Configuration)


@dataclass(frozen=True)
class AttemptRecord:
    """One request to a language model and what came of it; whatever is secret has been taken out."""

    number: int
    outcome: Outcome
    requested_model: str
    provider: str
    started_at: datetime
    model: str = ""
    strategy: Strategy = ""
    is_repair: bool = False
    error_kind: str = ""
    error_message: str = ""
    http_status: int | None = None
    finish_reason: str = ""
    request_id: str = ""
    waited_ms: float = 0
    queue_ms: float | None = None
    first_byte_ms: float | None = None
    first_token_ms: float | None = None
    duration_ms: float | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal | None = None
    reported_cost_usd: Decimal | None = None
    price: dict[str, Any] | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    method: str = "POST"
    url: str = ""
    request_headers: dict[str, str] = field(default_factory=dict)
    request_body: str | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str | None = None
    # Of a stream: [milliseconds since sending, bytes so far] for each chunk.
    chunk_ms: list[list[float]] | None = None


@dataclass(frozen=True)
class CompletionError:
    """Why there is no answer, in the API's words; `kind` is the slug of the last failure.

    `retry_after_seconds` is how long the last provider asked to be left alone, None where it said nothing.
    """

    status: int
    type: str
    message: str
    detail: Any
    kind: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True)
class Result:
    """The checked answer to a task, or the error; and every attempt on the way to it."""

    message: str | None = None
    value: Any = None
    images: list[str] | None = None
    audio: str | None = None
    cached: bool = False
    attempts: tuple[AttemptRecord, ...] = ()
    error: CompletionError | None = None
    # Of an answer that was kept: the model that gave it, and its provider.
    answered_by: tuple[str, str] = ("", "")
    # Model → (strategy, why): how models had to be asked, because they refused better ways.
    learned: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def usage(self) -> Usage:
        """Return the tokens of all attempts; those that told none count as unknown, not as 0."""
        return reduce(lambda total, attempt: total + attempt.usage, self.attempts, Usage())

    @property
    def cost_usd(self) -> Decimal | None:
        """Return the sum of what is known, or None where nothing is; an answer that was kept costs nothing."""
        if self.cached:
            return Decimal(0)
        known = [attempt.cost_usd for attempt in self.attempts if attempt.cost_usd is not None]
        return sum(known, Decimal(0)) if known else None

    @property
    def is_priced(self) -> bool:
        """Tell whether the cost of every attempt that got a reply is known."""
        return all(
            attempt.cost_usd is not None for attempt in self.attempts if attempt.outcome in ("accepted", "rejected")
        )


def choices_of(model: Any) -> tuple[LanguageModelChoice, ...]:
    """Read `model` in any of its forms: a name, an object, a list of both, null."""
    if model is None:
        return ()
    if not isinstance(model, list):
        return (_choice(model, ()),)
    if not model:
        raise InvalidModel((), "the list of models is empty")
    if len(model) > MOST_CHOICES:
        raise InvalidModel((), f"at most {MOST_CHOICES} models can be named")
    return tuple(_choice(entry, (index,)) for index, entry in enumerate(model))


def _choice(entry: Any, path: Path) -> LanguageModelChoice:
    if isinstance(entry, str):
        return LanguageModelChoice(_model_name(entry, path))
    if not isinstance(entry, dict):
        raise InvalidModel(path, "a model is a name, or an object with name and options")
    name = entry.get("name")
    if not isinstance(name, str):
        raise InvalidModel((*path, "name"), "a model needs a name")
    options = entry.get("options") or {}
    if not isinstance(options, dict):
        raise InvalidModel((*path, "options"), "options must be an object")
    return LanguageModelChoice(
        _model_name(name, (*path, "name")), options, _headers(entry.get("extra_headers"), (*path, "extra_headers"))
    )


def _model_name(name: str, path: Path) -> str:
    name = name.strip()
    if not name or len(name) > 255 or not name.isprintable():
        raise InvalidModel(path, "a model's name is 1 to 255 printable characters, provider/name")
    return name


def _headers(headers: Any, path: Path) -> dict[str, str]:
    if headers is None:
        return {}
    if not isinstance(headers, dict):
        raise InvalidModel(path, "extra_headers must be an object")
    for name, value in headers.items():
        if not isinstance(value, str) or not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise InvalidModel(
                (*path, name), "a header is a name of letters, digits and dashes, and a line of ASCII text"
            )
    return headers
