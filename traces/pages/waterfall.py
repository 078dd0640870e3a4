"""The rows of the tree as the page shows them: icon, second text, mark, tokens, and the parts of the bar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from opperweb.pages.display import duration, short_model, tokens_short
from traces.models import Attempt, Kind, Span, Status
from traces.pages.json_view import readable
from traces.tree import Row, Ruler, Tree

ICONS: Mapping[str, str] = defaultdict(
    lambda: "agent",
    {
        Kind.LLM: "call",
        Kind.EMBEDDING: "emb",
        Kind.RETRIEVAL: "retr",
        Kind.RERANK: "retr",
        Kind.MEMORY: "retr",
        Kind.TOOL: "tool",
        Kind.GUARDRAIL: "tool",
        Kind.EVALUATION: "eval",
    },
)
LEGEND = (
    ("agent", "Step"),
    ("call", "Model call"),
    ("tool", "Tool"),
    ("retr", "Knowledge"),
    ("emb", "Embedding"),
    ("eval", "Evaluation"),
)
BILLED = (Kind.LLM, Kind.EMBEDDING)
MOST_GUIDES = 12
# Below this share of the axis a part would be under 2 px wide.
LEAST_SHARE = 0.6
ROW = 'class="{}" role="row" aria-rowindex="{}" aria-level="{}" aria-posinset="{}" aria-setsize="{}" data-span="{}"{}'
EXPANDED, SELECTED = ' aria-expanded="true"', ' aria-selected="true"'
# What a part of a bar is filled with, where that is not the colour of its kind.
FILLS = {
    "error": "url(#hatch)",
    "wait": "var(--bar-wait)",
    "queue": "var(--line-2)",
    "pause": "var(--control)",
}
RECTANGLE = '<rect {}="{}" x="{}" width="{}" y="{}" height="{}" rx="{}"/>'


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle: `css` names its colour; numbers are SVG attributes."""

    css: str
    x: str
    width: str
    y: float = 7
    height: float = 12

    @property
    def radius(self) -> int:
        return 2 if self.height > 2 else 0

    @property
    def attributes(self) -> tuple[str, str, str, str, float, float, int]:
        """The values that RECTANGLE has places for; what failed is hatched, so that colour is not alone."""
        colour = ("class", f"b-{self.css}") if self.css in ("running", "path") else ("fill", fill_of(self.css))
        return (*colour, self.x, self.width, self.y, self.height, self.radius)


def fill_of(css: str) -> str:
    """Return the colour of a part of a bar, as SVG takes it."""
    return FILLS.get(css, f"var(--bar-{css})")


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A row of the tree, ready to be printed."""

    row: Row[Span]
    index: int
    icon: str
    name: str
    second: str
    tokens: str
    time: str
    bars: list[Bar]
    label: str
    is_selected: bool

    @property
    def attributes(self) -> SafeString:
        """What stands in the row's tag. Made here: 500 rows of twenty template variables take too long."""
        row = self.row
        css = f"row{' is-error' * (self.status == Status.ERROR)}{' has-retries' * (self.retries > 0)}"
        more = f"{EXPANDED * row.has_children}{SELECTED * self.is_selected}"
        # Numbers, an id and our own words: nothing in it has to be escaped, and a long trace has thousands of them.
        return SafeString(ROW.format(css, self.index, row.level, row.position, row.siblings, row.id, more))

    @property
    def guides(self) -> SafeString:
        """The guide lines left of the row."""
        return _guides(min(self.row.depth, MOST_GUIDES))

    @property
    def drawing(self) -> SafeString:
        """The bar as SVG rectangles."""
        return SafeString("".join(RECTANGLE.format(*bar.attributes) for bar in self.bars))

    @property
    def icon_css(self) -> str:
        return f"t-{self.icon}"

    @property
    def status(self) -> str:
        return self.row.span.status if self.row.span else ""

    @property
    def retries(self) -> int:
        span = self.row.span
        return span.attempt_count if span and span.attempt_count > 1 else 0


@lru_cache(maxsize=MOST_GUIDES + 1)
def _guides(number: int) -> SafeString:
    return SafeString("<i></i>" * number)


@dataclass(frozen=True, slots=True)
class AttemptTime:
    """What the bar of a call needs of one of its attempts."""

    outcome: str
    start_ms: float
    wait_ms: float
    duration_ms: float


def attempt_times(attempts: Iterable[Mapping[str, Any]], started_at: datetime) -> dict[int, list[AttemptTime]]:
    """Return the attempts by the key of their span, as places in the trace's time."""
    by_span: dict[int, list[AttemptTime]] = defaultdict(list)
    for attempt in attempts:
        by_span[attempt["span_id"]].append(
            AttemptTime(
                attempt["outcome"],
                (attempt["started_at"] - started_at) / timedelta(milliseconds=1),
                (attempt["queue_ms"] or 0) + (attempt["first_byte_ms"] or 0),
                attempt["duration_ms"] or 0,
            )
        )
    return by_span


def lines_of(
    tree: Tree[Span],
    ruler: Ruler,
    attempts: Mapping[int, list[AttemptTime]],
    *,
    offset: int,
    most: int,
    chosen: UUID | None,
    path: Set[int] = frozenset(),
) -> list[TreeLine]:
    """Return the rows from `offset` on as lines; the numbers of a parent come from all rows, shown or not.

    `path` holds the places of the rows that get the line of the critical path.
    """
    sums = token_sums(tree.rows)
    lines = []
    for index, row in enumerate(tree.rows[offset : offset + most], offset):
        span = row.span
        time = "" if span is None else duration(row.duration_ms, 2)
        bars = bars_of(row, attempts.get(span.key, []) if span else [], ruler)
        if index in path:
            bars.append(_bar("path", row.start_ms, row.duration_ms, ruler, y=21, height=1.5))
        lines.append(
            TreeLine(
                row,
                index + 1,
                icon="help" if span is None else ICONS[span.kind],
                name="missing parent" if span is None else readable(span.name) or "no name",
                second=_second_text(span) if span else "",
                tokens=tokens_short(sums[index]),
                time=time,
                bars=bars,
                label=_label(row, time),
                is_selected=span is not None and span.id == chosen,
            )
        )
    return lines


def token_sums(rows: Sequence[Row[Span]]) -> list[int | None]:
    """Return the tokens of every row with all rows inside it, in one pass from the end."""
    sums: list[int | None] = [None] * len(rows)
    inside: dict[int, int] = {}
    for index in range(len(rows) - 1, -1, -1):
        row = rows[index]
        below = inside.pop(row.depth + 1, None)
        own = row.span.total_tokens if row.span and (row.span.kind in BILLED or below is None) else None
        if own is not None or below is not None:
            sums[index] = (own or 0) + (below or 0)
            inside[row.depth] = inside.get(row.depth, 0) + (own or 0) + (below or 0)
    return sums


def bars_of(row: Row[Span], attempts: Sequence[AttemptTime], ruler: Ruler) -> list[Bar]:
    """Return the parts of a row's bar from left to right."""
    span = row.span
    if span is None:
        return []
    css = ICONS[span.kind]
    if len(attempts) > 1 or (attempts and css == "call" and span.status != Status.ERROR):
        return _bars_of_attempts(row, attempts, ruler)
    if row.is_running:
        return [_bar("running", row.start_ms, row.duration_ms, ruler)]
    if span.status == Status.ERROR:
        return [_bar("error", row.start_ms, row.duration_ms, ruler)]
    if css == "call" and span.first_token_ms:
        return _wait_and_generation(row.start_ms, min(span.first_token_ms, row.duration_ms), row.duration_ms, ruler)
    thin = css == "agent"
    return [_bar(css, row.start_ms, row.duration_ms, ruler, y=10 if thin else 7, height=6 if thin else 12)]


def _bars_of_attempts(row: Row[Span], attempts: Sequence[AttemptTime], ruler: Ruler) -> list[Bar]:
    bars: list[Bar] = []
    end = attempts[0].start_ms
    for attempt in attempts:
        if attempt.start_ms > end:
            bars.append(_bar("pause", end, attempt.start_ms - end, ruler, y=13, height=1))
        if attempt.outcome == Attempt.Outcome.RUNNING:
            bars.append(_bar("running", attempt.start_ms, row.start_ms + row.duration_ms - attempt.start_ms, ruler))
        elif attempt.outcome == Attempt.Outcome.ACCEPTED:
            wait = min(attempt.wait_ms, attempt.duration_ms)
            bars += _wait_and_generation(attempt.start_ms, wait, attempt.duration_ms, ruler)
        else:
            bars.append(_bar("error", attempt.start_ms, attempt.duration_ms, ruler))
        end = max(end, attempt.start_ms + attempt.duration_ms)
    if row.is_running and attempts[-1].outcome != Attempt.Outcome.RUNNING:
        bars.append(_bar("running", end, row.start_ms + row.duration_ms - end, ruler))
    return bars


def _wait_and_generation(start_ms: float, wait_ms: float, duration_ms: float, ruler: Ruler) -> list[Bar]:
    # The generation lies over the wait, so that no gap shows between them.
    parts = [_bar("wait", start_ms, duration_ms, ruler)] if wait_ms else []
    return [*parts, _bar("call", start_ms + wait_ms, duration_ms - wait_ms, ruler)]


def _bar(css: str, start_ms: float, duration_ms: float, ruler: Ruler, *, y: float = 7, height: float = 12) -> Bar:
    start = min(ruler.share(start_ms), 99.4)
    width = ruler.share(start_ms + max(duration_ms, 0)) - start
    return Bar(css, f"{start:.2f}%", f"{width:.2f}%" if width >= LEAST_SHARE else "2", y, height)


def _second_text(span: Span) -> str:
    if span.status == Status.ERROR and span.error_kind:
        return readable(span.error_kind.replace("_", " "))
    if span.kind in BILLED:
        return short_model(span.model or span.requested_model)
    if span.kind == Kind.EVALUATION and span.score is not None:
        return f"score {span.score}"
    if ICONS[span.kind] in ("tool", "retr"):
        return readable(span.input_preview[:60])
    return ""


def _label(row: Row[Span], time: str) -> str:
    """How a screen reader reads the row: name, kind, model, state, duration, start."""
    span = row.span
    if span is None:
        return "missing parent: a span that never came"
    state = Status(span.status).label.lower()
    if span.attempt_count > 1:
        state += f" after {span.attempt_count} attempts"
    parts = (readable(span.name), Kind(span.kind).label.lower(), short_model(span.model), state, time)
    return ", ".join([*filter(None, parts), f"starts at {row.start_ms / 1000:.2f}"])
