"""Width and height of a picture."""

from __future__ import annotations

import base64
import struct

import pytest

from functions.providers.rehearsed_media import picture_for
from traces.pages.pixels import pixels_of

JPEG = (
    b"\xff\xd8" + b"\xff\xe0\x00\x10" + bytes(14) + b"\xff\xff\xc4\x00\x04\x00\x00"
    + b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", 768, 1024) + bytes(8)
)  # fmt: skip
WEBP = b"RIFF\0\0\0\0WEBP"


@pytest.mark.parametrize(
    ("first", "pixels"),
    [
        (base64.b64decode(picture_for("a")), (32, 32)),
        (b"GIF89a" + struct.pack("<HH", 3, 4), (3, 4)),
        (JPEG, (1024, 768)),
        (WEBP + b"VP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"), (640, 480)),
        (WEBP + b"VP8L" + bytes(4) + b"\x2f" + (639 | 479 << 14).to_bytes(4, "little"), (640, 480)),
        (WEBP + b"VP8 " + bytes(10) + struct.pack("<HH", 640, 480), (640, 480)),
        (b"%PDF", None),
        (b"", None),
    ],
)
def test_the_first_bytes_tell_width_and_height(first, pixels):
    assert pixels_of(first) == pixels


@pytest.mark.parametrize("whole", [base64.b64decode(picture_for("a"))[:24], JPEG, WEBP + b"VP8X" + bytes(14)])
def test_a_picture_that_is_cut_breaks_nothing(whole):
    for length in range(len(whole)):
        pixels_of(whole[:length])
