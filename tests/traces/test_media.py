"""Files inside texts: what is one, of which type, and what only looks like one."""

import base64
from typing import Any

import pytest

from functions.providers.rehearsed_media import picture_for, sound_for
from traces.media import Media, data_url, file_in, media_in, member_in, sniffed

PNG, WAV = picture_for("a"), sound_for("a")
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(60)).decode()
MP3 = base64.b64encode(b"\xff\xfb\x90\x00" + bytes(60)).decode()


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        (f"data:image/png;base64,{PNG}", "image/png"),
        (f"data:IMAGE/PNG;charset=utf-8;base64,{PNG}", "image/png"),
        (f"data:;base64,{PNG}", "image/png"),
        ("data:;base64,AAAA", "application/octet-stream"),
        ("data:text/html;base64,PGI+", "text/html"),
        (PNG, "image/png"),
        (WAV, "audio/wav"),
        (JPEG, "image/jpeg"),
        ("The Great Red Spot is a giant storm on the planet Jupiter and it has been seen for centuries", None),
        ("iVBORw0KGgo=", None),
        # Eleven bits are too little to go by.
        (MP3, None),
        ("//" + "path/to/somewhere/" * 10, None),
        ("data:image/png;base64,[100 bytes]", None),
        ("data:image/png;base64,", None),
        ("data:image/png,%89PNG", None),
        ("", None),
    ],
)
def test_a_text_is_a_file_or_not(text: str, media_type: str | None) -> None:
    media = media_in(text)
    assert (media.media_type if media else None) == media_type


def test_a_file_knows_its_size_and_gives_its_bytes() -> None:
    media = Media("image/png", PNG)
    assert media.octets() == base64.b64decode(PNG)
    assert media.size == len(media.octets())
    assert media.octets(12) == base64.b64decode(PNG)[:9]


@pytest.mark.parametrize("data", ["-_-_", "AA\nAA", "AA%3D%3D", "AAA", "AA==", "AAAAA"])
def test_base64_of_every_sort_is_read(data: str) -> None:
    assert Media("image/png", data).octets()


def test_what_is_no_base64_is_an_error() -> None:
    with pytest.raises(ValueError, match="base64"):
        Media("image/png", "AA<>AA==").octets()


@pytest.mark.parametrize(
    ("holder", "media_type"),
    [
        ({"mimeType": "audio/mp3", "data": MP3}, "audio/mp3"),
        ({"media_type": "image/heic", "data": "A" * 80}, "image/heic"),
        ({"format": "mp3", "data": MP3}, "audio/mpeg"),
        ({"format": "text/html", "data": MP3}, None),
        ({"data": MP3}, None),
        ({"data": 5}, None),
    ],
)
def test_what_stands_beside_bare_base64_names_its_type(holder: dict[str, Any], media_type: str | None) -> None:
    media = member_in(holder, "data")
    assert (media.media_type if media else None) == media_type


def test_who_says_that_it_is_a_file_is_believed() -> None:
    assert file_in(MP3) == Media("audio/mpeg", MP3)
    assert file_in("A" * 80) == Media("application/octet-stream", "A" * 80)
    assert file_in("no file") is None


def test_a_data_url_bears_the_type_that_the_bytes_tell() -> None:
    assert data_url(JPEG, "image/png") == f"data:image/jpeg;base64,{JPEG}"
    assert data_url("AAAA", "audio/pcm") == "data:audio/pcm;base64,AAAA"


@pytest.mark.parametrize(
    ("first", "media_type"),
    [
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"RIFF....AVI ", ""),
        (b"....ftypavif", "image/avif"),
        (b"....ftypM4A ", "audio/mp4"),
        (b"\xff\xf1", "audio/aac"),
        (b"\xff\xfb", "audio/mpeg"),
        (b"\xff", ""),
        (b"", ""),
        (b"%PDF-1.7", "application/pdf"),
    ],
)
def test_the_first_bytes_tell_the_type(first: bytes, media_type: str) -> None:
    assert sniffed(first) == media_type
