"""How structure is asked of a model: natively, as JSON with the shape in the prompt, or by the prompt alone.

A model that refuses a schema is asked another way; what it refused is remembered for a day, and told on the attempt.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from functions.completions.candidates import Candidate
from functions.providers.chat import Strategy
from functions.schemas.dialects import IDENTITY, NotExpressible, Wire, to_dialect
from opperweb import json

REMEMBERED_SECONDS = 24 * 3600.0
MOST_REMEMBERED = 10_000
LADDER: tuple[Strategy, ...] = ("native", "json", "text")

# (model, schema) → (the strategy to begin with, why, until when)
_remembered: dict[tuple[str, str], tuple[Strategy, str, float]] = {}


class Strategies:
    """The ways left to ask for one schema."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        self.schema = schema
        self.digest = hashlib.sha256(json.dumps(schema).encode()).hexdigest() if schema is not None else ""
        self.wire, self.reason = _expressed(schema)

    def choose(self, candidate: Candidate) -> tuple[Strategy, Wire | None, tuple[str, ...]]:
        """Return the strategy, what goes on the wire with it, and what to tell about the choice."""
        if self.schema is None:
            return "", None, ()
        if candidate.provider.kind == "rehearsal":
            # It takes any schema as it is: nothing needs to be made to fit a vendor's rules.
            return "native", Wire(self.schema, IDENTITY, ()), ()
        strategy, reason = self._remembered(candidate)
        if strategy == "native" and self.wire is not None:
            return "native", self.wire, self.wire.notes
        if strategy == "native":
            strategy, reason = "json", self.reason
        return strategy, None, (f"The schema was not sent natively: {reason}",) if reason else ()

    def downgrade(self, candidate: Candidate, reason: str) -> bool:
        """Remember that the present strategy was refused; tell whether there is another."""
        strategy, _, _ = self.choose(candidate)
        if strategy not in LADDER or strategy == LADDER[-1]:
            return False
        lower = LADDER[LADDER.index(strategy) + 1]
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        _remembered[(candidate.name, self.digest)] = (lower, reason[:300], time.monotonic() + REMEMBERED_SECONDS)
        return True

    def _remembered(self, candidate: Candidate) -> tuple[Strategy, str]:
        strategy, reason, until = _remembered.get((candidate.name, self.digest), ("native", "", 0.0))
        return (strategy, reason) if time.monotonic() < until else ("native", "")


def _expressed(schema: dict[str, Any] | None) -> tuple[Wire | None, str]:
    if schema is None:
        return None, ""
    try:
        return to_dialect(schema, "openai"), ""
    except NotExpressible as problem:
        return None, str(problem)
