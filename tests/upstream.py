"""A server of language models on loopback, in OpenAI's dialect, that answers and fails to order.

As a fixture: `upstream.script("model", "text", {"a": 1}, 500, Reply(…))`, then `upstream.requests`.
Alone: `python -m tests.upstream --port 18080`; there the name of the model decides:

    echo               an answer in the shape of the schema (of the request, or in words in the prompt)
    jupiter            Jupiter
    slow-2s            echo, after so many seconds
    fail-401 fail-429 fail-500 …    that status; 429 with Retry-After
    html cut           a web page; JSON that ends in the middle
    bad-schema         JSON that never fits
    flaky-schema-2     so many times JSON that does not fit, then echo
    empty length refusal             no text; cut at the token limit; declined
    timeout refuse     no answer ever; the connection closed without one

With `stream: true` each of these comes word by word, and there are more:

    cut-before cut-inside            the stream ends before its first word; after half of them
    stream-error       an error in the stream, after half of the words
    idle               nothing more comes after the first words, the connection stays open
    bad-line crlf split              a line that is no JSON; other line ends; characters cut in two

Pictures, speech and recordings have endpoints of their own, as OpenAI has them; what is posted to /hook is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import re
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import pytest

from functions.providers import connections, transport
from functions.providers.rehearsed import value_for
from functions.providers.rehearsed_media import picture_for, sound_for
from opperweb import json

JUPITER = {
    "thoughts": "The Great Red Spot is a giant storm on Jupiter, as the second fact says. So Jupiter hosts it.",
    "answer": "Jupiter",
}
ERROR_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
JSON_TYPE = {"content-type": "application/json"}
# A line of a shape in words: `  answer: string, // …`
FIELD = re.compile(r'^\s{1,4}"?([A-Za-z_]\w*)"?\??: *([^,/\n]+)', re.MULTILINE)


class Request(NamedTuple):
    """A request exactly as it came in; header names are in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What is sent back, and how badly."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON_TYPE))
    delay_seconds: float = 0
    hangs: bool = False
    # After so many bytes of the body the connection is closed; 0 closes it before anything was sent.
    closes_after: int | None = None
    # Sent one after the other instead of a body; then the stream ends, is cut, or goes silent.
    pieces: tuple[bytes, ...] = ()
    ending: Literal["whole", "cut", "silence"] = "whole"


Scripted = str | int | dict[str, Any] | list[Any] | Reply


def completion(
    text: str | None, *, model: str = "scripted", finish_reason: str | None = "stop", words_in: int = 10, **message: Any
) -> Reply:
    """Return a chat completion with this text."""
    words_out = len((text or "").split())
    usage = {"prompt_tokens": words_in, "completion_tokens": words_out, "total_tokens": words_in + words_out}
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish_reason}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": [choice], "usage": usage}
    return Reply(json.dumps(body).encode(), headers={**JSON_TYPE, "x-request-id": "req_1"})


def event(value: Any, line_end: str = "\n") -> bytes:
    """Return one event of a stream."""
    data = value if isinstance(value, str) else json.dumps(value)
    return f"data: {data}{line_end}{line_end}".encode()


def chunk(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one chunk of a streamed chat completion."""
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish_reason}] if delta is not None else []
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "scripted", "choices": choices, **more}


def streamed(
    *pieces: bytes, ending: Literal["whole", "cut", "silence"] = "whole", headers: Mapping[str, str] | None = None
) -> Reply:
    """Return a stream of these bytes."""
    return Reply(headers={"content-type": "text/event-stream", **(headers or {})}, pieces=pieces, ending=ending)


def as_stream(whole: Reply, manner: str = "") -> Reply:
    """Return a chat completion as the stream that says the same, in one of the manners above."""
    value = json.loads(whole.body)
    choice = value["choices"][0]
    words = re.findall(r"\s*\S+|\s+", choice["message"].get("content") or "")
    line_end = "\r\n" if manner == "crlf" else "\n"
    deltas: list[Any] = [chunk({"role": "assistant", "content": ""})]
    deltas += [chunk({"content": word}) for word in words]
    if choice["message"].get("refusal"):
        deltas.append(chunk({"refusal": choice["message"]["refusal"]}))
    last = [chunk({}, choice["finish_reason"]), chunk(usage=value["usage"]), "[DONE]"]
    half = len(deltas) // 2 + 1
    if manner == "cut-before":
        return streamed(event(deltas[0], line_end), ending="cut")
    if manner == "cut-inside":
        return streamed(*(event(each) for each in deltas[:half]), event(deltas[-1])[:20], ending="cut")
    if manner == "idle":
        return streamed(*(event(each) for each in deltas[:half]), ending="silence")
    if manner == "stream-error":
        error = {"error": {"message": "scripted failure in the stream", "type": "overloaded_error"}}
        return streamed(*(event(each) for each in [*deltas[:half], error]))
    if manner == "bad-line":
        deltas.insert(half, "{this is no JSON")
    events = [event(each, line_end) for each in [*deltas, *last]]
    if manner == "split":
        whole_stream = b"".join(events)
        events = [whole_stream[start : start + 7] for start in range(0, len(whole_stream), 7)]
    stream = streamed(*events, headers={"x-request-id": "req_1"})
    return replace(stream, delay_seconds=whole.delay_seconds)


def failure(status: int, message: str = "", **headers: str) -> Reply:
    """Return an error as OpenAI words it."""
    error = {"message": message or f"scripted failure {status}", "type": "error", "code": ERROR_CODES.get(status)}
    more = {"retry-after": "0", **headers} if status == 429 else headers
    return Reply(json.dumps({"error": error}).encode(), status, {**JSON_TYPE, **more})


class Upstream:
    """The server: scripts for models, and everything it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        # How many left while there was silence.
        self.left = 0
        self.connections = 0
        self.url = ""
        self._scripts: dict[str, deque[Reply]] = {}
        self._times: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    def script(self, model: str, *replies: Scripted) -> Upstream:
        """Answer the next requests for `model` with these, in turn; afterwards as the name says, else as `echo`."""
        self._scripts.setdefault(model, deque()).extend(_reply_of(reply, model) for reply in replies)
        return self

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def stop(self) -> None:
        assert self._server is not None
        # A connection that is just being accepted takes some turns of the loop, and trips over a server that is closed.
        for _ in range(10):
            await asyncio.sleep(0)
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for writer in self._writers:
            # What a client has not read is not waited for.
            writer.transport.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()

    # --- connections --------------------------------------------------------------------------------------------------

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                reply = self._answer(request)
                try:
                    is_open = await _write(reply, reader, writer)
                finally:
                    self.left += reply.hangs or reply.ending == "silence"
                if not is_open:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _answer(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if path == "/hook":
            return Reply(status=204)
        try:
            body = _fields_of(request)
        except ValueError:
            return failure(400, "the body is no JSON")
        model = str(body.get("model"))
        script = self._scripts.get(model)
        if script:
            reply = script.popleft()
        elif path.endswith("/chat/completions"):
            reply = self._by_name(model, body)
        else:
            return _media(path)
        return as_stream(reply, model) if body.get("stream") and _is_completion(reply) else reply

    def _by_name(self, model: str, body: dict[str, Any]) -> Reply:
        if found := re.fullmatch(r"fail-(\d{3})", model):
            return failure(int(found[1]))
        if found := re.fullmatch(r"slow-(\d+(?:\.\d+)?)s", model):
            reply = _echo(model, body)
            return Reply(reply.body, headers=reply.headers, delay_seconds=float(found[1]))
        if found := re.fullmatch(r"flaky-schema-(\d+)", model):
            # The same question is known again by its beginning: a correction only adds to the end.
            question = json.dumps(body.get("messages", [])[:2]).encode()
            key = f"{model} {hashlib.sha256(question).hexdigest()}"
            self._times[key] += 1
            is_due = self._times[key] % (int(found[1]) + 1) == 0
            return _echo(model, body) if is_due else _misfit(model)
        return _plain(model, body)


def _plain(model: str, body: dict[str, Any]) -> Reply:
    if model == "html":
        page = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
        return Reply(page, headers={"content-type": "text/html"})
    if model == "cut":
        whole = _echo(model, body).body
        return Reply(whole[: len(whole) // 2])
    if model == "jupiter":
        return completion(json.dumps(JUPITER), model=model)
    if model == "refusal":
        return completion(None, model=model, refusal="I cannot help with that.")
    return {
        "bad-schema": _misfit(model),
        "empty": completion("", model=model),
        "length": completion('{"thoughts": "I was just about to', model=model, finish_reason="length"),
        "timeout": Reply(hangs=True),
        "refuse": Reply(closes_after=0),
    }.get(model) or _echo(model, body)


def _media(path: str) -> Reply:
    if path.endswith(("/images/generations", "/images/edits")):
        usage = {"input_tokens": 9, "output_tokens": 272, "input_tokens_details": {"text_tokens": 9, "image_tokens": 0}}
        return Reply(json.dumps({"created": 1, "data": [{"b64_json": picture_for(path)}], "usage": usage}).encode())
    if path.endswith("/audio/speech"):
        return Reply(base64.b64decode(sound_for("speech")), headers={"content-type": "audio/wav"})
    if path.endswith("/audio/transcriptions"):
        return Reply(json.dumps({"text": "Jupiter, said somebody."}).encode())
    return failure(404, f"nothing is at {path}")


def _is_completion(reply: Reply) -> bool:
    if reply.closes_after is not None:
        return False
    try:
        value = json.loads(reply.body)
    except ValueError:
        return False
    return reply.status == 200 and isinstance(value, dict) and value.get("object") == "chat.completion"


def _misfit(model: str) -> Reply:
    return completion(json.dumps({"nonsense": [1, 2, 3]}), model=model)


def _echo(model: str, body: dict[str, Any]) -> Reply:
    messages = [message for message in body.get("messages", []) if isinstance(message, dict)]
    texts = [message["content"] for message in messages if isinstance(message.get("content"), str)]
    asked = [message["content"] for message in messages if message.get("role") == "user"]
    words_in = sum(len(text.split()) for text in texts)
    heard = str(asked[-1]) if asked else ""
    form = body.get("response_format") or {}
    schema = form.get("json_schema", {}).get("schema")
    if schema is None and form.get("type") == "json_object":
        schema = _schema_in_words("\n".join(texts))
    text = json.dumps(value_for(schema, heard)) if schema is not None else heard or "nothing"
    return completion(text, model=model, words_in=words_in)


def _schema_in_words(prompt: str) -> dict[str, Any]:
    """Return a schema for the first level of a shape in the prompt; who asks for more sends a schema."""
    kinds = {"string": "string", "int": "integer", "integer": "integer", "number": "number", "boolean": "boolean"}
    found = {name: kind.strip() for name, kind in FIELD.findall(prompt)}
    properties: dict[str, Any] = {}
    for name, kind in found.items():
        if kind.endswith("[]"):
            properties[name] = {"type": "array", "items": {"type": kinds.get(kind[:-2], "string")}}
        else:
            properties[name] = {"type": kinds.get(kind, "string")}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _reply_of(reply: Scripted, model: str) -> Reply:
    if isinstance(reply, Reply):
        return reply
    if isinstance(reply, int):
        return failure(reply)
    return completion(reply if isinstance(reply, str) else json.dumps(reply), model=model)


# --- HTTP -------------------------------------------------------------------------------------------------------------


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request, or None where the other side has left."""
    line = await reader.readline()
    if not line:
        return None
    headers = {}
    while (header := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(line.decode("latin-1").split(" ")[1], headers, body)


def _fields_of(request: Request) -> dict[str, Any]:
    """Return what a request says: of a form, only its model."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        found = re.search(rb'name="model"\r\n\r\n(.+?)\r\n', request.body)
        return {"model": found[1].decode() if found else ""}
    body = request.json
    return body if isinstance(body, dict) else {}


async def _write(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send the reply; tell whether the connection may be used again."""
    if reply.hangs:
        await reader.read()
        return False
    if reply.delay_seconds:
        await asyncio.sleep(reply.delay_seconds)
    if reply.closes_after == 0:
        return False
    length = "transfer-encoding: chunked" if reply.pieces else f"content-length: {len(reply.body)}"
    lines = [f"HTTP/1.1 {reply.status} Scripted", length]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    writer.write(reply.body if reply.closes_after is None else reply.body[: reply.closes_after])
    await writer.drain()
    if reply.pieces:
        return await _write_pieces(reply, reader, writer)
    return reply.closes_after is None


async def _write_pieces(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    for piece in reply.pieces:
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
    if reply.ending == "silence":
        await reader.read()
    elif reply.ending == "whole":
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    return reply.ending == "whole"


# --- in tests, and alone ----------------------------------------------------------------------------------------------


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A server of one's own, on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="upstream", daemon=True)
    thread.start()
    server = Upstream()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(autouse=True)
def _no_connection_outlives_its_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep no connection alive, and no session open: the event loop of a test ends with the test."""
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0)
    yield
    while transport._lines:
        _, line = transport._lines.popitem()
        line.connections._direct.detach()


async def _serve_alone(port: int) -> None:
    server = Upstream()
    await server.start(port)
    print(f"listening at {server.url}", flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=18080)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_alone(parser.parse_args().port))
