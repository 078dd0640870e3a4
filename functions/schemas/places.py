"""Whether a codec leaves what an answer holds at its place: only then can it be shown while it still grows."""

from __future__ import annotations

from functions.schemas.codec import Fields, Items, Keep, Named, Step, Tuple
from functions.schemas.unions import Union


def keeps_paths(step: Step) -> bool:
    """Tell whether every value stands at the same path on the wire as in the caller's shape."""
    waiting, seen = [step], set[int]()
    while waiting:
        step = waiting.pop()
        if id(step) in seen:
            continue
        seen.add(id(step))
        inner = _inside(step)
        if inner is None:
            return False
        waiting += inner
    return True


def _inside(step: Step) -> list[Step] | None:
    """Return the steps inside of one; None where the step itself moves or rewrites what it is given."""
    match step:
        case Keep():
            return []
        case Named() | Items():
            return [step.step]
        case Tuple():
            return [*step.steps, step.rest]
        case Union():
            return [branch.step for branch in step.branches]
        case Fields():
            fields = list(step.fields.values())
            is_moving = step.others is not None or any(each.absence == "list" or each.wire_name for each in fields)
            return None if is_moving else [each.step for each in fields]
    return None
