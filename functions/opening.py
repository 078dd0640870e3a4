"""Open a call: find the definition it has, check it, choose examples, and begin its span.

Nothing is recorded of a call that makes no sense; from the moment its span is open, whatever comes of it is kept.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from functions import definitions, few_shot, revising, webhooks
from functions.completions import cache
from functions.completions.candidates import Candidate, candidates_for
from functions.completions.catalogue import Catalogue, catalogue_of, is_read
from functions.definitions import Definition, FunctionNotFound
from functions.ledger import Entry, ledger
from functions.models import Completion, Function
from functions.prompts.media import split
from functions.schemas.problems import Problem
from functions.schemas.validator import Validator
from functions.task import DEFAULT_INSTRUCTIONS, Configuration, Example, Task, choices_of
from opperweb.accounts.models import ApiKey, Project
from opperweb.database import db
from opperweb.processes import heartbeat
from traces import drafts, recording
from traces.models import Kind, Origin, Span, Status

# Answered now; by a worker, when its message comes; by the job that opens its span.
Mode = Literal["now", "later", "job"]


class InvalidInput(Exception):
    """The input does not fit the input schema, and the configuration asks for that to be checked."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("the input does not fit the input schema")
        self.problems = problems


@dataclass(frozen=True)
class Asked:
    """What a caller sent, checked for its shape. The task is named, or its function, or its whole definition."""

    name: str = ""
    input: Any = None
    definition: Mapping[str, Any] | None = None
    examples: tuple[Example, ...] = ()
    tags: Mapping[str, str] | None = None
    parent_span_id: uuid.UUID | None = None
    # Where the result of a call in the background is posted.
    webhook_url: str = ""
    function_id: uuid.UUID | None = None
    # Without one the newest.
    revision_id: uuid.UUID | None = None
    # A definition that is not looked for: a draft's, or what a batch was begun with.
    chosen: Definition | None = None
    origin: str = Origin.LIVE


@dataclass(frozen=True)
class Begun:
    """A call with its span open and its models found."""

    span_id: uuid.UUID
    span_key: int
    project: Project
    task: Task
    candidates: tuple[Candidate, ...]
    catalogue: Catalogue
    # None for one that was taken out of the queue.
    definition: Definition | None = None
    is_background: bool = False
    # Where it is written by way of the ledger; `span_key` is 0 then.
    entry: Entry | None = None
    # Where its answer is kept, or is looked for; None without a cache.
    place: cache.Place | None = None
    # How many attempts a start before this one has made.
    before: int = 0
    # Whether it gets an evaluation when it has ended.
    is_judged: bool = False


async def start(
    project: Project, asked: Asked, *, api_key: ApiKey | None = None, mode: Mode = "now", at_once: bool = False
) -> Begun:
    """Begin a call: from memory where an equal one was here before, else with a look into the database.

    With `at_once` its span is in the database on return; else it is soon, or when it ends. Raises what `calls.call`
    raises.
    """
    started_at = timezone.now()
    definition = asked.chosen or definitions.known(project, asked) or await _definition(project, asked, api_key)
    task = task_of(definition, asked)
    chosen = await few_shot.choose(definition.function, task) if wants_examples(definition, asked) else None
    if chosen is not None:
        task = replace(task, examples=chosen.examples)
    catalogue = catalogue_of(project) if is_read(project) else await db(catalogue_of, project)
    candidates = checked(task, catalogue)
    opening = Opening(project, asked, definition, task, catalogue, candidates, api_key, chosen)
    if mode != "now" or asked.parent_span_id is not None or task.configuration.cache_ttl_seconds:
        return await db(_open_if_there, opening, mode)
    process_id = heartbeat.beating_id() or await db(heartbeat.current_id)
    draft = drafts.draft(project, task.name, api_key=api_key, started_at=started_at, **span_values(opening))
    completion = Completion(
        project=project,
        **definition.links,
        state=Completion.State.RUNNING,
        process_id=process_id,
    )
    entry = await ledger.open(draft, completion, at_once=at_once, is_judged=opening.is_judged)
    return Begun(draft.span.id, 0, project, task, candidates, catalogue, definition, entry=entry)


@dataclass(frozen=True)
class Opening:
    """All that the span of a call is begun with."""

    project: Project
    asked: Asked
    definition: Definition
    task: Task
    catalogue: Catalogue
    candidates: tuple[Candidate, ...]
    api_key: ApiKey | None = None
    chosen: few_shot.Choice | None = None

    @property
    def is_judged(self) -> bool:
        """Whether the call gets an evaluation when it has ended; what judges say is not judged."""
        return self.definition.is_judged and self.asked.origin != Origin.EVALUATION


async def _definition(project: Project, asked: Asked, api_key: ApiKey | None) -> Definition:
    """Look for a definition in the database; of many equal calls at the same time one does, and the others wait."""
    place = definitions.place_of(project, asked)
    if asked.parent_span_id is not None:
        # Whether the parent is there is this call's own affair.
        definition = await db(define, project, asked, api_key=api_key)
        definitions.remember(place, definition)
        return definition
    here = (id(asyncio.get_running_loop()), place)
    looking = _looking.get(here)
    if looking is None:
        looking = _looking[here] = asyncio.ensure_future(db(define, project, asked, api_key=api_key))
        looking.add_done_callback(lambda _: _looking.pop(here, None))
    definition = await asyncio.shield(looking)
    definitions.remember(place, definition)
    return definition


_looking: dict[tuple[object, ...], asyncio.Future[Definition]] = {}


@transaction.atomic
def define(project: Project, asked: Asked, *, api_key: ApiKey | None = None) -> Definition:
    """Check what was sent and return the definition that the call has with it."""
    if asked.chosen is not None:
        return asked.chosen
    if asked.function_id is not None:
        return definitions.of_function(project, asked.function_id, asked.revision_id)
    if asked.parent_span_id is not None:
        # Nothing is made for a call that is refused.
        recording.find_parent(project, asked.parent_span_id)
    sent = asked.definition or {}
    revising.check(sent, catalogue_of(project))
    return definitions.for_call(project, asked.name, sent, api_key=api_key)


@transaction.atomic
def begin(project: Project, asked: Asked, *, api_key: ApiKey | None = None, mode: Mode = "now") -> Begun:
    """Resolve the definition, check it, and open the span, without a look for examples."""
    definition = define(project, asked, api_key=api_key)
    task, catalogue = task_of(definition, asked), catalogue_of(project)
    candidates = checked(task, catalogue)
    return open_span(Opening(project, asked, definition, task, catalogue, candidates, api_key), mode=mode)


def _open_if_there(opening: Opening, mode: Mode) -> Begun:
    try:
        return open_span(opening, mode=mode)
    except IntegrityError:
        function = opening.definition.function
        if Function.objects.filter(pk=function.pk).exists():
            raise
        # Deleted since its definition was read.
        raise FunctionNotFound(str(function.pk)) from None


@transaction.atomic
def open_span(opening: Opening, *, mode: Mode = "now") -> Begun:
    """Open the span of a call whose definition is known. Raises ParentNotFound."""
    asked, definition = opening.asked, opening.definition
    span = recording.start(
        opening.project,
        opening.task.name,
        parent_id=asked.parent_span_id,
        api_key=opening.api_key,
        **span_values(opening),
    )
    Completion.objects.create(
        span=span,
        project=opening.project,
        **definition.links,
        state=Completion.State.QUEUED if mode == "later" else Completion.State.RUNNING,
        is_background=mode != "now",
        process_id=None if mode == "later" else heartbeat.current_id(),
    )
    if mode == "later" and asked.webhook_url:
        webhooks.promise(span, asked.webhook_url)
    begun = Begun(
        span.id,
        span.key,
        opening.project,
        opening.task,
        opening.candidates,
        opening.catalogue,
        definition,
        is_background=mode != "now",
        is_judged=opening.is_judged,
    )
    return begun if mode == "later" else with_place(begun)


def wants_examples(definition: Definition, asked: Asked) -> bool:
    """Tell whether examples are to be looked for: those of a request stand in their place."""
    return definition.has_examples and not asked.examples


def checked(task: Task, catalogue: Catalogue) -> tuple[Candidate, ...]:
    """Return who can be asked; raise for an input that is not what it has to be, before anything is asked."""
    if task.configuration.validates_input and task.input_schema is not None:
        problems = Validator(task.input_schema).problems(task.input)
        if problems:
            raise InvalidInput(problems)
    candidates = candidates_for(task, catalogue, settings.DEFAULT_MODEL)
    split(task.input, task.input_schema)
    return candidates


def span_values(opening: Opening) -> dict[str, Any]:
    """Return what the span of a call is begun with."""
    definition, first = opening.definition, opening.candidates[0]
    return {
        "kind": Kind.LLM,
        "type": "generation",
        "status": Status.RUNNING,
        "tags": dict(opening.asked.tags or {}),
        "origin": opening.asked.origin,
        "requested_model": first.asked,
        "model": first.name,
        "provider": first.provider.name,
        "function_name": definition.function.name,
        "revision_number": None if definition.is_draft else definition.revision.number,
        "body": _body_of(opening),
    }


def with_place(begun: Begun) -> Begun:
    """Look for the answer among those that are kept, where the task asks for that."""
    if not begun.task.configuration.cache_ttl_seconds:
        return begun
    digest = cache.digest_of(begun.task, begun.candidates)
    return replace(begun, place=cache.take(begun.project, digest, begun.span_key))


def task_of(definition: Definition, asked: Asked) -> Task:
    """Return the task that a call asks, with the examples that came with it."""
    return Task(
        name=definition.function.name,
        instructions=definition.instructions or DEFAULT_INSTRUCTIONS,
        input_schema=definition.input_schema,
        output_schema=definition.output_schema,
        input=asked.input,
        choices=choices_of(definition.model),
        examples=asked.examples,
        configuration=Configuration.from_dict(definition.configuration),
    )


def _body_of(opening: Opening) -> dict[str, Any]:
    task, definition = opening.task, opening.definition
    request: dict[str, Any] = {
        "model": definition.model,
        "configuration": definition.configuration,
        "examples": [example.as_dict() for example in task.examples],
    }
    if opening.chosen is not None:
        request["few_shot"] = opening.chosen.facts
    return {
        "input": task.input,
        "instructions": task.instructions,
        "input_schema": task.input_schema,
        "output_schema": task.output_schema,
        "request": request,
    }


def task_of_span(span: Span) -> Task:
    """Return the task of a call that is kept: what it was asked with, and not what its function says today."""
    body = span.body
    request = body.request or {}
    return Task(
        name=span.name,
        instructions=body.instructions,
        input_schema=body.input_schema,
        output_schema=body.output_schema,
        input=body.input,
        choices=choices_of(request.get("model")),
        examples=tuple(Example.from_dict(example) for example in request.get("examples") or ()),
        configuration=Configuration.from_dict(request.get("configuration")),
    )
