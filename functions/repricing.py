"""Price calls of the past anew: from the tokens that were kept, at the price now known for the time they were made.

Call by call, each in a transaction of its own that keeps the totals of its trace right; done twice it changes nothing
the second time. An attempt that no price is known for keeps the one it has.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from celery import shared_task
from django.db import transaction

from functions.completions.catalogue import catalogue_of
from functions.completions.cost import Price
from functions.completions.prices import PriceBook
from functions.kept import MORE_TOKEN_FIELDS, TOKEN_FIELDS
from functions.offers import REHEARSAL, configured
from functions.providers.chat import Usage
from opperweb.accounts.models import Project
from traces import recording
from traces.models import Attempt, Kind, Span, Status

logger = logging.getLogger(__name__)

CALLS_AT_ONCE = 200
# A look ahead is made while somebody waits; it ends after so many calls and says so.
MOST_FORETOLD = 20_000
TEN_DECIMALS = Decimal(1).scaleb(-10)
# Attempts that got a reply: without a price of theirs the call's cost is not wholly known.
ANSWERED = (Attempt.Outcome.ACCEPTED, Attempt.Outcome.REJECTED)


@dataclass(frozen=True)
class Repriced:
    """How many attempts were looked at, how many cost something else now, and what all of them came and come to."""

    attempts: int = 0
    changed: int = 0
    before_usd: Decimal = Decimal(0)
    after_usd: Decimal = Decimal(0)
    # More calls than were looked at.
    is_part: bool = False

    @property
    def difference_usd(self) -> Decimal:
        return self.after_usd - self.before_usd

    def __add__(self, other: Repriced) -> Repriced:
        return Repriced(
            self.attempts + other.attempts,
            self.changed + other.changed,
            self.before_usd + other.before_usd,
            self.after_usd + other.after_usd,
            self.is_part or other.is_part,
        )


@dataclass(frozen=True)
class Priced:
    """An attempt with its price as it is now known."""

    attempt: Attempt
    price: dict[str, Any] | None
    cost_usd: Decimal | None

    @property
    def is_changed(self) -> bool:
        before: Decimal | None = self.attempt.cost_usd
        return self.cost_usd != before


def reprice(project: Project, *, since: datetime, until: datetime, model: str = "") -> Repriced:
    """Set the cost of the calls begun between two moments anew; `model` is provider/name, empty for every one."""
    total = Repriced()
    for span, priced in _calls(project, _keys(project, since, until), model):
        total += _counted(priced)
        if any(one.is_changed for one in priced):
            _write(span, priced)
    return total


def preview(project: Project, *, since: datetime, until: datetime, model: str = "") -> Repriced:
    """Return what `reprice` would come to, for the first MOST_FORETOLD calls, and change nothing."""
    keys = _keys(project, since, until, most=MOST_FORETOLD + 1)
    calls = _calls(project, keys[:MOST_FORETOLD], model)
    return sum((_counted(priced) for _, priced in calls), Repriced(is_part=len(keys) > MOST_FORETOLD))


def reprice_later(project: Project, *, since: datetime, until: datetime, model: str = "") -> None:
    """Have a worker do it; no row is kept of it, for whoever does not see it done may ask for it again."""
    times = (since.isoformat(), until.isoformat())
    transaction.on_commit(lambda: reprice_job.delay(project.pk, *times, model))


@shared_task(name="functions.jobs.reprice_job")  # type: ignore[untyped-decorator]
def reprice_job(project_id: int, since: str, until: str, model: str) -> None:
    """Price the calls of a project anew."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        return
    total = reprice(project, since=datetime.fromisoformat(since), until=datetime.fromisoformat(until), model=model)
    logger.info(
        "%s: %s of %s attempts priced anew, %s USD", project, total.changed, total.attempts, total.difference_usd
    )


def _keys(project: Project, since: datetime, until: datetime, most: int | None = None) -> list[int]:
    """Return the keys of the calls that have ended, in the order they were begun."""
    calls = Span.objects.filter(project=project, kind=Kind.LLM, started_at__gte=since, started_at__lte=until)
    ended = calls.exclude(status=Status.RUNNING).filter(attempt_count__gt=0).order_by("started_at", "key")
    return list(ended.values_list("pk", flat=True)[:most])


def _calls(project: Project, keys: list[int], model: str) -> Iterator[tuple[Span, list[Priced]]]:
    """Yield each of these calls with those of its attempts that are of the model."""
    prices = catalogue_of(project).prices
    addresses = {provider.name: provider.base_url for provider in configured(project)}
    for start in range(0, len(keys), CALLS_AT_ONCE):
        some = Span.objects.filter(pk__in=keys[start : start + CALLS_AT_ONCE])
        for span in some.prefetch_related("attempts"):
            wanted = [one for one in span.attempts.all() if not model or model in names_of(one)]
            if wanted:
                yield span, [_priced(one, prices, addresses) for one in wanted]


def names_of(attempt: Attempt) -> tuple[str, str]:
    """Return an attempt's model as it was asked for and as it was served, both as provider/name."""
    return attempt.requested_model, f"{attempt.provider}/{attempt.model}"


def usage_of(attempt: Attempt) -> Usage:
    """Return the tokens that were kept of an attempt."""
    counts = {name: getattr(attempt, name) for name in TOKEN_FIELDS}
    more = attempt.more_tokens if isinstance(attempt.more_tokens, dict) else {}
    return Usage(**counts, **{name: more[name] for name in MORE_TOKEN_FIELDS if name in more})


def _priced(attempt: Attempt, prices: PriceBook, addresses: Mapping[str, str]) -> Priced:
    usage = usage_of(attempt)
    price = _price_of(attempt, prices, addresses, usage) if usage.is_known else None
    if price is None or attempt.provider == REHEARSAL:
        return Priced(attempt, attempt.price, attempt.cost_usd)
    cost_usd = price.cost_of(usage)
    # As the database keeps it: sums of parts then agree with what they are parts of.
    return Priced(attempt, price.as_json(usage), None if cost_usd is None else cost_usd.quantize(TEN_DECIMALS))


def _price_of(attempt: Attempt, prices: PriceBook, addresses: Mapping[str, str], usage: Usage) -> Price | None:
    """Return the price at the attempt's time: by the name of the model that served it, else of the one asked for."""
    asked = attempt.requested_model.removeprefix(f"{attempt.provider}/")
    for name in dict.fromkeys(filter(None, (attempt.model, asked))):
        price = prices.price_for(
            attempt.provider,
            name,
            attempt.started_at,
            base_url=addresses.get(attempt.provider, ""),
            input_tokens=usage.input_tokens or 0,
        )
        if price is not None:
            return price
    return None


def _counted(priced: list[Priced]) -> Repriced:
    return Repriced(
        attempts=len(priced),
        changed=sum(one.is_changed for one in priced),
        before_usd=sum((one.attempt.cost_usd or Decimal(0) for one in priced), Decimal(0)),
        after_usd=sum((one.cost_usd or Decimal(0) for one in priced), Decimal(0)),
    )


@transaction.atomic
def _write(span: Span, priced: list[Priced]) -> None:
    for one in priced:
        if one.is_changed:
            Attempt.objects.filter(pk=one.attempt.pk).update(price=one.price, cost_usd=one.cost_usd)
    attempts = list(Attempt.objects.filter(span=span))
    known = [attempt.cost_usd for attempt in attempts if attempt.cost_usd is not None]
    recording.change(
        span,
        cost_usd=sum(known, Decimal(0)) if known else None,
        is_priced=all(attempt.cost_usd is not None for attempt in attempts if attempt.outcome in ANSWERED),
    )
