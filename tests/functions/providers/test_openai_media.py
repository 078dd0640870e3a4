"""Pictures, speech and recordings: asked for at the right place, read from each form of answer."""

import base64
from typing import Any

import pytest

from functions.providers import HttpProvider
from functions.providers.adapter import WireRequest
from functions.providers.chat import ChatRequest, MediaPart, Message, TextPart, Usage
from functions.providers.errors import BadReply, BadRequest
from functions.providers.openai import OpenAI
from functions.providers.rehearsed_media import picture_for, sound_for
from opperweb import json
from tests.upstream import Reply, Upstream

OFFICIAL = OpenAI("openai", "https://api.openai.com/v1", "key")
PNG, WAV = picture_for("blue"), sound_for("hello")
SYSTEM = Message.of_text("system", "Speak warmly.")


def asked(model: str, wants: Any, *parts: Any, adapter: OpenAI = OFFICIAL, **more: Any) -> WireRequest:
    user = Message("user", tuple(TextPart(part) if isinstance(part, str) else part for part in parts))
    return adapter.request(ChatRequest(model, (SYSTEM, user), wants=wants, **more))


def image(name: str = "") -> MediaPart:
    return MediaPart("image", "image/png", PNG, name)


# --- questions ------------------------------------------------------------------------------------------------------


def test_a_picture_is_asked_for_with_the_words_of_the_conversation():
    wire = asked("gpt-image-1", "image", "a blue dot", options={"size": "1024x1024", "n": 2, "response_format": "url"})
    assert wire.url == "https://api.openai.com/v1/images/generations"
    assert json.loads(wire.body) == {
        "model": "gpt-image-1",
        "prompt": "Speak warmly.\n\na blue dot",
        "size": "1024x1024",
        "n": 2,
    }
    assert json.loads(asked("dall-e-3", "image", "a dot").body)["response_format"] == "b64_json"


def test_a_picture_in_the_conversation_is_changed():
    wire = asked("gpt-image-1", "image", "make it red", image(), image("a.png"), options={"size": "auto"})
    assert wire.url.endswith("/images/edits")
    boundary = wire.headers["content-type"].partition("boundary=")[2]
    parts = wire.body.split(f"--{boundary}".encode())
    assert [part[:60].partition(b'name="')[2].partition(b'"')[0] for part in parts[1:-1]] == [
        b"model", b"prompt", b"size", b"image[]", b"image[]",
    ]  # fmt: skip
    assert parts[4].endswith(b"\r\n\r\n" + base64.b64decode(PNG) + b"\r\n")
    assert b'filename="image1.png"\r\ncontent-type: image/png' in parts[4]
    assert b'filename="a.png"' in parts[5]
    assert parts[-1] == b"--\r\n"


def test_what_is_kept_of_a_form_holds_no_file():
    wire = asked("gpt-image-1", "image", "make it red", image())
    size = len(base64.b64decode(PNG))
    assert wire.summary is not None
    assert wire.summary.splitlines()[-1] == f"image[]: [image1.png, image/png, {size} bytes]"
    assert "make it red" in wire.summary
    assert PNG not in wire.summary


def test_a_name_of_a_file_cannot_break_out_of_its_line():
    wire = asked("gpt-image-1", "image", "x", image('a"\r\nx-evil: 1\r\n\r\n.png'))
    assert b"\r\nx-evil" not in wire.body
    assert b'filename="a%22  x-evil' in wire.body


def test_speech_is_asked_for_with_its_style():
    wire = asked("gpt-4o-mini-tts", "audio", "hello", options={"voice": "coral", "response_format": "wav"})
    assert wire.url.endswith("/v1/audio/speech")
    assert json.loads(wire.body) == {
        "model": "gpt-4o-mini-tts",
        "input": "hello",
        "instructions": "Speak warmly.",
        "voice": "coral",
        "response_format": "wav",
    }
    plain = asked("tts-1", "audio", "hello")
    assert json.loads(plain.body) == {"model": "tts-1", "input": "hello", "voice": "alloy"}
    assert len(plain.notes) == 2


def test_speech_has_a_longest_text():
    asked("tts-1", "audio", "x" * 4096)
    with pytest.raises(BadRequest, match="at most 4,096 characters at once; the input has 4,097"):
        asked("tts-1", "audio", "x" * 4097)
    with pytest.raises(BadRequest, match="no words"):
        asked("tts-1", "audio", "")


def test_a_model_that_speaks_in_a_conversation_is_asked_there():
    wire = asked("gpt-4o-audio-preview", "audio", "hello", options={"audio": {"voice": "ash"}})
    body = json.loads(wire.body)
    assert wire.url.endswith("/chat/completions")
    assert body["modalities"] == ["text", "audio"]
    assert body["audio"] == {"voice": "ash", "format": "wav"}
    streamed = asked("gpt-audio", "audio", "hello", is_streamed=True, options={"audio": {"format": "mp3"}})
    assert json.loads(streamed.body)["audio"] == {"voice": "alloy", "format": "pcm16"}


@pytest.mark.parametrize("strategy", ["native", "tool", "json"])
@pytest.mark.parametrize(("model", "wants"), [("gpt-audio", "audio"), ("gpt-image-1", "image"), ("tts-1", "audio")])
def test_no_schema_goes_along_with_speech_or_pictures(strategy: Any, model: str, wants: Any):
    wire = asked(model, wants, "hello", strategy=strategy, schema={"type": "object"})
    assert not {"response_format", "tools", "tool_choice"} & json.loads(wire.body).keys()
    assert "schema" in wire.notes[0]


@pytest.mark.parametrize("wants", ["transcript", "text"])
def test_a_recording_is_written_down(wants: Any):
    part = MediaPart("audio", "audio/mpeg", WAV)
    wire = asked("whisper-1", wants, "ignored", part, options={"language": "de", "response_format": "srt",
                 "timestamp_granularities": ["word"], "temperature": 0})  # fmt: skip
    assert wire.url.endswith("/audio/transcriptions")
    assert wire.summary is not None
    assert wire.summary.splitlines() == [
        "model: whisper-1",
        "language: de",
        "timestamp_granularities[]: word",
        "temperature: 0",
        f"file: [recording.mp3, audio/mpeg, {len(base64.b64decode(WAV))} bytes]",
    ]
    assert len(wire.notes) == 2


def test_without_a_recording_nothing_is_written_down():
    with pytest.raises(BadRequest, match="recording"):
        asked("whisper-1", "transcript", "hello")
    with pytest.raises(BadRequest, match="base64"):
        asked("whisper-1", "transcript", MediaPart("audio", "audio/wav", "not base64!"))


def test_a_router_gives_pictures_in_a_chat():
    router = OpenAI("openrouter", "https://openrouter.ai/api/v1")
    wire = asked("google/gemini-2.5-flash-image", "image", "a dot", adapter=router)
    assert wire.url.endswith("/chat/completions")
    assert json.loads(wire.body)["modalities"] == ["image", "text"]
    image_url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    message = {"content": "Here.", "images": [image_url]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    assert router.reply(200, {}, body).images == (PNG,)


# --- answers --------------------------------------------------------------------------------------------------------


def read(value: Any, **headers: str) -> Any:
    return OFFICIAL.reply(200, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


def test_pictures_come_with_their_tokens():
    usage = {"input_tokens": 50, "output_tokens": 272, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}
    reply = read(
        {"created": 1, "data": [{"b64_json": PNG}, {"b64_json": PNG}], "usage": usage}, **{"x-request-id": "r"}
    )
    assert (reply.images, reply.text, reply.finish_reason, reply.request_id) == ((PNG, PNG), None, "stop", "r")
    assert reply.usage == Usage(50, None, None, 272, input_image_tokens=40, output_image_tokens=272)


@pytest.mark.parametrize("data", [[], [{"url": "https://example.com/a.png"}], [{}], [None]])
def test_no_picture_is_no_answer(data: Any):
    with pytest.raises(BadReply):
        read({"data": data})


@pytest.mark.parametrize(
    ("body", "told", "media_type"),
    [
        (base64.b64decode(WAV), "audio/wav", "audio/wav"),
        (b"ID3\x04rest", "audio/mpeg", "audio/mpeg"),
        (b"\xff\xf3\xe4", "application/octet-stream", "audio/mpeg"),
        (b"\x00\x01\x02\x03", "audio/pcm", "audio/pcm"),
        (b"OggS....", "audio/opus; rate=1", "audio/ogg"),
    ],
)
def test_speech_is_what_its_first_bytes_say(body: bytes, told: str, media_type: str):
    reply = read(body, **{"content-type": told})
    assert (base64.b64decode(reply.audio), reply.audio_media_type, reply.finish_reason) == (body, media_type, "stop")
    assert reply.usage == Usage()


def test_silence_is_no_speech():
    with pytest.raises(BadReply):
        read(b"", **{"content-type": "audio/mpeg"})


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        ({"type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
          "output_tokens": 45, "total_tokens": 59}, Usage(14, None, None, 45, input_audio_tokens=14)),
        ({"type": "duration", "seconds": 3}, Usage()),
        (None, Usage()),
    ],
)  # fmt: skip
def test_a_transcript_is_text(usage: Any, known: Usage):
    reply = read({"text": "Jupiter", "usage": usage})
    assert (reply.text, reply.finish_reason, reply.usage) == ("Jupiter", "stop", known)


def test_speech_of_a_conversation_comes_with_its_words():
    usage = {"prompt_tokens": 9, "completion_tokens": 50, "prompt_tokens_details": {"audio_tokens": 3},
             "completion_tokens_details": {"audio_tokens": 40, "reasoning_tokens": 0}}  # fmt: skip
    message = {"content": None, "audio": {"id": "a", "data": WAV, "transcript": "hello", "expires_at": 1}}
    reply = read({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})
    assert (reply.text, reply.audio, reply.audio_media_type) == ("hello", WAV, "audio/wav")
    assert reply.usage == Usage(9, None, None, 50, 0, input_audio_tokens=3, output_audio_tokens=40)


# --- on the way -----------------------------------------------------------------------------------------------------


async def test_the_exchange_holds_no_file(upstream: Upstream):
    fake = HttpProvider("fake", "openai", OpenAI("fake", upstream.url, "secret-key"))
    recording = (SYSTEM, Message("user", (MediaPart("audio", "audio/wav", WAV),)))
    exchange = await fake.ask(ChatRequest("whisper-1", recording), timeout_seconds=5)
    assert exchange.reply is not None
    assert exchange.reply.text == "Jupiter, said somebody."
    assert upstream.requests[0].headers["content-type"].startswith("multipart/form-data; boundary=")
    assert base64.b64decode(WAV) in upstream.requests[0].body
    assert "recording.wav" in (exchange.request_body or "")
    assert "RIFF" not in (exchange.request_body or "")

    words = (Message.of_text("user", "hello"),)
    exchange = await fake.ask(ChatRequest("tts-1", words, wants="audio"), timeout_seconds=5)
    assert exchange.reply is not None
    assert exchange.reply.audio_media_type == "audio/wav"
    assert exchange.response_body == f"[audio/wav, {len(base64.b64decode(exchange.reply.audio or ''))} bytes]"

    drawn = Reply(json.dumps({"data": [{"b64_json": WAV}]}).encode())
    upstream.script("gpt-image-1", drawn)
    exchange = await fake.ask(ChatRequest("gpt-image-1", words, wants="image"), timeout_seconds=5)
    assert exchange.reply is not None
    assert exchange.reply.images == (WAV,)
    assert exchange.response_body == json.dumps({"data": [{"b64_json": f"[{len(WAV)} characters of base64]"}]})


async def test_the_record_of_a_chat_holds_no_file_either(upstream: Upstream):
    fake = HttpProvider("fake", "openai", OpenAI("fake", upstream.url, "secret-key"))
    chat = ChatRequest("echo", (Message("user", (TextPart("What is it?"), image())),))
    exchange = await fake.ask(chat, timeout_seconds=5)
    assert PNG.encode() in upstream.requests[0].body
    assert PNG not in (exchange.request_body or "")
    content = json.loads(exchange.request_body or "")["messages"][0]["content"]
    size = len(base64.b64decode(PNG))
    assert content[0]["image_url"]["url"] == f"data:image/png;base64,[{size} bytes]"
    assert content[1]["text"] == "What is it?"


async def test_what_is_refused_beforehand_is_an_error_of_the_exchange(upstream: Upstream):
    fake = HttpProvider("fake", "openai", OpenAI("fake", upstream.url))
    chat = ChatRequest("tts-1", (Message.of_text("user", "x" * 5000),), wants="audio")
    assert isinstance((await fake.ask(chat, timeout_seconds=5)).error, BadRequest)
    async with fake.stream(chat, timeout_seconds=5) as stream:
        assert [delta async for delta in stream] == []
    assert isinstance(stream.exchange().error, BadRequest)
    assert upstream.requests == []


async def test_media_come_whole_where_a_stream_was_asked_for(upstream: Upstream):
    fake = HttpProvider("fake", "openai", OpenAI("fake", upstream.url))
    chat = ChatRequest("gpt-image-1", (Message.of_text("user", "a dot"),), wants="image", is_streamed=True)
    async with fake.stream(chat, timeout_seconds=5) as stream:
        assert [delta async for delta in stream] == []
    reply = stream.exchange().reply
    assert reply is not None
    assert len(reply.images) == 1
    upstream.script("gpt-image-1", Reply(b'{"error": {"message": "no"}}', 400))
    assert isinstance((await fake.ask(chat, timeout_seconds=5)).error, BadRequest)
