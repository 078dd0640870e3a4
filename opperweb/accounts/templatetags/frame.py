"""Template tags of the frame: icons out of the one sprite, and the state that stands where content would be."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

SPRITE = "img/icons.svg"


class UnknownIcon(ValueError):
    """A template asks for an icon that the sprite does not hold."""


@register.simple_tag
def icon(name: str, label: str = "", css: str = "", size: int = 16) -> SafeString:
    """Draw an icon: silent beside words, or with a label of its own."""
    return _drawing(name, str(label), css, size)


@lru_cache(maxsize=512)
def _drawing(name: str, label: str, css: str, size: int) -> SafeString:
    if name not in icon_names():
        raise UnknownIcon(f"{name} is not in static/{SPRITE}")
    address = f"{static(SPRITE)}#i-{name}"
    classes = f"icon {css}".strip()
    if label:
        drawing = '<svg class="{}" width="{}" height="{}" role="img" aria-label="{}"><use href="{}"/></svg>'
        return format_html(drawing, classes, size, size, label, address)
    drawing = '<svg class="{}" width="{}" height="{}" aria-hidden="true"><use href="{}"/></svg>'
    return format_html(drawing, classes, size, size, address)


@lru_cache(maxsize=1)
def icon_names() -> frozenset[str]:
    """Return the names of the sprite's icons."""
    sprite = Path(settings.BASE_DIR, "static", SPRITE).read_text(encoding="utf-8")
    return frozenset(re.findall(r'id="i-([\w-]+)"', sprite))
