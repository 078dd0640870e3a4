"""What went wrong in a batch: failed inputs by message with their numbers; refused ones apart; recovered ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from django.db.models import Count, F, Max, Min, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext, ngettext

from functions.models import Batch, BatchItem
from traces.models import Attempt, Status

State = BatchItem.State
MOST_GROUPS = 20
SHOWN_NUMBERS = 2


@dataclass(frozen=True)
class Group:
    """Inputs of which the same is to be said."""

    state: str
    message: str
    count: int
    numbers: tuple[int, ...]
    least_attempts: int | None
    most_attempts: int | None

    @property
    def rows(self) -> str:
        """rows 88, 412 and 22 more."""
        numbers = ", ".join(f"{number:,}" for number in self.numbers)
        if self.count > len(self.numbers):
            more = f"{self.count - len(self.numbers):,}"
            return gettext("rows %(numbers)s and %(more)s more") % {"numbers": numbers, "more": more}
        return ngettext("row %(numbers)s", "rows %(numbers)s", self.count) % {"numbers": numbers}

    @property
    def attempts(self) -> str:
        least, most = self.least_attempts, self.most_attempts
        if not most:
            return gettext("not sent, no cost")
        if least != most:
            return gettext("after %(least)s to %(most)s attempts") % {"least": least or 0, "most": most}
        words = ngettext("after %(count)s attempt", "after %(count)s attempts each", most)
        return words % {"count": most}


@dataclass(frozen=True)
class Failures:
    failed: tuple[Group, ...]
    refused: tuple[Group, ...]


@dataclass(frozen=True)
class Recovery:
    """How many are done after a failure, and what the failure of most of them was."""

    count: int
    most: int
    cause: str


def failures_of(batch: Batch) -> Failures:
    """Return the failed and the refused inputs by message, the most frequent first, in one query."""
    same = [F("state"), F("error_message")]
    rows = (
        batch.items.filter(state__in=(State.FAILED, State.REFUSED))
        .annotate(
            place=Window(RowNumber(), partition_by=same, order_by="number"),
            count=Window(Count("pk"), partition_by=same),
            least=Window(Min("span__attempt_count"), partition_by=same),
            most=Window(Max("span__attempt_count"), partition_by=same),
        )
        .filter(place__lte=SHOWN_NUMBERS)
        .order_by("-count", "state", "error_message", "number")
        .values_list("state", "error_message", "count", "least", "most", "number")
    )
    groups = [
        Group(state, message, count, tuple(row[5] for row in found), least, most)
        for (state, message, count, least, most), found in groupby(
            rows[: MOST_GROUPS * SHOWN_NUMBERS], key=lambda row: row[:5]
        )
    ][:MOST_GROUPS]
    return Failures(
        tuple(group for group in groups if group.state == State.FAILED),
        tuple(group for group in groups if group.state == State.REFUSED),
    )


def recovery_of(batch: Batch) -> Recovery | None:
    """Return what is to be said of the recovered inputs; None where there are none."""
    if not batch.recovered_count:
        return None
    failed = Attempt.objects.filter(
        span__batch_item__batch=batch,
        span__status=Status.RECOVERED,
        outcome__in=(Attempt.Outcome.FAILED, Attempt.Outcome.REJECTED),
    )
    causes = failed.order_by().values_list("outcome", "http_status", "error_kind", "provider")
    most = causes.annotate(count=Count("span", distinct=True)).order_by("-count", "provider").first()
    if most is None:
        return Recovery(batch.recovered_count, 0, "")
    outcome, http_status, kind, provider, count = most
    if outcome == Attempt.Outcome.REJECTED:
        cause = gettext("an answer that did not fit, from %(provider)s")
    elif http_status and http_status >= 400:
        cause = f"{http_status} " + gettext("from %(provider)s")
    else:
        cause = kind.replace("_", " ").replace("%", "%%") + " " + gettext("from %(provider)s")
    return Recovery(batch.recovered_count, count, cause % {"provider": provider})
