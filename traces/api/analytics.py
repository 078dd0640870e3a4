"""GET /v2/analytics/usage: what calls came to, by time and by model, function, project and tag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from opperweb.accounts.models import Project
from opperweb.api.body import check_text
from opperweb.api.errors import Invalid
from traces.analytics.figures import Figures
from traces.analytics.ledger import Group, Ledger
from traces.analytics.periods import STEPS, after, beginning, boundaries, most_steps
from traces.api.traces import project_of

MOST_BUCKETS = 100_000
MOST_GROUPS = 10
PROJECT = "project.name"
OURS = {"model": Group("model"), "function": Group("function")}
# A field's name: the columns it needs, and how it follows from them.
FIELDS: Mapping[str, tuple[tuple[str, ...], Callable[[Figures], int | float | None]]] = {
    "total_tokens": (("input_tokens", "output_tokens"), lambda figures: figures.total_tokens),
    "prompt_tokens": (("input_tokens",), lambda figures: figures["input_tokens"]),
    "completion_tokens": (("output_tokens",), lambda figures: figures["output_tokens"]),
    "input_tokens": (("input_tokens",), lambda figures: figures["input_tokens"]),
    "output_tokens": (("output_tokens",), lambda figures: figures["output_tokens"]),
    "cached_tokens": (("cached_tokens",), lambda figures: figures["cached_tokens"]),
    "reasoning_tokens": (("reasoning_tokens",), lambda figures: figures["reasoning_tokens"]),
    "attempts": (("attempts",), lambda figures: figures["attempts"]),
    "errors": (("errors",), lambda figures: figures["errors"]),
    "recovered": (("recovered",), lambda figures: figures["recovered"]),
    "cached": (("cached",), lambda figures: figures["cached"]),
    "unpriced": (("unpriced",), lambda figures: figures["unpriced"]),
    "duration_ms": (("duration_us",), lambda figures: figures["duration_us"] / 1000),
}
FIELD_NAMES = ", ".join(FIELDS)
PARAMETERS = [
    OpenApiParameter("from_date", OpenApiTypes.DATETIME, description="Inclusive; by default the first of this month."),
    OpenApiParameter("to_date", OpenApiTypes.DATETIME, description="Exclusive; by default the end of this month."),
    OpenApiParameter("granularity", str, enum=STEPS, default="day", description="How long a time bucket is, in UTC."),
    OpenApiParameter("fields", str, many=True, description=f"Numbers to sum: {FIELD_NAMES}."),
    OpenApiParameter(
        "group_by", str, many=True, description=f"Names of tags, and `model`, `function` and `{PROJECT}`."
    ),
]


@dataclass(frozen=True)
class Question:
    """What a query string asks for."""

    start: datetime
    end: datetime
    step: str
    fields: tuple[str, ...]
    group_by: tuple[str, ...]


class Usage(APIView):
    """What the project's model calls came to. Buckets and groups without calls are left out."""

    @extend_schema(
        summary="Sum usage and cost", tags=["analytics"], parameters=PARAMETERS, responses={200: OpenApiTypes.OBJECT}
    )
    def get(self, request: Request) -> Response:
        return Response(usage(project_of(request), question_of(request)))


def usage(project: Project, question: Question) -> list[dict[str, Any]]:
    """Return a line for each bucket and group that has calls, in the order of time."""
    if question.start == question.end:
        return []
    moments = boundaries(question.start, question.end, question.step)
    names = [name for name in question.group_by if name != PROJECT]
    groups = [OURS.get(name) or Group("tag", name) for name in names]
    columns = ["calls", "cost_units", *(column for name in question.fields for column in FIELDS[name][0])]
    found = Ledger(project, moments).figures(moments, groups, columns=columns)
    lines: list[dict[str, Any]] = []
    for (period, values), figures in sorted(found.items(), key=_in_order):
        line: dict[str, Any] = {
            "time_bucket": _written(beginning(moments[period], question.step)),
            "cost": plain_number(figures.cost_usd),
            "count": figures.calls,
        }
        by_name = {**dict(zip(names, values, strict=True)), PROJECT: project.name}
        # A tag may bear the name of a member: the member keeps its meaning.
        line = {**{name: by_name[name] for name in question.group_by}, **line}
        lines.append(line | {name: FIELDS[name][1](figures) for name in question.fields})
    return lines


def plain_number(amount: Decimal) -> str:
    """Return a sum of money without an exponent and without zeros at its end: "0.00123"."""
    return f"{amount.normalize():f}" if amount else "0"


def _in_order(item: tuple[tuple[int, tuple[str | None, ...]], Figures]) -> Any:
    (period, values), _figures = item
    return period, [(value is None, value or "") for value in values]


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# --- the query string ---------------------------------------------------------------------------------------------


def question_of(request: Request) -> Question:
    """Return what is asked for; raise Invalid, which names the parameter."""
    for name, values in request.query_params.lists():
        for value in values:
            check_text(value, ["query", name])
    month = beginning(timezone.now(), "month")
    step = request.query_params.get("granularity") or "day"
    if step not in STEPS:
        raise Invalid.at(["query", "granularity"], f"must be one of {', '.join(STEPS)}", value=step, type="enum")
    start = _moment(request, "from_date") or month
    end = _moment(request, "to_date") or after(beginning(max(start, month), "month"), "month")
    if end < start:
        raise Invalid.at(["query", "to_date"], "is before from_date", value=_written(end))
    if (count := most_steps(start, end, step)) > MOST_BUCKETS:
        words = f"makes {count:,} buckets of a {step}, more than {MOST_BUCKETS:,}: ask for less time or longer buckets"
        raise Invalid.at(["query", "granularity"], words, value=step)
    return Question(start, end, step, _fields(request), _groups(request))


def _fields(request: Request) -> tuple[str, ...]:
    fields = _list(request, "fields")
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        words = f"there is no field {', '.join(unknown)[:200]}; there are {FIELD_NAMES}"
        raise Invalid.at(["query", "fields"], words, value=",".join(unknown))
    return fields


def _groups(request: Request) -> tuple[str, ...]:
    groups = _list(request, "group_by")
    if len(groups) > MOST_GROUPS:
        raise Invalid.at(["query", "group_by"], f"must not be more than {MOST_GROUPS} names", value=",".join(groups))
    return groups


def _list(request: Request, name: str) -> tuple[str, ...]:
    """Return the values of a parameter that may be repeated, joined by commas, or both."""
    parts = (part.strip() for value in request.query_params.getlist(name) for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _moment(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        # In a query string a plus sign that was not escaped arrives as a space.
        moment = parse_datetime(text.replace(" ", "+") if "T" in text else text) if len(text) > 10 else None
        day: date | None = parse_date(text) if moment is None else None
        if day is not None:
            moment = datetime.combine(day, time.min)
        if moment is None or not 1970 <= moment.year <= 9000:
            raise ValueError(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        words = "must be a date or an RFC 3339 time, such as 2026-01-31T10:00:00Z"
        raise Invalid.at(["query", name], words, value=text, type="datetime_parsing") from None
