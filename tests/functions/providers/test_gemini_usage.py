"""Gemini's tokens, whose thoughts stand beside the answer."""

from typing import Any

import pytest

from functions.providers.chat import Usage
from functions.providers.gemini_usage import usage_of


@pytest.mark.parametrize(
    ("given", "usage"),
    [
        ({"promptTokenCount": 10, "candidatesTokenCount": 5}, Usage(input_tokens=10, output_tokens=5)),
        (
            {"promptTokenCount": 10, "cachedContentTokenCount": 4, "toolUsePromptTokenCount": 3,
             "candidatesTokenCount": 5, "thoughtsTokenCount": 7, "totalTokenCount": 25},
            Usage(input_tokens=13, cached_tokens=4, output_tokens=12, reasoning_tokens=7),
        ),
        # Cut off while it was thinking.
        ({"promptTokenCount": 10, "thoughtsTokenCount": 7}, Usage(10, None, None, 7, 7)),
        ({"promptTokenCount": 10, "totalTokenCount": 10}, Usage(input_tokens=10, output_tokens=0)),
        ({"promptTokenCount": 10}, Usage(input_tokens=10)),
        (
            {"promptTokenCount": 300, "candidatesTokenCount": 1290, "cachedContentTokenCount": 20,
             "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}, {"modality": "IMAGE", "tokenCount": 258},
                                     {"modality": "AUDIO", "tokenCount": 30}],
             "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
             "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]},
            Usage(input_tokens=300, cached_tokens=20, output_tokens=1290, input_audio_tokens=30,
                  input_image_tokens=258, cached_audio_tokens=20, output_image_tokens=1290),
        ),
        (
            {"promptTokenCount": 3, "candidatesTokenCount": 50,
             "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}, "odd", {"modality": 5}]},
            Usage(input_tokens=3, output_tokens=50, output_audio_tokens=50),
        ),
        ({"promptTokenCount": -1, "candidatesTokenCount": "many", "thoughtsTokenCount": True}, Usage()),
        (None, Usage()),
        ([], Usage()),
    ],
)  # fmt: skip
def test_tokens_are_counted_in_one_way_and_missing_ones_are_unknown(given: Any, usage: Usage):
    assert usage_of(given) == (usage, [])


def test_more_cached_tokens_than_there_were_are_left_out_and_told():
    usage, notes = usage_of({"promptTokenCount": 3, "cachedContentTokenCount": 9})
    assert usage == Usage(input_tokens=3)
    assert len(notes) == 1
