"""The parameters of an address → the terms and moments of a filter, and what of them cannot be understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from traces.filters.keys import KEYS
from traces.filters.terms import BadText, Term, read_terms
from traces.tags import read_tag, write_tag


@dataclass(frozen=True)
class Problem:
    """A part of the filter that was not applied, and why."""

    text: str
    message: str


def terms_from(params: QueryDict, unread: list[Problem]) -> tuple[Term, ...]:
    """Return the terms of `q` and of the parameters that bear the name of a key; what is refused joins `unread`."""
    try:
        terms = [_settled(term) for term in read_terms(" ".join(params.getlist("q")))]
    except BadText as problem:
        unread.append(Problem("q", str(problem)))
        terms = []
    for key in KEYS:
        for value in params.getlist(key):
            try:
                terms += read_terms_of(key, value)
            except BadText as problem:
                unread.append(Problem(key, str(problem)))
    return tuple(dict.fromkeys(terms))


def read_terms_of(key: str, value: str) -> list[Term]:
    """Read a parameter that bears the name of a key: `tag=env:production`, `latency=>2s`."""
    if not (value := value.strip()):
        return []
    if key == "tag":
        return [Term("tag", (write_tag(*read_tag(value)),))]
    quoted = (
        value if re.search(r'["\s]', value) is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
    return list(read_terms(f"{key}:{quoted}"))


_WHOLE_ID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


def _settled(term: Term) -> Term:
    """Write out what a term leaves to be understood: an id alone is looked for as one; tag:env=a,b is twice env."""
    if not term.key and not term.is_negated and _WHOLE_ID.fullmatch(term.values[0]):
        return Term("id", term.values)
    if term.key == "tag" and len(term.values) > 1:
        key, first = read_tag(term.values[0])
        if first is not None:
            tags = (value if re.search("[=:]", value) else f"{key}={value}" for value in term.values)
            return Term("tag", tuple(write_tag(*read_tag(tag)) for tag in tags), term.is_negated)
    if term.key == "tag":
        return Term("tag", tuple(write_tag(*read_tag(tag)) for tag in term.values), term.is_negated)
    return term


def moment_from(text: str | None, unread: list[Problem], *, is_end: bool) -> datetime | None:
    """Read a moment, or a day: as an end, a day counts to its last second."""
    if not text:
        return None
    try:
        moment = parse_datetime(text) if len(text) > 10 else None
        if moment is None and (day := parse_date(text)):
            moment = datetime.combine(_next_day(day) if is_end else day, time.min)
        if moment is None:
            raise ValueError(text)
        moment = moment if moment.tzinfo else timezone.make_aware(moment)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        unread.append(
            Problem(f"{'to' if is_end else 'from'}={text[:40]}", "A time is written 2026-01-31 or 2026-01-31T13:45.")
        )
        return None


def _next_day(day: date) -> date:
    return day + timedelta(days=1)


def write_moment(moment: datetime) -> str:
    """Return a moment as an address has it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
