"""The language models of a task, in order of preference, each with the provider that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.providers import Provider, Providers
from functions.task import LanguageModelChoice, Task


@dataclass(frozen=True)
class Candidate:
    """A language model that can be asked: `name` is provider/model as people write it."""

    name: str
    provider: Provider
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)


def candidates_for(task: Task, providers: Providers, default_model: str) -> tuple[Candidate, ...]:
    """Return the task's candidates in order, the default model where it names none.

    Raises UnknownModel for a name whose provider nobody has set up.
    """
    choices = task.choices or (LanguageModelChoice(default_model),)
    return tuple(_candidate(choice, providers) for choice in choices)


def _candidate(choice: LanguageModelChoice, providers: Providers) -> Candidate:
    provider, model = providers.resolve(choice.name)
    return Candidate(choice.name, provider, model, choice.options, choice.extra_headers)
