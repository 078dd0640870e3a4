"""Bytes of sound: which form they have, and how bare samples become a file that players know."""

from __future__ import annotations

import struct

# OpenAI and Google send bare samples at this rate, one channel, 16 bits each.
SAMPLES_PER_SECOND = 24_000
BYTES_PER_SAMPLE = 2


def wav_of(samples: bytes, *, samples_per_second: int = SAMPLES_PER_SECOND) -> bytes:
    """Return a WAV file of 16-bit samples in one channel."""
    bytes_per_second = samples_per_second * BYTES_PER_SAMPLE
    form = struct.pack("<HHIIHH", 1, 1, samples_per_second, bytes_per_second, BYTES_PER_SAMPLE, BYTES_PER_SAMPLE * 8)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def media_type_of(start: bytes) -> str:
    """Return the media type that the first bytes of a file tell, "" where they tell none."""
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
        return "audio/wav"
    if start[:3] == b"ID3" or (len(start) > 1 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    if start[:4] == b"OggS":
        return "audio/ogg"
    if start[:4] == b"fLaC":
        return "audio/flac"
    return "audio/aac" if len(start) > 1 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0 else ""
