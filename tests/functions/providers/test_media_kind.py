"""What a model gives is told by its name."""

import pytest

from functions.providers.media_kind import media_kind


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("openai/gpt-image-1", "image"), ("gpt-image-1-mini", "image"), ("dall-e-3", "image"), ("imagen-4.0", "image"),
        ("chatgpt-image-latest", "image"), ("gemini-2.5-flash-image", "image"), ("rehearsal/image", "image"),
        ("tts-1-hd", "audio"), ("gpt-4o-mini-tts", "audio"), ("gpt-4o-audio-preview", "audio"), ("gpt-audio", "audio"),
        ("gemini-2.5-flash-preview-tts", "audio"), ("rehearsal/speech", "audio"),
        ("whisper-1", "transcript"), ("groq/whisper-large-v3", "transcript"), ("gpt-4o-transcribe", "transcript"),
        ("gpt-4.1-nano", "text"), ("qwen2-audio-7b", "text"), ("llama3.2:3b", "text"), ("imaginary", "text"),
        ("", "text"),
    ],
)  # fmt: skip
def test_a_name_tells_what_a_model_gives(model: str, kind: str):
    assert media_kind(model) == kind
