"""Pictures and speech from Google."""

import base64
import struct
from typing import Any

import pytest

from functions.providers import errors
from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Message, TextPart, Usage
from functions.providers.gemini import Gemini
from opperweb import json

BASE = "https://generativelanguage.googleapis.com/v1beta"
ADAPTER = Gemini("gemini", BASE, "key")
HI = (Message.of_text("user", "a red fox"),)
INSTRUCTED = (Message.of_text("system", "In oil."), *HI)
SAMPLES = bytes(range(8))


def sent(model: str, **more: Any) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    wire = ADAPTER.request(ChatRequest(**{"model": model, "messages": HI, **more}))
    return wire.url, json.loads(wire.body), wire.notes


def read(value: Any) -> ChatReply:
    return ADAPTER.reply(200, {}, json.dumps(value).encode())


def reply_with(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, "finishReason": "STOP"}], **more}


def inline(media_type: str, data: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode()}}


# --- pictures -------------------------------------------------------------------------------------------------------


def test_a_picture_is_asked_for_by_the_models_name():
    url, body, notes = sent("gemini-2.5-flash-image", messages=INSTRUCTED)
    assert url == f"{BASE}/models/gemini-2.5-flash-image:generateContent"
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "In oil."}, {"text": "a red fox"}]}],
        "generationConfig": {"responseModalities": ["IMAGE"]},
    }
    assert len(notes) == 1


def test_a_picture_is_asked_for_by_what_is_wanted():
    _, body, _ = sent("gemini-9-anything", wants="image")
    assert body["generationConfig"] == {"responseModalities": ["IMAGE"]}
    _, body, _ = sent("gemini-2.0-flash-preview-image-generation")
    assert body["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}


def test_a_picture_may_be_given_to_be_changed():
    picture = Message("user", (TextPart("make it blue"), MediaPart("image", "image/png", "AAAA")))
    _, body, _ = sent("gemini-2.5-flash-image", messages=(INSTRUCTED[0], picture))
    assert body["contents"] == [
        {
            "role": "user",
            "parts": [
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"text": "In oil."},
                {"text": "make it blue"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("options", "config", "count"),
    [
        ({"aspect_ratio": "16:9"}, {"aspectRatio": "16:9"}, 0),
        ({"imageSize": "2K", "aspectRatio": "1:1"}, {"imageSize": "2K", "aspectRatio": "1:1"}, 0),
        ({"imageConfig": {"aspectRatio": "4:5"}, "aspect_ratio": "1:1"}, {"aspectRatio": "4:5"}, 0),
        ({"size": "1536x1024"}, {"aspectRatio": "3:2"}, 1),
        ({"size": "4K"}, {"imageSize": "4K"}, 1),
        ({"size": "1000x999"}, None, 1),
        ({"size": "auto", "quality": "high"}, None, 2),
    ],
)
def test_the_shape_of_a_picture_is_told_in_googles_words(options: dict[str, Any], config: Any, count: int):
    _, body, notes = sent("gemini-2.5-flash-image", options=options)
    assert body["generationConfig"].get("imageConfig") == config
    assert set(body) == {"contents", "generationConfig"}
    assert len(notes) == count


def test_no_schema_is_sent_where_a_picture_is_to_come():
    _, body, notes = sent("gemini-2.5-flash-image", strategy="native", schema={"type": "object"})
    assert body["generationConfig"] == {"responseModalities": ["IMAGE"]}
    assert notes == ("the output schema was not sent: gemini-2.5-flash-image answers with image",)


def test_pictures_come_with_words_or_without_and_drafts_stay_away():
    draft = {**inline("image/png", b"draft"), "thought": True}
    usage = {
        "promptTokenCount": 5,
        "candidatesTokenCount": 1290,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
    }
    reply = read(reply_with({"text": "Here."}, draft, inline("image/png", b"picture"), usageMetadata=usage))
    assert reply.images == (base64.b64encode(b"picture").decode(),)
    assert (reply.text, reply.finish_reason, reply.audio, reply.notes) == ("Here.", "stop", None, ())
    assert reply.usage == Usage(input_tokens=5, output_tokens=1290, output_image_tokens=1290)


# --- Imagen ---------------------------------------------------------------------------------------------------------


def test_imagen_has_an_address_and_a_form_of_its_own():
    url, body, notes = sent(
        "imagen-4.0-generate-001",
        messages=INSTRUCTED,
        options={"aspect_ratio": "3:4", "n": 2, "personGeneration": "dont_allow", "quality": "high", "temperature": 1},
    )
    assert url == f"{BASE}/models/imagen-4.0-generate-001:predict"
    assert body == {
        "instances": [{"prompt": "In oil.\n\na red fox"}],
        "parameters": {
            "sampleCount": 2,
            "includeRaiReason": True,
            "aspectRatio": "3:4",
            "personGeneration": "dont_allow",
        },
    }
    assert len(notes) == 2
    # It has no streams: what was asked piece by piece comes at once.
    assert sent("imagen-4.0-generate-001", is_streamed=True)[0].endswith(":predict")


def test_imagen_takes_words_alone():
    with pytest.raises(errors.BadRequest, match="words alone"):
        sent("imagen-4.0-generate-001", messages=(Message("user", (MediaPart("image", "image/png", "AAAA"),)),))


def test_what_imagen_made_and_what_it_held_back():
    made = {"mimeType": "image/png", "bytesBase64Encoded": "AAAA"}
    reply = read({"predictions": [made, {"raiFilteredReason": "Too red."}]})
    assert (reply.images, reply.finish_reason, reply.text) == (("AAAA",), "stop", None)
    assert reply.notes == ("a picture was held back: Too red.",)
    reply = read({"predictions": [{"raiFilteredReason": "Too red."}]})
    assert (reply.images, reply.finish_reason, reply.refusal) == ((), "refused", "Too red.")
    assert read({"predictions": []}).finish_reason == "failed"
    assert not reply.usage.is_known


# --- speech ---------------------------------------------------------------------------------------------------------


def test_speech_is_asked_for_by_the_models_name():
    messages = (
        Message.of_text("system", "Read slowly:"),
        Message.of_text("user", "an example"),
        Message.of_text("assistant", "no"),
        Message.of_text("user", "Hello."),
    )
    _, body, _ = sent("gemini-2.5-flash-preview-tts", messages=messages)
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "Read slowly:\n\nHello."}]}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
    }


def test_voice_and_style_are_the_callers():
    options = {"voice": "Puck", "instructions": "Whisper:", "speed": 2}
    _, body, notes = sent("gemini-2.5-pro-preview-tts", messages=INSTRUCTED, options=options)
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Whisper:\n\na red fox"}]}]
    voice = body["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]
    assert voice == {"voiceName": "Puck"}
    assert set(body) == {"contents", "generationConfig"}
    assert notes == ("the option speed was not sent: Gemini has nothing of this name",)
    config = {"multiSpeakerVoiceConfig": {}}
    _, body, _ = sent("gemini-9", wants="audio", options={"speechConfig": config})
    assert body["generationConfig"]["speechConfig"] == config


def test_without_words_there_is_nothing_to_say():
    with pytest.raises(errors.BadRequest, match="there is nothing for"):
        sent("gemini-2.5-flash-preview-tts", messages=(Message.of_text("user", " "),))


@pytest.mark.parametrize(
    ("media_type", "rate"),
    [("audio/L16;codec=pcm;rate=24000", 24000), ("audio/l16; rate=16000", 16000), ("audio/pcm", 24000)],
)
def test_bare_samples_become_a_file_whose_head_tells_their_rate(media_type: str, rate: int):
    reply = read(reply_with(inline(media_type, SAMPLES[:4]), inline(media_type, SAMPLES[4:])))
    assert reply.audio_media_type == "audio/wav"
    # RIFF, size of what follows; fmt: PCM, one channel, rate, bytes a second, bytes a sample, bits; data.
    head = b"RIFF" + struct.pack("<I", 36 + 8) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    assert base64.b64decode(reply.audio or "") == head + b"data" + struct.pack("<I", 8) + SAMPLES


def test_sound_that_is_a_file_already_stays_as_it_is():
    reply = read(reply_with(inline("audio/mpeg", b"ID3 and so on")))
    assert (reply.audio, reply.audio_media_type) == (base64.b64encode(b"ID3 and so on").decode(), "audio/mpeg")


def test_pieces_of_sound_that_cannot_be_read_are_told():
    reply = read(reply_with({"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "???"}}))
    assert (reply.audio, reply.audio_media_type) == (None, "")
    assert reply.notes == ("pieces of sound that could not be read: 1",)


def test_a_recording_is_written_down_by_an_ordinary_model():
    recording = Message("user", (TextPart("Write it down."), MediaPart("audio", "audio/wav", "AAAA")))
    _, body, _ = sent("gemini-2.5-flash", messages=(recording,), wants="transcript")
    assert body == {
        "contents": [
            {
                "role": "user",
                "parts": [{"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}, {"text": "Write it down."}],
            }
        ]
    }
