"""What the frame around every page shows: the project, where one can go, and how the person likes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from opperweb import __version__
from opperweb.accounts.access import sections_for
from opperweb.accounts.models import Membership, Project, User


@dataclass(frozen=True)
class Place:
    """A line of the sidebar; `part` is what stands in an address after the project. Later pages join PLACES."""

    part: str
    label: Any
    icon: str
    url_name: str
    key: str


PLACES = (
    Place("traces", _("Traces"), "traces", "traces:list", "T"),
    Place("completions", _("Completions"), "completions", "functions:completions:list", "C"),
    Place("functions", _("Functions"), "functions", "functions:list", "F"),
    Place("playground", _("Playground"), "playground", "functions:playground", "P"),
    Place("usage", _("Usage"), "usage", "usage:usage", "U"),
)


@dataclass(frozen=True)
class Item:
    label: Any
    icon: str
    url: str
    is_current: bool
    key: str = ""
    initial: str = ""
    name: str = ""


@dataclass(frozen=True)
class Key:
    parts: tuple[str, ...]
    does: Any


@dataclass(frozen=True)
class KeyGroup:
    name: Any
    keys: tuple[Key, ...]


def frame(request: HttpRequest) -> dict[str, Any]:
    """Give templates the frame; nothing is asked of the database before a template shows it."""
    return {"frame": Frame(request)}


class Frame:
    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.version = __version__
        theme = request.COOKIES.get("theme", "")
        self.theme = theme if theme in ("light", "dark") else ""
        self.rail = request.COOKIES.get("sidebar") == "rail"
        self.keys_on = request.COOKIES.get("keys") != "off"

    @cached_property
    def user(self) -> User | None:
        user = getattr(self.request, "user", None)
        return user if isinstance(user, User) else None

    @cached_property
    def memberships(self) -> list[Membership]:
        if self.user is None:
            return []
        memberships = self.user.memberships.select_related("project")
        return list(memberships.order_by("project__created_at", "project__pk"))

    @cached_property
    def membership(self) -> Membership | None:
        """The place in the page's project; a page without one stands in the person's first."""
        found: Membership | None = getattr(self.request, "membership", None)
        return found or (self.memberships[0] if self.memberships else None)

    @cached_property
    def project(self) -> Project | None:
        return self.membership.project if self.membership else None

    @cached_property
    def may_make_projects(self) -> bool:
        return self.user is not None and (self.user.is_staff or any(place.is_owner for place in self.memberships))

    @cached_property
    def base(self) -> str:
        """The template a page extends that is shown to people with and without a project."""
        return "base.html" if self.project else "base_plain.html"

    @cached_property
    def projects(self) -> list[Item]:
        return [
            Item(
                membership.project.name,
                "",
                reverse(PLACES[0].url_name, args=[membership.project.slug]),
                is_current=membership.project == self.project,
                initial=membership.project.initial,
                name=membership.project.name,
            )
            for membership in self.memberships
        ]

    @cached_property
    def items(self) -> list[Item]:
        if self.project is None:
            return []
        return [
            Item(
                place.label,
                place.icon,
                reverse(place.url_name, args=[self.project.slug]),
                is_current=self.part == place.part,
                key=place.key.lower(),
            )
            for place in PLACES
        ]

    @cached_property
    def settings(self) -> Item | None:
        if self.membership is None:
            return None
        first = sections_for(self.membership)[0]
        url = reverse(first.url_name, args=[self.membership.project.slug])
        is_here = self.section == "accounts" or any(item.is_current for item in self.sections)
        return Item(_("Settings"), "settings", url, is_here)

    @cached_property
    def sections(self) -> list[Item]:
        """The sections of the settings that the person may see."""
        if self.membership is None:
            return []
        here = self.request.resolver_match.view_name if self.request.resolver_match else ""
        return [
            Item(
                section.label,
                "",
                reverse(section.url_name, args=[self.membership.project.slug]),
                is_current=here == section.url_name or here in section.more,
            )
            for section in sections_for(self.membership)
        ]

    @cached_property
    def part(self) -> str:
        """What stands after the project in the pattern of the address: traces, functions, settings."""
        route = self.request.resolver_match.route if self.request.resolver_match else ""
        return route.split("/")[2] if route.startswith("projects/<") else ""

    @cached_property
    def section(self) -> str:
        match = self.request.resolver_match
        return match.namespace if match else ""

    @cached_property
    def keys(self) -> tuple[KeyGroup, ...]:
        places = tuple(Key(("G", place.key), place.label) for place in PLACES)
        return (
            KeyGroup(
                _("Anywhere"),
                (
                    Key(("/",), _("Filter")),
                    Key(("?",), _("All keys")),
                    *places,
                    Key(("G", "S"), _("Settings")),
                    Key(("[",), _("Sidebar")),
                    Key(("Esc",), _("Back out")),
                ),
            ),
            KeyGroup(
                _("Lists"),
                (
                    Key(("J", "K"), _("Next and previous row")),
                    Key(("Enter",), _("Open")),
                ),
            ),
            KeyGroup(
                _("Trace"),
                (
                    Key(("↑", "↓"), _("Rows")),
                    Key(("→", "←"), _("Open, close, to parent")),
                    Key(("1–7",), _("Tabs")),
                    Key(("X",), _("Expand")),
                ),
            ),
            KeyGroup(
                _("Rating"),
                (
                    Key(("U", "D"), _("Good, bad")),
                    Key(("M",), _("Comment")),
                    Key(("E",), _("Make it an example")),
                    Key(("S", "Z"), _("In review: skip, undo")),
                ),
            ),
        )
