"""Finds images, sound and files in an input and takes them out of its text.

An input marks them in one of three ways: a member `_opper_media_input` with a data URL; a field whose schema has
`contentMediaType` and `contentEncoding: base64`; or a field of a telling name, or of a `contentMediaType` alone, with
a data URL, or with base64 whose first bytes are those of a known kind of file. The first two are promises: what does
not keep them is refused. In `_opper_media_input` the file itself has to be, as a data URL or as base64: an address, a
number or an empty text there is refused, too; null says that there is no file.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from functions.prompts.media_places import Places, Schemas
from functions.providers.chat import MediaPart
from functions.providers.sound import media_type_of as sound_type_of
from functions.schemas.walk import Path

MEMBER = "_opper_media_input"
TELLING_NAMES = frozenset({"image", "reference_image", "image_url", "audio"})
FILE_NAME_MEMBERS = ("file_name", "filename")
DATA_URL = re.compile(r"\s*data:([\w.+-]+/[\w.+-]+)?(;[\w.+-]+=[^,;]{0,200}){0,8};base64,", re.IGNORECASE | re.ASCII)
NO_FILE = "must hold the file itself, as a data URL (data:image/png;base64,…) or as base64"
LONGEST_HEAD = 2_000
# Enough base64 for the first bytes of every kind of file that is known here.
SNIFFED = 64
# Shorter, it is a word that happens to look like base64; longer, it is a file that was damaged on its way.
LONG_ENOUGH_TO_BE_MEANT = 256
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
)
BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
    b"M4A ": "audio/mp4",
}
# Other names of the same form.
SAME = {
    "image/jpg": "image/jpeg", "image/x-png": "image/png", "audio/mp3": "audio/mpeg", "audio/x-mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/vnd.wave": "audio/wav", "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4", "application/x-pdf": "application/pdf",
}  # fmt: skip

Kind = Literal["image", "audio", "file"]


class InvalidMedia(Exception):
    """A part of the input is marked as media and is none. `message` goes on after the name of the place."""

    def __init__(self, path: Path, message: str) -> None:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        super().__init__(f"{where or 'the input'} {message}")
        self.path = path
        self.message = message


class _Spot(NamedTuple):
    """A value to look at: `holder[key]`, what it is called, what the schema says of it, and the spot around it."""

    holder: Any
    key: Any
    name: str
    schemas: Schemas
    around: _Spot | None = None

    @property
    def path(self) -> Path:
        steps, spot = [], self
        while spot.around is not None:
            steps.append(spot.key)
            spot = spot.around
        return tuple(reversed(steps))


class _NotMedia(Exception):
    """Why a text is not what it is marked as."""


def split(value: Any, input_schema: Any) -> tuple[Any, tuple[MediaPart, ...]]:
    """Return the input with "[image 1: image/png]" and the like in the place of media, and the media in order.

    Nothing is fetched: addresses elsewhere than in `_opper_media_input` stay text. Raise InvalidMedia for what is
    marked as media and is none.
    """
    places = Places(input_schema)
    numbers: Counter[str] = Counter()
    found: list[MediaPart] = []
    root = [value]
    waiting = [_Spot(root, 0, "", places.root)]
    while waiting:
        spot = waiting.pop()
        inner = spot.holder[spot.key]
        if isinstance(inner, str):
            part = _part_at(spot, inner, numbers)
            if part is not None:
                found.append(part)
                spot.holder[spot.key] = f"[{part.type} {numbers[part.type]}: {part.media_type}]"
        elif spot.key == MEMBER:
            raise InvalidMedia(spot.path, NO_FILE)
        else:
            # The caller's own value stays as it is.
            spot.holder[spot.key] = inner.copy() if isinstance(inner, dict | list) else inner
            waiting += reversed(list(_inner_spots(spot, places)))
    return (root[0], tuple(found)) if found else (value, ())


def _inner_spots(spot: _Spot, places: Places) -> Iterator[_Spot]:
    holder = spot.holder[spot.key]
    if isinstance(holder, dict):
        for key, inner in holder.items():
            if key == MEMBER and inner is not None:
                yield _Spot(holder, key, key, places.below(spot.schemas, key), spot)
            elif isinstance(inner, str | dict | list) and inner:
                schemas = places.below(spot.schemas, key)
                if not isinstance(inner, str) or key in TELLING_NAMES or schemas:
                    yield _Spot(holder, key, key, schemas, spot)
    elif isinstance(holder, list):
        for index, inner in enumerate(holder):
            if isinstance(inner, str | dict | list) and inner:
                schemas = places.below(spot.schemas, index)
                if not isinstance(inner, str) or spot.name in TELLING_NAMES or schemas:
                    yield _Spot(holder, index, spot.name, schemas, spot)


def _part_at(spot: _Spot, text: str, numbers: Counter[str]) -> MediaPart | None:
    declared, is_in_base64 = _declared(spot.schemas)
    is_promised = spot.key == MEMBER or is_in_base64
    if not is_promised and not declared and spot.name not in TELLING_NAMES:
        return None
    try:
        taken = _taken(text, declared, is_promised=is_promised)
    except _NotMedia as problem:
        raise InvalidMedia(spot.path, str(problem)) from None
    if taken is None:
        if spot.key == MEMBER:
            raise InvalidMedia(spot.path, NO_FILE)
        return None
    media_type, data = taken
    kind = _kind_of(media_type)
    if kind is None:
        raise InvalidMedia(spot.path, f"is {media_type[:100]}; images, sound and PDF files are taken")
    numbers[kind] += 1
    return MediaPart(kind, media_type, data, _file_name(spot.holder, numbers[kind]) if kind == "file" else "")


def _declared(schemas: Schemas) -> tuple[str, bool]:
    """Return the media type that a schema names, empty where it names none, and whether it says that it is base64."""
    for schema in schemas:
        media_type = schema.get("contentMediaType")
        if isinstance(media_type, str) and media_type and not _is_text(media_type):
            return media_type, str(schema.get("contentEncoding")).lower() in ("base64", "base64url")
    return "", False


def _is_text(media_type: str) -> bool:
    name = media_type.partition(";")[0].strip().lower()
    return name.startswith("text/") or name.endswith(("json", "xml", "yaml"))


# --- one text ---------------------------------------------------------------------------------------------------------


def _taken(text: str, declared: str, *, is_promised: bool) -> tuple[str, str] | None:
    """Return media type and base64; None where the text is to stay; raise _NotMedia where it breaks a promise."""
    beginning = text[:LONGEST_HEAD].lstrip()
    if not beginning or beginning[:8].lower().startswith(("http://", "https://")):
        return None
    head = DATA_URL.match(text[:LONGEST_HEAD])
    if head is not None:
        data = _base64(text[head.end() :])
        return _media_type(head[1] or "", declared, data), data
    if beginning[:5].lower() == "data:":
        if is_promised:
            raise _NotMedia("is a data URL that is not of the form data:image/png;base64,…")
        return None
    if not is_promised and not _sniffed(beginning):
        return None
    try:
        data = _base64(text)
    except _NotMedia:
        if is_promised or len(text) > LONG_ENOUGH_TO_BE_MEANT:
            raise
        return None
    return _media_type("", declared, data), data


def _base64(text: str) -> str:
    """Return base64 without white space, in its usual letters and padded; raise _NotMedia where it is none."""
    if "%" in text:
        text = unquote(text)
    text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    text += "=" * (-len(text) % 4)
    try:
        is_empty = not base64.b64decode(text, validate=True)
    except ValueError:
        raise _NotMedia("is not valid base64") from None
    if is_empty:
        raise _NotMedia("holds no bytes")
    return text


def _media_type(said: str, declared: str, data: str) -> str:
    """Return the media type by the data URL, else by the schema, else by the first bytes."""
    for media_type in (said, declared):
        name = media_type.partition(";")[0].strip().lower()
        if name and "*" not in name and name != "application/octet-stream":
            return SAME.get(name, name)
    sniffed = _sniffed(data)
    if not sniffed:
        raise _NotMedia("is no kind of file that is known here; name its media type in a data URL")
    return sniffed


def _sniffed(data: str) -> str:
    """Return the media type that the first bytes tell, empty where they tell none."""
    start = "".join(data[: SNIFFED * 2].split())[:SNIFFED]
    altchars = b"-_" if "-" in start or "_" in start else None
    try:
        first = base64.b64decode(start[: len(start) // 4 * 4], altchars=altchars, validate=True)
    except ValueError:
        return ""
    if len(first) < 12:
        return ""
    for signature, media_type in SIGNATURES:
        if first.startswith(signature):
            return media_type
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "image/webp"
    if first[4:8] == b"ftyp":
        return BRANDS.get(first[8:12], "")
    return sound_type_of(first)


def _kind_of(media_type: str) -> Kind | None:
    if media_type == "application/pdf":
        return "file"
    family = media_type.partition("/")[0]
    # A drawing in SVG is a text, and no model looks at it.
    if family == "image" and media_type != "image/svg+xml":
        return "image"
    return "audio" if family == "audio" else None


def _file_name(holder: Any, number: int) -> str:
    """Return what a member beside the file calls it, or a name by its number."""
    names = [holder.get(member) for member in FILE_NAME_MEMBERS] if isinstance(holder, dict) else []
    for name in names:
        if isinstance(name, str) and (last := re.split(r"[/\\]", name.strip())[-1]):
            return "".join(character for character in last if character.isprintable())[:100]
    return f"file-{number}.pdf"
