"""How far a batch is: its inputs by state, how fast they end, when the last one will, and what that will cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.db.models import Count
from django.utils.translation import gettext

from functions.models import Batch, BatchItem
from opperweb.pages import display

State = BatchItem.State
# The rate is that of the last minute: it follows a provider that slows down.
RATE_OVER = timedelta(minutes=1)


@dataclass(frozen=True)
class Part:
    """A piece of the bar, as attributes of a rectangle."""

    css: str
    x: str
    width: str


@dataclass(frozen=True)
class Progress:
    """A batch at one moment; `ends` are the moments at which its inputs ended, and whether each is done."""

    batch: Batch
    counts: Mapping[str, int]
    ends: Sequence[tuple[datetime, bool]]
    now: datetime

    @property
    def queued(self) -> int:
        return self.counts.get(State.QUEUED, 0)

    @property
    def running(self) -> int:
        return self.counts.get(State.RUNNING, 0)

    @property
    def cancelled(self) -> int:
        return self.counts.get(State.CANCELLED, 0)

    @property
    def done(self) -> int:
        return self.counts.get(State.DONE, 0)

    @property
    def failed(self) -> int:
        return self.counts.get(State.FAILED, 0)

    @property
    def refused(self) -> int:
        return self.counts.get(State.REFUSED, 0)

    @property
    def settled(self) -> int:
        """Those that nothing more will become of, whatever it was."""
        return self.batch.total_count - self.queued - self.running

    @property
    def is_live(self) -> bool:
        """Whether looking again shows anything new."""
        is_waiting = self.batch.state == Batch.State.PAUSED and not self.running
        return self.batch.ended_at is None and not is_waiting

    # --- time -----------------------------------------------------------------------------------------------------

    @property
    def until(self) -> datetime:
        return self.batch.ended_at or self.now

    @property
    def elapsed_ms(self) -> float | None:
        if self.batch.started_at is None:
            return None
        return max(0.0, (self.until - self.batch.started_at).total_seconds() * 1000)

    @cached_property
    def rate(self) -> float | None:
        """Inputs a second: of the last minute while it runs, where one ended in it, else of all the time."""
        if not self.ends or not self.elapsed_ms:
            return None
        since = self.now - RATE_OVER
        recent = sum(1 for moment, _ in self.ends if moment >= since)
        if self.batch.ended_at is None and recent:
            return recent / min(RATE_OVER.total_seconds(), self.elapsed_ms / 1000)
        return len(self.ends) / (self.elapsed_ms / 1000)

    @property
    def rate_words(self) -> str:
        if self.rate is None:
            return display.MISSING
        if self.rate >= 1:
            return gettext("%(number)s a second") % {"number": f"{self.rate:.1f}"}
        return gettext("%(number)s a minute") % {"number": f"{self.rate * 60:.1f}"}

    @property
    def left_ms(self) -> float | None:
        """How long the rest takes at this rate."""
        if not self.rate or self.batch.ended_at is not None or not self.is_live:
            return None
        return (self.queued + self.running) / self.rate * 1000

    # --- money ----------------------------------------------------------------------------------------------------

    @property
    def expected_usd(self) -> Decimal | None:
        """What it will have cost at its end, if the rest costs what the ones before did."""
        answered = self.done + self.failed
        if self.batch.cost_usd is None or not answered:
            return None
        known: Decimal = self.batch.cost_usd
        return known / answered * (answered + self.queued + self.running)

    # --- the bar --------------------------------------------------------------------------------------------------

    @property
    def parts(self) -> list[Part]:
        """The pieces of the bar from the left, none for what there is none of."""
        parts, at = [], 0
        for css, count in (
            ("done", self.done),
            ("error", self.failed),
            ("refused", self.refused),
            ("running", self.running),
        ):
            if count:
                parts.append(Part(css, self._percent(at), self._percent(count)))
            at += count
        return parts

    def _percent(self, count: int) -> str:
        return f"{100 * count / max(self.batch.total_count, 1):.2f}%"

    @property
    def tenth(self) -> int:
        """In per cent, a whole tenth: what is announced when it changes."""
        return 10 * (10 * self.settled // max(self.batch.total_count, 1))


def progress_of(batch: Batch, now: datetime) -> Progress:
    """Return how far a batch is, in two queries."""
    counts = dict(batch.items.order_by().values_list("state").annotate(count=Count("pk")))
    ended = batch.items.filter(state__in=(State.DONE, State.FAILED), span__ended_at__isnull=False).order_by()
    ends = [(moment, state == State.DONE) for moment, state in ended.values_list("span__ended_at", "state") if moment]
    return Progress(batch, counts, ends, now)
