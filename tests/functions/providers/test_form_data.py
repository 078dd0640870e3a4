"""A form with files can be read by others, and its summary holds no file."""

from email.message import Message
from email.parser import BytesParser

import pytest

from functions.providers.form_data import FormData, FormFile


def parts_of(form: FormData) -> list[Message]:
    """Read the form with the standard library's reader."""
    whole = b"content-type: " + form.content_type.encode() + b"\r\n\r\n" + form.body
    message = BytesParser().parsebytes(whole)
    assert not message.defects
    return [part for part in message.walk() if not part.is_multipart()]


def test_every_part_comes_out_as_it_went_in():
    data = bytes(range(256)).replace(b"\r", b"") + b"--form-"
    file = FormFile("file", "größe.wav", "audio/wav", data)
    form = FormData((("model", "m"), ("tag[]", "a"), ("tag[]", "b\r\nc"), ("empty", "")), (file,))
    parts = parts_of(form)
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names == ["model", "tag[]", "tag[]", "empty", "file"]
    assert [part.get_payload() for part in parts[:4]] == ["m", "a", "b\r\nc", ""]
    assert parts[4].get_content_type() == "audio/wav"
    assert data in form.body


def test_the_same_form_has_the_same_line_between_its_parts():
    file = FormFile("file", "a.wav", "audio/wav", b"one")
    form = FormData((("model", "m"),), (file,))
    assert form.boundary == FormData((("model", "m"),), (file,)).boundary
    assert form.boundary != FormData((("model", "n"),), (file,)).boundary


@pytest.mark.parametrize("evil", ['a"; filename="b', "a\r\nx-evil: 1", "a\0b", "\ud800"])
def test_no_name_breaks_out_of_its_line(evil: str):
    form = FormData(((evil, evil),), (FormFile(evil, evil, evil, b"data"),))
    heads = form.body.split(f"--{form.boundary}".encode())[1:-1]
    assert len(heads) == 2
    for head in heads:
        lines = head.partition(b"\r\n\r\n")[0].strip().split(b"\r\n")
        assert not any(line.startswith(b"x-evil") for line in lines)
        assert lines[0].count(b'"') in (2, 4)


def test_the_summary_names_files_and_shortens_long_texts():
    form = FormData((("prompt", "x" * 20_000),), (FormFile("file", "a.wav", "audio/wav", b"12345"),))
    assert form.summary.splitlines() == ["prompt: " + "x" * 10_000, "file: [a.wav, audio/wav, 5 bytes]"]
