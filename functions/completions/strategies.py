"""How structure is asked of a model: natively, as a tool, as JSON with the shape in the prompt, or by the prompt alone.

A model that refuses a schema is asked another way; what it refused is remembered for a day, and told on the attempt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from functions.completions.candidates import Candidate
from functions.completions.catalogue import Learned
from functions.models import LearnedStrategy, catalogue_changed
from functions.providers.chat import Strategy
from functions.schemas.dialects import IDENTITY, NotExpressible, Wire, to_dialect
from opperweb import json
from opperweb.accounts.models import Project

REMEMBERED = timedelta(days=1)
# These send the schema; the others tell its shape in the prompt.
WITH_SCHEMA: tuple[Strategy, ...] = ("native", "tool")


@dataclass
class Strategies:
    """The ways left to ask for one schema, with what earlier calls have learned of them."""

    schema: dict[str, Any] | None
    known: Mapping[tuple[str, str], Learned] = field(default_factory=dict)
    # What this call learns: model → how it has to be asked.
    learned: dict[str, Learned] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.digest = digest_of(self.schema)

    def choose(self, candidate: Candidate) -> tuple[Strategy, Wire | None, tuple[str, ...]]:
        """Return the strategy, what goes on the wire with it, and what to tell about the choice."""
        if self.schema is None:
            return "", None, ()
        if candidate.provider.kind == "rehearsal":
            # It takes any schema as it is: nothing needs to be made to fit a vendor's rules.
            return "native", Wire(self.schema, IDENTITY, ()), ()
        ladder, reason = self._ladder(candidate)
        for strategy in ladder:
            dialect = candidate.provider.dialect
            if strategy not in WITH_SCHEMA or dialect == "none":
                return strategy, None, (f"The schema was not sent: {reason}",) if reason else ()
            try:
                wire = to_dialect(self.schema, dialect)
            except NotExpressible as problem:
                reason = reason or str(problem)
            else:
                notes = (f"The schema was sent as a {strategy}: {reason}",) if reason else ()
                return strategy, wire, (*notes, *wire.notes)
        return "text", None, (f"The schema was not sent: {reason}",) if reason else ()

    def downgrade(self, candidate: Candidate, reason: str) -> bool:
        """Remember that the present strategy was refused; tell whether there is another."""
        present, _, _ = self.choose(candidate)
        ladder = candidate.provider.strategies(candidate.model)
        below = ladder[ladder.index(present) + 1 :] if present in ladder else ()
        if not below:
            return False
        self.learned[candidate.name] = Learned(below[0], reason[:300], timezone.now() + REMEMBERED)
        return True

    def _ladder(self, candidate: Candidate) -> tuple[tuple[Strategy, ...], str]:
        ladder = candidate.provider.strategies(candidate.model) or ("text",)
        learned = self.learned.get(candidate.name) or self.known.get((candidate.name, self.digest))
        if learned is None or learned.until <= timezone.now() or learned.strategy not in ladder:
            return ladder, ""
        place = [*ladder].index(learned.strategy)
        return ladder[place:], learned.reason


def digest_of(schema: dict[str, Any] | None) -> str:
    """Return what tells two schemas apart, the order of their fields included; empty without a schema."""
    return "" if schema is None else hashlib.sha256(json.dumps(schema).encode()).hexdigest()


def remember(project: Project, schema: dict[str, Any] | None, learned: Mapping[str, tuple[str, str]]) -> None:
    """Keep for a day how models had to be asked for a schema, and tell every process."""
    for model, (strategy, reason) in learned.items():
        LearnedStrategy.objects.update_or_create(
            project=project,
            model=model,
            schema_digest=digest_of(schema),
            defaults={"strategy": strategy, "reason": reason[:300], "until": timezone.now() + REMEMBERED},
        )
    catalogue_changed(project)
