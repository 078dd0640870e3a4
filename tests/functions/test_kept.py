"""What is kept of an answer: words and values as they are, pictures and speech so that they can be shown."""

from typing import Any

import pytest

from functions.kept import answer_of, body_of
from functions.providers.rehearsed_media import picture_for, sound_for
from functions.task import CompletionError, Result
from traces.models import Span

PICTURE, SOUND = picture_for("a"), sound_for("a")
PNG, WAV = f"data:image/png;base64,{PICTURE}", f"data:audio/wav;base64,{SOUND}"


@pytest.mark.parametrize(
    ("result", "output"),
    [
        (Result(message="Jupiter"), "Jupiter"),
        (Result(message=""), ""),
        (Result(value={"answer": 0}), {"answer": 0}),
        (Result(images=[PICTURE]), {"images": [PNG]}),
        (Result(message="Two of them", images=[PICTURE, PICTURE]), {"message": "Two of them", "images": [PNG, PNG]}),
        (Result(audio=SOUND), {"audio": WAV}),
        (Result(message="Hello", audio=SOUND), {"audio": WAV, "transcript": "Hello"}),
        (Result(value={"a": 1}, images=["AAAA"]), {"json_payload": {"a": 1}, "images": ["data:image/png;base64,AAAA"]}),
    ],
)
def test_an_answer_is_kept_whole(result: Result, output: Any) -> None:
    assert body_of(result) == {"output": output}


def test_a_failure_keeps_no_output() -> None:
    assert body_of(Result(error=CompletionError(502, "ProviderError", "m", "d", "k"))) == {"error": "ProviderError: d"}


@pytest.mark.parametrize(
    ("model", "kept", "line"),
    [("rehearsal/image", "data:image/png;base64,", "1 image"), ("rehearsal/speech", "data:audio/wav;base64,", "audio")],
)
def test_the_span_has_the_file_that_the_caller_got_also_from_the_cache(
    api: Any, model: str, kept: str, line: str
) -> None:
    task = {"name": "draw", "input": "a planet", "model": model, "configuration": {"invocation.cache.ttl": 60}}
    answers = [api.post("/v2/call", task).json() for _ in range(2)]
    assert [answer["cached"] for answer in answers] == [False, True]
    for answer in answers:
        [file] = answer["images"] or [answer["audio"]]
        assert "data:" not in file
        assert file in str(api.get(f"/v2/spans/{answer['span_id']}").json()["output"])
        span = Span.objects.select_related("body", "trace").get(id=answer["span_id"])
        assert kept + file in str(span.body.output)
        assert (span.output_preview, span.trace.output_preview) == (line, line)
        told = answer_of(span.body)
        assert told == {name: answer[name] for name in told}
