"""Parts of a span as files: what they are sent as, to whom, and how little a browser can do with them."""

from __future__ import annotations

import base64

import pytest
from django.urls import reverse

from functions.providers.rehearsed_media import picture_for, sound_for
from tests.traces.factories import make_attempt, make_call
from traces.models import AttemptBody

PICTURE, SOUND = picture_for("a"), sound_for("a")
PNG, WAV = f"data:image/png;base64,{PICTURE}", f"data:audio/wav;base64,{SOUND}"
PAGE = "data:text/html;base64," + base64.b64encode(b"<script>alert(1)</script>").decode()
DRAWING = "data:image/svg+xml;base64," + base64.b64encode(b"<svg onload='alert(1)'/>").decode()


@pytest.fixture
def call(project):
    output = {"images": [PNG], "audio": WAV, "page": PAGE, "drawing": DRAWING, "bad": "data:image/png;base64,AA=BB="}
    return make_call(project, "draw", output=output).spans.get()


def url_of(span, **query):
    return reverse("traces:detail", args=[span.project.slug, span.trace.id], query={"span": span.id, **query})


def sent(client, span, **query):
    return client.get(url_of(span, **query))


@pytest.mark.parametrize(
    ("place", "media_type", "ending", "octets"),
    [
        ("/images/0", "image/png", "png", base64.b64decode(PICTURE)),
        ("/audio", "audio/wav", "wav", base64.b64decode(SOUND)),
    ],
)
def test_a_file_is_sent_as_what_it_is(bob_client, call, place, media_type, ending, octets):
    answer = sent(bob_client, call, raw="output", at=place)
    assert answer.content == octets
    assert answer["Content-Type"] == media_type
    assert answer["Content-Disposition"] == f'inline; filename="{call.id}-output.{ending}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("place", ["/page", "/drawing"])
def test_what_could_run_is_sent_as_bytes_to_keep(alice_client, call, place):
    answer = sent(alice_client, call, raw="output", at=place)
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "query",
    [
        {"raw": "output", "at": "/gone"},
        {"raw": "output", "at": "/bad"},
        {"raw": "output", "at": ""},
        {"raw": "input", "at": "/images/0"},
        {"raw": "request", "at": "/a"},
        {"raw": "chunks"},
        {"raw": "other"},
    ],
)
def test_what_is_not_there_is_not_found(alice_client, call, query):
    make_attempt(call, request_body="no JSON")
    assert sent(alice_client, call, **query).status_code == 404


def test_strangers_and_those_not_signed_in_find_no_file(charlie_client, client, call):
    assert sent(charlie_client, call, raw="output", at="/images/0").status_code == 404
    assert sent(client, call, raw="output", at="/images/0").status_code == 302


@pytest.mark.parametrize(
    ("wanted", "status", "begins", "ends"),
    [
        ("bytes=0-", 206, 0, None),
        ("bytes=4-7", 206, 4, 8),
        ("bytes=100-999999", 206, 100, None),
        ("bytes=-10", 206, -10, None),
        ("bytes=-", 200, 0, None),
        ("bytes=0-1,4-5", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_a_player_can_jump(alice_client, call, wanted, status, begins, ends):
    octets = base64.b64decode(SOUND)
    answer = alice_client.get(url_of(call, raw="output", at="/audio"), headers={"Range": wanted})
    assert answer.status_code == status
    assert answer.content == octets[begins:ends]
    if status == 206:
        first = begins % len(octets)
        assert answer["Content-Range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(octets)}"


def test_nobody_can_jump_past_the_end(alice_client, call):
    answer = alice_client.get(url_of(call, raw="output", at="/audio"), headers={"Range": "bytes=999999-"})
    assert (answer.status_code, answer.content) == (416, b"")


def test_a_file_in_a_request_is_found_too(alice_client, call):
    make_attempt(call, request_body=f'{{"messages": [{{"url": "{PNG}"}}]}}')
    answer = sent(alice_client, call, raw="request", attempt=1, at="/messages/0/url")
    assert answer.content == base64.b64decode(PICTURE)


def test_the_chunks_of_a_stream_are_a_text(alice_client, call):
    attempt = make_attempt(call)
    AttemptBody.objects.filter(attempt=attempt).update(chunk_ms=[[4.25, 100], ["odd"], [9, 250]])
    answer = sent(alice_client, call, raw="chunks", attempt=1)
    assert answer.content.decode() == "milliseconds\tbytes\n4.250\t100\n9.000\t150"
    assert answer["Content-Type"].startswith("text/plain")


def test_the_page_shows_a_picture_and_a_player_and_holds_no_base64(alice_client, call):
    for tab, view in (("output", "fields"), ("output", "json"), ("output", "text")):
        page = sent(alice_client, call, tab=tab, view=view).content.decode()
        assert PICTURE[:60] not in page
        assert SOUND[:60] not in page
        if view == "fields":
            place = "raw=output&amp;at=%2Fimages%2F0"
            assert page.count(place) == 2
            assert 'width="32" height="32"' in page
            assert "<audio controls" in page
        else:
            assert "image/png, " in page
