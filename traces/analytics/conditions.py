"""Which calls a filter means: its terms asked of the call itself, and not of the trace that it stands in.

`tag`, `model`, `function` and `key` are asked of a dimension, in Python and in SQL: rows can answer them. Every other
key is asked of the span, and then the spans have to answer alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import IRegex, Regex

from opperweb import json
from opperweb.accounts.models import Project
from traces.analytics.calls import Dimension
from traces.filters import TraceFilter
from traces.filters.keys import KEYS, SPAN_KEYS, Condition, first_token
from traces.filters.terms import Term
from traces.models import Origin, Trace
from traces.tags import read_tag
from traces.usage_models import UsageTag

# Names of API keys by their id.
KeyNames = Mapping[UUID, str]
Test = Callable[[Dimension, KeyNames], bool]


@dataclass(frozen=True)
class Choice:
    """One value of a term, asked of a dimension: the same in SQL, from a usage row, and in Python."""

    q: Q
    test: Test
    group: str = ""


@dataclass(frozen=True)
class CallFilter:
    """What lets a call through: one of each alternative."""

    dimension_q: tuple[Q, ...] = ()
    tests: tuple[Test, ...] = ()
    span_q: tuple[Q, ...] = ()
    # What is true of the spans of all of them besides, so that fewer are read.
    narrows: tuple[Q, ...] = ()
    # Which tags, and whether API keys, have a say.
    names_tags: bool = False
    names_keys: bool = False

    def lets_through(self, dimension: Dimension, names: KeyNames) -> bool:
        return all(test(dimension, names) for test in self.tests)


@dataclass
class _Alternatives:
    """Values of one key are alternatives; what is excluded is excluded each."""

    included: dict[tuple[str, str], list[Choice]] = field(default_factory=dict)
    excluded: list[Choice] = field(default_factory=list)


def call_filter(trace_filter: TraceFilter, project: Project) -> CallFilter:
    """Return what a filter asks of calls; terms that cannot be understood are left out, as everywhere."""
    terms = _understood(trace_filter)
    asked = _Alternatives()
    for term in terms:
        if term.key in _CHOICES:
            _ask(asked, term, project)
    groups = [*asked.included.values()]
    names = {term.key for term in terms}
    return CallFilter(
        dimension_q=(*map(_any_q, groups), *(~choice.q for choice in asked.excluded)),
        tests=(*map(_any_test, groups), *(_not(choice.test) for choice in asked.excluded)),
        span_q=_span_q([term for term in terms if term.key not in _CHOICES], project),
        names_tags="tag" in names,
        names_keys="key" in names,
    )


def live_calls(only: CallFilter | None = None, *, function: str | None = None) -> CallFilter:
    """Return the same, of what callers asked for themselves, and of one function where one is named."""
    only = only or CallFilter()
    of_function = () if function is None else (Q(dimension__function=function),)
    spans_of_function = () if function is None else (Q(function_name=function),)
    return replace(
        only,
        dimension_q=(Q(dimension__origin=Origin.LIVE), *of_function, *only.dimension_q),
        tests=(lambda dimension, _: dimension.origin == Origin.LIVE, *_function_tests(function), *only.tests),
        narrows=(Q(origin=Origin.LIVE), *spans_of_function, *only.narrows),
    )


def _function_tests(function: str | None) -> tuple[Test, ...]:
    return () if function is None else (lambda dimension, _: dimension.function == function,)


def span_conditions(trace_filter: TraceFilter, project: Project) -> tuple[Q, ...]:
    """Return what a filter asks of calls, all of it asked of their spans: for lists, where no usage row answers."""
    return _span_q(_understood(trace_filter), project)


def _understood(trace_filter: TraceFilter) -> list[Term]:
    not_understood = {chip.text for chip in trace_filter.chips if chip.problem}
    return [term for term in trace_filter.terms if str(term) not in not_understood]


def _ask(asked: _Alternatives, term: Term, project: Project) -> None:
    for value in term.values:
        choice = _CHOICES[term.key](value, project)
        if term.is_negated:
            asked.excluded.append(choice)
        else:
            asked.included.setdefault((term.key, choice.group), []).append(choice)


def _any_q(choices: list[Choice]) -> Q:
    q = Q()
    for choice in choices:
        q |= choice.q
    return q


def _any_test(choices: list[Choice]) -> Test:
    return lambda dimension, names: any(choice.test(dimension, names) for choice in choices)


def _not(test: Test) -> Test:
    return lambda dimension, names: not test(dimension, names)


# --- of a dimension -----------------------------------------------------------------------------------------------


def _model(value: str, project: Project) -> Choice:
    fits = pattern(value)
    q = _matching("dimension__model", value)
    if "/" in value:
        return Choice(q, lambda dimension, _: fits(dimension.model))
    # gpt-4o-mini also means openai/gpt-4o-mini.
    fits_end = pattern(f"*/{value}")
    return Choice(
        q | _matching("dimension__model", f"*/{value}"),
        lambda dimension, _: fits(dimension.model) or fits_end(dimension.model),
    )


def _function(value: str, project: Project) -> Choice:
    fits = pattern(value)
    return Choice(_matching("dimension__function", value), lambda dimension, _: fits(dimension.function))


def _key(value: str, project: Project) -> Choice:
    fits = pattern(value)
    q = Q(dimension__api_key__isnull=False) & _matching("dimension__api_key__name", value)

    def test(dimension: Dimension, names: KeyNames) -> bool:
        name = names.get(dimension.api_key_id) if dimension.api_key_id else None
        return name is not None and fits(name)

    return Choice(q, test)


def _tag(value: str, project: Project) -> Choice:
    key, wanted = read_tag(value)
    # Found once for all rows, and not for each row anew.
    tags = UsageTag.objects.filter(dimension__project=project, key=key)
    if wanted is None or wanted == "*":
        return Choice(
            Q(dimension__in=tags.values("dimension")),
            lambda dimension, _: any(name == key for name, _ in dimension.tags),
            key,
        )
    fits = pattern(wanted)
    return Choice(
        Q(dimension__in=tags.filter(_matching("value", wanted)).values("dimension")),
        lambda dimension, _: any(name == key and fits(found) for name, found in dimension.tags),
        key,
    )


_CHOICES: Mapping[str, Callable[[str, Project], Choice]] = {
    "model": _model,
    "function": _function,
    "key": _key,
    "tag": _tag,
}


def _matching(name: str, value: str) -> Q:
    """Equality, or with `*` anything in its place."""
    return Q(**{f"{name}__like" if "*" in value else name: value})


def pattern(value: str) -> Callable[[str], bool]:
    """Return the test that `_matching` is in SQL."""
    if "*" not in value:
        return lambda text: text == value
    expression = re.compile(".*".join(map(re.escape, value.split("*"))), re.IGNORECASE | re.DOTALL)
    return lambda text: expression.fullmatch(text) is not None


# --- of a span ----------------------------------------------------------------------------------------------------

# Fields that a trace and a span both have, under one name.
_OF_BOTH = frozenset(
    {"name", "status", "latency", "score", "cost", "tokens", "tokens.in", "tokens.out", "attempts"}
)  # fmt: skip
_TEXTS = ("name", "input_preview", "output_preview", "error_message")
# One character inside a JSON text, or an escaped one.
_JSON_CHARACTER = r'(?:[^"\\]|\\.)'


def _span_q(terms: list[Term], project: Project) -> tuple[Q, ...]:
    groups: dict[tuple[str, str], Q] = {}
    excluded: list[Q] = []
    for place, term in enumerate(terms):
        for value in term.values:
            q = _q_of(term.key, value, project)
            # Words are looked for all together; tag:env and tag:user are no alternatives.
            group = (term.key, KEYS[term.key](value).group if term.key else str(place))
            if term.is_negated:
                excluded.append(~q)
            else:
                groups[group] = groups[group] | q if group in groups else q
    return (*groups.values(), *excluded)


def _q_of(key: str, value: str, project: Project) -> Q:
    if not key:
        q = Q()
        for name in _TEXTS:
            q |= Q(**{f"{name}__icontains": value})
        return q
    if key in _OF_BOTH:
        return KEYS[key](value).q
    if key in SPAN_KEYS:
        return SPAN_KEYS[key](value).q
    if reader := _OF_SPAN.get(key):
        return reader(value)
    condition: Condition = KEYS[key](value)
    if key == "cached":
        return Q(is_cached=condition.shown == "yes")
    # What only a trace has: its number of spans, its id.
    of_trace = Q(trace__in=Trace.objects.filter(condition.q, project=project).values("pk"))
    if key == "id":
        return of_trace | (condition.q if condition.operator == "begins with" else Q(id=UUID(value)))
    return of_trace


def _span_model(value: str) -> Q:
    """The one that answered, or the one that was asked for, by its alias too."""
    q = _matching("model", value) | _matching("requested_model", value)
    return q if "/" in value else q | _matching("model", f"*/{value}") | _matching("requested_model", f"*/{value}")


def _span_tag(value: str) -> Q:
    """A tag as it stands in the text of the span's tags, whose quotes and backslashes are escaped."""
    key, wanted = read_tag(value)
    start = f"[{{,]{re.escape(json.dumps(key))}:"
    text = Cast("tags", TextField())
    if wanted is None or wanted == "*":
        return Q(Regex(text, start))
    parts = [re.escape(json.dumps(part)[1:-1]) for part in wanted.split("*")]
    expression = f'{start}"{f"{_JSON_CHARACTER}*".join(parts)}"'
    return Q(IRegex(text, expression) if "*" in wanted else Regex(text, expression))


_OF_SPAN: Mapping[str, Callable[[str], Q]] = {
    "provider": lambda value: _matching("provider", value),
    "ttft": lambda value: first_token(value).q,
    "error": lambda value: _matching("error_kind", value),
    "model": _span_model,
    "function": lambda value: _matching("function_name", value),
    "key": lambda value: Q(api_key__isnull=False) & _matching("api_key__name", value),
    "tag": _span_tag,
}
