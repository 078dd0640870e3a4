"""The attempts of a model call: how each is named, and what the panel says came of it."""

from __future__ import annotations

from dataclasses import dataclass

from traces.models import Attempt
from traces.pages.json_view import readable


@dataclass(frozen=True)
class AttemptLink:
    attempt: Attempt
    query: str
    is_current: bool
    is_next_model: bool

    @property
    def icon(self) -> str:
        icons = {Attempt.Outcome.ACCEPTED: "ok", Attempt.Outcome.RUNNING: "running", Attempt.Outcome.STOPPED: "stopped"}
        return icons.get(Attempt.Outcome(self.attempt.outcome), "error")

    @property
    def css(self) -> str:
        return {"ok": "is-ok", "running": "is-run", "stopped": "ink-3"}.get(self.icon, "is-err")

    @property
    def words(self) -> str:
        """What came of it: accepted, after a fallback or not; else the first problem or the kind of error."""
        attempt = self.attempt
        label = str(Attempt.Outcome(attempt.outcome).label)
        if attempt.outcome == Attempt.Outcome.ACCEPTED:
            return "Fallback, accepted" if self.is_next_model else label
        problem = attempt.problems[0] if isinstance(attempt.problems, list) and attempt.problems else None
        if attempt.outcome == Attempt.Outcome.REJECTED and isinstance(problem, dict):
            return readable(f"{problem.get('path') or 'the value'}: {problem.get('rule') or 'schema'} not met")
        return readable(attempt.error_kind.replace("_", " ").capitalize()) or label


def attempt_label(attempt: Attempt) -> str:
    """Return the name of an attempt among the others: "Attempt 1", "3, accepted"."""
    start = "Attempt 1" if attempt.number == 1 else str(attempt.number)
    return f"{start}, accepted" if attempt.outcome == Attempt.Outcome.ACCEPTED else start
