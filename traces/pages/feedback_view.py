"""What people and programs think of a span, as its panel shows it: ratings, comments, metrics, corrected outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opperweb.pages.diff import Piece, words
from traces.evaluation_models import Feedback
from traces.models import Span, SpanMetric
from traces.pages.json_view import indented, readable

MOST_SHOWN = 200
# Of one text that is compared.
MOST_CHARACTERS = 100_000


@dataclass(frozen=True)
class Difference:
    """What a correction changes in one field; the name is empty for an output without fields."""

    name: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Opinion:
    """One rating with its comment and its correction."""

    feedback: Feedback
    differences: list[Difference]

    @property
    def who(self) -> str:
        """The name of the person or of the key; an empty text where both are gone."""
        given = self.feedback
        return str(given.author) if given.author else readable(given.api_key.name) if given.api_key else ""

    @property
    def initial(self) -> str:
        return self.feedback.author.initial if self.feedback.author else ""

    @property
    def comment(self) -> str:
        return readable(self.feedback.comment)


@dataclass(frozen=True)
class MetricRow:
    metric: SpanMetric

    @property
    def name(self) -> str:
        return readable(self.metric.dimension)

    @property
    def value(self) -> str:
        """The number with as many digits as people read: 4, 0.25, 1.5e+300."""
        return f"{self.metric.value:.10g}"

    @property
    def comment(self) -> str:
        return readable(self.metric.comment)


class FeedbackView:
    """All that people and programs said of a span, the newest first."""

    def __init__(self, opinions: list[Opinion], metrics: list[MetricRow]) -> None:
        self.opinions = opinions
        self.metrics = metrics

    @cached_property
    def good(self) -> int:
        return sum(each.feedback.is_good is True for each in self.opinions)

    @cached_property
    def bad(self) -> int:
        return sum(each.feedback.is_good is False for each in self.opinions)


def feedback_of(span: Span, output: Any) -> FeedbackView:
    """Load what was said of a span, in two queries; `output` is what corrections are held against."""
    given = Feedback.objects.filter(span=span).select_related("author", "api_key").order_by("-updated_at")
    opinions = [Opinion(each, list(_differences(output, each.correction))) for each in given[:MOST_SHOWN]]
    metrics = SpanMetric.objects.filter(span=span).select_related("api_key").order_by("-created_at")
    return FeedbackView(opinions, [MetricRow(each) for each in metrics[:MOST_SHOWN]])


def _differences(output: Any, correction: Any) -> Iterator[Difference]:
    return differences_of(output, correction) if correction is not None else iter(())


def differences_of(output: Any, corrected: Any) -> Iterator[Difference]:
    """Yield what differs, by the fields of two objects; of other values as a whole."""
    if not isinstance(output, dict) or not isinstance(corrected, dict):
        if output != corrected:
            yield Difference("", difference(output, corrected))
        return
    for name in [*output, *(name for name in corrected if name not in output)]:
        before, after = output.get(name), corrected.get(name)
        if before != after:
            yield Difference(readable(name), difference(before, after))


def difference(before: Any, after: Any) -> list[Piece]:
    """Return the words of two values that differ; of more than a diff can be read for, both as a whole."""
    old, new = _text(before), _text(after)
    if max(len(old), len(new)) > MOST_CHARACTERS:
        return [Piece("removed", old[:MOST_CHARACTERS]), Piece("added", new[:MOST_CHARACTERS])]
    return words(old, new)


def _text(value: Any) -> str:
    return "" if value is None else readable(value) if isinstance(value, str) else indented(value)
