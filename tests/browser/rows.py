"""Whether the rows of a table keep apart."""

from __future__ import annotations

from playwright.sync_api import Page


def assert_no_rows_overlap(page: Page, table: str, count: int) -> None:
    """Look that no cell of these rows reaches below its row."""
    ends = page.evaluate(
        "table => [...document.querySelectorAll(`${table} tbody tr`)].map(row => [row, ...row.children].map("
        "part => Math.round(part.getBoundingClientRect().bottom)))",
        table,
    )
    assert len(ends) == count
    for row, *parts in ends:
        assert all(bottom <= row + 1 for bottom in parts)
