"""Choose the kept examples that are nearest to the input of a task: by their vectors, or by their words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any

from functions.completions.cost import text_of as text_of_cost
from functions.few_shot.embedding import NoVector, Question, question_of
from functions.few_shot.search import Found, find
from functions.few_shot.text import text_of
from functions.few_shot.uses import uses
from functions.few_shot.usual import Usual, usual_of
from functions.few_shot.vectors import matrix_of
from functions.models import DatasetExample, Function
from functions.schemas.validator import InvalidSchema, Validator
from functions.task import Example, Task
from opperweb.database import db

# So many more are read at once as some may not fit what the call asks for.
SPARE = 4
# A call with other schemas than its function's may fit none of the examples: after so many it is not looked further.
MOST_TRIED = 200


@dataclass(frozen=True)
class Choice:
    """The examples for a prompt, the nearest first, and how they were found.

    `facts` are `by` (text or embedding), `of` (how many there are) and `duration_ms`; by embedding also `model`,
    `tokens` and `cost_usd`; and `note`, why it was text although a model is named.
    """

    examples: tuple[Example, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


async def choose(function: Function, task: Task) -> Choice:
    """Return the examples of a function that are nearest to a task's input, as many as its configuration says."""
    began = perf_counter()
    model = task.configuration.embedding_model
    facts: dict[str, Any] = {"by": "text"}
    question = None
    if model:
        try:
            question = await question_of(function, model, text_of(task.input))
            facts = {"by": "embedding", "model": model, **_told(question)}
        except NoVector as problem:
            facts["note"] = f"{model} was not used: {problem}"
    examples, count = await db(_chosen, function, task, question)
    duration_ms = round((perf_counter() - began) * 1000, 2)
    return Choice(examples, {**facts, "of": count, "duration_ms": duration_ms})


def _told(question: Question) -> dict[str, Any]:
    cost = {} if question.cost_usd is None else {"cost_usd": text_of_cost(question.cost_usd)}
    return {"tokens": question.tokens, **cost}


def _chosen(function: Function, task: Task, question: Question | None) -> tuple[tuple[Example, ...], int]:
    wanted, usual = task.configuration.few_shot_count, usual_of(function)
    if question is not None:
        found: Iterable[Found] = matrix_of(function, task.configuration.embedding_model).ranked(question.numbers)
    else:
        found = _by_words(function, task, wanted, usual)
    chosen = list(islice(_fitting(function, task, found, wanted), wanted))
    uses.count(row.key for row, _ in chosen)
    examples = tuple(
        Example(row.input, row.answer, row.comment or None, similarity=round(nearness, 3), id=str(row.id))
        for row, nearness in chosen
    )
    return examples, usual.count


def _by_words(function: Function, task: Task, wanted: int, usual: Usual) -> Iterator[Found]:
    """Return what shares words with the input, then the newest of the others."""
    near = find(function, text_of(task.input), most=wanted + SPARE, usual=usual)
    yield from near
    seen = {key for key, _ in near}
    newest = DatasetExample.objects.filter(function=function, misfit="").order_by("-created_at", "-key")
    for key in newest.values_list("key", flat=True)[: wanted + MOST_TRIED]:
        if key not in seen:
            yield key, 0.0


def _fitting(
    function: Function, task: Task, found: Iterable[Found], wanted: int
) -> Iterator[tuple[DatasetExample, float]]:
    """Return the examples that the task's own schemas take, in the order in which they were found."""
    schemas = (task.input_schema, task.output_schema)
    try:
        takes_input, takes_output = (Validator(schema) if schema is not None else None for schema in schemas)
    except InvalidSchema:
        return
    waiting = islice(found, wanted + MOST_TRIED)
    while part := dict(islice(waiting, wanted + SPARE)):
        there = DatasetExample.objects.filter(function=function, misfit="", key__in=part).defer("created_by", "api_key")
        rows = {row.key: row for row in there}
        for key, nearness in part.items():
            row = rows.get(key)
            if row is None or (takes_input is not None and takes_input.problems(row.input)):
                continue
            if takes_output is None or not takes_output.problems(row.answer):
                yield row, nearness
