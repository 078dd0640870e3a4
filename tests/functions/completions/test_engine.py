"""The whole story of a completion, told with a provider whose replies are written beforehand."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from datetime import timedelta
from typing import Any, cast

import pytest
from django.utils import timezone

from functions.completions.candidates import candidates_for
from functions.completions.catalogue import Catalogue, Learned
from functions.completions.engine import complete
from functions.completions.strategies import digest_of
from functions.providers import Provider, Providers
from functions.providers.adapter import Exchange
from functions.providers.chat import ChatReply, ChatRequest, Usage
from functions.providers.errors import (
    AnswerRejected,
    BadCredentials,
    BadReply,
    BadRequest,
    ContextTooLong,
    ProviderError,
    RateLimited,
    Refused,
    SchemaRejected,
    ServerError,
    TimedOut,
)
from functions.task import AttemptRecord, Configuration, Example, Result, Task, choices_of

PLANET = {"type": "object", "properties": {"planet": {"type": "string", "minLength": 3}}, "required": ["planet"]}
GOOD = json.dumps({"planet": "Jupiter"})
WRONG = json.dumps({"planet": "J"})


class Scripted:
    """A provider that says what a test wrote down, and remembers what it was asked."""

    name = "fake"
    kind = "openai"
    dialect = "openai"
    base_url = ""
    shows_schemas = True

    def __init__(self) -> None:
        self.replies: defaultdict[str, list[Any]] = defaultdict(list)
        self.asked: list[ChatRequest] = []

    def strategies(self, model: str) -> tuple[str, ...]:
        return ("native", "tool", "json", "text")

    def script(self, model: str, *replies: Any) -> Scripted:
        self.replies[model] += replies
        return self

    async def ask(self, chat: ChatRequest, *, timeout_seconds: float) -> Exchange:
        self.asked.append(chat)
        said = self.replies[chat.model]
        reply = said.pop(0) if len(said) > 1 else said[0]
        if reply == "hang":
            await asyncio.Event().wait()
        if isinstance(reply, ProviderError):
            return Exchange("POST", "http://fake/v1", {}, None, error=reply, http_status=reply.http_status)
        if isinstance(reply, str):
            reply = ChatReply(reply, "stop", usage=Usage(10, None, None, 5, None))
        return Exchange("POST", "http://fake/v1", {}, None, http_status=200, reply=reply)


@pytest.fixture
def fake() -> Scripted:
    return Scripted()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def answer(fake: Scripted, pauses: list[float]) -> Any:
    async def run(*models: str, schema: dict[str, Any] | None = None, attempts: int = 5, **more: Any) -> Result:
        task = Task(
            "planets",
            input="Which one?",
            output_schema=schema,
            choices=choices_of([f"fake/{model}" for model in models]),
            configuration=Configuration(max_attempts=attempts),
            examples=more.pop("examples", ()),
        )

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        catalogue = Catalogue(Providers({"fake": cast("Provider", fake)}))
        return await complete(task, candidates_for(task, catalogue, ""), sleep=sleep, **more)

    return run


def outcomes(result: Result) -> list[tuple[str, str]]:
    return [(attempt.requested_model.removeprefix("fake/"), attempt.outcome) for attempt in result.attempts]


async def test_text_is_the_message(fake, answer):
    fake.script("a", "Jupiter")
    result = await answer("a")
    assert (result.message, result.value, result.error) == ("Jupiter", None, None)
    assert result.usage == Usage(10, None, None, 5, None)


async def test_structure_is_the_value(fake, answer):
    fake.script("a", GOOD)
    result = await answer("a", schema=PLANET)
    assert (result.message, result.value) == (None, {"planet": "Jupiter"})


@pytest.mark.parametrize(
    ("schema", "said", "value"),
    [
        ({"type": "integer"}, '{"value": 3}', 3),
        ({"type": "array", "items": {"type": "string"}}, '{"value": ["a"]}', ["a"]),
        ({"type": "string"}, '{"value": "a"}', "a"),
        ({"type": ["string", "null"]}, '{"value": null}', None),
    ],
)
async def test_a_root_that_is_no_object_comes_back_bare(fake, answer, schema, said, value):
    fake.script("a", said)
    result = await answer("a", schema=schema)
    assert result.error is None
    assert result.value == value


async def test_a_rejected_answer_is_sent_back_with_what_was_wrong(fake, answer):
    fake.script("a", WRONG, GOOD)
    result = await answer("a", schema=PLANET)
    assert outcomes(result) == [("a", "rejected"), ("a", "accepted")]
    first, second = result.attempts
    assert first.problems == [
        {
            "path": "planet",
            "rule": "minLength",
            "message": "must have at least 3 characters (has 1)",
            "expected": 3,
            "value": "J",
        }
    ]
    assert (first.is_repair, second.is_repair) == (False, True)
    assert [message.note for message in fake.asked[1].messages[-2:]] == ["answer before", "added by retry"]
    assert "planet must have at least 3 characters" in fake.asked[1].messages[-1].text


async def test_after_one_repair_the_next_model_is_asked_in_a_clean_conversation_and_the_list_goes_round(fake, answer):
    fake.script("a", WRONG).script("b", WRONG)
    result = await answer("a", "b", schema=PLANET)
    assert [(attempt.requested_model, attempt.is_repair) for attempt in result.attempts] == [
        ("fake/a", False),
        ("fake/a", True),
        ("fake/b", False),
        ("fake/b", True),
        ("fake/a", False),
    ]
    assert len(fake.asked[2].messages) == len(fake.asked[0].messages)
    assert result.error is not None
    assert (result.error.status, result.error.type, result.error.kind) == (400, "StructuredGenerationError", "schema")


@pytest.mark.parametrize("attempts", [1, 2, 3])
async def test_there_are_never_more_requests_than_allowed(fake, answer, attempts):
    fake.script("a", WRONG)
    result = await answer("a", schema=PLANET, attempts=attempts)
    assert len(fake.asked) == len(result.attempts) == attempts


@pytest.mark.parametrize(
    "error", [ServerError("HTTP 500"), TimedOut("late"), BadReply("HTML"), RateLimited("HTTP 429")]
)
async def test_a_failure_that_may_pass_is_tried_once_more_and_then_the_next_model(fake, answer, pauses, error):
    fake.script("a", error).script("b", "Jupiter")
    result = await answer("a", "b")
    assert outcomes(result) == [("a", "failed"), ("a", "failed"), ("b", "accepted")]
    assert len(pauses) == 1
    assert 0 <= pauses[0] <= 0.5
    assert result.attempts[1].waited_ms == pauses[0] * 1000


async def test_the_last_model_is_asked_although_all_before_it_fail(fake, answer, pauses):
    fake.script("a", RateLimited("HTTP 429")).script("b", ServerError("HTTP 500")).script("c", TimedOut("late"))
    fake.script("d", "Jupiter")
    result = await answer("a", "b", "c", "d")
    # One request is over and above one each: the first who can use it has it.
    assert [model for model, _ in outcomes(result)] == ["a", "a", "b", "c", "d"]
    assert (result.message, len(pauses)) == ("Jupiter", 1)


@pytest.mark.parametrize("attempts", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("reply", [WRONG, ServerError("HTTP 500"), SchemaRejected("HTTP 400: response_format")])
async def test_nobody_is_asked_once_more_at_the_cost_of_a_model_that_was_not_asked(fake, answer, reply, attempts):
    models = ["a", "b", "c", "d", "e"][:attempts]
    for model in models[:-1]:
        fake.script(model, reply)
    fake.script(models[-1], GOOD)
    result = await answer(*models, schema=PLANET, attempts=attempts)
    assert result.value == {"planet": "Jupiter"}
    assert len(fake.asked) <= attempts
    assert list(dict.fromkeys(chat.model for chat in fake.asked)) == models


@pytest.mark.parametrize("reply", [WRONG, ServerError("HTTP 500")])
async def test_of_a_list_longer_than_the_attempts_the_first_are_asked_once_each(fake, answer, pauses, reply):
    for model in "abc":
        fake.script(model, reply)
    fake.script("d", GOOD)
    result = await answer("a", "b", "c", "d", schema=PLANET, attempts=3)
    assert [model for model, _ in outcomes(result)] == ["a", "b", "c"]
    assert result.error is not None
    assert pauses == []


async def test_a_reserve_that_is_not_needed_goes_to_those_who_could_be_asked_once_more(fake, answer, pauses):
    # Nobody of the same dialect is asked after the second: three requests are left.
    fake.script("a", RateLimited("HTTP 429", retry_after_seconds=3), "Jupiter").script("b", BadRequest("HTTP 400: no"))
    result = await answer("a", "b", "c", "d", "e")
    assert outcomes(result) == [("a", "failed"), ("b", "failed"), ("a", "accepted")]
    # What passed meanwhile counts.
    assert pauses == [pytest.approx(3, abs=0.5)]
    assert pauses[0] < 3


async def test_who_was_put_off_is_asked_once_more_and_not_twice(fake, answer, pauses):
    fake.script("a", ServerError("HTTP 500")).script("b", BadRequest("HTTP 400: no"))
    assert [model for model, _ in outcomes(await answer("a", "b", "c", "d", "e"))] == ["a", "b", "a"]


async def test_a_repair_that_was_put_off_begins_in_a_clean_conversation(fake, answer):
    fake.script("a", WRONG, GOOD).script("b", BadRequest("HTTP 400: no"))
    result = await answer("a", "b", "c", schema=PLANET, attempts=3)
    assert [(attempt.requested_model, attempt.is_repair) for attempt in result.attempts] == [
        ("fake/a", False),
        ("fake/b", False),
        ("fake/a", False),
    ]
    assert result.value == {"planet": "Jupiter"}


async def test_a_start_after_another_has_a_request_for_each_model_as_far_as_they_go(fake, answer):
    fake.script("a", ServerError("HTTP 500")).script("b", "Jupiter")
    assert outcomes(await answer("a", "b", before=3)) == [("a", "failed"), ("b", "accepted")]
    assert outcomes(await answer("a", "b", before=5)) == [("a", "failed")]


async def test_a_server_that_is_down_is_not_asked_for_ever(fake, answer):
    fake.script("a", BadReply("HTML"))
    result = await answer("a")
    assert outcomes(result) == [("a", "failed")] * 2


async def test_wrong_credentials_lead_to_the_next_model_at_once(fake, answer, pauses):
    fake.script("a", BadCredentials("HTTP 401")).script("b", "Jupiter")
    result = await answer("a", "b")
    assert outcomes(result) == [("a", "failed"), ("b", "accepted")]
    assert pauses == []


async def test_a_pause_that_is_asked_for_is_kept(fake, answer, pauses):
    fake.script("a", RateLimited("HTTP 429", retry_after_seconds=3), "Jupiter")
    assert (await answer("a")).message == "Jupiter"
    assert pauses == [3]


async def test_a_long_pause_is_not_waited_out(fake, answer, pauses):
    fake.script("a", RateLimited("HTTP 429", retry_after_seconds=60)).script("b", "Jupiter")
    assert outcomes(await answer("a", "b")) == [("a", "failed"), ("b", "accepted")]
    assert pauses == []


async def test_with_another_model_at_hand_a_middling_pause_is_not_waited_out(fake, answer, pauses):
    fake.script("a", RateLimited("HTTP 429", retry_after_seconds=8), "late").script("b", "Jupiter")
    assert (await answer("a", "b")).message == "Jupiter"
    assert (pauses, (await answer("a")).message) == ([], "late")


async def test_the_error_tells_how_long_the_last_provider_asked_to_wait(fake, answer):
    fake.script("a", RateLimited("HTTP 429", retry_after_seconds=60))
    fake.script("b", RateLimited("HTTP 429", retry_after_seconds=20.2)).script("c", ServerError("HTTP 500"))
    assert (await answer("a", "b")).error.retry_after_seconds == 20.2
    assert (await answer("a", "c")).error.retry_after_seconds is None
    fake.script("d", WRONG)
    assert (await answer("a", "d", schema=PLANET)).error.retry_after_seconds is None
    assert (await answer("a", deadline_seconds=0)).error.retry_after_seconds is None


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (RateLimited("HTTP 429", retry_after_seconds=60), 429, "RateLimitError"),
        (BadCredentials("HTTP 401", http_status=401), 502, "ProviderError"),
        (ServerError("HTTP 500"), 502, "ProviderError"),
        (TimedOut("late"), 502, "ProviderError"),
        (ContextTooLong("too long"), 400, "ContextWindowExceededError"),
        (Refused("no"), 400, "ContentPolicyViolationError"),
    ],
)
async def test_a_failure_has_the_type_of_the_contract(fake, answer, error, status, type_):
    fake.script("a", error)
    failed = (await answer("a")).error
    assert (failed.status, failed.type) == (status, type_)
    assert str(error) in failed.detail


async def test_a_schema_that_is_refused_is_asked_for_in_another_way_until_one_is_taken(fake, answer):
    fake.script("a", SchemaRejected("HTTP 400: response_format"), SchemaRejected("HTTP 400: no tools"), GOOD)
    result = await answer("a", schema=PLANET)
    assert [(attempt.strategy, attempt.outcome) for attempt in result.attempts] == [
        ("native", "failed"),
        ("tool", "failed"),
        ("json", "accepted"),
    ]
    assert any("response_format" in note for note in result.attempts[1].notes)
    assert any("no tools" in note for note in result.attempts[2].notes)
    assert fake.asked[1].schema is not None
    assert fake.asked[2].schema is None
    assert "planet: string" in "".join(message.text for message in fake.asked[2].messages)
    assert result.learned == {"fake/a": ("json", "HTTP 400: no tools")}


async def test_what_was_learned_of_a_schema_is_where_the_next_call_begins(fake, answer):
    fake.script("a", GOOD)
    tomorrow = timezone.now() + timedelta(days=1)
    learned = {("fake/a", digest_of(PLANET)): Learned("json", "it was refused", tomorrow)}
    assert [attempt.strategy for attempt in (await answer("a", schema=PLANET, learned=learned)).attempts] == ["json"]
    old = {("fake/a", digest_of(PLANET)): Learned("json", "it was refused", timezone.now())}
    assert [attempt.strategy for attempt in (await answer("a", schema=PLANET, learned=old)).attempts] == ["native"]


async def test_after_a_prompt_that_was_too_long_the_model_with_the_larger_window_is_next(fake, answer):
    # Windows as the price list has them, for models that are named as OpenAI's are.
    fake.name = "openai"
    fake.script("gpt-4", ContextTooLong("too long")).script("gpt-4o-mini", "small").script("gpt-4.1-mini", "large")
    task = Task("t", choices=choices_of(["openai/gpt-4", "openai/gpt-4o-mini", "openai/gpt-4.1-mini"]))
    result = await complete(task, candidates_for(task, Catalogue(Providers({"openai": fake})), ""))
    assert [attempt.requested_model for attempt in result.attempts] == ["openai/gpt-4", "openai/gpt-4.1-mini"]


async def test_what_one_server_does_not_take_is_not_sent_to_another_of_its_dialect(fake, answer):
    other = Scripted().script("b", "Jupiter")
    other.name, other.kind = "other", "anthropic"
    fake.script("a", BadRequest("HTTP 400: no")).script("c", "never asked")
    task = Task("t", choices=choices_of(["fake/a", "fake/c", "other/b"]))
    result = await complete(task, candidates_for(task, Catalogue(Providers({"fake": fake, "other": other})), ""))
    assert [attempt.requested_model for attempt in result.attempts] == ["fake/a", "other/b"]


async def test_an_answer_that_its_own_host_refused_gets_a_repair(fake, answer):
    fake.script("a", AnswerRejected("HTTP 400", failed_text='{"planet": 5}'), GOOD)
    result = await answer("a", schema=PLANET)
    assert outcomes(result) == [("a", "failed"), ("a", "accepted")]
    assert result.attempts[1].is_repair


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (ChatReply("", "stop"), "empty"),
        (ChatReply(None, "stop"), "empty"),
        (ChatReply(" \n", "stop"), "empty"),
        (ChatReply('{"planet": "Jup', "length"), "length"),
        (ChatReply("x", "failed", raw_finish_reason="error"), "bad_reply"),
    ],
)
async def test_a_reply_that_is_no_answer_is_a_failed_attempt(fake, answer, reply, kind):
    fake.script("a", reply, GOOD)
    result = await answer("a", schema=PLANET)
    assert outcomes(result) == [("a", "failed"), ("a", "accepted")]
    assert (result.attempts[0].error_kind, result.attempts[1].is_repair) == (kind, False)


async def test_answers_cut_short_for_ever_are_no_valid_output(fake, answer):
    fake.script("a", ChatReply("{", "length"))
    failed = (await answer("a", schema=PLANET)).error
    assert (failed.status, failed.type) == (400, "StructuredGenerationError")


async def test_a_refusal_is_not_argued_with(fake, answer):
    fake.script("a", ChatReply(None, "refused", refusal="I will not"))
    result = await answer("a", schema=PLANET)
    assert len(result.attempts) == 1
    assert result.error.type == "ContentPolicyViolationError"


async def test_each_attempt_is_told_as_it_happens_but_the_accepted_one(fake, answer):
    told: list[AttemptRecord] = []

    async def on_attempt(record: AttemptRecord) -> None:
        told.append(record)

    fake.script("a", WRONG, GOOD)
    result = await answer("a", schema=PLANET, on_attempt=on_attempt)
    assert told == [result.attempts[0]]


async def test_a_caller_who_leaves_leaves_a_stopped_attempt(fake, answer):
    told: list[AttemptRecord] = []

    async def on_attempt(record: AttemptRecord) -> None:
        told.append(record)

    fake.script("a", "hang")
    running = asyncio.create_task(answer("a", on_attempt=on_attempt))
    while not fake.asked:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [(record.number, record.outcome) for record in told] == [(1, "stopped")]
    assert told[0].messages


async def test_no_request_begins_after_the_deadline(fake, answer):
    fake.script("a", "Jupiter")
    result = await answer("a", deadline_seconds=0)
    assert fake.asked == []
    assert (result.error.status, result.error.kind) == (502, "deadline")


async def test_examples_stand_before_the_input_the_nearest_last(fake, answer):
    fake.script("a", GOOD)
    examples = (
        Example("near", {"planet": "Mars"}, similarity=0.9),
        Example("far", {"planet": "Venus"}, similarity=0.1),
    )
    await answer("a", schema=PLANET, examples=examples)
    notes = [(message.note, message.role) for message in fake.asked[0].messages]
    assert notes[-5:] == [("example", "user"), ("example", "assistant")] * 2 + [("input", "user")]
    assert "near" in fake.asked[0].messages[-3].text


@pytest.mark.parametrize("kept", ["https://example.com/fox.png", 5, "data:image/png;base64,!!"])
async def test_an_example_whose_picture_cannot_be_shown_is_left_out_and_that_is_told(fake, answer, kept):
    fake.script("a", WRONG, GOOD)
    examples = (Example({"_opper_media_input": kept}, {"planet": "Mars"}), Example("seen", {"planet": "Venus"}))
    result = await answer("a", schema=PLANET, examples=examples)
    assert [message.note for message in fake.asked[0].messages].count("example") == 2
    for attempt in result.attempts:
        (note,) = [note for note in attempt.notes if "example" in note]
        assert note.startswith("example 1 was left out: _opper_media_input ")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1000 + "]" * 1000,
        "{" * 5000,
        '{"planet": ' + "9" * 5000 + "}",
        '{"planet": "\\ud800\\ud800\\ud800"}',
        '{"planet": "a\u0000b\u0000"}',
        "\ud800",
        '{"planet": 1e999}',
        '{"planet": NaN}',
        '{"a":' * 900 + "1" + "}" * 900,
        '"' + "x" * 10_000_000,
        '{"planet": "' + "x" * 10_000_000 + '"}',
        "```json\n" * 2000,
        "{'planet': " * 3000,
        "\\" * 100_000,
    ],
    ids=lambda text: f"{text[:12]!r}…{len(text)}",
)
async def test_whatever_a_model_says_ends_in_an_answer_or_an_error(fake, answer, text):
    fake.script("a", text)
    for schema in (PLANET, {}, {"type": "string"}, {"type": "array"}):
        result = await answer("a", schema=schema, attempts=2)
        assert (result.error is None) == (result.attempts[-1].outcome == "accepted")
