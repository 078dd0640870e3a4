"""Terms as they are judged and shown: what each asks of the database, or why it is not applied."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from traces.filters.keys import KEYS, BadValue, Condition, text_condition
from traces.filters.terms import Term


@dataclass(frozen=True)
class Chip:
    """A term as the filter bar shows it."""

    term: Term
    subject: str
    operator: str
    shown: str
    problem: str
    without: str

    @property
    def text(self) -> str:
        return str(self.term)


def conditions_of(term: Term) -> tuple[tuple[Condition, ...], str]:
    """Return what a term asks for, or no condition and why."""
    if not term.key:
        return (text_condition(term.values[0]),), ""
    reader = KEYS.get(term.key)
    if reader is None:
        near = difflib.get_close_matches(term.key, KEYS, 1, cutoff=0.5)
        return (
            (),
            f"Unknown filter. Did you mean {near[0]}?" if near else f"Unknown filter. There are {', '.join(KEYS)}.",
        )
    if not term.values:
        return (), f"{term.key} needs a value."
    try:
        return tuple(reader(value) for value in term.values), ""
    except BadValue as problem:
        return (), f"{problem}."


def chip_of(term: Term, conditions: tuple[Condition, ...], problem: str, without: str) -> Chip:
    """Return a judged term as a chip; `without` is the query of the filter that lacks it."""
    if problem:
        return Chip(term, term.key, ":", ",".join(term.values), problem, without)
    operator = conditions[0].operator
    if term.is_negated:
        operator = {"is": "is not", "contains": "does not contain", "begins with": "does not begin with"}.get(
            operator, f"not {operator}"
        )
    shown = " or ".join(condition.shown for condition in conditions)
    return Chip(term, conditions[0].subject or term.key, operator, shown, "", without)
