"""POST /v2/call/stream: the events of the contract, to the byte, and what is kept of them."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest

from functions import calls, opening
from functions.completions.listening import Chunk
from opperweb.accounts.models import ApiKey, Project
from opperweb.api.event_stream import event_stream
from opperweb.watch import Watch
from traces.models import Attempt, Span, Status

PEOPLE = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "people": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
            "minItems": 1,
        },
    },
    "required": ["title", "people"],
}


@pytest.fixture
def post(server: str, key: str) -> Callable[..., httpx.Response]:
    def post(task: dict[str, Any], **headers: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", **headers}
        return httpx.post(f"{server}/v2/call/stream", json=task, headers=headers, timeout=20)

    return post


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    blocks = [block for block in response.text.split("\n\n") if block and not block.startswith(":")]
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    assert "[DONE]" not in response.text
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def test_text_comes_in_pieces_after_the_span(post: Any) -> None:
    response = post({"name": "greet", "input": "hello there", "model": "rehearsal/echo"})
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    first, *rest = events_of(response)
    assert list(first) == ["span_id"]
    assert len(rest) > 1
    assert all(event["chunk_type"] == "text" and set(event) == {"delta", "chunk_type"} for event in rest)
    span = Span.objects.select_related("body").get(id=first["span_id"])
    assert span.body.output == "".join(event["delta"] for event in rest)
    assert span.status == Status.OK
    assert span.first_token_ms is not None


def test_structure_comes_as_fields_with_their_paths(post: Any) -> None:
    task = {"name": "list", "input": "Ann and Bob", "model": "rehearsal/echo", "output_schema": PEOPLE}
    first, *rest = events_of(post(task))
    assert all(event["chunk_type"] == "json" for event in rest)
    joined: dict[str, str] = {}
    for event in rest:
        joined[event["json_path"]] = joined.get(event["json_path"], "") + event["delta"]
    output = Span.objects.select_related("body").get(id=first["span_id"]).body.output
    assert joined["title"] == output["title"]
    assert joined["people[0].name"] == output["people"][0]["name"]


def test_a_model_that_fails_before_its_first_word_is_replaced(post: Any) -> None:
    models = ["rehearsal/fail-500", "rehearsal/echo"]
    first, *rest = events_of(post({"name": "greet", "input": "hello", "model": models}))
    assert {event["chunk_type"] for event in rest} == {"text"}
    span = Span.objects.get(id=first["span_id"])
    assert span.status == Status.RECOVERED
    assert list(span.attempts.values_list("outcome", flat=True))[-1] == "accepted"


def test_when_all_models_fail_the_stream_ends_with_an_error(post: Any) -> None:
    task = {"name": "greet", "input": "hello", "model": "rehearsal/fail-500"}
    _, last = events_of(post(task))
    assert set(last) == {"chunk_type", "error_type", "error_message"}
    assert (last["chunk_type"], last["error_type"]) == ("error", "ProviderError")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"model": "nobody/x"}, 404),
        ({"parent_span_id": str(uuid.uuid4())}, 404),
        ({"output_schema": {"type": "nonsense"}}, 422),
        ({"name": ""}, 422),
        ({"background": True}, 400),
    ],
)
def test_what_is_wrong_is_told_before_the_stream_begins(post: Any, wrong: dict[str, Any], status: int) -> None:
    response = post({"name": "greet", "input": "hello", "model": "rehearsal/echo", **wrong})
    assert response.status_code == status
    assert {"type", "message", "detail"} <= set(response.json())
    assert not Span.objects.exists()


def test_a_stream_cannot_be_repeated(post: Any) -> None:
    task = {"name": "greet", "input": "hello", "model": "rehearsal/echo"}
    assert post(task, **{"Idempotency-Key": "a"}).status_code == 400


async def test_events_that_have_come_together_are_sent_together() -> None:
    async def events() -> AsyncGenerator[list[dict[str, Any]], None]:
        yield [{"delta": "Jup"}, {"delta": "iter"}]
        yield []

    response: Any = event_stream(events())
    assert [part async for part in response] == [
        b'data: {"delta":"Jup"}\n\ndata: {"delta":"iter"}\n\n',
        b": waiting\n\n",
    ]


class Arriving:
    """In place of a call that runs: what is heard of it so far."""

    def __init__(self, *chunks: Chunk) -> None:
        self.pieces = object.__new__(calls.Pieces)
        self.pieces._heard = asyncio.Queue()
        self.pieces._is_through = False
        self.pieces._watch = Watch()
        for chunk in chunks:
            self.pieces._heard.put_nowait(chunk)


async def test_what_has_come_by_then_comes_at_once_and_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SILENCE_SECONDS", 0.01)
    chunks = [Chunk("Jup"), Chunk("iter")]
    pieces = Arriving(*chunks).pieces
    assert await anext(pieces) == chunks
    assert await anext(pieces) == []


async def test_what_came_before_a_call_broke_is_told_first() -> None:
    pieces = Arriving(Chunk("Jup")).pieces
    pieces._running = asyncio.get_running_loop().create_future()  # type: ignore[assignment]
    pieces._running.set_exception(RuntimeError("broken"))
    pieces._heard.put_nowait(None)
    assert await anext(pieces) == [Chunk("Jup")]
    with pytest.raises(RuntimeError, match="broken"):
        await anext(pieces)


@pytest.mark.django_db(transaction=True)
async def test_what_had_come_is_kept_when_the_reader_leaves(project: Project, upstream: Any, use_upstream: Any) -> None:
    use_upstream()
    key = await asyncio.to_thread(lambda: ApiKey.objects.make(project, "tests")[0])
    asked = opening.Asked(name="greet", input="one two three", definition={"model": "rehearsal/slow-2s"})
    begun, pieces = await calls.stream(key.project, asked, api_key=key)
    piece = (await anext(pieces))[0]
    assert isinstance(piece, Chunk)
    await pieces.aclose()
    span = await Span.objects.select_related("body").aget(id=begun.span_id)
    assert span.status == Status.STOPPED
    assert str(piece.delta) in span.body.output
    attempt = await Attempt.objects.aget(span=span)
    assert attempt.outcome == "stopped"
