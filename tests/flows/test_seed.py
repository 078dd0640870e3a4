"""Each example of the product's description, run by the real SDK: unchanged but for address, key and names of models.

Once with the built-in stand-in as the model, once with a server of models on loopback, whose requests are looked at.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Literal

import httpx
import pytest
from opperai import Opper
from pydantic import BaseModel, Field

from functions.providers.rehearsed_media import picture_for, sound_for
from traces.models import Attempt, Span, Trace

pytestmark = pytest.mark.network_threads

FACTS = [
    "Jupiter is the largest planet in the Solar System.",
    "The Great Red Spot is a giant storm on Jupiter.",
    "Saturn possesses the most extensive ring system in the Solar System.",
]
INSTRUCTIONS = "Given the list of bullet-point facts, answer the question."
UNKNOWN = "The answer to the question is unknown"


class KBQueryInput(BaseModel):
    facts: list[str] = Field(description="Standalone facts to answer from")
    question: str = Field(description="The question to answer")


class KBQueryOutput(BaseModel):
    thoughts: str = Field(description="Elaborate step-by-step reasoning")
    answer: str = Field(description="Concise answer to the question")


class ClassifiedOutput(BaseModel):
    thoughts: str = Field(description="Elaborate step-by-step reasoning")
    classification: Literal["easy", "medium", "hard"] = Field(description="The difficulty of the question")
    answer: str = Field(description="Concise answer to the question")


class PatternedOutput(BaseModel):
    thoughts: str = Field(description="Elaborate step-by-step reasoning")
    answer: str = Field(
        description="Concise answer to the question starting with 'The answer to the question is '",
        pattern=r"^The answer to the question is [A-Za-z0-9\s]+$",
    )


INPUT = {"facts": FACTS, "question": "Which planet hosts the Great Red Spot?"}


@pytest.fixture
def opper(server: str, key: str, use_upstream: Any) -> Any:
    use_upstream()
    return Opper(http_bearer=key, server_url=f"{server}/v2")


@pytest.fixture(params=["rehearsal", "fake"])
def model(request: pytest.FixtureRequest) -> str:
    """A model that answers in the shape that is asked for."""
    return f"{request.param}/echo"


def ask(opper: Any, **fields: Any) -> Any:
    task = {
        "name": "mini_kb_query",
        "instructions": INSTRUCTIONS,
        "input_schema": KBQueryInput,
        "output_schema": KBQueryOutput,
        "input": INPUT,
    }
    return opper.call(**task | fields)


def span_of(response: Any) -> Span:
    return Span.objects.select_related("body").get(id=response.span_id)


def sent_to(upstream: Any, model: str) -> dict[str, Any] | None:
    """Return the last request; None where the model is built in."""
    return upstream.requests[-1].json if model.startswith("fake/") else None


def test_a_task_is_answered_in_the_shape_of_its_schema(opper: Any, model: str, upstream: Any) -> None:
    response = ask(opper, model=model)
    assert (response.message, response.images, response.cached) == (None, None, False)
    # In the caller's order: the thoughts before the answer.
    assert list(response.json_payload) == ["thoughts", "answer"]
    assert KBQueryOutput.model_validate(response.json_payload)
    assert span_of(response).body.output == response.json_payload
    if sent := sent_to(upstream, model):
        prompt = "\n".join(message["content"] for message in sent["messages"])
        assert INSTRUCTIONS in prompt
        assert "Standalone facts to answer from" in prompt
        assert all(fact in prompt for fact in FACTS)
        assert list(sent["response_format"]["json_schema"]["schema"]["properties"]) == ["thoughts", "answer"]


def test_the_example_answer_comes_from_a_model_that_says_it(opper: Any, upstream: Any) -> None:
    response = ask(opper, model="fake/jupiter")
    assert response.json_payload["answer"] == "Jupiter"
    assert response.json_payload["thoughts"]


def test_without_a_model_the_default_one_answers(opper: Any) -> None:
    response = ask(opper)
    assert KBQueryOutput.model_validate(response.json_payload)
    assert span_of(response).model == "rehearsal/echo"


def test_without_schemas_text_goes_in_and_comes_out(opper: Any, model: str) -> None:
    response = opper.call(name="greet", instructions="Greet people.", input="Hello there", model=model)
    assert "Hello there" in response.message
    assert response.json_payload is None


def test_models_in_a_list_are_tried_until_one_answers(opper: Any, model: str) -> None:
    vendor = model.partition("/")[0]
    response = ask(opper, model=[f"{vendor}/fail-401", model])
    assert KBQueryOutput.model_validate(response.json_payload)
    span = span_of(response)
    assert (span.model, span.attempt_count, span.status) == (model, 2, "recovered")


def test_options_of_a_model_reach_it(opper: Any, model: str, upstream: Any) -> None:
    response = ask(opper, model=[{"name": model, "options": {"temperature": 0.1}}])
    assert KBQueryOutput.model_validate(response.json_payload)
    if sent := sent_to(upstream, model):
        assert sent["temperature"] == 0.1
    assert '"temperature":0.1' in Attempt.objects.get().body.request_body.replace(" ", "")


def test_forms_of_a_model_can_be_mixed(opper: Any, model: str) -> None:
    mixed = [{"name": model, "options": {"temperature": 0.1}, "extra_headers": {"x-team": "kb"}}, "rehearsal/echo"]
    assert ask(opper, model=mixed).json_payload
    assert span_of(ask(opper, model={"name": model})).model == model


def test_literals_are_held(opper: Any, model: str, upstream: Any) -> None:
    response = ask(opper, model=model, output_schema=ClassifiedOutput)
    assert ClassifiedOutput.model_validate(response.json_payload)
    if sent := sent_to(upstream, model):
        schema = sent["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["classification"]["enum"] == ["easy", "medium", "hard"]


def test_patterns_are_held(opper: Any, model: str) -> None:
    response = ask(opper, model=model, output_schema=PatternedOutput)
    assert PatternedOutput.model_validate(response.json_payload)


def test_an_answer_off_its_pattern_or_literal_is_put_right(opper: Any, upstream: Any) -> None:
    right = {"thoughts": "So it is.", "answer": "The answer to the question is Jupiter"}
    upstream.script("off", {**right, "answer": "Jupiter"}, right)
    response = ask(opper, model="fake/off", output_schema=PatternedOutput)
    assert response.json_payload == right
    repair = upstream.requests[-1].json["messages"][-1]["content"]
    assert "answer" in repair
    right = {"thoughts": "So it is.", "classification": "easy", "answer": "Jupiter"}
    upstream.script("off", {**right, "classification": "trivial"}, right)
    assert ask(opper, model="fake/off", output_schema=ClassifiedOutput).json_payload == right


def test_examples_are_shown_to_the_model(opper: Any, model: str, upstream: Any) -> None:
    example = {
        "input": KBQueryInput(facts=FACTS, question="How many planets are in the Solar System?"),
        "output": PatternedOutput(
            thoughts="The facts describe some planets, but they do not say how many there are in the Solar System.",
            answer=UNKNOWN,
        ),
    }
    question = {"facts": FACTS, "question": "What is the name of Earth's moon?"}
    response = ask(opper, model=model, output_schema=PatternedOutput, input=question, examples=[example])
    assert PatternedOutput.model_validate(response.json_payload)
    if sent := sent_to(upstream, model):
        *_, asked, answered, last = sent["messages"]
        assert [message["role"] for message in (asked, answered, last)] == ["user", "assistant", "user"]
        assert "How many planets" in asked["content"]
        assert json.loads(answered["content"])["answer"] == UNKNOWN
        assert "Earth's moon" in last["content"]


def test_tags_are_on_the_completion_and_its_trace_is_found_by_them(opper: Any, model: str) -> None:
    response = ask(opper, model=model, tags={"user": "company_123", "env": "production"})
    assert span_of(response).tags == {"user": "company_123", "env": "production"}
    facets = Trace.objects.get().facets.filter(facet="tag").values_list("key", "value")
    assert set(facets) == {("user", "company_123"), ("env", "production")}


def test_text_is_streamed(opper: Any, model: str) -> None:
    task = {"name": "greet", "instructions": "Greet people.", "input": "Hello there, all of you", "model": model}
    with opper.stream(**task).result as events:
        first, *rest = [event.data for event in events]
    assert first.span_id
    assert {chunk.chunk_type for chunk in rest} == {"text"}
    assert len(rest) > 1
    text = "".join(chunk.delta for chunk in rest)
    assert "Hello there, all of you" in text
    span = Span.objects.select_related("body").get(id=first.span_id)
    assert (span.body.output, span.status) == (text, "ok")
    assert span.first_token_ms is not None


def test_structure_is_streamed_field_by_field(opper: Any, model: str) -> None:
    task = {
        "name": "mini_kb_query",
        "instructions": INSTRUCTIONS,
        "input": INPUT,
        "output_schema": KBQueryOutput.model_json_schema(),
        "model": model,
        "tags": {"env": "production"},
    }
    with opper.stream(**task).result as events:
        first, *rest = [event.data for event in events]
    assert {(chunk.chunk_type, chunk.json_path) for chunk in rest} == {("json", "thoughts"), ("json", "answer")}
    joined = {
        name: "".join(chunk.delta for chunk in rest if chunk.json_path == name) for name in ("thoughts", "answer")
    }
    assert Span.objects.select_related("body").get(id=first.span_id).body.output == joined


@pytest.mark.parametrize("name", ["rehearsal/image", "fake/gpt-image-1"])
def test_an_image_comes_out(opper: Any, name: str) -> None:
    response = opper.call(name="draw", instructions="Draw what is described.", input="A red circle", model=name)
    assert [base64.b64decode(image)[:4] for image in response.images] == [b"\x89PNG"]
    assert (response.message, response.json_payload) == (None, None)
    assert span_of(response).status == "ok"


@pytest.mark.parametrize("name", ["rehearsal/speech", "fake/tts-1"])
def test_audio_comes_out(opper: Any, server: str, key: str, name: str) -> None:
    task = {"name": "speak", "instructions": "Say it.", "input": "Hello there", "model": name}
    response = opper.call(**task)
    assert (response.json_payload, response.images) == (None, None)
    assert span_of(response).status == "ok"
    # The SDK leaves the sound out of its answer; the API has it.
    answer = httpx.post(f"{server}/v2/call", json=task, headers={"Authorization": f"Bearer {key}"}).json()
    assert base64.b64decode(answer["audio"])[:4] == b"RIFF"


def test_an_image_goes_in_as_a_picture_and_not_as_text(opper: Any, model: str, upstream: Any) -> None:
    picture = picture_for("a red circle")
    task_input = {"question": "What is on it?", "picture": {"_opper_media_input": f"data:image/png;base64,{picture}"}}
    response = opper.call(name="look", instructions="Describe it.", input=task_input, model=model)
    assert response.message
    if sent := sent_to(upstream, model):
        parts = sent["messages"][-1]["content"]
        assert {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}} in parts
        assert all(picture not in part.get("text", "") for part in parts)
    attempt = Attempt.objects.get()
    assert picture not in (attempt.body.request_body or "")


@pytest.mark.parametrize("name", ["rehearsal/transcript", "fake/whisper-1", "fake/echo"])
def test_audio_goes_in(opper: Any, name: str, upstream: Any) -> None:
    sound = sound_for("hello")
    task_input = {"recording": {"_opper_media_input": f"data:audio/wav;base64,{sound}"}}
    response = opper.call(name="listen", instructions="Write down what is said.", input=task_input, model=name)
    assert response.message
    if name == "fake/whisper-1":
        assert re.search(rb'filename="[^"]+\.wav"', upstream.requests[-1].body)
        assert base64.b64decode(sound) in upstream.requests[-1].body
    if name == "fake/echo":
        parts = upstream.requests[-1].json["messages"][-1]["content"]
        assert {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}} in parts


def test_a_kept_answer_is_cached(opper: Any, model: str, upstream: Any) -> None:
    configuration = {"invocation.cache.ttl": 60}
    first = ask(opper, model=model, configuration=configuration)
    again = ask(opper, model=model, configuration=configuration)
    assert (first.cached, again.cached) == (False, True)
    assert again.json_payload == first.json_payload
    assert again.span_id != first.span_id
    assert len(upstream.requests) == (1 if model.startswith("fake/") else 0)
