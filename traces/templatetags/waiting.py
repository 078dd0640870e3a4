"""What the page before the first trace tells of the connection, whichever view shows that page."""

from __future__ import annotations

from typing import Any

from django import template

from opperweb.pages.connection import Connection, connection_of

register = template.Library()


@register.simple_tag(takes_context=True)
def connection(context: dict[str, Any]) -> Connection:
    """Return how the server of this page and its project can be reached, and what came of it."""
    request = context["request"]
    return connection_of(request, request.project)
