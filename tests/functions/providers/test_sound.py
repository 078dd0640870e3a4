"""Bare samples become a file that players know, and the first bytes of a file tell its form."""

import pytest

from functions.providers.sound import media_type_of, wav_of


def test_samples_become_a_file_that_says_what_it_is():
    wav = wav_of(b"\1\0\2\0", samples_per_second=8000)
    assert (wav[:4], wav[8:16], wav[36:40], wav[44:]) == (b"RIFF", b"WAVEfmt ", b"data", b"\1\0\2\0")
    assert int.from_bytes(wav[4:8], "little") == len(wav) - 8
    assert int.from_bytes(wav[24:28], "little") == 8000
    assert media_type_of(wav) == "audio/wav"


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (b"ID3\x04", "audio/mpeg"), (b"\xff\xfb\x90", "audio/mpeg"), (b"\xff\xf3", "audio/mpeg"),
        (b"\xff\xf1\x50", "audio/aac"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"RIFF....AVI ", ""),
        (b"\x00\x01", ""), (b"\xff", ""), (b"", ""),
    ],
)  # fmt: skip
def test_the_first_bytes_tell_the_form(start: bytes, media_type: str):
    assert media_type_of(start) == media_type
