"""One part of a span as a file: a text whole, the times of a stream, a picture or a recording by itself."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from opperweb import json
from traces.media import Media
from traces.models import AttemptBody, Span, SpanBody
from traces.pages.exchange import chunk_rows
from traces.pages.json_view import indented, readable
from traces.pages.media_view import form_of, media_at

OF_SPAN = ("input", "output")
OF_ATTEMPT = {"request": "request_body", "response": "response_body", "chunks": "chunk_ms"}
# Whatever it is, it runs nothing, loads nothing, and belongs to no origin.
POLICY = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'"
KEPT_SECONDS = 600
ENDINGS = {"image/jpeg": "jpg", "audio/mpeg": "mp3", "audio/x-wav": "wav", "application/octet-stream": "bin"}
RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})", re.ASCII)


def part_of(span: Span, request: HttpRequest) -> HttpResponse:
    """Send the part that `raw` names, as text; with `at`, the file to which that pointer leads in it."""
    part = request.GET["raw"]
    content = _content(span, part, request.GET.get("attempt", ""))
    if content is None:
        raise Http404("No such part")
    if "at" in request.GET:
        return _file(span, part, _value_of(part, content), request)
    text = _chunks(content) if part == "chunks" else content if isinstance(content, str) else indented(content)
    response = HttpResponse(readable(text), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{span.id}-{part}.txt"'
    return _guarded(response)


def _content(span: Span, part: str, number: str) -> Any:
    if part in OF_SPAN:
        return getattr(get_object_or_404(SpanBody.objects.only(part), span=span), part)
    if part not in OF_ATTEMPT:
        return None
    field = OF_ATTEMPT[part]
    bodies = AttemptBody.objects.filter(attempt__span=span).only(field).order_by("-attempt__number")
    if number.isascii() and number.isdigit() and len(number) < 8:
        bodies = bodies.filter(attempt__number=int(number))
    body = bodies.first()
    return getattr(body, field) if body is not None else None


def _value_of(part: str, content: Any) -> Any:
    if part in OF_SPAN:
        return content
    try:
        return json.loads(content)
    except (TypeError, ValueError, RecursionError):
        raise Http404("No file in this part") from None


def _chunks(content: Any) -> str:
    rows = (f"{row.ms:.3f}\t{row.octets}" for row in chunk_rows(content))
    return "\n".join(("milliseconds\tbytes", *rows))


# --- files ----------------------------------------------------------------------------------------------------------


def _file(span: Span, part: str, value: Any, request: HttpRequest) -> HttpResponse:
    media = media_at(value, request.GET["at"])
    try:
        octets = media.octets() if media is not None else b""
    except ValueError:
        octets = b""
    if media is None or not octets:
        raise Http404("No file here")
    media_type = _harmless_type(media)
    response = _answer(octets, request.headers.get("Range", ""), media_type)
    ending = ENDINGS.get(media_type, media_type.partition("/")[2])
    is_shown = form_of(media) != "file"
    response["Content-Disposition"] = f'{"inline" if is_shown else "attachment"}; filename="{span.id}-{part}.{ending}"'
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = f"private, max-age={KEPT_SECONDS}"
    return _guarded(response)


def _harmless_type(media: Media) -> str:
    """Return the type to send a file with: its own where nothing in such a file can run."""
    if form_of(media) != "file" or media.media_type == "application/pdf":
        return media.media_type
    return "application/octet-stream"


def _answer(octets: bytes, wanted: str, media_type: str) -> HttpResponse:
    """Return all bytes, or those that a player asks for to jump to a place."""
    found = RANGE.fullmatch(wanted)
    if found is None or not any(found.groups()):
        return HttpResponse(octets, content_type=media_type)
    first, last = found.groups()
    start = int(first) if first else max(len(octets) - int(last), 0)
    end = min(int(last), len(octets) - 1) if first and last else len(octets) - 1
    if start > end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{len(octets)}"})
    response = HttpResponse(octets[start : end + 1], status=206, content_type=media_type)
    response["Content-Range"] = f"bytes {start}-{end}/{len(octets)}"
    return response


def _guarded(response: HttpResponse) -> HttpResponse:
    """Have no browser read it as a page, or as anything else than it is."""
    response["Content-Security-Policy"] = POLICY
    response["X-Content-Type-Options"] = "nosniff"
    return response
