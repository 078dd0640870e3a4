"""The language models of a task, in order of preference, each with the provider that serves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from functions.completions.catalogue import Catalogue
from functions.completions.cost import Price
from functions.completions.prices import PriceBook
from functions.providers import Provider, UnknownModel
from functions.task import InvalidModel, LanguageModelChoice, Task

MOST_CANDIDATES = 50
# An alias may name another one, but not go round in a circle.
DEEPEST_ALIAS = 5


@dataclass(frozen=True)
class Candidate:
    """A language model that can be asked: `name` is provider/model, `asked` the name that led to it."""

    name: str
    provider: Provider
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    asked: str = ""
    prices: PriceBook = field(default_factory=PriceBook)
    # Why it stands where it stands, if not where the caller put it.
    notes: tuple[str, ...] = ()

    def price_at(self, at: datetime, *, served: str, input_tokens: int) -> Price | None:
        """Return what a request costs: by the name of the model that served it, else of the one that was asked."""
        for model in dict.fromkeys((served, self.model)):
            price = model and self.prices.price_for(
                self.provider.name, model, at, base_url=self.provider.base_url, input_tokens=input_tokens
            )
            if price:
                return price
        return None


def candidates_for(task: Task, catalogue: Catalogue, default_model: str) -> tuple[Candidate, ...]:
    """Return the task's candidates in order, the default model where it names none.

    A provider that is paused after failures comes last. Raises UnknownModel for a name that leads nowhere, InvalidModel
    for aliases that lead in a circle.
    """
    choices = task.choices or (LanguageModelChoice(default_model),)
    found = [candidate for choice in choices for candidate in _candidates(choice, catalogue, choice.name, 0)]
    if len(found) > MOST_CANDIDATES:
        raise InvalidModel((), f"these names stand for {len(found)} models; at most {MOST_CANDIDATES} can be tried")
    return tuple(_paused_last(found, catalogue))


def _candidates(choice: LanguageModelChoice, catalogue: Catalogue, name: str, depth: int) -> Iterator[Candidate]:
    if name in catalogue.aliases:
        if depth >= DEEPEST_ALIAS:
            raise InvalidModel((), f"the alias {choice.name} leads through more than {DEEPEST_ALIAS} others")
        yield from _behind_alias(choice, catalogue, name, depth)
        return
    provider, model = catalogue.resolve(name)
    yield Candidate(
        f"{provider.name}/{model}",
        provider,
        model,
        choice.options,
        choice.extra_headers,
        asked=choice.name,
        prices=catalogue.prices,
    )


def _behind_alias(choice: LanguageModelChoice, catalogue: Catalogue, name: str, depth: int) -> Iterator[Candidate]:
    """Return what an alias stands for; a model that is no longer there is passed over, unless it was the last."""
    found: list[Candidate] = []
    lost: UnknownModel | None = None
    for inner in catalogue.aliases[name]:
        try:
            found += _candidates(choice, catalogue, inner, depth + 1)
        except UnknownModel as problem:
            lost = problem
    if lost is not None and not found:
        raise lost
    note = f"the alias {name} also names {lost.name}, which leads nowhere" if lost is not None else ""
    yield from (_with_note(candidate, note) for candidate in found) if note else found


def _paused_last(candidates: list[Candidate], catalogue: Catalogue) -> Iterator[Candidate]:
    paused = []
    for candidate in candidates:
        pause = catalogue.pause_of(candidate.provider.name)
        if pause is None:
            yield candidate
            continue
        note = (
            f"{candidate.provider.name} is paused until {pause.until:%H:%M:%S} UTC after failures ({pause.reason}); "
            "it is asked after the others"
        )
        paused.append(_with_note(candidate, note))
    yield from paused


def _with_note(candidate: Candidate, note: str) -> Candidate:
    return Candidate(**{**candidate.__dict__, "notes": (*candidate.notes, note)})
