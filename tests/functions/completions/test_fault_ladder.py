"""Each class of failure in each position of a call: who is asked next, after which pause, and what the caller gets.

    first      the first model's first answer fails, then it would be right
    twice      it fails twice
    repair     an answer was wrong, and the second try of it fails
    fallback   the first model is out of order, and the second one fails
    reserve    it fails, and what is left of the requests is for the second one
    stream     as first, and the answer is streamed
    begun      the stream has begun, and fails before its first word
    inside     the stream fails after its first words: nobody else can answer

The model `one` says Jupiter where it answers, `two` says Saturn. A pause is told, not slept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import httpx
import pytest

from functions.completions import engine
from tests.upstream import Reply, as_stream, chunk, completion, event, failure, streamed
from traces.models import Attempt, AttemptBody, Span

PLANET = {"type": "object", "properties": {"planet": {"type": "string", "minLength": 3}}, "required": ["planet"]}
TASK = {"name": "planets", "input": "Which is the largest?", "output_schema": PLANET, "model": ["fake/one", "fake/two"]}
JUPITER, SATURN, WRONG = {"planet": "Jupiter"}, {"planet": "Saturn"}, {"planet": "J"}
HELD_BACK = '{"planet": "J"}'
# What a back-off without a hint comes to here, for chance is taken out of it.
BACK_OFF_MS = 500
STATUS_OF = {
    "BadRequestError": 400,
    "ContentPolicyViolationError": 400,
    "ContextWindowExceededError": 400,
    "StructuredGenerationError": 400,
    "NotFoundError": 404,
    "RateLimitError": 429,
    "ProviderError": 502,
}


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    kind: str
    reply: Reply
    http_status: int | None
    # The same model again: not at all, after a pause, with the schema sent in another way, with what was wrong.
    again: Literal["no", "pause", "another way", "repair"]
    # Whether another model of the same dialect is asked then.
    onward: bool
    # What a caller gets for whom nobody else is left.
    type: str
    pause_ms: float = BACK_OFF_MS
    # The same pause, but with no other model at hand to take instead.
    is_waited_out_when_alone: bool = False
    # An error as it comes in a stream; None where it has no such form.
    code: int | str | None = None


def said(status: int, message: str, code: str | None = None, **headers: str) -> Reply:
    body = {"error": {"message": message, "type": "error", "code": code}}
    return Reply(json.dumps(body).encode(), status, {"content-type": "application/json", **headers})


def page(status: int) -> Reply:
    html = b"<!doctype html><html><head><title>Bad Gateway</title></head><body>proxy</body></html>"
    return Reply(html, status, {"content-type": "text/html"})


held_back = {"message": "it misses the schema", "code": "json_validate_failed", "failed_generation": HELD_BACK}
whole = completion(json.dumps(JUPITER)).body
LIMITED, BUSY = "RateLimitError", "ProviderError"

FAULTS = {
    # RateLimited: again, if the pause is no longer than 5 s; with nobody else at hand, up to 10 s.
    "429": Fault("rate_limit", said(429, "slow down"), 429, "pause", True, LIMITED, code=429),
    "429 now": Fault("rate_limit", said(429, "slow", **{"retry-after": "0"}), 429, "pause", True, LIMITED, 0),
    "429 in ms": Fault("rate_limit", said(429, "slow", **{"retry-after-ms": "250"}), 429, "pause", True, LIMITED, 250),
    "429 in 5 s": Fault("rate_limit", said(429, "slow", **{"retry-after": "5"}), 429, "pause", True, LIMITED, 5000),
    "429 in 6 s": Fault("rate_limit", said(429, "slow", **{"retry-after": "6"}), 429, "no", True, LIMITED, 6000, True),
    "429 in 20 s": Fault("rate_limit", said(429, "slow", **{"retry-after": "20"}), 429, "no", True, LIMITED),
    "429 for good": Fault("rate_limit", said(429, "no", **{"x-should-retry": "false"}), 429, "no", True, LIMITED),
    # QuotaExceeded
    "no quota": Fault("quota", said(429, "used up", "insufficient_quota"), 429, "no", True, LIMITED, code=402),
    "402": Fault("quota", said(402, "pay first"), 402, "no", True, LIMITED),
    # Overloaded
    "503": Fault("overloaded", said(503, "busy"), 503, "pause", True, BUSY, code="overloaded_error"),
    "529": Fault("overloaded", said(529, "busy"), 529, "pause", True, BUSY, code=529),
    # ServerError
    "500": Fault("server_error", said(500, "broken"), 500, "pause", True, BUSY, code=500),
    "504": Fault("server_error", said(504, "gateway"), 504, "pause", True, BUSY, code=504),
    "502 page": Fault("server_error", page(502), 502, "pause", True, BUSY),
    # TimedOut, Disconnected
    "408": Fault("timeout", said(408, "too slow"), 408, "pause", True, BUSY, code=408),
    "409": Fault("connection", said(409, "conflict"), 409, "pause", True, BUSY, code=409),
    "no answer": Fault("timeout", Reply(hangs=True), None, "pause", True, BUSY),
    "closed": Fault("connection", Reply(closes_after=0), None, "pause", True, BUSY),
    "closed inside": Fault("connection", Reply(whole, closes_after=40), 200, "pause", True, BUSY),
    # Nothing readable
    "page": Fault("bad_reply", page(200), 200, "pause", True, BUSY),
    "cut JSON": Fault("bad_reply", Reply(whole[:60]), 200, "pause", True, BUSY),
    # SchemaRejected
    "schema": Fault(
        "schema_rejected", said(400, "response_format: too many states"), 400, "another way", True, "BadRequestError"
    ),
    # AnswerRejected
    "held back": Fault(
        "answer_rejected",
        Reply(json.dumps({"error": held_back}).encode(), 400),
        400,
        "repair",
        True,
        "StructuredGenerationError",
    ),
    # ContextTooLong
    "too long": Fault(
        "context_length",
        said(400, "too long", "context_length_exceeded"),
        400,
        "no",
        True,
        "ContextWindowExceededError",
        code="context_length_exceeded",
    ),
    # Refused
    "filtered": Fault(
        "content_policy",
        said(400, "filtered", "content_filter"),
        400,
        "no",
        True,
        "ContentPolicyViolationError",
        code="content_filter",
    ),
    "refused": Fault(
        "content_policy", completion(None, refusal="I cannot."), 200, "no", True, "ContentPolicyViolationError"
    ),
    # BadCredentials, Forbidden, ModelNotFound
    "401": Fault("credentials", failure(401), 401, "no", True, BUSY, code=401),
    "403": Fault("forbidden", said(403, "not yours"), 403, "no", True, BUSY, code=403),
    "404": Fault("model_not_found", failure(404), 404, "no", True, "NotFoundError", code=404),
    # BadRequest: what one server does not take, another of its dialect does not take either.
    "400": Fault("bad_request", said(400, "what is top_k?"), 400, "no", False, "BadRequestError", code=400),
    "422": Fault("bad_request", said(422, "what is top_k?"), 422, "no", False, "BadRequestError", code=422),
}
EACH = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS, indirect=True)
IN_BAND = {name: fault for name, fault in FAULTS.items() if fault.code is not None}
EACH_IN_BAND = pytest.mark.parametrize("fault", IN_BAND.values(), ids=IN_BAND, indirect=True)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch, settings: Any, use_upstream: Any) -> list[float]:
    """The pauses that were made, in milliseconds."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(round(seconds * 1000, 3))

    defaults: Any = engine.complete.__kwdefaults__
    monkeypatch.setitem(defaults, "sleep", sleep)
    monkeypatch.setattr(engine, "random", SimpleNamespace(uniform=lambda least, most: most))
    use_upstream()
    return pauses


@pytest.fixture
def fault(request: pytest.FixtureRequest, settings: Any) -> Fault:
    fault: Fault = request.param
    if fault.reply.hangs:
        settings.PROVIDER_TIMEOUT_S = 0.3
    return fault


class Ladder:
    """A call that is made, and what is looked at afterwards."""

    def __init__(self, upstream: Any, slept: list[float], ask: Callable[[dict[str, Any]], Any]) -> None:
        self.upstream = upstream
        self.slept = slept
        self.ask = ask

    def call(self, *, one: tuple[Any, ...] = (), two: tuple[Any, ...] = (), **more: Any) -> Any:
        self.upstream.script("one", *one).script("two", *two)
        return self.ask({**TASK, **more})

    @property
    def asked(self) -> list[str]:
        """The models that the upstream was asked for, in order."""
        return [request.json["model"] for request in self.upstream.requests]

    def check(self, *expected: tuple[str, str], waits: list[float], status: str) -> list[Attempt]:
        """Compare the requests, the pauses and the records with (model, outcome or kind of error)."""
        attempts = list(Attempt.objects.select_related("body").order_by("number"))
        told = [
            (attempt.requested_model.removeprefix("fake/"), attempt.error_kind or attempt.outcome)
            for attempt in attempts
        ]
        assert told == list(expected)
        assert self.asked == [model for model, _ in expected]
        assert [attempt.number for attempt in attempts] == list(range(1, len(expected) + 1))
        assert [attempt.waited_ms for attempt in attempts] == waits
        assert self.slept == [wait for wait in waits if wait]
        span = Span.objects.get()
        assert (span.status, span.attempt_count) == (status, len(expected))
        assert span.ended_at is not None
        for attempt, sent in zip(attempts, self.upstream.requests, strict=True):
            assert attempt.body.request_body == sent.body.decode()
        return attempts


@pytest.fixture
def ladder(api: Any, upstream: Any, slept: list[float]) -> Ladder:
    return Ladder(upstream, slept, lambda task: api.post("/v2/call", task))


def is_answer(response: Any, answer: Any) -> bool:
    return bool(response.status_code == 200 and response.json()["json_payload"] == answer)


def is_failure(response: Any, fault: Fault) -> bool:
    told = response.json()
    return response.status_code == STATUS_OF[fault.type] and told["type"] == fault.type and bool(told["detail"])


def has_failed(attempt: Attempt, fault: Fault) -> bool:
    return (attempt.outcome, attempt.http_status) == ("failed", fault.http_status) and attempt.error_message != ""


@EACH
def test_in_the_first_attempt(ladder: Ladder, fault: Fault) -> None:
    response = ladder.call(one=(fault.reply, JUPITER), two=(SATURN,))
    pause = fault.pause_ms if fault.again == "pause" else 0
    if fault.again != "no":
        assert is_answer(response, JUPITER)
        first, second = ladder.check(("one", fault.kind), ("one", "accepted"), waits=[0, pause], status="recovered")
        assert second.strategy == ("tool" if fault.again == "another way" else "native")
        assert second.is_repair == (fault.again == "repair")
    elif fault.onward:
        assert is_answer(response, SATURN)
        first, _ = ladder.check(("one", fault.kind), ("two", "accepted"), waits=[0, 0], status="recovered")
    else:
        assert is_failure(response, fault)
        (first,) = ladder.check(("one", fault.kind), waits=[0], status="error")
    assert has_failed(first, fault)


@EACH
def test_the_same_model_is_asked_once_more_and_not_twice(ladder: Ladder, fault: Fault) -> None:
    response = ladder.call(one=(fault.reply, fault.reply, JUPITER), two=(SATURN,))
    if fault.again == "another way":
        # Each refusal of a schema leads to another way of asking; there are four.
        assert is_answer(response, JUPITER)
        attempts = ladder.check(
            ("one", fault.kind), ("one", fault.kind), ("one", "accepted"), waits=[0, 0, 0], status="recovered"
        )
        assert [attempt.strategy for attempt in attempts] == ["native", "tool", "json"]
    elif fault.again != "no":
        pause = fault.pause_ms if fault.again == "pause" else 0
        assert is_answer(response, SATURN)
        ladder.check(
            ("one", fault.kind), ("one", fault.kind), ("two", "accepted"), waits=[0, pause, 0], status="recovered"
        )
    else:
        assert ladder.asked.count("one") == 1


@EACH
def test_in_the_repair(ladder: Ladder, fault: Fault) -> None:
    response = ladder.call(one=(WRONG, fault.reply, JUPITER), two=(SATURN,))
    wrong = ("one", "schema")
    if fault.again in ("pause", "another way"):
        assert is_answer(response, JUPITER)
        pause = fault.pause_ms if fault.again == "pause" else 0
        attempts = ladder.check(
            wrong, ("one", fault.kind), ("one", "accepted"), waits=[0, 0, pause], status="recovered"
        )
        # Asked in another way it is another conversation.
        assert [attempt.is_repair for attempt in attempts] == [False, True, fault.again == "pause"]
    elif fault.onward:
        assert is_answer(response, SATURN)
        attempts = ladder.check(wrong, ("one", fault.kind), ("two", "accepted"), waits=[0, 0, 0], status="recovered")
        # The next model hears nothing of what went wrong with the one before.
        assert [attempt.is_repair for attempt in attempts] == [False, True, False]
        assert [len(request.json["messages"]) for request in ladder.upstream.requests] == [2, 4, 2]
    else:
        assert is_failure(response, fault)
        attempts = ladder.check(wrong, ("one", fault.kind), waits=[0, 0], status="error")
    assert has_failed(attempts[1], fault)


@EACH
def test_in_the_last_model_of_the_list(ladder: Ladder, fault: Fault) -> None:
    response = ladder.call(one=(failure(401),), two=(fault.reply, SATURN))
    dead = ("one", "credentials")
    if fault.again != "no" or fault.is_waited_out_when_alone:
        assert is_answer(response, SATURN)
        pause = fault.pause_ms if fault.again in ("pause", "no") else 0
        ladder.check(dead, ("two", fault.kind), ("two", "accepted"), waits=[0, 0, pause], status="recovered")
    else:
        assert is_failure(response, fault)
        ladder.check(dead, ("two", fault.kind), waits=[0, 0], status="error")
        assert response.headers["X-Opper-Span-Id"] == str(Span.objects.get().id)


@EACH
def test_in_the_first_attempt_with_one_request_for_each_model(ladder: Ladder, fault: Fault) -> None:
    attempts = {"invocation.structured_generation.max_attempts": 2}
    response = ladder.call(one=(fault.reply, JUPITER), two=(SATURN,), configuration=attempts)
    if fault.onward:
        assert is_answer(response, SATURN)
        ladder.check(("one", fault.kind), ("two", "accepted"), waits=[0, 0], status="recovered")
    else:
        assert is_failure(response, fault)
        ladder.check(("one", fault.kind), waits=[0], status="error")


# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stream(server: str, key: str, upstream: Any, slept: list[float]) -> Iterator[Ladder]:
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {key}"}, timeout=20) as client:

        def ask(task: dict[str, Any]) -> list[dict[str, Any]]:
            response = client.post("/v2/call/stream", json=task)
            assert response.status_code == 200
            first, *events = [json.loads(line.removeprefix("data: ")) for line in response.text.split("\n\n") if line]
            assert first == {"span_id": str(Span.objects.get().id)}
            return events

        yield Ladder(upstream, slept, ask)


def is_streamed(events: list[dict[str, Any]], answer: dict[str, Any]) -> bool:
    assert {(event["chunk_type"], event["json_path"]) for event in events} == {("json", "planet")}
    return bool("".join(event["delta"] for event in events) == answer["planet"])


def is_error_event(event: dict[str, Any], type_: str) -> bool:
    return (event["chunk_type"], event["error_type"]) == ("error", type_) and bool(event["error_message"])


def in_band(fault: Fault, *before: bytes) -> Reply:
    """Return a stream with these bytes and then the error."""
    error = {"error": {"message": "scripted failure in the stream", "type": "error", "code": fault.code}}
    return streamed(event(chunk({"role": "assistant", "content": ""})), *before, event(error))


@EACH
@pytest.mark.network_threads
def test_in_a_stream_that_has_not_begun(stream: Ladder, fault: Fault) -> None:
    events = stream.call(one=(fault.reply, JUPITER), two=(SATURN,))
    pause = fault.pause_ms if fault.again == "pause" else 0
    if fault.again != "no":
        assert is_streamed(events, JUPITER)
        stream.check(("one", fault.kind), ("one", "accepted"), waits=[0, pause], status="recovered")
    elif fault.onward:
        assert is_streamed(events, SATURN)
        stream.check(("one", fault.kind), ("two", "accepted"), waits=[0, 0], status="recovered")
    else:
        (last,) = events
        assert is_error_event(last, fault.type)
        stream.check(("one", fault.kind), waits=[0], status="error")


@EACH_IN_BAND
@pytest.mark.network_threads
def test_in_a_stream_before_its_first_word(stream: Ladder, fault: Fault) -> None:
    blank = event(chunk({"content": " \n"}))
    events = stream.call(one=(in_band(fault, blank), JUPITER), two=(SATURN,))
    if fault.again == "pause":
        assert is_streamed(events, JUPITER)
        stream.check(("one", fault.kind), ("one", "accepted"), waits=[0, BACK_OFF_MS], status="recovered")
    elif fault.onward:
        assert is_streamed(events, SATURN)
        stream.check(("one", fault.kind), ("two", "accepted"), waits=[0, 0], status="recovered")
    else:
        assert is_error_event(events[-1], fault.type)
        stream.check(("one", fault.kind), waits=[0], status="error")


@EACH_IN_BAND
@pytest.mark.network_threads
def test_in_a_stream_after_its_first_words(stream: Ladder, fault: Fault) -> None:
    *words, last = stream.call(one=(in_band(fault, *begun()), JUPITER), two=(SATURN,))
    assert is_streamed(words, {"planet": "Jup"})
    assert is_error_event(last, fault.type)
    (attempt,) = stream.check(("one", fault.kind), waits=[0], status="error")
    assert "Jup" in attempt.body.response_body
    assert attempt.first_token_ms is not None
    # What the caller has heard is on the span, beside the error.
    span = Span.objects.select_related("body").get()
    assert span.body.output == '{"planet": "Jup'
    assert span.body.error.startswith(fault.type)
    assert span.first_token_ms == attempt.first_token_ms


def begun() -> list[bytes]:
    """Return the first words of an answer."""
    return [event(chunk({"content": text})) for text in ('{"planet": ', '"Jup')]


CUTS = {
    "cut": (streamed(*begun(), ending="cut"), "connection"),
    "ended": (streamed(*begun()), "connection"),
    "cut in a line": (streamed(*begun(), b'data: {"choices": [{"ind', ending="cut"), "connection"),
    "a page": (streamed(*begun(), b"<html><title>Bad Gateway</title></html>\n\n"), "connection"),
    "silence": (streamed(*begun(), ending="silence"), "timeout"),
    "length": (streamed(*begun(), event(chunk({}, "length")), event("[DONE]")), "length"),
    "refusal": (streamed(*begun(), event(chunk({}, "content_filter")), event("[DONE]")), "content_policy"),
}


@pytest.mark.parametrize(("reply", "kind"), CUTS.values(), ids=CUTS)
@pytest.mark.network_threads
def test_a_stream_that_ends_without_its_end_is_a_failure(
    stream: Ladder, settings: Any, reply: Reply, kind: str
) -> None:
    settings.PROVIDER_TIMEOUT_S = 0.3 if kind == "timeout" else 20
    *words, last = stream.call(one=(reply, JUPITER), two=(SATURN,))
    assert is_streamed(words, {"planet": "Jup"})
    types = {"length": "StructuredGenerationError", "content_policy": "ContentPolicyViolationError"}
    assert is_error_event(last, types.get(kind, "ProviderError"))
    stream.check(("one", kind), waits=[0], status="error")


@pytest.mark.parametrize("ending", ["cut", "whole"])
@pytest.mark.network_threads
def test_a_stream_that_ends_before_its_first_word_is_asked_for_again(stream: Ladder, ending: Any) -> None:
    nothing = streamed(event(chunk({"role": "assistant", "content": ""})), ending=ending)
    assert is_streamed(stream.call(one=(nothing, JUPITER)), JUPITER)
    stream.check(("one", "connection"), ("one", "accepted"), waits=[0, BACK_OFF_MS], status="recovered")


@pytest.mark.network_threads
def test_a_streamed_value_that_does_not_fit_ends_with_an_error_that_says_so(stream: Ladder) -> None:
    *words, last = stream.call(one=(as_stream(completion(json.dumps(WRONG))), JUPITER), two=(SATURN,))
    assert is_streamed(words, WRONG)
    assert is_error_event(last, "StructuredGenerationError")
    assert "planet" in last["error_message"]
    stream.check(("one", "schema"), waits=[0], status="error")


def test_four_models_that_fail_each_in_their_way_leave_a_request_for_the_fifth(ladder: Ladder) -> None:
    ladder.upstream.script("three", page(502))
    ladder.upstream.script("four", WRONG)
    ladder.upstream.script("five", JUPITER)
    models = [f"fake/{name}" for name in ("one", "two", "three", "four", "five")]
    assert is_answer(ladder.call(one=(said(429, "slow down"),), two=(said(500, "broken"),), model=models), JUPITER)
    ladder.check(
        ("one", "rate_limit"),
        ("two", "server_error"),
        ("three", "server_error"),
        ("four", "schema"),
        ("five", "accepted"),
        waits=[0, 0, 0, 0, 0],
        status="recovered",
    )


# --- all of it on one trace -------------------------------------------------------------------------------------------


def test_two_fallbacks_and_a_repair_are_kept_as_they_were_sent_and_can_be_read_on_one_page(
    ladder: Ladder, alice_client: Any
) -> None:
    ladder.upstream.script("three", JUPITER)
    models = ["fake/one", "fake/two", "fake/three"]
    response = ladder.call(one=(said(503, "busy"), said(503, "still busy")), two=(WRONG, WRONG), model=models)
    assert is_answer(response, JUPITER)
    attempts = ladder.check(
        ("one", "overloaded"),
        ("one", "overloaded"),
        ("two", "schema"),
        ("two", "schema"),
        ("three", "accepted"),
        waits=[0, BACK_OFF_MS, 0, 0, 0],
        status="recovered",
    )
    assert [attempt.is_repair for attempt in attempts] == [False, False, False, True, False]
    for body in AttemptBody.objects.all():
        kept = [body.url, body.request_headers, body.request_body, body.response_headers, body.response_body]
        assert "top-secret" not in json.dumps(kept)
    repair = ladder.upstream.requests[3].json["messages"][-1]["content"]
    assert "at least 3 characters" in repair
    trace = Span.objects.get().trace
    page = alice_client.get(f"/projects/acme/traces/{trace.id}/").content.decode()
    told = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    # Each attempt with what came of it, and why there was a next one.
    story = re.search(
        r"one .{0,40}503, overloaded .*Waited 0.50 s, asked once more .{0,20}503, overloaded"
        r" two .{0,20}Next model of the list .{0,40}planet must have at least 3 characters"
        r".* two .{0,20}Asked once more with what was wrong .{0,40}planet must have at least 3 characters"
        r".* three .{0,20}Next model of the list .{0,20}accepted",
        told,
    )
    assert story, told
