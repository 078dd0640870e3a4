"""The rubric of a judge as a form: criteria added, moved, dropped and changed before they are saved as a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext

from functions.evaluations.rubric import MOST_CRITERIA, Criterion, InvalidRubric, instructions_for

FIELDS = ("name", "sentence", "weight")
MOST_LENGTH = 5_000


@dataclass(frozen=True)
class CriterionRow:
    """One criterion as it was typed; `error` belongs to `wrong`, one of its fields."""

    number: int
    name: str = ""
    sentence: str = ""
    weight: str = "1"
    is_open: bool = False
    wrong: str = ""
    error: str = ""

    @property
    def start(self) -> str:
        """What the names of its fields begin with."""
        return f"criterion.{self.number}"


@dataclass(frozen=True)
class RubricForm:
    """All of it; `base` is the version that it was made from."""

    base: int
    rows: tuple[CriterionRow, ...]
    is_draft: bool = False
    error: str = ""

    @classmethod
    def of(cls, version: int, criteria: Sequence[Criterion]) -> RubricForm:
        rows = [
            CriterionRow(number, each.name, each.sentence, str(each.weight)) for number, each in enumerate(criteria)
        ]
        return cls(version, tuple(rows))

    @classmethod
    def sent(cls, post: Mapping[str, Any]) -> RubricForm:
        """Read a form; rows are in the order of their numbers."""
        rows: list[CriterionRow] = []
        for number in range(MOST_CRITERIA + 1):
            if f"criterion.{number}.name" in post:
                name, sentence, weight = (str(post.get(f"criterion.{number}.{each}", "")) for each in FIELDS)
                rows.append(CriterionRow(len(rows), name[:MOST_LENGTH], sentence[:MOST_LENGTH], weight[:MOST_LENGTH]))
        base = str(post.get("base", ""))
        return cls(int(base) if base.isascii() and base.isdigit() and len(base) < 9 else -1, tuple(rows), True)

    @property
    def next_version(self) -> int:
        return self.base + 1

    @property
    def may_add(self) -> bool:
        return len(self.rows) < MOST_CRITERIA

    @property
    def values(self) -> list[dict[str, Any]]:
        """The criteria as `save_rubric` takes them."""
        return [{"name": row.name, "sentence": row.sentence, "weight": _weight(row.weight)} for row in self.rows]

    @property
    def prompt(self) -> str:
        """What the judge is told with these criteria; the code that names the data is another one each time."""
        criteria = [Criterion(row.name, row.sentence, _weight(row.weight) or 1) for row in self.rows]
        return instructions_for(criteria, "…")

    def pressed(self, verb: str, target: str) -> RubricForm:
        """Return the form after a button that does not save: add, drop, up or down."""
        rows = list(self.rows)
        place = int(target) if target.isascii() and target.isdigit() and int(target[:4]) < len(rows) else None
        if verb == "add" and self.may_add:
            rows.append(CriterionRow(len(rows), is_open=True))
        elif verb == "drop" and place is not None and len(rows) > 1:
            del rows[place]
        elif verb in ("up", "down") and place is not None:
            other = place + (1 if verb == "down" else -1)
            if 0 <= other < len(rows):
                rows[place], rows[other] = rows[other], rows[place]
        return replace(self, rows=tuple(replace(row, number=number) for number, row in enumerate(rows)))

    def refused(self, problem: InvalidRubric) -> RubricForm:
        """Return the form with what is wrong at its field."""
        if len(problem.place) < 2:
            return replace(self, error=gettext("Not saved: %(reason)s.") % {"reason": problem.message})
        place, field = problem.place
        rows = [
            replace(row, is_open=True, wrong=str(field), error=problem.message) if row.number == place else row
            for row in self.rows
        ]
        return replace(self, rows=tuple(rows), error=gettext("Not saved yet: look at what is marked below."))


def _weight(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
