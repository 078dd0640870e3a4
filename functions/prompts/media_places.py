"""Which schemas speak of a place in an input, followed down as far as media may be marked there."""

from __future__ import annotations

from typing import Any

from functions.schemas.walk import subschemas, target_of

Schemas = tuple[dict[str, Any], ...]

MOST_SCHEMAS = 200
BRANCHES = ("allOf", "anyOf", "oneOf")
# The place of every member that no schema names, and of every item behind those that have schemas of their own.
REST = object()


class Places:
    """The places of one input schema; without a mark of media in it there are none to look at."""

    def __init__(self, schema: Any) -> None:
        self._schema: dict[str, Any] = schema if isinstance(schema, dict) else {}
        self._known: dict[tuple[Any, ...], Schemas] = {}
        has_marks = any("contentMediaType" in part for _, part in subschemas(self._schema))
        self.root: Schemas = self._opened([self._schema]) if has_marks else ()

    def below(self, schemas: Schemas, step: str | int) -> Schemas:
        """Return the schemas of a member or an item of a value that `schemas` speak of."""
        if not schemas:
            return ()
        known_step = step if any(_names(schema, step) for schema in schemas) else REST
        # An input may hold the same kind of object a million times.
        key = (known_step, isinstance(step, int), *map(id, schemas))
        if key not in self._known:
            self._known[key] = self._opened([inner for schema in schemas for inner in _inner(schema, step)])
        return self._known[key]

    def _opened(self, schemas: list[Any]) -> Schemas:
        """Return these and all that they refer to or join."""
        opened: dict[int, dict[str, Any]] = {}
        waiting = schemas[::-1]
        while waiting and len(opened) < MOST_SCHEMAS:
            schema = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in opened:
                continue
            opened[id(schema)] = schema
            for keyword in BRANCHES:
                branches = schema.get(keyword)
                waiting += branches[::-1] if isinstance(branches, list) else []
            reference = schema.get("$ref")
            if isinstance(reference, str):
                try:
                    waiting.append(target_of(self._schema, reference))
                except KeyError:
                    continue
        return tuple(opened.values())


def _names(schema: dict[str, Any], step: str | int) -> bool:
    if isinstance(step, str):
        return isinstance(properties := schema.get("properties"), dict) and step in properties
    return isinstance(prefix := schema.get("prefixItems"), list) and step < len(prefix)


def _inner(schema: dict[str, Any], step: str | int) -> list[Any]:
    if _names(schema, step):
        return [schema["properties"][step] if isinstance(step, str) else schema["prefixItems"][step]]
    inner = schema.get("additionalProperties" if isinstance(step, str) else "items")
    return [inner] if isinstance(inner, dict) else []
