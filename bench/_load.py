"""Callers: so many requests, so many at the same time, over kept connections, as cheaply as Python can."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Outcome:
    """How long each request took, in milliseconds, and how long all together."""

    durations_ms: list[float] = field(default_factory=list)
    first_word_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)

    def within(self, share: float, of: list[float] | None = None) -> float:
        values = sorted(self.durations_ms if of is None else of)
        return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")

    @property
    def rate(self) -> float:
        return len(self.durations_ms) / self.seconds


async def load(
    address: str, path: str, body: bytes, *, key: str, count: int, at_once: int, first_word: bytes = b""
) -> Outcome:
    """Send the same request `count` times; with `first_word`, tell when these bytes first come."""
    parts = urlsplit(address)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    outcome = Outcome()
    left = iter(range(count))

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for _ in left:
            began = time.perf_counter()
            writer.write(head + body)
            status, text, first = await _answer(reader, first_word)
            outcome.durations_ms.append((time.perf_counter() - began) * 1000)
            if first is not None:
                outcome.first_word_ms.append((first - began) * 1000)
            if status != 200:
                outcome.failed.append(f"{status} {text[:200]!r}")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _answer(reader: asyncio.StreamReader, first_word: bytes) -> tuple[int, bytes, float | None]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    lines = {line.partition(b":")[0].strip().lower(): line.partition(b":")[2].strip() for line in head.split(b"\r\n")}
    first: float | None = None
    if b"content-length" in lines:
        return status, await reader.readexactly(int(lines[b"content-length"])), None
    text = b""
    while True:
        size = int((await reader.readline()).strip() or b"0", 16)
        chunk = await reader.readexactly(size + 2)
        if size == 0:
            return status, text, first
        text += chunk[:-2]
        if first is None and first_word and first_word in text:
            first = time.perf_counter()
