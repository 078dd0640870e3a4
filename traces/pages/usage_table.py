"""The table of the Usage page: a line for each group, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from opperweb.pages import display
from traces.analytics.figures import Figures
from traces.pages.usage_view import Measure, UsageView

MOST_ROWS = 100
LOW_SUCCESS = 0.95
# A table program takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class GroupRow:
    """What the calls of one group came to; `before` is None where there is nothing to compare with."""

    name: str
    value: str | None
    figures: Figures
    before: Figures | None
    share: float | None
    query: str
    is_rest: bool
    compares: Measure

    @property
    def bar(self) -> str:
        return f"{100 * (self.share or 0):.1f}%"

    @property
    def change(self) -> float | None:
        """How much more it is than in the period before, as a share of that; None where that was nothing."""
        return change_of(self.compares, self.figures, self.before)

    @property
    def change_shown(self) -> str:
        if self.before is None:
            return display.MISSING
        if not self.before.calls and self.figures.calls:
            return gettext("new")
        return percent_change(self.change)

    @property
    def is_large_change(self) -> bool:
        return self.change is not None and abs(self.change) >= 0.5

    @property
    def has_low_success(self) -> bool:
        return self.figures.success_share is not None and self.figures.success_share < LOW_SUCCESS


def change_of(measure: Measure, figures: Figures, before: Figures | None) -> float | None:
    now, then = measure.of(figures), measure.of(before) if before else None
    return float(now) / float(then) - 1 if now is not None and then else None


def percent_change(change: float | None) -> str:
    """+8 %, −12 %, from ten times as much on × 14."""
    if change is None:
        return display.MISSING
    if change >= 9:
        return f"×{display.NARROW}{change + 1:,.0f}"
    sign = "+" if change >= 0.005 else "−" if change <= -0.005 else ""
    return f"{sign}{abs(change):,.0%}".replace("%", f"{display.NARROW}%")


def rows_of(
    view: UsageView, now: Mapping[str | None, Figures], before: Mapping[str | None, Figures] | None
) -> list[GroupRow]:
    """Return a line for each group in the order asked for; what is beyond a hundred of them is one line."""
    total = float(view.compares.of(Figures.of(now.values())) or 0)

    def row(name: str, value: str | None, figures: Figures, earlier: Figures | None, *, is_rest: bool) -> GroupRow:
        share = float(view.compares.of(figures) or 0) / total if total else None
        narrowed = None if is_rest else view.narrowed(value)
        query = narrowed.as_query() if narrowed else ""
        return GroupRow(name, value, figures, earlier, share, query, is_rest, view.compares)

    def earlier_of(value: str | None) -> Figures | None:
        return None if before is None else before.get(value, Figures())

    rows = [row(name_of(view, value), value, sums, earlier_of(value), is_rest=False) for value, sums in now.items()]
    rows.sort(key=lambda each: (-(each.share or 0), each.value is None, each.name))
    rest = rows[MOST_ROWS:]
    rows = _sorted(rows[:MOST_ROWS], view.sort)
    if rest:
        name = gettext("Other, %(count)s") % {"count": display.count(len(rest))}
        earlier = None if before is None else Figures.of(each.before for each in rest if each.before)
        rows.append(row(name, None, Figures.of(each.figures for each in rest), earlier, is_rest=True))
    return rows


def name_of(view: UsageView, value: str | None) -> str:
    if value is not None:
        return value or "“”"
    words = {"model": gettext("No model"), "function": gettext("No function"), "key": gettext("No API key")}
    return words.get(view.by) or gettext("No value")


def _sorted(rows: list[GroupRow], sort: str) -> list[GroupRow]:
    """Sort by a column; what has no value there comes last, whichever way it runs."""
    key = sort.removeprefix("-")
    if key == "name":
        return sorted(rows, key=lambda row: (row.name.lower(), row.name), reverse=sort.startswith("-"))

    def value(row: GroupRow) -> float | None:
        found: Any = {
            "": row.share,
            "cost": row.figures.known_cost_usd,
            "calls": row.figures.calls,
            "tokens-in": row.figures["input_tokens"],
            "tokens-out": row.figures["output_tokens"],
            "success": row.figures.success_share,
            "p95": row.figures.p95_ms,
            "change": row.change,
        }[key]
        return None if found is None else float(found)

    sign = 1 if sort and not sort.startswith("-") else -1
    return sorted(rows, key=lambda row: (value(row) is None, sign * (value(row) or 0)))


@dataclass(frozen=True)
class Head:
    """A column's head: what it says, and the same table sorted by it."""

    label: Any
    css: str
    query: str
    aria_sort: str
    is_number: bool


_HEADS: tuple[tuple[str, Any, str], ...] = (
    ("cost", gettext_lazy("Cost"), "c-cost"),
    ("calls", gettext_lazy("Calls"), "c-calls"),
    ("tokens-in", gettext_lazy("Tokens in"), "c-in"),
    ("tokens-out", gettext_lazy("Tokens out"), "c-out"),
    ("success", gettext_lazy("Success"), "c-success"),
    ("p95", gettext_lazy("p95"), "c-p95"),
    ("change", gettext_lazy("Change"), "c-change"),
)


def heads_of(view: UsageView) -> list[Head]:
    """Return the heads of the columns that can be sorted by, but for the first."""
    return [_head(view, *head) for head in _HEADS]


def name_head(view: UsageView, label: str) -> Head:
    return _head(view, "name", label, "c-group")


def _head(view: UsageView, sort: str, label: Any, css: str) -> Head:
    # Until a column is pressed the largest share comes first, which is that of the measure.
    now = view.sort or f"-{view.compares.name}"
    aria = "" if now.removeprefix("-") != sort else "descending" if now.startswith("-") else "ascending"
    first = sort if sort == "name" else f"-{sort}"
    other = f"-{sort}" if sort == "name" else sort
    return Head(label, css, view.sorted_by(other if now == first else first).as_query(), aria, sort != "name")


# --- CSV ----------------------------------------------------------------------------------------------------------


def groups_csv(label: str, rows: Sequence[GroupRow]) -> str:
    """Return the table as CSV: exact numbers, and empty cells where there is none."""
    head = [
        label, "share_percent", "cost_usd", "calls", "unpriced_calls", "input_tokens", "output_tokens", "errors",
        "success_percent", "p95_ms", "change_percent",
    ]  # fmt: skip
    return written([head, *(_cells(row) for row in rows)])


def _cells(row: GroupRow) -> list[Any]:
    figures = row.figures
    cost = figures.known_cost_usd
    return [
        row.name,
        _percent(row.share),
        None if cost is None else f"{cost:f}",
        figures.calls,
        figures.unpriced,
        figures["input_tokens"],
        figures["output_tokens"],
        figures["errors"],
        _percent(figures.success_share),
        None if figures.p95_ms is None else round(figures.p95_ms),
        _percent(row.change),
    ]


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f}"


def written(lines: Iterable[Sequence[Any]]) -> str:
    """Return lines as CSV whose texts no table program takes for formulas."""
    out = io.StringIO()
    writer = csv.writer(out)
    # Only numbers of ours are left as they are: −3.2 is no formula, "-3+cmd" may be one.
    writer.writerows([[_harmless(cell, number) for number, cell in enumerate(line)] for line in lines])
    return out.getvalue()


def _harmless(cell: Any, number: int) -> Any:
    if number and isinstance(cell, str) and _is_number(cell):
        return cell
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
