"""What a page answers beside itself: a file sent as it is read, its own changes, and what was done in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from functions.pages.completions import is_fragment


def file_of(name: str, media_type: str, lines: AsyncIterator[bytes]) -> HttpResponse:
    """Send lines as a file of this name, as they are read."""
    response = StreamingHttpResponse(
        lines,
        content_type=f"{media_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )
    return cast(HttpResponse, response)


def page_or_changes(request: HttpRequest, page: str, changes: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page, or for the page itself, which asks again while something runs, what may have changed."""
    response = render(request, changes if is_fragment(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def say_how_many(request: HttpRequest, count: int, words: str, none: str) -> None:
    """Say how many it were; none, where somebody else or the end came first."""
    messages.success(request, words % {"count": f"{count:,}"} if count else none)
