"""A page as its tests read it: its text, its words, and the words of one part of it."""

from __future__ import annotations

import re

from django.test import Client

FRAGMENT = {"HX-Request": "true"}
NARROW = "\u202f"


def page_text(client: Client, address: str, **headers: str) -> str:
    response = client.get(address, headers=headers or None)
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace(NARROW, " ").split())


def part(html: str, name: str) -> str:
    """Return the words of one part of the page."""
    return words(html[html.index(f'id="{name}"') :].partition("</section>")[0])
