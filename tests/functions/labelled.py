"""The labelled set of bench/judge.jsonl: outputs of which it is known whether they are good, and a judge by script.

The judge says of each output what the set has it say, which now and then is wrong. Asked again about the same one it
wavers by a few points, each time in the same way.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from functions.evaluations.rubric import DEFAULT_CRITERIA, keys_of
from opperweb import json
from tests.upstream import Reply, Upstream, completion

SET = Path(__file__).resolve().parents[2] / "bench" / "judge.jsonl"
# Names of models on the upstream: one that gives the outputs of the set in turn, and the judge.
ANSWERS, JUDGE = "answers", "judge"
# Added to the score when an output is judged for the first time, the second, the third, …
WAVERING = (0, 3, -4, 6, -2)
EDGE = 50


@dataclass(frozen=True)
class Case:
    """One output of the set; `wrong` says in words what was planted, `verdict` what the scripted judge thinks."""

    task: str
    instructions: str
    input: Any
    output_schema: Mapping[str, Any]
    output: Any
    label: str
    kind: str
    wrong: str
    verdict: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        return self.label == "good"

    @property
    def key(self) -> str:
        return key_of(self.input, self.output)

    def request(self, name: str, model: str) -> dict[str, Any]:
        """Return the call that is to give this output."""
        definition = {"instructions": self.instructions, "output_schema": self.output_schema, "model": model}
        return {"name": name, **definition, "input": self.input}

    def said(self, times: int = 0) -> dict[str, Any]:
        """Return what the judge says after it was asked about this so many times before."""
        score = min(100, max(0, self.verdict["score"] + WAVERING[times % len(WAVERING)]))
        # Where it was hardly sure, it may change its mind.
        is_near = abs(self.verdict["score"] - EDGE) <= max(WAVERING)
        is_correct = score >= EDGE if times and is_near else self.verdict["correct"]
        reason = self.verdict["observations"]
        return {
            "thoughts": "It was compared with what was asked.",
            "observations": reason,
            "criteria": {key: {"reason": reason, "score": score} for key in keys_of(DEFAULT_CRITERIA)},
            "correct": is_correct,
            "score": score,
        }


def key_of(asked: Any, output: Any) -> str:
    """Return what tells outputs of the set apart."""
    return json.dumps([asked, output])


def cases() -> list[Case]:
    return [Case(**json.loads(line)) for line in SET.read_text(encoding="utf-8").splitlines()]


@dataclass
class Script:
    """The scripted judge: what it says to a request, and how often it was asked about each output."""

    by_key: dict[str, Case]
    asked: Counter[str] = field(default_factory=Counter)

    def reply(self, body: Mapping[str, Any]) -> Reply:
        [data] = json.loads(body["messages"][-1]["content"]).values()
        case = self.by_key[key_of(data["input"], data["output"])]
        times = self.asked[case.key]
        self.asked[case.key] += 1
        return completion(json.dumps(case.said(times)), model=JUDGE)


class LabelledUpstream(Upstream):
    """The scripted upstream with the models `answers` and `judge`."""

    def __init__(self, labelled: Sequence[Case]) -> None:
        super().__init__()
        self.judge = Script({case.key: case for case in labelled})
        self.script(ANSWERS, *(case.output for case in labelled))

    def _by_name(self, model: str, body: dict[str, Any]) -> Reply:
        return self.judge.reply(body) if model == JUDGE else super()._by_name(model, body)


@contextmanager
def serving(labelled: Sequence[Case]) -> Iterator[LabelledUpstream]:
    """Serve the answers and the judge of these on loopback, on a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="labelled", daemon=True)
    thread.start()
    server = LabelledUpstream(labelled)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
