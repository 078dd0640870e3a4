"""How much work it is to hold a value against a schema: its parts can multiply each other without end.

A validator applies every part of `allOf`, `anyOf` and the like to the same value. Where several of them lead to the
same field, and that field does so again, the work doubles at each level of the value. It is counted here before it is
done: once for a schema, and value by value only for those schemas in which it can grow like that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from functions.schemas.flatten import is_annotated_only
from functions.schemas.references import with_plain_references
from functions.schemas.walk import subschemas, target_of

# Parts of a schema applied to one and the same value.
MOST_IN_PLACE = 10_000
# Parts applied to a value and all that is in it, and how many pairs of a part and a value are looked at to tell.
MOST_APPLIED = 500_000
MOST_PAIRS = 200_000
# Below this, what is applied to one value needs no counting.
SMALL_EFFORT = 5_000
# Steps of the count itself.
MOST_STEPS = 200_000
MOST_REFERENCES_IN_A_ROW = 100
SAME_VALUE = ("not", "if", "then", "else")
SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
SAME_VALUE_MAPS = ("dependentSchemas", "dependencies")
EVERY_FIELD = ("additionalProperties", "unevaluatedProperties")
EVERY_ITEM = ("items", "contains", "unevaluatedItems", "additionalItems")
# Any field or any item, where the name or the place does not matter.
ANY_FIELD, ANY_ITEM = "any field", "any item"
# Patterns that need backtracking are compiled at once, and large classes in them many times over.
BACKTRACKING = re.compile(r"\(\?<?[=!>]|\\[1-9k]|[*+?}]\+")
LARGE_CLASS = re.compile(r"\\[wWpP]")
COUNT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
MOST_CLASSES = 3_000

Part = dict[str, Any]


class TooMuchWork(Exception):
    """A schema whose parts multiply each other too often; the message says how."""


@dataclass
class Effort:
    """Counts the work for the values of one schema in which it can grow from level to level."""

    root: Part
    graph: _Graph

    def is_too_much(self, value: Any) -> bool:
        """Tell whether more than half a million parts of the schema would be applied to the parts of `value`."""
        try:
            return self._applied(value, self.root, {}) > MOST_APPLIED
        except TooMuchWork:
            return True

    def _applied(self, value: Any, part: Part, known: dict[tuple[int, int], int]) -> int:
        key = id(value), id(part)
        if key in known:
            return known[key]
        node = self.graph.node(part)
        count = node.in_place
        for label, inner in _inside(value):
            for target, times in node.targets(label).items():
                aim = self.graph.parts[target]
                is_leaf = not isinstance(inner, dict | list)
                count += times * (self.graph.node(aim).in_place if is_leaf else self._applied(inner, aim, known))
            if count > MOST_APPLIED:
                raise TooMuchWork
        known[key] = count
        if len(known) > MOST_PAIRS:
            raise TooMuchWork
        return count


def effort_of(schema: Part) -> Effort | None:
    """Return what counts the work for each value, or None where it cannot grow; raise TooMuchWork."""
    _check_patterns(schema)
    root = with_plain_references(schema)
    graph = _Graph(root)
    return Effort(root, graph) if graph.can_grow(root) else None


@dataclass
class _Node:
    """What one part of a schema comes to: how many parts it applies in place, and where these lead."""

    in_place: int
    edges: dict[str | int, Counter[int]] = field(default_factory=dict)

    def targets(self, label: str | int) -> Counter[int]:
        """Return the parts that the value at `label` is held against, and how often each."""
        every = ANY_ITEM if isinstance(label, int) or label == ANY_ITEM else ANY_FIELD
        own = self.edges.get(label, Counter())
        return own if label == every else own + self.edges.get(every, Counter())


class _Graph:
    """The parts of a schema and how they lead to each other."""

    def __init__(self, root: Part) -> None:
        self.root = root
        self.parts: dict[int, Part] = {}
        self._nodes: dict[int, _Node] = {}
        self._closures: dict[int, Counter[int]] = {}
        self._steps = 0

    def node(self, part: Part) -> _Node:
        if id(part) not in self._nodes:
            closure = self._closure(part, ())
            node = _Node(closure.total())
            for member, times in closure.items():
                for label, target in _children(self.parts[member]):
                    self._step()
                    target = self._behind(target)
                    self.parts[id(target)] = target
                    node.edges.setdefault(label, Counter())[id(target)] += times
                for label, target in _exceptions(self.parts[member]):
                    target = self._behind(target)
                    node.edges.setdefault(label, Counter())[id(target)] -= times
            self._nodes[id(part)] = node
        return self._nodes[id(part)]

    def _closure(self, part: Part, above: tuple[int, ...]) -> Counter[int]:
        """Return the parts that are applied to the same value as `part`, itself included, and how often."""
        self.parts[id(part)] = part
        if id(part) in self._closures:
            return self._closures[id(part)]
        if id(part) in above:
            return Counter()
        if len(above) > 200:
            raise TooMuchWork("its parts refer to each other in a chain of more than 200")
        closure: Counter[int] = Counter([id(part)])
        for inner in self._in_place(part):
            self._step()
            found = self._closure(inner, (*above, id(part)))
            closure.update(found)
            self._steps += len(found)
        if closure.total() > MOST_IN_PLACE:
            raise TooMuchWork(f"more than {MOST_IN_PLACE:,} of its parts apply to one and the same value")
        self._closures[id(part)] = closure
        return closure

    def _in_place(self, part: Part) -> Iterator[Part]:
        inner = [part.get(keyword) for keyword in SAME_VALUE]
        for keyword in SAME_VALUE_LISTS:
            inner += part[keyword] if isinstance(part.get(keyword), list) else []
        for keyword in SAME_VALUE_MAPS:
            inner += part[keyword].values() if isinstance(part.get(keyword), dict) else []
        if isinstance(reference := part.get("$ref"), str):
            inner.append(self._target(reference))
        return (each for each in inner if isinstance(each, dict))

    def _behind(self, part: Part) -> Part:
        """Return what a bare reference points at: many of them to one part are that one part."""
        for _ in range(MOST_REFERENCES_IN_A_ROW):
            if not isinstance(reference := part.get("$ref"), str) or not is_annotated_only(part):
                break
            target = self._target(reference)
            if not isinstance(target, dict):
                break
            part = target
        return part

    def _target(self, reference: str) -> Any:
        try:
            return target_of(self.root, reference)
        except KeyError:
            return None

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooMuchWork("its parts refer to each other too often")

    # --- from level to level ---------------------------------------------------------------------------------------

    def can_grow(self, root: Part) -> bool:
        """Tell whether parts multiply from level to level: without end, or more than is done in no time."""
        self.parts[id(root)] = root
        leads_to: dict[int, list[Counter[int]]] = {}
        waiting, is_multiplied = [id(root)], False
        while waiting:
            if (here := waiting.pop()) in leads_to:
                continue
            node = self.node(self.parts[here])
            leads_to[here] = [node.targets(label) for label in node.edges]
            for targets in leads_to[here]:
                self._steps += len(targets)
                waiting += targets
                leading_on = sum(times for aim, times in targets.items() if self.node(self.parts[aim]).edges)
                is_multiplied |= leading_on > 1
        if not is_multiplied:
            return False
        most = self._most_applied(leads_to).get(id(root))
        return most is None or most > SMALL_EFFORT

    def _most_applied(self, leads_to: dict[int, list[Counter[int]]]) -> dict[int, int]:
        """Return how many parts are applied on the way to one innermost value, but for parts that hold themselves."""
        left: dict[int, set[int]] = {
            here: {aim for group in groups for aim in group} for here, groups in leads_to.items()
        }
        came_from: dict[int, list[int]] = {}
        for here, targets in left.items():
            for aim in targets:
                came_from.setdefault(aim, []).append(here)
        known: dict[int, int] = {}
        ready = [here for here, targets in left.items() if not targets]
        while ready:
            here = ready.pop()
            below = [sum(times * known[aim] for aim, times in group.items()) for group in leads_to[here]]
            known[here] = self.node(self.parts[here]).in_place + max(below, default=0)
            for before in came_from.get(here, ()):
                left[before].discard(here)
                if not left[before]:
                    ready.append(before)
        return known


def _children(part: Part) -> Iterator[tuple[str | int, Part]]:
    """Yield (label, part) for what the fields and items of a value are held against."""
    properties = part.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if isinstance(inner, dict):
            yield f"{ANY_FIELD} {name}", inner
    prefix = part.get("prefixItems")
    for place, inner in enumerate(prefix if isinstance(prefix, list) else ()):
        if isinstance(inner, dict):
            yield place, inner
    patterns = part.get("patternProperties")
    free = [*(patterns.values() if isinstance(patterns, dict) else ()), *(part.get(each) for each in EVERY_FIELD)]
    yield from ((ANY_FIELD, inner) for inner in free if isinstance(inner, dict))
    yield from ((ANY_ITEM, part[each]) for each in EVERY_ITEM if isinstance(part.get(each), dict))


def _exceptions(part: Part) -> Iterator[tuple[str, Part]]:
    """Yield the fields that have a schema of their own, to which that of all others does not apply."""
    properties = part.get("properties")
    for keyword in EVERY_FIELD:
        for name in properties if isinstance(properties, dict) else ():
            if isinstance(part.get(keyword), dict):
                yield f"{ANY_FIELD} {name}", part[keyword]


def _inside(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from ((f"{ANY_FIELD} {name}", inner) for name, inner in value.items())
    elif isinstance(value, list):
        yield from enumerate(value)


def _check_patterns(schema: Part) -> None:
    classes = 0
    for _, part in subschemas(schema):
        named = part.get("patternProperties")
        for pattern in (part.get("pattern"), *(named if isinstance(named, dict) else ())):
            if isinstance(pattern, str) and BACKTRACKING.search(pattern):
                repeats = [int(most or least or 1) for least, most in COUNT.findall(pattern[:10_000])]
                classes += len(LARGE_CLASS.findall(pattern)) * max(1, *repeats, 1)
        if classes > MOST_CLASSES:
            raise TooMuchWork("its patterns with lookaround or back references are too large")
