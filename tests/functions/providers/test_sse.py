"""Events come out of bytes the same, however the network cuts them."""

import random

import pytest

from functions.providers.adapter import ServerSentEvent
from functions.providers.sse import EventDecoder, TooLong

STREAM = (
    "\ufeff: PROCESSING\n\n"
    'data: {"text": "Größe 🪐"}\n\n'
    "event: ping\ndata\n\n"
    "event:error\r\ndata: one\r\ndata:  two\r\nid: 7\r\nretry: 10\r\n\r\n"
    "data:a\rdata:b\r\r"
    "event: lonely\n\n"
    "unknown: field\ndata: héllo\n\n"
    "data: [DONE]"
).encode()
EVENTS = [
    ServerSentEvent("message", '{"text": "Größe 🪐"}'),
    ServerSentEvent("ping", ""),
    ServerSentEvent("error", "one\n two"),
    ServerSentEvent("message", "a\nb"),
    ServerSentEvent("message", "héllo"),
    ServerSentEvent("message", "[DONE]"),
]


def decoded(stream: bytes, size: int) -> list[ServerSentEvent]:
    decoder = EventDecoder()
    events = [event for start in range(0, len(stream), size) for event in decoder.feed(stream[start : start + size])]
    last = decoder.end()
    return [*events, last] if last is not None else events


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_any_cut_gives_the_same_events(size: int):
    assert decoded(STREAM, size) == EVENTS


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_each_line_end_is_one(line_end: str, size: int):
    stream = line_end.join(["data: one", "data: two", "", "data: three", "", ""]).encode()
    assert [event.data for event in decoded(stream, size)] == ["one\ntwo", "three"]


@pytest.mark.parametrize("seed", range(200))
def test_any_mixture_gives_the_same_however_it_is_cut(seed: int):
    chance = random.Random(seed)
    pieces = ["\n", "\r", "\r\n", ": ", "data:", "data: ", "event: x", "ü🪐", "\ufeff", " ", "{}", "data"]
    stream = "".join(chance.choices(pieces, k=40)).encode()
    whole = decoded(stream, len(stream))
    assert decoded(stream, 1) == decoded(stream, 7) == whole


def test_nothing_comes_of_nothing():
    assert decoded(b"", 1) == []
    assert decoded(b"\n\r\n\r: comment\n\n", 1) == []
    assert list(EventDecoder().feed(b"")) == []


def test_bytes_that_are_no_text_do_not_stop_the_stream():
    assert [event.data for event in decoded(b"data: \xff\xfe\n\ndata: b\n\n", 1)] == ["\ufffd\ufffd", "b"]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("endless", [b"data: " + b"x" * 200, b"x" * 200, b": " + b"x" * 200, b"data: x\n" * 40])
def test_what_grows_without_an_end_is_given_up(endless: bytes, size: int):
    decoder = EventDecoder(most_bytes=100)
    stream = b"data: before\n\n" + endless
    pieces = (stream[start : start + size] for start in range(0, len(stream), size))
    events = (event for piece in pieces for event in decoder.feed(piece))
    assert next(events).data == "before"
    with pytest.raises(TooLong):
        list(events)


def test_many_events_together_may_be_larger_than_one():
    decoder = EventDecoder(most_bytes=100)
    assert len(list(decoder.feed(b"data: 0123456789\n\n" * 100))) == 100
