"""Pictures, sound and files in an input: what is found, what is refused, and what stays text."""

import base64
from typing import Any

import pytest

from functions.prompts.media import InvalidMedia, split
from functions.providers.chat import MediaPart

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 16).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"\0" * 16).decode()
WAV = base64.b64encode(b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 16).decode()
PDF = base64.b64encode(b"%PDF-1.7\n" + b"\0" * 16).decode()
MARKED = {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"}


def test_a_data_url_in_the_member_for_media_is_taken_out():
    value, media = split({"q": "what is it?", "picture": {"_opper_media_input": f"data:image/png;base64,{PNG}"}}, None)
    assert value == {"q": "what is it?", "picture": {"_opper_media_input": "[image 1: image/png]"}}
    assert media == (MediaPart("image", "image/png", PNG),)


def test_media_are_found_anywhere_and_keep_their_order():
    given = {
        "b": [{"_opper_media_input": f"data:image/png;base64,{PNG}"}, "words"],
        "a": {"deep": [[{"_opper_media_input": f"data:audio/mp3;base64,{WAV}"}]]},
        "_opper_media_input": f"data:image/jpeg;base64,{JPEG}",
    }
    value, media = split(given, None)
    assert value == {
        "b": [{"_opper_media_input": "[image 1: image/png]"}, "words"],
        "a": {"deep": [[{"_opper_media_input": "[audio 1: audio/mpeg]"}]]},
        "_opper_media_input": "[image 2: image/jpeg]",
    }
    assert [part.media_type for part in media] == ["image/png", "audio/mpeg", "image/jpeg"]


def test_the_callers_own_value_stays_as_it_is():
    inner = {"_opper_media_input": f"data:image/png;base64,{PNG}"}
    given = {"list": [inner]}
    split(given, None)
    assert given == {"list": [{"_opper_media_input": f"data:image/png;base64,{PNG}"}]}


def test_a_file_has_the_name_that_stands_beside_it_or_one_of_its_own():
    given = [
        {"_opper_media_input": f"data:application/pdf;base64,{PDF}"},
        {"_opper_media_input": f"data:application/pdf;base64,{PDF}", "file_name": "C:\\bills\\may.pdf"},
    ]
    value, media = split(given, None)
    assert [part.type for part in media] == ["file", "file"]
    assert [part.file_name for part in media] == ["file-1.pdf", "may.pdf"]
    assert value[1]["_opper_media_input"] == "[file 2: application/pdf]"


def test_a_schema_marks_a_field_as_media():
    schema = {"type": "object", "properties": {"photo": MARKED, "note": {"type": "string"}}}
    value, media = split({"photo": PNG, "note": PNG}, schema)
    assert value == {"photo": "[image 1: image/png]", "note": PNG}
    assert media == (MediaPart("image", "image/png", PNG),)


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        ({"properties": {"x": {"$ref": "#/$defs/Photo"}}, "$defs": {"Photo": MARKED}}, {"x": JPEG}),
        ({"properties": {"x": {"anyOf": [{"type": "null"}, MARKED]}}}, {"x": JPEG}),
        ({"properties": {"x": {"type": "array", "items": MARKED}}}, {"x": [JPEG]}),
        ({"prefixItems": [{"type": "string"}, MARKED]}, ["no picture", JPEG]),
        ({"additionalProperties": MARKED}, {"any name": JPEG}),
        ({"allOf": [{"properties": {"x": {"properties": {"y": MARKED}}}}]}, {"x": {"y": JPEG}}),
        (MARKED, JPEG),
    ],
)
def test_the_mark_is_found_wherever_a_schema_may_have_it(schema: Any, given: Any):
    _, media = split(given, schema)
    # What the schema says of its kind counts where no data URL says otherwise.
    assert media == (MediaPart("image", "image/png", JPEG),)


def test_a_media_type_without_an_encoding_is_a_hint_and_no_promise():
    schema = {"properties": {"photo": {"type": "string", "contentMediaType": "image/png"}}}
    assert split({"photo": JPEG}, schema)[1] == (MediaPart("image", "image/png", JPEG),)
    assert split({"photo": "a red fox"}, schema) == ({"photo": "a red fox"}, ())


def test_a_schema_that_refers_to_itself_ends():
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {"properties": {"photo": MARKED, "next": {"$ref": "#/$defs/Node"}}, "anyOf": [{"$ref": "#"}]}
        },
    }
    value, media = split({"photo": PNG, "next": {"photo": JPEG, "next": {"photo": None}}}, schema)
    assert value == {
        "photo": "[image 1: image/png]",
        "next": {"photo": "[image 2: image/png]", "next": {"photo": None}},
    }
    assert len(media) == 2


def test_the_kind_is_told_by_the_data_url_then_the_schema_then_the_first_bytes():
    any_image = {"type": "string", "contentMediaType": "image/*", "contentEncoding": "base64"}
    schema = {"properties": {"a": MARKED, "b": MARKED, "c": any_image}}
    _, media = split({"a": f"data:image/webp;base64,{JPEG}", "b": JPEG, "c": JPEG}, schema)
    assert [part.media_type for part in media] == ["image/webp", "image/png", "image/jpeg"]


@pytest.mark.parametrize("name", ["image", "reference_image", "image_url", "audio"])
def test_fields_of_a_telling_name_hold_media_where_their_bytes_say_so(name: str):
    value, media = split({name: WAV, "other": WAV}, None)
    assert value == {name: "[audio 1: audio/wav]", "other": WAV}
    assert media == (MediaPart("audio", "audio/wav", WAV),)
    _, media = split({name: f"data:image/jpg;base64,{JPEG}"}, None)
    assert media == (MediaPart("image", "image/jpeg", JPEG),)


def test_a_list_under_a_telling_name_holds_media_too():
    value, media = split({"image": [PNG, JPEG, "a red fox"]}, None)
    assert value == {"image": ["[image 1: image/png]", "[image 2: image/jpeg]", "a red fox"]}
    assert len(media) == 2


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/fox.png", "HTTP://example.com/fox.png", "a red fox", "", "data: the picture is missing",
        "iVBORw0KGgo", "//example.com/fox.png", "räv", "aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk", "iVBORw0KGgoAAAAN SUhEUg!",
    ],
)  # fmt: skip
def test_what_is_no_media_stays_text(text: str):
    given = {"image": text}
    assert split(given, None) == (given, ())


def test_addresses_are_never_fetched_not_even_where_a_schema_promises_media():
    schema = {"properties": {"photo": MARKED}}
    given = {"photo": "https://example.com/fox.png", "image": "https://example.com/fox.png"}
    assert split(given, schema) == (given, ())


@pytest.mark.parametrize(
    "given",
    [
        "https://example.com/fox.png", " HTTP://example.com/fox.png", "", " \n", 5, 0, 1.5, True, False,
        [], [PNG], {}, {"a": PNG},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_file_in_the_member_for_media_is_refused_with_its_place(given: Any):
    for schema in (None, {"properties": {"a": {"items": {"properties": {"_opper_media_input": MARKED}}}}}):
        with pytest.raises(InvalidMedia, match=r"^a\[1\]\._opper_media_input must hold the file itself") as caught:
            split({"a": ["words", {"_opper_media_input": given}]}, schema)
        assert caught.value.path == ("a", 1, "_opper_media_input")


def test_base64_alone_and_null_may_stand_in_the_member_for_media():
    assert split({"_opper_media_input": PNG}, None)[1] == (MediaPart("image", "image/png", PNG),)
    given = {"photo": {"_opper_media_input": None}}
    assert split(given, None) == (given, ())


def test_base64_that_holds_text_is_no_media():
    schema = {"properties": {"x": {"contentMediaType": "application/json", "contentEncoding": "base64"}}}
    assert split({"x": "e30="}, schema) == ({"x": "e30="}, ())


def test_white_space_in_base64_and_its_other_letters_are_brought_into_order():
    broken = f"{PNG[:10]}\n {PNG[10:]}\r\n"
    assert split({"image": broken}, None)[1] == (MediaPart("image", "image/png", PNG),)
    data = base64.b64encode(b"\xff\xd8\xff\xfb\xef\xbe" + b"\0" * 14).decode()
    assert "/" in data
    assert "=" in data
    other = data.replace("/", "_").replace("+", "-").rstrip("=")
    assert split({"image": other}, None)[1] == (MediaPart("image", "image/jpeg", data),)
    assert "-" not in JPEG.replace("+", "-")
    assert split({"image": JPEG.replace("/", "_")}, None)[1] == (MediaPart("image", "image/jpeg", JPEG),)
    quoted = f"data:image/jpeg;base64,{data.replace('/', '%2F').replace('+', '%2B').replace('=', '%3D')}"
    assert split({"image": quoted}, None)[1] == (MediaPart("image", "image/jpeg", data),)


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ({"a": [{"_opper_media_input": "data:image/png;base64,%%%"}]}, ("a", 0, "_opper_media_input"), "is not valid"),
        ({"_opper_media_input": "data:image/png;base64,AAAAA"}, ("_opper_media_input",), "is not valid base64"),
        ({"_opper_media_input": "data:image/png;base64,"}, ("_opper_media_input",), "holds no bytes"),
        ({"_opper_media_input": "data:image/png,abc"}, ("_opper_media_input",), "is a data URL that is not of"),
        ({"_opper_media_input": "a fox!"}, ("_opper_media_input",), "is not valid base64"),
        ({"_opper_media_input": "AAAA"}, ("_opper_media_input",), "is no kind of file that is known here"),
        ({"image": "data:video/mp4;base64,AAAA"}, ("image",), "is video/mp4; images, sound and PDF files are taken"),
        ({"image": "data:image/svg+xml;base64,AAAA"}, ("image",), "is image/svg+xml"),
        ({"image": [PNG, "data:image/png;base64,!"]}, ("image", 1), "is not valid base64"),
        ({"image": PNG + "A" * 300 + "!"}, ("image",), "is not valid base64"),
        ({"photo": "no picture"}, ("photo",), "is not valid base64"),
    ],
)  # fmt: skip
def test_what_is_marked_as_media_and_is_none_is_refused_with_its_place(given: Any, path: Any, message: str):
    with pytest.raises(InvalidMedia) as caught:
        split(given, {"properties": {"photo": MARKED}})
    assert caught.value.path == path
    assert caught.value.message.startswith(message)


def test_the_refusal_reads_as_a_sentence_and_repeats_no_bytes():
    with pytest.raises(InvalidMedia, match=r"^a\[0\]\.image is not valid base64$"):
        split({"a": [{"image": "data:image/png;base64,????"}]}, None)


def test_an_input_without_media_is_handed_back_as_it_is():
    for given in ("words", 5, None, True, [], {}, {"a": [1, {"b": None}]}):
        value, media = split(given, {"type": "object"})
        assert value is given
        assert media == ()


def test_an_odd_schema_is_no_reason_to_fail():
    for schema in (
        None,
        True,
        {"properties": 5, "items": [MARKED], "$ref": "#/nowhere"},
        {"anyOf": "x", "items": MARKED},
    ):
        assert split({"a": ["b"]}, schema) == ({"a": ["b"]}, ())


def test_an_input_nested_deeper_than_functions_can_call_each_other_is_walked():
    given: Any = {"_opper_media_input": f"data:image/png;base64,{PNG}"}
    for _ in range(5_000):
        given = [given]
    value, media = split(given, {"items": MARKED})
    assert len(media) == 1
    for _ in range(5_000):
        (value,) = value
    assert value == {"_opper_media_input": "[image 1: image/png]"}


def test_a_place_is_looked_up_once_for_all_objects_of_its_kind(monkeypatch):
    opened = []
    from_places = split.__globals__["Places"]._opened
    monkeypatch.setattr(
        split.__globals__["Places"], "_opened", lambda self, schemas: opened.append(1) or from_places(self, schemas)
    )
    schema = {"items": {"properties": {"photo": MARKED}, "additionalProperties": {"type": "string"}}}
    _, media = split([{"photo": PNG, f"name {number}": "x"} for number in range(500)], schema)
    assert len(media) == 500
    assert len(opened) < 10
