"""The failures of a function by what they say: equal but for their numbers and names, they are one line."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from functions.figures import Stretch
from functions.models import Function
from functions.pages.strips import Strip, strip_of
from traces.models import Origin, Span, Status

MOST_READ = 1000
MOST_SHOWN = 6

_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?=\w*\d)\w{16,}\b", re.I)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|“[^”]*”|`[^`]*`")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass
class ErrorGroup:
    """Failures that say the same; the words are those of the newest of them."""

    message: str
    kind: str
    last_at: datetime
    bars: list[int]
    count: int = 0

    @property
    def strip(self) -> Strip:
        return strip_of([(number, number) for number in self.bars])


@dataclass(frozen=True)
class ErrorGroups:
    """The groups with most failures first; `read` is how many failures they were made of."""

    groups: list[ErrorGroup] = field(default_factory=list)
    read: int = 0

    @property
    def shown(self) -> list[ErrorGroup]:
        return self.groups[:MOST_SHOWN]

    @property
    def left(self) -> int:
        """In how many failures nothing of what is shown is said."""
        return self.read - sum(group.count for group in self.shown)

    @property
    def is_all(self) -> bool:
        return self.read < MOST_READ


def error_groups(function: Function, stretch: Stretch, conditions: Iterable[Q] = ()) -> ErrorGroups:
    """Group the newest failures of a function, at most MOST_READ of them, in one query on an index of its own."""
    failed = Span.objects.filter(
        *conditions,
        # As the index says it, which holds nothing but the failures of functions.
        ~Q(function_name=""),
        project=function.project,
        function_name=function.name,
        status=Status.ERROR,
        origin=Origin.LIVE,
        started_at__gte=stretch.start,
        started_at__lt=stretch.end,
    )
    newest = failed.order_by("-started_at").values_list("started_at", "error_message", "error_kind")[:MOST_READ]
    groups: dict[str, ErrorGroup] = {}
    read = 0
    for started_at, message, kind in newest:
        read += 1
        words = message.strip() or kind
        key = alike(words)
        if key not in groups:
            groups[key] = ErrorGroup(words, kind, started_at, [0] * len(stretch.periods))
        groups[key].count += 1
        groups[key].bars[bisect_right(stretch.boundaries, started_at) - 1] += 1
    return ErrorGroups(sorted(groups.values(), key=lambda group: -group.count), read)


def alike(message: str) -> str:
    """Return what a message has in common with others of its sort: no ids, nothing in quotes, no numbers."""
    for pattern in (_ID, _QUOTED, _NUMBER):
        message = pattern.sub("…", message)
    return " ".join(message.lower().split())
