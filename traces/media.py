"""Files inside texts: which data URL or run of base64 is a picture, a recording or a document, and how large it is."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

DATA_URL = re.compile(r"\s*data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^,;]{0,200}){0,8};base64,", re.IGNORECASE | re.ASCII)
MEDIA_TYPE = re.compile(r"(image|audio|video|application)/[\w.+-]{1,80}", re.ASCII)
LONGEST_HEAD = 2_000
# A shorter run of letters is a word that happens to look like base64.
SHORTEST_BARE = 64
BASE64 = re.compile(r"[A-Za-z0-9+/_=%\s-]+", re.ASCII)
BARE = re.compile(r"[A-Za-z0-9+/_=\s-]+", re.ASCII)
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
)
BRANDS = {
    b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heif", b"M4A ": "audio/mp4", b"isom": "video/mp4",
}  # fmt: skip
FORMS = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
# Members beside bare base64 that name its type, as the vendors have them.
TYPE_MEMBERS = ("media_type", "mime_type", "mimeType", "format")


@dataclass(frozen=True, slots=True)
class Media:
    """A file as it stands in a text."""

    media_type: str
    # Its base64, as it was found.
    data: str

    @property
    def kind(self) -> Literal["image", "audio", "file"]:
        family = self.media_type.partition("/")[0]
        return "image" if family == "image" else "audio" if family == "audio" else "file"

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return len(self.data) * 3 // 4 - self.data[-2:].count("=")

    def octets(self, most: int | None = None) -> bytes:
        """Return its bytes, the first `most` of base64 letters alone where that is given; raise ValueError."""
        return _decoded(self.data if most is None else self.data[:most])


def media_in(text: str, declared: str = "") -> Media | None:
    """Return the file that a whole text is, or None. Bare base64 is one by its first bytes, or as `declared`."""
    head = DATA_URL.match(text[:LONGEST_HEAD])
    if head is not None:
        data = text[head.end() :]
        # What a record says in the place of a file is none.
        if not BASE64.fullmatch(data[:100]):
            return None
        return Media((head[1] or "").lower() or declared or sniffed(_start(data)) or "application/octet-stream", data)
    if len(text) < SHORTEST_BARE or not BARE.fullmatch(text[:LONGEST_HEAD]):
        return None
    if declared:
        return Media(declared, text)
    media_type = sniffed(_start(text))
    # A frame of MPEG sound begins with eleven bits only, and many a text with "//".
    return Media(media_type, text) if media_type and not text.startswith("//") else None


def file_in(text: str) -> Media | None:
    """Return the file that a text is said to be: base64 of any kind of bytes."""
    return media_in(text) or media_in(text, sniffed(_start(text)) or "application/octet-stream")


def member_in(holder: Any, key: Any) -> Media | None:
    """Return the file that is a member of an object or a list; what stands beside it may name its type."""
    text = holder[key]
    if not isinstance(text, str):
        return None
    declared = _type_beside(holder) if isinstance(holder, Mapping) and key == "data" else ""
    return media_in(text, declared)


def data_url(data: str, otherwise: str) -> str:
    """Return base64 as a data URL of the type that its first bytes tell, else of the other."""
    return f"data:{sniffed(_start(data)) or otherwise};base64,{data}"


def sniffed(first: bytes) -> str:
    """Return the media type that the first bytes of a file tell, or an empty string."""
    for signature, media_type in SIGNATURES:
        if first.startswith(signature):
            return media_type
    if first[:4] == b"RIFF":
        return FORMS.get(first[8:12], "")
    if first[4:8] == b"ftyp":
        return BRANDS.get(first[8:12], "")
    if first[:1] == b"\xff" and len(first) > 1:
        if first[1] & 0xF6 == 0xF0:
            return "audio/aac"
        return "audio/mpeg" if first[1] & 0xE6 == 0xE2 else ""
    return ""


def _type_beside(holder: Mapping[str, Any]) -> str:
    said = next((holder[name] for name in TYPE_MEMBERS if isinstance(holder.get(name), str)), "")
    said = said.lower()
    return said if MEDIA_TYPE.fullmatch(said) else {"mp3": "audio/mpeg", "wav": "audio/wav"}.get(said, "")


def _start(data: str) -> bytes:
    letters = "".join(data[:128].split())
    try:
        return _decoded(letters[: len(letters) // 4 * 4][:64])
    except ValueError:
        return b""


def _decoded(data: str) -> bytes:
    if "%" in data:
        data = unquote(data)
    data = "".join(data.split()).replace("-", "+").replace("_", "/").rstrip("=")
    # One letter alone says less than a byte.
    data = data[:-1] if len(data) % 4 == 1 else data
    return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
