"""Files in a value: in their place, as chips, and found again by a pointer."""

from __future__ import annotations

import base64

import pytest

from functions.providers.rehearsed_media import picture_for, sound_for
from traces.media import Media
from traces.pages.field_view import fields_of, plain_text_of
from traces.pages.json_view import view_of
from traces.pages.media_view import Chip, given_media, media_at, with_chips

PNG = f"data:image/png;base64,{picture_for('a')}"
WAV = f"data:audio/wav;base64,{sound_for('a')}"
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-" + bytes(4000)).decode()


def media_in_fields(value, schema=None):
    return [(field.name, field.media.form, field.media.place) for field in fields_of(value, schema) if field.media]


def test_pictures_and_sounds_stand_in_their_place():
    assert media_in_fields({"a/b": PNG, "sound": WAV, "words": "x", "paper": PDF}) == [
        ("a/b", "image", "/a~1b"),
        ("sound", "audio", "/sound"),
        ("paper", "file", "/paper"),
    ]


def test_a_picture_tells_type_size_and_pixels():
    [field] = fields_of(PNG)
    size = len(base64.b64decode(PNG.partition(",")[2]))
    assert field.media.words.replace("\u202f", " ") == f"image/png, {size} B, 32 × 32"


def test_a_list_of_pictures_is_a_gallery():
    [field] = fields_of({"images": [PNG, PNG]})
    assert field.is_gallery
    assert [part.media.place for part in field.fields] == ["/images/0", "/images/1"]
    assert not fields_of({"images": [PNG, "words"]})[0].is_gallery


def test_an_object_that_only_holds_a_file_is_that_file():
    [field] = fields_of({"paper": {"_opper_media_input": PDF, "file_name": "report.pdf"}})
    assert (field.media.form, field.media.name, field.media.place) == (
        "file",
        "report.pdf",
        "/paper/_opper_media_input",
    )
    assert given_media({"_opper_media_input": PNG, "caption": "Jupiter"}) is None
    assert given_media({"_opper_media_input": "https://example.com/a.png"}) is None


def test_a_schema_may_tell_that_a_text_is_a_file():
    declared = {"contentMediaType": "audio/mpeg", "contentEncoding": "base64"}
    value, schema = {"said": "A" * 80}, {"type": "object", "properties": {"said": declared}}
    assert media_in_fields(value, schema) == [("said", "audio", "/said")]
    assert media_in_fields(value) == []
    assert media_in_fields(value, {"properties": {"said": {**declared, "contentMediaType": "text/html"}}}) == []


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "application/x-msdownload", "audio/x-odd"])
def test_what_a_browser_should_not_open_is_a_file(media_type):
    [field] = fields_of(f"data:{media_type};base64,AAAA")
    assert field.media.form == "file"


def test_everywhere_else_a_chip_stands_for_it():
    value = {"images": [PNG], "words": "x", "deep": [{"data": sound_for("a"), "format": "wav"}]}
    shown = with_chips(value)
    assert isinstance(shown["images"][0], Chip)
    assert shown["deep"][0]["data"].startswith("audio/wav, ")
    assert value["images"] == [PNG]
    assert "base64" not in plain_text_of(value)
    assert with_chips([1, None, {}, []]) == [1, None, {}, []]


def test_a_value_with_megabytes_of_pictures_has_a_short_view_that_leads_to_them():
    view = view_of({"images": ["data:image/png;base64," + picture_for("a") + "A" * 3_000_000]})
    assert not view.is_outline
    [line] = [line for line in view.lines if line.place is not None]
    assert (line.place, line.text) == ("/images/0", "")
    assert line.size.startswith("image/png, ")
    assert sum(len(line.text) + len(line.whole) for line in view.lines) < 100


def test_no_pointer_leads_into_a_text_that_was_opened():
    view = view_of({"content": f'{{"image": "{PNG}"}}'})
    [line] = [line for line in view.lines if line.size.startswith("image/png")]
    assert line.place is None


@pytest.mark.parametrize(
    ("place", "is_there"),
    [
        ("/a~1b/0", True),
        ("/a~1b/1", False),
        ("/a~1b/-1", False),
        ("/a~1b/x", False),
        ("/gone", False),
        ("/words", False),
        ("/number", False),
        ("/a~1b/0/0", False),
        ("", False),
    ],
)
def test_a_pointer_leads_to_a_file_or_to_nothing(place, is_there):
    media = media_at({"a/b": [PNG], "words": "x", "number": 5}, place)
    assert (media == Media("image/png", picture_for("a"))) is is_there
    assert (media is None) is not is_there


def test_a_deep_value_needs_no_recursion():
    value: object = PNG
    for _ in range(5000):
        value = [value]
    assert with_chips(value)
