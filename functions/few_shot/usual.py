"""How usual each word is among the examples of a function: counted once, in some hundred of them, and remembered."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from functions.few_shot.measure import Frequencies
from functions.models import DatasetExample, ExampleWords, Function
from opperweb.accounts.models import Project

# Of more examples than these a part is read, spread over all of them.
MOST_READ = 400
# A function of so many examples is not counted anew for each that is added.
MANY = 1_000
STALE_AFTER_SECONDS = 60.0
MOST_KEPT = 200


@dataclass(frozen=True)
class Usual:
    """The words of a function's examples. `count` is the number of examples, `frequencies` are of those read."""

    count: int
    frequencies: Frequencies
    version: int
    read_at: float


_kept: OrderedDict[uuid.UUID, Usual] = OrderedDict()
_lock = Lock()


def usual_of(function: Function) -> Usual:
    """Return what is usual in a function's examples, from memory where they have not changed since."""
    version = version_of(function)
    kept = _kept.get(function.pk)
    if kept is not None and (kept.version == version or _is_near_enough(kept)):
        return kept
    usual = _read(function, version)
    with _lock:
        _kept[function.pk] = usual
        _kept.move_to_end(function.pk)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return usual


def version_of(function: Function) -> int:
    """Return what changes whenever an example of the project does, as the database has it now."""
    return Project.objects.values_list("definitions_version", flat=True).get(pk=function.project_id)


def forget() -> None:
    """Count everything anew."""
    _kept.clear()


def _is_near_enough(usual: Usual) -> bool:
    return usual.count >= MANY and time.monotonic() - usual.read_at < STALE_AFTER_SECONDS


def _read(function: Function, version: int) -> Usual:
    keys = list(DatasetExample.objects.filter(function=function).order_by("key").values_list("key", flat=True))
    step = max(1, -(-len(keys) // MOST_READ))
    words = ExampleWords.objects.filter(example_id__in=keys[::step]).values_list("words", flat=True)
    frequencies = Frequencies.of_texts(text.split() for text in words)
    return Usual(len(keys), frequencies, version, time.monotonic())
