"""Files in a value: how one is shown in its place, the chips that stand for them elsewhere, the way back to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opperweb.pages.display import size
from traces.media import Media, file_in, media_in, member_in
from traces.pages.pixels import pixels_of

# What a browser shows or plays by itself, and what does no harm when it is opened.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
SOUNDS = frozenset(
    {
        "audio/aac", "audio/flac", "audio/m4a", "audio/mp3", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/opus",
        "audio/wav", "audio/wave", "audio/webm", "audio/x-m4a", "audio/x-wav",
    }
)  # fmt: skip
# A member that holds a picture, a sound or a file, and those that may stand beside it and name it.
MEMBER = "_opper_media_input"
NAME_MEMBERS = ("file_name", "filename")
# Letters of base64 in which a JPEG, with all its remarks, tells its size.
HEAD = 120_000
LONGEST_TYPE = 80


@dataclass(frozen=True)
class MediaView:
    """A file in its place. `form` is image, audio or file; `place` the JSON pointer that leads to it."""

    form: str
    media_type: str
    size: int
    place: str
    name: str = ""
    width: int | None = None
    height: int | None = None

    @property
    def words(self) -> str:
        """image/png, 412 kB, 1024 × 768."""
        pixels = f", {self.width:,} × {self.height:,}" if self.width and self.height else ""
        return f"{self.media_type}, {size(self.size)}{pixels}"


class Chip(str):
    """What stands for a file: its type and size."""


def media_view(media: Media, place: str, name: str = "") -> MediaView:
    """Return a file as it is shown."""
    form = form_of(media)
    width, height = (_pixels(media) if form == "image" else None) or (None, None)
    return MediaView(form, media.media_type[:LONGEST_TYPE], media.size, place, name, width, height)


def form_of(media: Media) -> str:
    """Return how a browser takes a file: image, audio, or file for all it should not open itself."""
    return "image" if media.media_type in PICTURES else "audio" if media.media_type in SOUNDS else "file"


def chip_of(media: Media) -> Chip:
    """Return the words for a file."""
    return Chip(f"{media.media_type[:LONGEST_TYPE]}, {size(media.size)}")


def given_media(value: Mapping[str, Any]) -> tuple[Media, str] | None:
    """Return the file that an object does nothing but hold, with its name; None for any other object."""
    text = value.get(MEMBER)
    if not isinstance(text, str) or not {*value} <= {MEMBER, *NAME_MEMBERS}:
        return None
    media = media_in(text)
    names = (value.get(name) for name in NAME_MEMBERS)
    return (media, next((name for name in names if isinstance(name, str)), "")) if media is not None else None


def with_chips(value: Any) -> Any:
    """Return a value with a chip in the place of each file; whatever has no file in it stays the same."""
    root = [value]
    waiting: list[tuple[Any, Any]] = [(root, 0)]
    while waiting:
        holder, key = waiting.pop()
        inner = holder[key]
        if isinstance(inner, str):
            media = member_in(holder, key)
            if media is not None:
                holder[key] = chip_of(media)
        elif isinstance(inner, dict | list) and inner:
            inner = holder[key] = inner.copy()
            waiting += [(inner, each) for each in (inner if isinstance(inner, dict) else range(len(inner)))]
    return root[0]


def media_at(value: Any, place: str) -> Media | None:
    """Return the file to which a JSON pointer leads, or None where there is none."""
    holder: Any = [value]
    key: Any = 0
    for step in place.split("/")[1:]:
        holder, key = holder[key], step.replace("~1", "/").replace("~0", "~")
        if isinstance(holder, list) and key.isascii() and key.isdigit() and len(key) < 8 and int(key) < len(holder):
            key = int(key)
        elif not (isinstance(holder, dict) and key in holder):
            return None
    # A schema alone may tell that it is a file: whoever follows its link gets the bytes.
    return member_in(holder, key) or (file_in(holder[key]) if isinstance(holder[key], str) else None)


def pointer(place: str, step: Any) -> str:
    """Return the pointer to a member of what is at `place`."""
    return f"{place}/{str(step).replace('~', '~0').replace('/', '~1')}"


def _pixels(media: Media) -> tuple[int, int] | None:
    try:
        return pixels_of(media.octets(HEAD))
    except ValueError:
        return None
