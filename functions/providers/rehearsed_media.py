"""A picture and a sound that stand in for a model's: small, real files, the same for the same input."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from math import pi, sin

from functions.providers.sound import wav_of

SIDE = 32
SAMPLES_PER_SECOND = 8_000
SECONDS = 0.25
LOUDNESS = 8_000


def picture_for(text: str) -> str:
    """Return a PNG in one colour, chosen by the text, as base64."""
    colour = hashlib.sha256(text.encode("utf-8", "replace")).digest()[:3]
    rows = (b"\0" + colour * SIDE) * SIDE
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def sound_for(text: str) -> str:
    """Return a WAV with one short tone, its pitch chosen by the text, as base64."""
    pitch = 220 + hashlib.sha256(text.encode("utf-8", "replace")).digest()[0]
    count = int(SAMPLES_PER_SECOND * SECONDS)
    heights = (int(LOUDNESS * sin(2 * pi * pitch * place / SAMPLES_PER_SECOND)) for place in range(count))
    samples = struct.pack(f"<{count}h", *heights)
    return base64.b64encode(wav_of(samples, samples_per_second=SAMPLES_PER_SECOND)).decode()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
