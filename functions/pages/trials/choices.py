"""Which definitions of a function somebody can try: its newest revisions, and the draft that is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from functions import drafts, revising
from functions.models import Draft, Function, Revision
from functions.trials.inputs import Tried
from opperweb.accounts.models import User

DRAFT = "draft"
MOST_REVISIONS = 100
LONGEST_NUMBER = 9


@dataclass(frozen=True)
class Choices:
    """What can be chosen, by the texts that an address names it with: a number, the newest first, or DRAFT."""

    function: Function
    newest: Revision
    draft: Draft | None
    numbers: list[int]

    def tried(self, name: str) -> Tried | None:
        """Return what is chosen by this name, in a query; None where there is nothing of it."""
        if name == DRAFT:
            if self.draft is None:
                return None
            return Tried(self.draft.base or self.newest, {**revising.EMPTY, **self.draft.definition}, is_draft=True)
        revision = self.revision(name)
        return Tried(revision, drafts.definition_of(revision)) if revision is not None else None

    def revision(self, name: str) -> Revision | None:
        if name not in map(str, self.numbers):
            return None
        found: Revision | None = self.function.revisions.filter(number=int(name)).first()
        return found

    def revisions(self) -> list[tuple[str, str]]:
        """Return the revisions with their labels."""
        live, older = gettext("Revision %(number)s, live"), gettext("Revision %(number)s")
        return [
            (str(number), (live if number == self.newest.number else older) % {"number": number})
            for number in self.numbers
        ]


def choices_of(function: Function, newest: Revision, user: User, params: QueryDict, *names: str) -> Choices:
    """Return what can be chosen: of the revisions the newest, and those that these parameters ask for."""
    draft = Draft.objects.select_related("base").filter(function=function, author=user).first()
    wanted = [number for name in names if (number := number_of(params.get(name, ""))) is not None]
    numbers = function.revisions.order_by("-number").values_list("number", flat=True)
    return Choices(
        function,
        newest,
        draft,
        sorted({*numbers[:MOST_REVISIONS], *numbers.filter(number__in=wanted)}, reverse=True),
    )


def number_of(text: str) -> int | None:
    """Return the number of a revision, or None where a text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def missing(name: Any) -> Any:
    """Say why nothing can be chosen by this name."""
    if name == DRAFT:
        return _("You have no draft of this function. Change its definition first.")
    return _("There is no %(value)s of this function.")
