"""Which spans a trace waited for: shortening one of them shortens the trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traces.tree import Row

# Two ends that are the same differ by this, as senders round them.
TOLERANCE_MS = 0.5


def critical_path(rows: Sequence[Row[Any]]) -> frozenset[int]:
    """Return the places of the rows without children that lie on the critical path.

    Read from the end of the trace: of the rows side by side, the one that ended last held up what came after it; before
    its start, the one that had ended last by then did; and so on inwards.
    """
    found: set[int] = set()
    inside = _children(rows)
    # A family of rows side by side, with the moment before which it is read.
    waiting: list[tuple[list[int], float]] = [(inside[-1], max((_end(row) for row in rows), default=0.0))]
    while waiting:
        family, moment = waiting.pop()
        for place in sorted(family, key=lambda place: _end(rows[place]), reverse=True):
            row = rows[place]
            if row.span is None:
                # A parent that never came has no time of its own.
                waiting.append((inside[place], moment))
            elif row.duration_ms and _end(row) <= moment + TOLERANCE_MS:
                if inside[place]:
                    waiting.append((inside[place], _end(row)))
                else:
                    found.add(place)
                moment = row.start_ms
    return frozenset(found)


def _end(row: Row[Any]) -> float:
    return row.start_ms + row.duration_ms


def _children(rows: Sequence[Row[Any]]) -> dict[int, list[int]]:
    """Return the places of each row's children; those of the rows at the top under -1."""
    children: dict[int, list[int]] = {place: [] for place in range(-1, len(rows))}
    above: list[int] = []
    for place, row in enumerate(rows):
        del above[row.depth :]
        children[above[-1] if above else -1].append(place)
        above.append(place)
    return children
