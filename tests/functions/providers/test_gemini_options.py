"""Options on their way to Gemini: its own names as they are, OpenAI's brought into them."""

from typing import Any

import pytest

from functions.providers.chat import ChatRequest, Message
from functions.providers.gemini_options import options_of


def sent(
    model: str = "gemini-2.5-flash", strategy: Any = "", **options: Any
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    notes: list[str] = []
    chat = ChatRequest(model, (Message.of_text("user", "hi"),), options, strategy=strategy)
    return *options_of(chat, notes), notes


def test_names_of_openai_become_geminis():
    generation, body, notes = sent(
        max_tokens=7, top_p=0.5, stop="END", seed=5, presence_penalty=0.1, top_logprobs=3, logprobs=True
    )
    assert generation == {
        "maxOutputTokens": 7,
        "topP": 0.5,
        "stopSequences": ["END"],
        "seed": 5,
        "presencePenalty": 0.1,
        "logprobs": 3,
        "responseLogprobs": True,
    }
    assert body == {}
    assert len(notes) == 4
    assert sent(logprobs=2)[0] == {"logprobs": 2}
    assert sent(max_completion_tokens=9)[0] == {"maxOutputTokens": 9}
    assert sent(stop=["a", "b"], temperature=None)[0] == {"stopSequences": ["a", "b"]}


def test_geminis_own_names_go_where_they_belong():
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    generation, body, notes = sent(
        safetySettings=settings,
        thinkingConfig={"includeThoughts": True},
        max_output_tokens=5,
        cachedContent="c/1",
        new={},
    )
    assert generation == {"thinkingConfig": {"includeThoughts": True}, "maxOutputTokens": 5}
    assert body == {"safetySettings": settings, "cachedContent": "c/1", "new": {}}
    assert notes == []


def test_a_whole_config_of_the_callers_own_counts_more():
    generation, _, _ = sent(max_tokens=7, top_k=3, generationConfig={"maxOutputTokens": 9, "audioTimestamp": True})
    assert generation == {"maxOutputTokens": 9, "topK": 3, "audioTimestamp": True}
    assert sent(generation_config={"top_k": 4}, top_k=3)[0] == {"topK": 4}


def test_options_that_mean_nothing_there_are_left_out_and_told():
    generation, body, notes = sent(
        n=2, candidateCount=2, stream=True, logit_bias={}, response_format={}, user="u", system_instruction="x"
    )
    assert (generation, body) == ({}, {})
    assert len(notes) == 7
    note = "the option candidateCount was not sent: it is decided here"
    assert sent(generationConfig={"candidateCount": 2}) == ({}, {}, [note])


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}), ("gemini-2.5-flash-lite", "low", {"thinkingBudget": 1024}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}), ("gemini-2.5-pro", "medium", {"thinkingBudget": 8192}),
        ("gemini-2.5-flash", "max", {"thinkingBudget": 24576}),
        ("gemini-3-flash", "none", {"thinkingLevel": "minimal"}),
        ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "low"}),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "high"}),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "medium"}),
        ("gemini-flash-latest", "xhigh", {"thinkingLevel": "high"}),
        ("gemini-2.0-flash", "low", None), ("gemma-3-27b-it", "low", None), ("gemini-2.5-flash", "odd", None),
    ],
)  # fmt: skip
def test_the_effort_is_told_in_the_words_of_the_generation(model: str, effort: str, config: Any):
    generation, body, notes = sent(model, reasoning_effort=effort)
    assert generation.get("thinkingConfig") == config
    assert "reasoning_effort" not in body
    assert len(notes) == 1


def test_a_thinking_config_of_the_callers_own_counts_more():
    generation, _, notes = sent(reasoning_effort="low", generationConfig={"thinkingConfig": {"thinkingBudget": 5}})
    assert generation == {"thinkingConfig": {"thinkingBudget": 5}}
    assert len(notes) == 1


FUNCTIONS = [{"functionDeclarations": [{"name": "f"}]}]


@pytest.mark.parametrize(
    ("model", "strategy", "tools", "is_kept"),
    [
        ("gemini-2.5-flash", "native", FUNCTIONS, False), ("gemini-3-flash", "native", FUNCTIONS, True),
        ("gemini-2.5-flash", "native", [{"googleSearch": {}}], True), ("gemini-2.5-flash", "text", FUNCTIONS, True),
        ("gemini-3-flash", "tool", FUNCTIONS, False),
    ],
)  # fmt: skip
def test_functions_and_a_schema_do_not_stand_together_before_the_third_generation(
    model: str, strategy: str, tools: Any, is_kept: bool
):
    _, body, notes = sent(model, strategy, tools=tools)
    assert ("tools" in body) is is_kept
    assert len(notes) == (0 if is_kept else 1)
