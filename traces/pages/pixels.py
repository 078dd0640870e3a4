"""How wide and how high a picture is, read from its first bytes."""

from __future__ import annotations

import struct

# Frames of a JPEG that tell its size: all but tables, comments and the like.
JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def pixels_of(first: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, GIF, JPEG or WebP; None where the bytes do not tell."""
    try:
        if first.startswith(b"\x89PNG"):
            return _pair(">II", first, 16)
        if first.startswith(b"GIF8"):
            return _pair("<HH", first, 6)
        if first.startswith(b"\xff\xd8"):
            return _of_jpeg(first)
        if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
            return _of_webp(first)
    except (struct.error, IndexError):
        pass
    return None


def _pair(form: str, first: bytes, at: int) -> tuple[int, int]:
    one, other = struct.unpack_from(form, first, at)
    return one, other


def _of_jpeg(first: bytes) -> tuple[int, int] | None:
    at = 2
    while first[at] == 0xFF:
        marker = first[at + 1]
        if marker in JPEG_FRAMES:
            height, width = _pair(">HH", first, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", first, at + 2)[0]
    return None


def _of_webp(first: bytes) -> tuple[int, int] | None:
    kind = first[12:16]
    if kind == b"VP8X":
        return _two_of_24_bits(first[24:30])
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", first, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = _pair("<HH", first, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _two_of_24_bits(six: bytes) -> tuple[int, int] | None:
    # They are stored one too small.
    if len(six) < 6:
        return None
    return int.from_bytes(six[:3], "little") + 1, int.from_bytes(six[3:], "little") + 1
