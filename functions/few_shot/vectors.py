"""The vectors of a function's examples, kept in memory as one matrix, so that the nearest are found in one product."""

from __future__ import annotations

import importlib
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from functions.few_shot.usual import version_of
from functions.models import ExampleVector, Function

# Of all functions together; the ones that were not asked for longest are read again when they are.
MOST_BYTES = 128 * 1024 * 1024
BYTES_A_NUMBER = 4
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Matrix:
    """The vectors of one model. `numbers` has a row for each of `keys`; `digests` tell what was read."""

    version: int
    keys: tuple[int, ...]
    digests: tuple[str, ...]
    numbers: Any

    @property
    def size(self) -> int:
        """Return how many bytes it takes."""
        return int(self.numbers.nbytes)

    @property
    def places(self) -> dict[tuple[int, str], int]:
        """Return the row of each key with its digest."""
        return {pair: place for place, pair in enumerate(zip(self.keys, self.digests, strict=True))}

    @property
    def dimensions(self) -> int:
        return int(self.numbers.shape[1])

    def ranked(self, question: Sequence[float]) -> Iterator[tuple[int, float]]:
        """Return the keys of all examples with how near each is to a vector of length 1, the nearest first."""
        if not self.keys or len(question) != self.dimensions:
            return
        nearness = self.numbers @ numpy().asarray(question, dtype="float32")
        # Reversed, the newest comes first among equals.
        for place in numpy().argsort(nearness, kind="stable")[::-1]:
            yield self.keys[place], round(min(1.0, max(0.0, float(nearness[place]))), 6)


_kept: OrderedDict[tuple[uuid.UUID, str], Matrix] = OrderedDict()
_lock = Lock()


def matrix_of(function: Function, model: str) -> Matrix:
    """Return the vectors of the examples that fit their function, from memory where nothing has changed since."""
    version, place = version_of(function), (function.pk, model)
    kept = _kept.get(place)
    if kept is None or kept.version != version:
        kept = _read(function, model, version, kept)
    with _lock:
        _kept[place] = kept
        _kept.move_to_end(place)
        while len(_kept) > 1 and sum(matrix.size for matrix in _kept.values()) > MOST_BYTES:
            _kept.popitem(last=False)
    return kept


def forget() -> None:
    """Read everything anew."""
    _kept.clear()


@lru_cache(maxsize=1)
def numpy() -> Any:
    # Loaded where there are vectors: it takes a tenth of a second and 20 MB.
    return importlib.import_module("numpy")


def _read(function: Function, model: str, version: int, before: Matrix | None) -> Matrix:
    """Read the vectors; those that are in memory already are taken from there."""
    there = ExampleVector.objects.filter(example__function=function, example__misfit="", model=model)
    rows = list(there.order_by("example_id").values_list("example_id", "digest"))
    known = {} if before is None else before.places
    new = _numbers_of([key for key, digest in rows if (key, digest) not in known])
    width = _width(before, new)
    # One that was changed meanwhile, or is of another length, is left for the next time.
    rows = [(key, digest) for key, digest in rows if (key, digest) in known or len(new.get(key, b"")) == width]
    numbers = numpy().zeros((len(rows), width // BYTES_A_NUMBER), dtype="<f4")
    for place, (key, digest) in enumerate(rows):
        if before is not None and (key, digest) in known:
            numbers[place] = before.numbers[known[key, digest]]
        else:
            numbers[place] = numpy().frombuffer(new[key], dtype="<f4")
    return Matrix(version, tuple(key for key, _ in rows), tuple(digest for _, digest in rows), numbers)


def _numbers_of(keys: Sequence[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for start in range(0, len(keys), ROWS_AT_ONCE):
        some = ExampleVector.objects.filter(example_id__in=keys[start : start + ROWS_AT_ONCE])
        found.update((key, bytes(vector)) for key, vector in some.values_list("example_id", "vector"))
    return found


def _width(before: Matrix | None, new: dict[int, bytes]) -> int:
    if before is not None and before.keys:
        return before.dimensions * BYTES_A_NUMBER
    return max(map(len, new.values()), default=0)
