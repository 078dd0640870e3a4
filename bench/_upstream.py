"""A language model server that costs next to nothing: one canned answer after a while, whole or streamed."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

ANSWER = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "model": "bench",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "All quiet."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}
WORDS = ["All", " is", " quiet", " on", " the", " western", " front", "."] * 4


class Answering(asyncio.Protocol):
    """HTTP/1.1 with kept connections; the model's name says how long it takes: m-20 is 20 ms."""

    def __init__(self) -> None:
        self.waiting = b""
        self.answering: set[asyncio.Future[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while True:
            head, found, rest = self.waiting.partition(b"\r\n\r\n")
            if not found:
                return
            length = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if len(rest) < length:
                return
            body, self.waiting = rest[:length], rest[length:]
            answering = asyncio.ensure_future(self.answer(json.loads(body)))
            self.answering.add(answering)
            answering.add_done_callback(self.answering.discard)

    async def answer(self, asked: dict[str, Any]) -> None:
        wait = float(str(asked.get("model", "m-0")).rpartition("-")[2]) / 1000
        await asyncio.sleep(wait)
        if not asked.get("stream"):
            body = json.dumps(_answer_to(asked)).encode()
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
            return
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for word in WORDS:
            self.event({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
            await asyncio.sleep(0.005)
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.event({"choices": [], "usage": ANSWER["usage"]})
        self.chunk(b"data: [DONE]\n\n")
        self.transport.write(b"0\r\n\r\n")

    def event(self, more: dict[str, object]) -> None:
        about = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "model": "bench"}
        self.chunk(b"data: " + json.dumps({**about, **more}).encode() + b"\n\n")

    def chunk(self, data: bytes) -> None:
        self.transport.write(b"%x\r\n" % len(data) + data + b"\r\n")


def _answer_to(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the canned answer, or where a schema is sent the same values in its shape."""
    schema = (asked.get("response_format") or {}).get("json_schema", {}).get("schema")
    if schema is None:
        return ANSWER
    message = {"role": "assistant", "content": json.dumps(_value(schema))}
    return {**ANSWER, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def _value(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "object":
        return {name: _value(inner) for name, inner in schema.get("properties", {}).items()}
    return {"integer": 90, "number": 90, "boolean": True, "array": []}.get(str(schema.get("type")), "All quiet.")


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", int(sys.argv[1]), backlog=2048)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
