"""From a task to the messages that are sent.

What stays the same from call to call comes first (instructions, shapes, examples) and the input last, so that
providers can keep the beginning. The input is data, in a turn of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions.prompts.media import split
from functions.prompts.schema_text import is_object_alone, shape_of
from functions.providers.chat import Message, Part, Strategy, TextPart, Wanted
from functions.schemas.dialects import Wire
from functions.schemas.problems import Problem
from functions.task import DEFAULT_INSTRUCTIONS, Example, Task
from opperweb import json

MOST_PROBLEMS_SHOWN = 8
LONGEST_ANSWER_SHOWN = 60_000
LONGEST_PROBLEM_SHOWN = 400
NO_INPUT = "There is no input. Follow the instructions."


def messages_for(
    task: Task,
    *,
    strategy: Strategy,
    wire: Wire | None,
    is_schema_shown: bool = True,
    wants: Wanted = "text",
) -> tuple[Message, ...]:
    """Return the conversation that asks for one answer to `task`.

    `is_schema_shown` tells that the provider puts a schema that is sent before the model's eyes by itself.
    """
    if wants in ("image", "audio"):
        return _media_messages(task)
    is_wrapped = _is_wrapped(task, strategy)
    return (
        Message.of_text("system", _system(task, strategy, wire, is_wrapped, is_schema_shown), "instructions"),
        *(message for example in _nearest_last(task.examples) for message in _turns(example, task, wire, is_wrapped)),
        Message("user", _input_parts(task.input, task), "input"),
    )


def with_repair(messages: Sequence[Message], answer: str, problems: Sequence[Problem]) -> tuple[Message, ...]:
    """Return the conversation that goes on after an answer that does not fit."""
    repair = Message.of_text("user", _repair_text(problems), "added by retry")
    if not answer.strip():
        return (*messages, repair)
    if len(answer) > LONGEST_ANSWER_SHOWN:
        answer = answer[:LONGEST_ANSWER_SHOWN] + "…"
    return (*messages, Message.of_text("assistant", answer, "answer before"), repair)


def _media_messages(task: Task) -> tuple[Message, ...]:
    """Return what asks for a picture or for speech: such models draw and speak whatever words they are given."""
    instructions = task.instructions.strip()
    is_said = instructions and instructions != DEFAULT_INSTRUCTIONS
    said = (Message.of_text("system", instructions, "instructions"),) if is_said else ()
    return (*said, Message("user", _input_parts(task.input, task), "input"))


# --- the first message ------------------------------------------------------------------------------------------------


def _system(task: Task, strategy: Strategy, wire: Wire | None, is_wrapped: bool, is_schema_shown: bool) -> str:
    parts = [task.instructions.strip() or DEFAULT_INSTRUCTIONS, _about_input(task), ""]
    if task.output_schema is not None:
        parts[2] = _about_output(task.output_schema, wire, is_wrapped, is_schema_shown)
    return "\n\n".join(part for part in parts if part)


def _about_input(task: Task) -> str:
    if task.input_schema is None:
        return ""
    return f"The user's message is the input, as JSON in this shape:\n{shape_of(task.input_schema)}"


def _about_output(schema: dict[str, Any], wire: Wire | None, is_wrapped: bool, is_schema_shown: bool) -> str:
    if wire is not None and is_schema_shown and not wire.is_thinned:
        return ""
    if wire is not None:
        # What is not enforced is worth saying; a grammar enforces the shape, but tells the model nothing of it.
        return f"The JSON of the answer, with the rules of its fields:\n{shape_of(wire.schema)}"
    shape = shape_of(schema, "value" if is_wrapped else "")
    optional = "\nA field whose name is followed by ? may be left out." if "?: " in shape else ""
    return f"Answer with one JSON value in this shape, and with nothing else:\n{shape}{optional}"


def _is_wrapped(task: Task, strategy: Strategy) -> bool:
    # In the mode json a provider takes objects alone.
    return strategy == "json" and task.output_schema is not None and not is_object_alone(task.output_schema)


# --- examples and input -----------------------------------------------------------------------------------------------


def _nearest_last(examples: Sequence[Example]) -> list[Example]:
    return sorted(examples, key=lambda example: example.similarity or 0.0)


def _turns(example: Example, task: Task, wire: Wire | None, is_wrapped: bool) -> tuple[Message, Message]:
    question = _input_parts(example.input, task)
    if example.comment and example.comment.strip():
        question = (*question, TextPart(f"\n\n(About the answer to this example: {example.comment.strip()})"))
    return (
        Message("user", question, "example"),
        Message.of_text("assistant", _output_text(example.output, task, wire, is_wrapped), "example"),
    )


def _output_text(output: Any, task: Task, wire: Wire | None, is_wrapped: bool) -> str:
    if task.output_schema is None:
        return _text_of(output)
    if wire is not None:
        output = wire.codec.encode(output)
    return json.dumps({"value": output} if is_wrapped else output)


def _input_parts(value: Any, task: Task) -> tuple[Part, ...]:
    """Return the input as text, and what it holds of pictures, sound and files as parts of their own."""
    words, media = split(value, task.input_schema)
    return (TextPart(_input_text(words)), *media)


def _input_text(value: Any) -> str:
    return NO_INPUT if value is None or value == "" else _text_of(value)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# --- what was wrong ---------------------------------------------------------------------------------------------------


def _repair_text(problems: Sequence[Problem]) -> str:
    deepest_first = sorted(problems, key=lambda problem: -len(problem.path))[:MOST_PROBLEMS_SHOWN]
    listed = " ".join(f"{number}. {_sentence(problem)}" for number, problem in enumerate(deepest_first, 1))
    more = len(problems) - len(deepest_first)
    rest = f" There are {more} more of this kind." if more > 0 else ""
    return f"The answer does not fit: {listed}{rest} Return the whole corrected JSON value and nothing else."


def _sentence(problem: Problem) -> str:
    text = problem.sentence if problem.path else f"The answer {problem.message}"
    return text[:LONGEST_PROBLEM_SHOWN].rstrip(".") + "."
