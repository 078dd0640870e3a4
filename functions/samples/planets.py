"""The sample function that answers questions from facts: its revisions, its questions, its judge's rubric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAME = "sample_kb_query"
DESCRIPTION = "Answers a question about planets from the facts that come with it. A sample, with made-up calls."
NANO, MINI = "openai/gpt-4.1-nano", "openai/gpt-4o-mini"
UNKNOWN = "unknown"
PATTERN = r"^The answer to the question is [A-Za-z0-9\s]+$"

INPUT_SCHEMA = {
    "title": "KBQueryInput",
    "type": "object",
    "properties": {
        "question": {"type": "string", "description": "What somebody wants to know"},
        "facts": {"type": "array", "items": {"type": "string"}, "description": "What is known, a fact each"},
    },
    "required": ["question", "facts"],
}


def _output_schema(**rules: str) -> dict[str, Any]:
    return {
        "title": "KBQueryOutput",
        "type": "object",
        "properties": {
            "thoughts": {"type": "string", "description": "Elaborate step-by-step reasoning"},
            "answer": {"type": "string", "description": "Concise answer to the question", **rules},
        },
        "required": ["thoughts", "answer"],
    }


FIRST = {
    "instructions": "Given the list of bullet-point facts, answer the question.",
    "input_schema": INPUT_SCHEMA,
    "output_schema": _output_schema(),
    "model": [NANO, MINI],
    "configuration": {},
}
SECOND = {
    **FIRST,
    "instructions": (
        "Given the list of bullet-point facts, answer the question.\n\n"
        "Use nothing but the facts: where they do not tell, the answer is “unknown”, even if you know it."
    ),
}
THIRD = {
    **SECOND,
    "output_schema": _output_schema(pattern=PATTERN),
    "configuration": {"invocation.few_shot.count": 2},
}
NOTES = (
    "Created by first call",
    "Answer from the facts alone",
    "Answer as a sentence; show the two nearest examples",
)
# How many days ago each of them was saved.
DAYS_AGO = (13.5, 9.0, 4.0)

CRITERIA: list[dict[str, Any]] = [
    {"name": "Supported by the facts", "sentence": "The answer stands in one of the facts.", "weight": 5},
    {"name": "Silent facts", "sentence": "Where no fact tells, the answer is “unknown”.", "weight": 3},
    {"name": "Short thoughts", "sentence": "The reasoning has no more steps than it needs.", "weight": 1},
]
RULES: list[dict[str, Any]] = [
    {"kind": "length", "path": "answer", "unit": "words", "least": 1, "most": 10},
    {"kind": "not_contains", "path": "thoughts", "text": "As an AI", "name": "thoughts do not speak of an AI"},
]

GIANTS = (
    "Jupiter is the largest planet in the Solar System.",
    "The Great Red Spot is a giant storm on Jupiter.",
    "Saturn possesses the most extensive ring system in the Solar System.",
)
MOONS = (
    "Enceladus, a moon of Saturn, throws geysers of water ice into space.",
    "Titan has lakes of liquid methane.",
    "Io is covered with active volcanoes.",
)
ORBITS = (
    "A day on Venus lasts longer than its year.",
    "Mercury takes 88 days for one orbit around the Sun.",
    "Neptune is the planet farthest from the Sun.",
)


@dataclass(frozen=True)
class Question:
    """A question with its facts, the answer that they hold, and one that a model might make up."""

    facts: tuple[str, ...]
    text: str
    answer: str
    made_up: str

    @property
    def input(self) -> dict[str, Any]:
        return {"question": self.text, "facts": [*self.facts]}

    def output(self, *, is_right: bool = True, is_sentence: bool = True) -> dict[str, str]:
        answer = self.answer if is_right else self.made_up
        return {
            "thoughts": self._thoughts(answer, is_right=is_right),
            "answer": f"The answer to the question is {answer}" if is_sentence else answer,
        }

    def observations(self, *, is_right: bool) -> str:
        """Return what a judge says of the answer."""
        if is_right and self.answer == UNKNOWN:
            return "No fact tells, and the answer says so."
        if is_right:
            return f"The answer {self.answer} stands in the facts."
        if self.answer == UNKNOWN:
            return f"{self.made_up} stands in none of the facts; the answer should be “unknown”."
        return f"The facts lead to {self.answer}, and the answer is {self.made_up}."

    def _thoughts(self, answer: str, *, is_right: bool) -> str:
        if not is_right:
            return f"I remember that this is {answer}."
        if answer == UNKNOWN:
            return "The facts were read one by one. None of them tells what the question asks."
        words = set(self.text.rstrip("?").split())
        telling = max(self.facts, key=lambda fact: (answer in fact, len(words & set(fact.rstrip(".").split()))))
        return f"The facts were read one by one. One of them tells: {telling}"


QUESTIONS = (
    Question(GIANTS, "Which planet hosts the Great Red Spot?", "Jupiter", "Saturn"),
    Question(MOONS, "Which moon throws water ice into space?", "Enceladus", "Europa"),
    Question(GIANTS, "What is the name of Earth's moon?", UNKNOWN, "Luna"),
    Question(ORBITS, "Which planet is farthest from the Sun?", "Neptune", "Pluto"),
    Question(GIANTS, "Which planet has the largest ring system?", "Saturn", "Uranus"),
    Question(MOONS, "Who discovered Titan?", UNKNOWN, "Christiaan Huygens"),
    Question(ORBITS, "How long does Mercury take around the Sun?", "88 days", "116 days"),
    Question(MOONS, "Which moon has lakes of methane?", "Titan", "Ganymede"),
    Question(ORBITS, "On which planet is a day longer than a year?", "Venus", "Mercury"),
)
# Of the agent's trace.
WATCHED = Question(GIANTS, "Which planet hosts the Great Red Spot, and how long have we watched it?", "Jupiter", "Mars")


@dataclass(frozen=True)
class Kept:
    """An example that somebody wrote or brought along in a file."""

    question: Question
    comment: str = ""
    source_name: str = ""
    # An answer as it was wanted before the newest revision fits that one's schema no more.
    is_sentence: bool = True


EXAMPLES = (
    Kept(QUESTIONS[0], "Name the planet alone."),
    Kept(QUESTIONS[2], "Nothing about Earth in the facts: unknown, although everybody knows it."),
    Kept(QUESTIONS[6], "With its unit."),
    Kept(QUESTIONS[7], source_name="questions.csv"),
    Kept(QUESTIONS[3], source_name="questions.csv", is_sentence=False),
)
