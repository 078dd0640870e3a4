"""How the time of a call was spent, and with which options it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from traces.models import Attempt, SpanBody
from traces.pages.json_view import indented, readable
from traces.pages.waterfall import fill_of


@dataclass(frozen=True)
class Segment:
    """A part of the timing bar, in per cent."""

    css: str
    label: Promise
    ms: float
    x: str
    width: str

    @property
    def fill(self) -> str:
        return fill_of(self.css)


def timing_of(attempts: Sequence[Attempt]) -> list[Segment]:
    """Return how the attempt that counted spent its time: queue, to the first byte, on to the first token, the rest."""
    last = attempts[-1] if attempts else None
    if last is None or not last.duration_ms:
        return []
    queue, byte = last.queue_ms or 0, last.first_byte_ms or 0
    token = max((last.first_token_ms or byte) - byte, 0)
    rest = max(last.duration_ms - queue - byte - token, 0)
    parts = [
        ("queue", _("Queue"), queue),
        ("wait", _("To first byte"), byte),
        ("wait", _("Then to first token"), token),
        ("call", _("Generation"), rest),
    ]
    total, at, segments = max(queue + byte + token + rest, 0.001), 0.0, []
    for css, label, ms in parts:
        if ms or css == "call":
            segments.append(Segment(css, label, ms, f"{at / total:.2%}", f"{ms / total:.2%}"))
        at += ms
    return segments


def tokens_per_second(attempts: Sequence[Attempt]) -> float | None:
    """Return how fast the attempt that counted wrote; None where that cannot be told."""
    segments = timing_of(attempts)
    generation = segments[-1].ms if segments else 0
    output = attempts[-1].output_tokens if attempts else None
    return output / generation * 1000 if output and generation > 1 else None


def options_of(body: SpanBody) -> list[tuple[str, str]]:
    """Return the options of the model and the configuration the call was made with, one pair each."""
    request = body.request if isinstance(body.request, dict) else {}
    model = request.get("model")
    sources = [model.get("options") if isinstance(model, dict) else None, request.get("configuration")]
    pairs = [pair for source in sources if isinstance(source, dict) for pair in source.items()]
    return [
        (readable(str(name)), readable(value if isinstance(value, str) else indented(value))) for name, value in pairs
    ]
