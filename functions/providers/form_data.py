"""A form with files in it, as browsers send one: its bytes, and a summary of it that holds no file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

LONGEST_SHOWN = 10_000


@dataclass(frozen=True)
class FormFile:
    """A file of a form."""

    field: str
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class FormData:
    """Fields in their order, a name may come more than once, and files."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[FormFile, ...]

    @property
    def boundary(self) -> str:
        """Return a line that occurs in no part; the same form always has the same."""
        digest = hashlib.sha256()
        for name, value in self.fields:
            digest.update(f"{name}={value};".encode("utf-8", "surrogatepass"))
        for file in self.files:
            digest.update(file.data)
        return f"form-{digest.hexdigest()[:40]}"

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def body(self) -> bytes:
        line = f"--{self.boundary}".encode()
        pieces: list[bytes] = []
        for name, value in self.fields:
            head = f'content-disposition: form-data; name="{_quoted(name)}"'
            pieces += [line, head.encode(), b"", value.encode("utf-8", "replace")]
        for file in self.files:
            head = f'content-disposition: form-data; name="{_quoted(file.field)}"; filename="{_quoted(file.name)}"'
            pieces += [line, head.encode(), f"content-type: {_one_line(file.media_type)}".encode(), b"", file.data]
        return b"\r\n".join([*pieces, line + b"--", b""])

    @property
    def summary(self) -> str:
        """Return the form in words, a line for each part."""
        lines = [f"{name}: {value[:LONGEST_SHOWN]}" for name, value in self.fields]
        lines += [f"{file.field}: [{file.name}, {file.media_type}, {len(file.data)} bytes]" for file in self.files]
        return "\n".join(lines)


def _quoted(text: str) -> str:
    return _one_line(text).replace('"', "%22")


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n\0]", " ", text).encode("utf-8", "replace").decode()
