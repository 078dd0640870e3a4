"""The keys of the filter language, one line each in `KEYS`: how a value is read, asked of the database and shown.

A key more is an entry more. What a value means is decided here alone; `terms` knows only how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import InvalidOperation
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from opperweb.pages import display
from traces.evaluation_models import Feedback
from traces.filters import numbers
from traces.models import Kind, Origin, Span, SpanMetric, Status, TraceFacet
from traces.tags import read_tag


class BadValue(ValueError):
    """A value that its key cannot use; the message is for the reader of the page."""


@dataclass(frozen=True)
class Condition:
    """What a value asks for, and how a chip says it: `latency` `>` `2 s`."""

    q: Q
    operator: str
    shown: str
    subject: str = ""
    # Conditions of one group are alternatives; tag:env and tag:user are not.
    group: str = ""


Reader = Callable[[str], Condition]
MOST_STARS = 5


def _matching(field: str, value: str) -> Q:
    """Equality, or with `*` anything in its place."""
    if "*" not in value:
        return Q(**{field: value})
    if value.count("*") > MOST_STARS:
        raise BadValue(f"At most {MOST_STARS} * in a value")
    return Q(**{f"{field}__like": value})


def _text(field: str) -> Reader:
    def read(value: str) -> Condition:
        return Condition(_matching(field, value), "is", value)

    return read


def _facet_of(q: Q) -> Q:
    return Q(Exists(TraceFacet.objects.filter(q, trace=OuterRef("pk"), project=OuterRef("project"))))


def _span_with(q: Q) -> Q:
    return Q(Exists(Span.objects.filter(q, trace=OuterRef("pk"))))


def _model(value: str) -> Condition:
    q = _matching("value", value)
    if "/" not in value:
        # gpt-4o-mini also means openai/gpt-4o-mini.
        q |= _matching("value", f"*/{value}")
    return Condition(_facet_of(Q(facet=TraceFacet.MODEL) & q), "is", value)


def _function(value: str) -> Condition:
    return Condition(_facet_of(Q(facet=TraceFacet.FUNCTION) & _matching("value", value)), "is", value)


def _tag(value: str) -> Condition:
    key, wanted = read_tag(value)
    if not key:
        raise BadValue("A tag is written tag:key=value")
    q = Q(facet=TraceFacet.TAG, key=key)
    if wanted is None or wanted == "*":
        return Condition(_facet_of(q), "is", "set", subject=f"tag:{key}", group=key)
    return Condition(_facet_of(q & _matching("value", wanted)), "is", wanted, subject=f"tag:{key}", group=key)


_STATUS_WORDS = {"failed": "error", "complete": "ok", "completed": "ok", "success": "ok", "errors": "error"}


def _status(value: str) -> Condition:
    status = _STATUS_WORDS.get(value.lower(), value.lower())
    if status not in Status.values:
        raise BadValue(f"Status is one of {', '.join(Status.values)}")
    return Condition(Q(status=status), "is", status)


def _span_text(field: str) -> Reader:
    def read(value: str) -> Condition:
        return Condition(_span_with(_matching(field, value)), "is", value)

    return read


def _origin(value: str) -> Condition:
    words = {label.lower(): origin for origin, label in Origin.choices}
    if value.lower() not in words:
        raise BadValue(f"origin is one of {', '.join(words)}")
    return Condition(Q(origin=words[value.lower()]), "is", value.lower())


def _cached(value: str) -> Condition:
    if value.lower() in ("yes", "true", "1"):
        return Condition(Q(cached_count__gt=0), "is", "yes")
    if value.lower() in ("no", "false", "0"):
        return Condition(Q(cached_count=0), "is", "no")
    raise BadValue("cached is yes or no")


def _id(value: str) -> Condition:
    digits = value.rstrip("*…").replace("-", "").lower()
    if not digits or len(digits) > 32 or not re.fullmatch(r"[0-9a-f]+", digits):
        raise BadValue("An id is made of 32 digits and letters a to f, or the first of them")
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    if low == high:
        return Condition(Q(id=low) | _span_with(Q(id=low)), "is", value)
    return Condition(Q(id__gte=low, id__lte=high), "begins with", digits)


# --- numbers ------------------------------------------------------------------------------------------------------

Read = Callable[[str], Any]
_RANGE = re.compile(r"(?P<low>.+?)\.\.(?P<high>.+)")
_COMPARED = re.compile(r"(?P<operator>>=|<=|>|<|=)?(?P<number>.+)")
_LOOKUPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "exact", None: "exact"}


def _number(field: str, read_number: Read, show: Callable[[Any], str], *, example: str) -> Reader:
    def checked(text: str) -> Any:
        try:
            return read_number(text.strip())
        except (ValueError, InvalidOperation, OverflowError):
            raise BadValue(f"{text[:40]} is no such number. Try {example}") from None

    def read(value: str) -> Condition:
        if value.lower() == "none":
            return Condition(Q(**{f"{field}__isnull": True}), "is", "none")
        if between := _RANGE.fullmatch(value):
            low, high = checked(between["low"]), checked(between["high"])
            return Condition(Q(**{f"{field}__gte": low, f"{field}__lte": high}), "is", f"{show(low)} to {show(high)}")
        compared = _COMPARED.fullmatch(value)
        if not compared:
            raise BadValue(f"Try {example}")
        number = checked(compared["number"])
        operator = compared["operator"]
        return Condition(
            Q(**{f"{field}__{_LOOKUPS[operator]}": number}),
            operator if operator not in (None, "=") else "is",
            show(number),
        )

    return read


TOKENS_SUM = "tokens_sum"

# Asked of a span: a trace has it where one of its spans does.
first_token = _number("first_token_ms", numbers.milliseconds, numbers.milliseconds_shown, example="ttft:>800ms")


def _ttft(value: str) -> Condition:
    condition = first_token(value)
    return replace(condition, q=_span_with(Q(kind=Kind.LLM) & condition.q))


# --- what people and programs say of a span ---------------------------------------------------------------------------

# From such a row to what is filtered.
_TO_SPAN, _TO_TRACE = "span", "span__trace"
# A rating of at least so much is good, as `Feedback.is_good` says.
_GOOD = 0.5
_FEEDBACK = {
    "good": Q(score__gte=_GOOD),
    "bad": Q(score__lt=_GOOD),
    "none": Q(score__isnull=False),
}
_METRIC = re.compile(r"(?P<name>[^<>=]+)(?P<asked>[<>=].*)?", re.DOTALL)
_METRIC_EXAMPLE = "metric:tone>3"
_metric_value = _number("value", numbers.any_number, "{:g}".format, example=_METRIC_EXAMPLE)


def _said(model: type[Feedback | SpanMetric], q: Q, link: str) -> Q:
    return Q(Exists(model.objects.filter(q, **{link: OuterRef("pk")})))


def _feedback(link: str) -> Reader:
    def read(value: str) -> Condition:
        word = value.lower()
        if word not in _FEEDBACK:
            raise BadValue(f"feedback is one of {', '.join(_FEEDBACK)}")
        found = _said(Feedback, _FEEDBACK[word], link)
        return Condition(~found if word == "none" else found, "is", word)

    return read


def _metric(link: str) -> Reader:
    def read(value: str) -> Condition:
        parts = _METRIC.fullmatch(value.strip())
        if not parts:
            raise BadValue(f"A metric is written {_METRIC_EXAMPLE}, or metric:tone where it is there at all")
        name, asked = parts["name"].rstrip(), parts["asked"]
        q = _matching("dimension", name)
        if asked is None:
            return Condition(_said(SpanMetric, q, link), "is", "set", subject=f"metric:{name}", group=name)
        number = _metric_value(asked.removeprefix("=") if ".." in asked else asked)
        return replace(number, q=_said(SpanMetric, q & number.q, link), subject=f"metric:{name}", group=name)

    return read


def _has(link: str) -> Reader:
    def read(value: str) -> Condition:
        if value.lower() != "comment":
            raise BadValue("has is written has:comment")
        return Condition(_said(Feedback, ~Q(comment=""), link), "is", "there", subject="comment")

    return read


# The same keys, asked of a span alone.
SPAN_KEYS: Mapping[str, Reader] = {
    "feedback": _feedback(_TO_SPAN),
    "metric": _metric(_TO_SPAN),
    "has": _has(_TO_SPAN),
}

KEYS: Mapping[str, Reader] = {
    "tag": _tag,
    "name": _text("name"),
    "function": _function,
    "status": _status,
    "model": _model,
    "provider": _span_text("provider"),
    "key": _span_text("api_key__name"),
    "error": _span_text("error_kind"),
    "latency": _number("duration_ms", numbers.milliseconds, numbers.milliseconds_shown, example="latency:>2s"),
    "ttft": _ttft,
    "score": _number("score", numbers.whole, str, example="score:<50"),
    "cost": _number("cost_usd", numbers.dollars, numbers.dollars_shown, example="cost:>0.01"),
    "tokens": _number(TOKENS_SUM, numbers.whole, display.count, example="tokens:>1000"),
    "tokens.in": _number("input_tokens", numbers.whole, display.count, example="tokens.in:>1000"),
    "tokens.out": _number("output_tokens", numbers.whole, display.count, example="tokens.out:>1000"),
    "spans": _number("span_count", numbers.whole, display.count, example="spans:>10"),
    "attempts": _number("attempt_count", numbers.whole, display.count, example="attempts:>1"),
    "cached": _cached,
    "feedback": _feedback(_TO_TRACE),
    "metric": _metric(_TO_TRACE),
    "has": _has(_TO_TRACE),
    "origin": _origin,
    "id": _id,
}

_SEARCHED = ("name", "input_preview", "output_preview", "error_preview")


def text_condition(text: str) -> Condition:
    """Text that stands somewhere in the name, the input, the output or the error."""
    q = Q()
    for field in _SEARCHED:
        q |= Q(**{f"{field}__icontains": text})
    return Condition(q, "contains", text, subject="text")
