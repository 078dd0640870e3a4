"""The filter and the times of the Usage page, whose ways on keep the rest of the page as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse

from opperweb.accounts.models import Project
from traces.filters import Chip
from traces.pages.filter_form import FilterForm, RangeChoice, range_choices
from traces.pages.usage_view import UsageView


@dataclass(frozen=True)
class Bar:
    """What the filter bar shows of a filter."""

    terms: Sequence[Any]
    text: str
    chips: list[Chip]


class UsageForm(FilterForm):
    """The form of the filter, which carries along how the page is set."""

    def __init__(self, view: UsageView) -> None:
        super().__init__(view.filter)
        self.view = view

    @property
    def hidden(self) -> dict[str, str]:
        return super().hidden | self.view.extras

    @property
    def hidden_without_times(self) -> dict[str, str]:
        return super().hidden_without_times | self.view.extras


def bar_of(view: UsageView) -> Bar:
    """Return the filter as chips."""
    chips = view.filter.chips
    shown = [replace(chip, without=view.filtered(view.filter.without(chip.term)).as_query()) for chip in chips]
    return Bar(view.filter.terms, view.filter.text, shown)


def ranges_of(view: UsageView) -> list[RangeChoice]:
    """Return the menu of times."""
    choices = range_choices(view.filter)
    return [replace(choice, query=view.filtered(view.filter.with_range(choice.name)).as_query()) for choice in choices]


def traces_url(project: Project, view: UsageView) -> str:
    """Return the list of traces with this filter, whose default time is another."""
    name = None if view.filter.is_fixed else view.filter.range_in_force
    query = replace(view.filter, default_range="24h", range_name=name).as_query()
    return f"{reverse('traces:list', args=[project.slug])}?{query}"
