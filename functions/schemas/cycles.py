"""References that lead back to themselves with no field or item in between: any value would fit such a schema."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from functions.schemas.references import with_plain_references
from functions.schemas.walk import Path, subschemas, target_of

# Keywords whose schemas are held against the very value that the schema around them is held against.
SAME_VALUE = ("not", "if", "then", "else")
SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
SAME_VALUE_MAPS = ("dependentSchemas", "dependencies")
MOST_SHOWN = 5

Part = dict[str, Any]
# Where the next part stands, the part, and the reference that leads there: empty where it stands inside.
Step = tuple[Path, Part, str]


def cycle_in(schema: Part) -> tuple[Path, list[str]] | None:
    """Return the place of a $ref that leads back to itself and the references on its way; None where each ends.

    Every reference must point at something.
    """
    root = with_plain_references(schema)
    done: set[int] = set()
    for start, part in subschemas(root):
        found = _cycle_from(root, (start, part, ""), done)
        if found is not None:
            return found
    return None


def words_of(references: list[str]) -> str:
    """Return in words what is wrong with a way that leads back to its beginning."""
    shown = [each[:100] for each in references[:MOST_SHOWN]] + ["…"] * (len(references) > MOST_SHOWN)
    way = " → ".join([*shown, references[0][:100]])
    return f"cyclic $ref: {way} comes back to itself with no field or item in between"


def _cycle_from(root: Part, start: Step, done: set[int]) -> tuple[Path, list[str]] | None:
    """Follow every way from a part, each part once; without recursion, for a chain may be long."""
    if id(start[1]) in done:
        return None
    trail = [start]
    places = {id(start[1]): 0}
    waiting = [_onward(root, *start[:2])]
    while trail:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
            part = trail.pop()[1]
            done.add(id(part))
            del places[id(part)]
        elif id(step[1]) in places:
            return _told([*trail[places[id(step[1])] :], step])
        elif id(step[1]) not in done:
            places[id(step[1])] = len(trail)
            trail.append(step)
            waiting.append(_onward(root, *step[:2]))
    return None


def _told(circle: list[Step]) -> tuple[Path, list[str]]:
    # The first part of it is the last one too; what led to it from outside is no part of the circle.
    links = [(here[0], there[2]) for here, there in pairwise(circle) if there[2]]
    return (*links[0][0], "$ref"), [reference for _place, reference in links]


def _onward(root: Part, path: Path, part: Part) -> Iterator[Step]:
    """Yield what is held against the same value as this part."""
    if isinstance(reference := part.get("$ref"), str):
        target = _target(root, reference)
        if isinstance(target, dict):
            yield _path_of(reference), target, reference
    for keyword in SAME_VALUE:
        if isinstance(inner := part.get(keyword), dict):
            yield (*path, keyword), inner, ""
    for keyword in SAME_VALUE_LISTS:
        several = part.get(keyword)
        for number, inner in enumerate(several if isinstance(several, list) else ()):
            if isinstance(inner, dict):
                yield (*path, keyword, number), inner, ""
    for keyword in SAME_VALUE_MAPS:
        named = part.get(keyword)
        for name, inner in named.items() if isinstance(named, dict) else ():
            if isinstance(inner, dict):
                yield (*path, keyword, name), inner, ""


def _target(root: Part, reference: str) -> Any:
    try:
        return target_of(root, reference)
    except KeyError:
        return None


def _path_of(reference: str) -> Path:
    return tuple(unquote(step).replace("~1", "/").replace("~0", "~") for step in reference.split("/")[1:])
