"""Options on their way to Anthropic: what goes through, what is renamed, changed or left out."""

from typing import Any

import pytest

from functions.providers.anthropic_options import options_of
from functions.providers.chat import ChatRequest, Message


def sent(model: str = "claude-sonnet-4-5", **options: Any) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
    return options_of(ChatRequest(model, (Message.of_text("user", "hi"),), options), notes), notes


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-2.1", 4096), ("claude-3-opus-20240229", 4096), ("claude-3-5-sonnet-20241022", 8192),
        ("claude-3-7-sonnet-latest", 16000), ("claude-sonnet-4-20250514", 16000), ("claude-opus-5", 16000),
        ("kimi-k2", 8192),
    ],
)  # fmt: skip
def test_the_limit_that_must_be_sent_follows_the_model(model: str, most: int):
    assert sent(model)[0] == {"max_tokens": most}
    assert sent(model, max_tokens=None)[0] == {"max_tokens": most}
    assert sent(model, max_tokens=5) == ({"max_tokens": 5}, [])


def test_what_is_thought_comes_on_top_of_the_answer():
    options, _ = sent(thinking={"type": "enabled", "budget_tokens": 2000})
    assert options["max_tokens"] == 18000


def test_options_of_anthropic_go_through():
    given = {"max_tokens": 9, "top_k": 5, "metadata": {"user_id": "u"}, "service_tier": "auto", "new_one": {"x": 1}}
    assert sent(**given) == (given, [])


def test_names_of_openai_become_anthropics():
    options, notes = sent(
        max_completion_tokens=7, stop="END", reasoning_effort="high", model="claude-opus-4-6", user="u"
    )
    assert options == {
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "output_config": {"effort": "high"},
        "metadata": {"user_id": "u"},
    }
    assert len(notes) == 4
    assert sent(stop=["a", "b"])[0]["stop_sequences"] == ["a", "b"]
    assert "stop_sequences" not in sent(stop=None)[0]


def test_an_own_name_counts_more_than_anothers():
    options, _ = sent(max_tokens=1, max_completion_tokens=2, stop="a", stop_sequences=["b"])
    assert options == {"max_tokens": 1, "stop_sequences": ["b"]}


@pytest.mark.parametrize(
    ("model", "effort", "kept"),
    [
        ("claude-opus-4-5", "low", "low"), ("claude-opus-4-6", "minimal", "low"), ("claude-sonnet-5", "max", "max"),
        ("claude-sonnet-4-5", "high", None), ("claude-3-5-haiku-latest", "high", None), ("unknown", "none", "low"),
    ],
)  # fmt: skip
def test_the_effort_is_sent_to_models_that_know_it(model: str, effort: str, kept: str | None):
    options, notes = sent(model, reasoning_effort=effort)
    assert options.get("output_config") == ({"effort": kept} if kept else None)
    assert "reasoning_effort" not in options
    assert len(notes) == 1


def test_an_effort_of_the_callers_own_counts_more():
    options, _ = sent("claude-opus-4-6", reasoning_effort="low", output_config={"effort": "max"})
    assert options["output_config"] == {"effort": "max"}


def test_options_that_mean_nothing_there_are_left_out_and_told():
    options, notes = sent(max_tokens=1, seed=5, presence_penalty=1, logprobs=True, n=2, stream=True, system="x")
    assert options == {"max_tokens": 1}
    assert len(notes) == 6
    assert "the option seed was not sent: Anthropic has nothing of this name" in notes
    assert "the option stream was not sent: it is decided here" in notes


def test_a_temperature_above_one_becomes_one():
    assert sent(max_tokens=1, temperature=1.5) == (
        {"max_tokens": 1, "temperature": 1},
        ["the option temperature 1.5 was sent as 1, the most Anthropic takes"],
    )
    assert sent(max_tokens=1, temperature=0.5)[0]["temperature"] == 0.5


@pytest.mark.parametrize(
    "model",
    ["claude-opus-4-7", "claude-opus-4-8", "claude-opus-5", "claude-opus-5-5", "claude-sonnet-5", "claude-fable-5",
     "claude-mythos-5"],
)  # fmt: skip
def test_models_that_think_by_themselves_take_no_sampling_and_no_budget(model: str):
    thinking = {"type": "enabled", "budget_tokens": 4000}
    options, notes = sent(model, max_tokens=1, temperature=0, top_p=0.5, top_k=4, thinking=thinking)
    assert options == {"max_tokens": 1, "thinking": {"type": "adaptive"}}
    assert len(notes) == 4


@pytest.mark.parametrize("model", ["claude-opus-4-6", "claude-sonnet-4-6", "claude-3-opus-20240229", "unknown"])
def test_other_models_take_both(model: str):
    thinking = {"type": "enabled", "budget_tokens": 4000}
    assert sent(model, max_tokens=1, temperature=0.5)[0]["temperature"] == 0.5
    assert sent(model, max_tokens=9000, thinking=thinking)[0]["thinking"] == thinking


def test_a_model_that_was_asked_to_think_takes_no_other_temperature_than_one():
    thinking = {"type": "enabled", "budget_tokens": 4000}
    options, notes = sent(max_tokens=9000, thinking=thinking, temperature=0.3, top_k=4)
    assert options == {"max_tokens": 9000, "thinking": thinking}
    assert len(notes) == 2
    assert sent(max_tokens=9000, thinking=thinking, temperature=1)[0]["temperature"] == 1
    assert sent(max_tokens=1, thinking={"type": "disabled"}, temperature=0.3)[0]["temperature"] == 0.3


def test_newer_models_take_one_of_the_samplings_alone():
    assert sent("claude-sonnet-4-5", max_tokens=1, temperature=0.3, top_p=0.9)[0] == {
        "max_tokens": 1,
        "temperature": 0.3,
    }
    assert "top_p" not in sent("claude-opus-4-1-20250805", temperature=0.3, top_p=0.9)[0]
    assert sent("claude-sonnet-4-20250514", temperature=0.3, top_p=0.9)[0]["top_p"] == 0.9
    assert sent("claude-sonnet-4-5", max_tokens=1, top_p=0.9)[0] == {"max_tokens": 1, "top_p": 0.9}
    assert sent("claude-3-haiku-20240307", max_tokens=1, temperature=0.3, top_p=0.9)[0]["top_p"] == 0.9


def test_the_output_schema_decides_the_format():
    notes: list[str] = []
    chat = ChatRequest(
        "claude-opus-4-6",
        (),
        {"max_tokens": 1, "output_config": {"format": {}, "effort": "low"}, "output_format": {}},
        strategy="native",
        schema={},
    )
    assert options_of(chat, notes) == {"max_tokens": 1, "output_config": {"effort": "low"}}
    assert len(notes) == 2
