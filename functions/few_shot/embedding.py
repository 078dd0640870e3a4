"""Have vectors made: of examples in the background, and of an input when it is asked for.

A row for each function says whether there is work; what the work is, the examples without a vector say themselves. A
job that was lost or failed is sent again when its row is due.
"""

from __future__ import annotations

import time
import uuid
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from functions.completions.catalogue import catalogue_of
from functions.completions.prices import PriceBook
from functions.few_shot.text import digest_of, text_of
from functions.few_shot.vectors import matrix_of
from functions.models import DatasetExample, EmbeddingState, ExampleVector, ExampleWords, Function
from functions.models.function import definitions_changed
from functions.providers import Provider, UnknownModel
from functions.providers.chat import Usage
from functions.providers.embeddings import MOST_TEXTS, Embeddings
from functions.providers.errors import ProviderError
from functions.task import Configuration
from opperweb import loop
from opperweb.accounts.models import Project
from opperweb.database import db

TIMEOUT_SECONDS = 60.0
# A call waits no longer for the vector of its input; without one it goes by words.
TIMEOUT_SECONDS_OF_A_CALL = 2.0
# After a failure calls go by words for so long.
PAUSE_SECONDS = 30.0
# Between one try and the next; after the last one it waits for the next change.
PAUSES = (10, 60, 300, 1800, 7200)
# Who takes the work has so long for one batch before another may take it.
TAKEN = timedelta(minutes=3)
# A call that finds vectors missing asks for them, but not if that failed a moment ago.
ASKED_AGAIN_AFTER = timedelta(minutes=10)
MOST_SENT = 200
MOST_KEPT = 500


# --- of examples, in the background -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """A batch of texts to be made vectors of. `held` is the claim on the function's row."""

    function_id: uuid.UUID
    held: datetime
    model: str
    provider: Provider
    name: str
    keys: tuple[int, ...]
    texts: tuple[str, ...]


def model_of(function: Function) -> str:
    """Return the embedding model that the newest revision of a function names, or an empty string."""
    newest = function.revisions.order_by("-number").only("configuration").first()
    return Configuration.from_dict(newest.configuration).embedding_model if newest is not None else ""


def embed_later(function: Function) -> None:
    """Have the missing vectors of a function made, if it names a model for them, once the transaction is through."""
    model = model_of(function)
    if not model:
        return
    now = timezone.now()
    EmbeddingState.objects.update_or_create(
        function=function, defaults={"model": model, "due_at": now, "tries": 0, "updated_at": now}
    )
    _send(function.pk)


def send_lost() -> int:
    """Send again what is due; return how much."""
    due = EmbeddingState.objects.filter(due_at__lte=timezone.now())
    keys = list(due.order_by("due_at").values_list("pk", flat=True)[:MOST_SENT])
    for function_id in keys:
        embed_job.delay(str(function_id))
    return len(keys)


@shared_task(name="functions.jobs.embed_job", throws=(loop.Stopped,))  # type: ignore[untyped-decorator]
def embed_job(function_id: str) -> None:
    """Make the missing vectors of a function; do nothing if another is at it."""
    loop.run(embed(uuid.UUID(function_id)))


async def embed(function_id: uuid.UUID) -> None:
    """Make the missing vectors of a function, a batch at a time, or write down why that failed."""
    work = await db(_take, function_id)
    while work is not None:
        answer = await work.provider.embed(work.name, work.texts, timeout_seconds=TIMEOUT_SECONDS)
        work = await db(_keep, work, answer)


def _send(function_id: uuid.UUID) -> None:
    transaction.on_commit(lambda: embed_job.delay(str(function_id)), robust=True)


def _take(function_id: uuid.UUID) -> Work | None:
    now = timezone.now()
    due = EmbeddingState.objects.filter(pk=function_id, due_at__lte=now)
    return _next(function_id, now + TAKEN) if due.update(due_at=now + TAKEN) else None


def _next(function_id: uuid.UUID, held: datetime) -> Work | None:
    """Return the next batch, or None where nothing is left to be done: then the row says so."""
    function = Function.objects.select_related("project").get(pk=function_id)
    model = model_of(function)
    missing = _missing(function, model) if model else []
    if not missing:
        _settle(function, held, error="", due_at=None, tries=0)
        return None
    try:
        provider, name = catalogue_of(function.project).resolve(model)
    except UnknownModel as problem:
        _settle(function, held, error=problem.message[:500], due_at=None)
        return None
    texts = tuple(text_of(example.input) for example in missing)
    return Work(function_id, held, model, provider, name, tuple(example.key for example in missing), texts)


def _missing(function: Function, model: str) -> list[DatasetExample]:
    worded = DatasetExample.objects.filter(function=function).exclude(words__digest="")
    return list(worded.exclude(vector__model=model).only("key", "input").order_by("key")[:MOST_TEXTS])


def _keep(work: Work, answer: Embeddings | ProviderError) -> Work | None:
    """Write a batch down and return the next one."""
    now = timezone.now()
    state = EmbeddingState.objects.filter(pk=work.function_id, due_at=work.held)
    if isinstance(answer, ProviderError):
        tries = state.values_list("tries", flat=True).first()
        if tries is not None:
            pause = timedelta(seconds=PAUSES[tries]) if tries < len(PAUSES) else None
            function = Function.objects.select_related("project").get(pk=work.function_id)
            due_at = None if pause is None else now + pause
            _settle(function, work.held, error=answer.message[:500], due_at=due_at, tries=tries + 1)
        return None
    _write(work, answer)
    # Whoever has asked meanwhile goes on with it; so this one ends.
    return _next(work.function_id, now + TAKEN) if state.update(due_at=now + TAKEN) else None


@transaction.atomic
def _write(work: Work, answer: Embeddings) -> None:
    held = ExampleWords.objects.select_for_update().filter(example_id__in=work.keys).order_by("example_id")
    digests = dict(held.values_list("example_id", "digest"))
    made = zip(work.keys, map(digest_of, work.texts), answer.vectors, strict=True)
    # What was changed or removed while the provider was at it is none of these any more.
    rows = [
        ExampleVector(example_id=key, model=work.model, vector=array("f", numbers).tobytes(), digest=digest)
        for key, digest, numbers in made
        if digests.get(key) == digest
    ]
    ExampleVector.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["example"], update_fields=["model", "vector", "digest"]
    )


@transaction.atomic
def _settle(function: Function, held: datetime, **changes: object) -> None:
    """End the work on a function, unless it was asked for anew; what was made is found from now on."""
    state = EmbeddingState.objects.filter(pk=function.pk, due_at=held)
    if state.update(updated_at=timezone.now(), **changes):
        definitions_changed(function.project)


# --- of an input ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """An input as a vector, and what that took. What was remembered took nothing."""

    numbers: Sequence[float]
    tokens: int | None
    cost_usd: Decimal | None = None


class NoVector(Exception):
    """There is nothing to compare an input with, or no vector of it; the message says why."""


_questions: OrderedDict[tuple[int, str, str], Sequence[float]] = OrderedDict()
# Project and model → when it may be asked again, and why it is not asked now.
_paused: dict[tuple[int, str], tuple[float, str]] = {}


def forget() -> None:
    """Remember no input, and no failure."""
    _questions.clear()
    _paused.clear()


async def question_of(function: Function, model: str, text: str) -> Question:
    """Return the vector of an input; raise NoVector."""
    place = (function.project_id, model, digest_of(text))
    until, why = _paused.get(place[:2], (0.0, ""))
    if until > time.monotonic():
        raise NoVector(why)
    if not text:
        raise NoVector("the input has no words")
    provider, name, prices, length = await db(_ready, function, model)
    if len(_questions.get(place, ())) == length:
        _questions.move_to_end(place)
        return Question(_questions[place], tokens=0)
    answer = await provider.embed(name, (text,), timeout_seconds=TIMEOUT_SECONDS_OF_A_CALL)
    if isinstance(answer, ProviderError):
        _paused[place[:2]] = (time.monotonic() + PAUSE_SECONDS, answer.message[:300])
        raise NoVector(answer.message[:300])
    if len(answer.vectors[0]) != length:
        raise NoVector(f"it makes vectors of {len(answer.vectors[0])} numbers now, and those kept have {length}")
    _questions[place] = answer.vectors[0]
    while len(_questions) > MOST_KEPT:
        _questions.popitem(last=False)
    return Question(answer.vectors[0], answer.input_tokens, _cost(answer, provider, name, prices))


def _ready(function: Function, model: str) -> tuple[Provider, str, PriceBook, int]:
    """Return who makes the vector of an input, and how long it has to be; where there is none yet, ask for some."""
    matrix = matrix_of(function, model)
    if not matrix.keys:
        _ask_again(function, model)
        raise NoVector(f"no example has a vector of {model} yet")
    catalogue = catalogue_of(Project.objects.get(pk=function.project_id))
    try:
        return (*catalogue.resolve(model), catalogue.prices, matrix.dimensions)
    except UnknownModel as problem:
        raise NoVector(problem.message) from None


def _ask_again(function: Function, model: str) -> None:
    state = EmbeddingState.objects.filter(pk=function.pk).first()
    is_settled = state is None or (state.due_at is None and state.updated_at < timezone.now() - ASKED_AGAIN_AFTER)
    # A model that only this call names is none that vectors are kept of.
    if (is_settled or state is None or state.model != model) and model_of(function) == model:
        with transaction.atomic():
            embed_later(function)


def _cost(answer: Embeddings, provider: Provider, name: str, prices: PriceBook) -> Decimal | None:
    price = prices.price_for(provider.name, name, timezone.now(), base_url=provider.base_url)
    return price.cost_of(Usage(answer.input_tokens, output_tokens=0)) if price is not None else None
