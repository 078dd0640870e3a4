"""Have workers try a definition on inputs: a batch, with calls that are told from what callers asked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from functions import batches, definitions, revising
from functions.completions.catalogue import catalogue_of
from functions.models import Batch
from functions.opening import Asked
from functions.trials.inputs import Found, Input, Plan, Tried, inputs_of
from traces.models import Origin

CACHE = "invocation.cache.ttl"


class NothingToRun(Exception):
    """No input is there for what was asked."""


def check(plan: Plan) -> None:
    """Raise what `revising.check` raises where a definition that is to be run makes no sense."""
    catalogue = catalogue_of(plan.function.project)
    for each in plan.tried:
        revising.check(each.values, catalogue)


def checked_inputs(plan: Plan, found: Found) -> list[Input]:
    """Return the inputs of a plan that can be run. Raises what `check` raises, and NothingToRun."""
    check(plan)
    inputs = list(inputs_of(plan, found))
    if not inputs:
        raise NothingToRun
    return inputs


def begin(plan: Plan, tried: Tried, inputs: Sequence[Input], *, origin: Origin, key: UUID) -> Batch:
    """Have a definition asked these inputs; the calls bear the origin, and `key` as a tag of the same name.

    A kept answer would say nothing of how long it takes and what it costs, nor of how it answers today: none is used.
    """
    configuration = {name: value for name, value in tried.values["configuration"].items() if name != CACHE}
    definition = definitions.made_of(
        plan.function, tried.revision, {**tried.values, "configuration": configuration}, is_draft=tried.is_draft
    )
    asked = Asked(tags={origin.value: str(key)}, chosen=definition, origin=origin)
    return batches.create(plan.function.project, asked, [each.value for each in inputs], at_once=plan.at_once)
