"""Bytes of a stream into its server-sent events, however the network cuts them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from functions.providers.adapter import ServerSentEvent

MOST_BYTES = 32 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# All three end a line; in UTF-8 these bytes are never a part of another character.
LINE_END = re.compile(rb"\r\n|\n|\r")


class TooLong(Exception):
    """A line, or an event as a whole, is larger than anyone sends in earnest."""


class EventDecoder:
    """Takes the bytes of one stream in any pieces and hands out whole events."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._line = bytearray()
        self._name = ""
        self._data: list[str] = []
        self._size = 0
        self._is_first_line = True
        self._is_after_return = False

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that these bytes complete; raise TooLong where one grows without an end."""
        if self._is_after_return and chunk.startswith(b"\n"):
            # The second half of a line end that was cut in two.
            chunk = chunk[1:]
            self._is_after_return = False
        if not chunk:
            return
        self._is_after_return = chunk.endswith(b"\r")
        *whole, rest = LINE_END.split(chunk)
        for piece in whole:
            self._check_size(piece)
            if self._line:
                piece = bytes(self._line + piece)
                self._line.clear()
            event = self._event_after(piece)
            if event is not None:
                yield event
        self._check_size(rest)
        self._line += rest

    def end(self) -> ServerSentEvent | None:
        """Return the event that was not closed by an empty line when the stream ended: some servers save it."""
        if self._line:
            self._event_after(bytes(self._line))
            self._line.clear()
        return self._event_after(b"")

    def _check_size(self, piece: bytes) -> None:
        if self._size + len(self._line) + len(piece) > self.most_bytes:
            raise TooLong(f"an event of the stream is larger than {self.most_bytes:,} bytes")

    def _event_after(self, line: bytes) -> ServerSentEvent | None:
        """Return the event that an empty line completes; any other line adds to the one that is coming."""
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(BYTE_ORDER_MARK)
        if line:
            self._add(line)
            return None
        event = ServerSentEvent(self._name or "message", "\n".join(self._data)) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event

    def _add(self, line: bytes) -> None:
        # A line that begins with a colon is a comment: its field has no name.
        name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        if name == b"data":
            self._data.append(text)
            self._size += len(line)
        elif name == b"event":
            self._name = text
