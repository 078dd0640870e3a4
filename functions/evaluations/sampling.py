"""Which completions are judged: all, one in N, or all up to a rate and then fewer and fewer.

The choice hangs on the span's id, so that it is the same whoever makes it, and whenever.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from hashlib import blake2b

from functions.evaluations.policy import Policy, Sampling

# Past the rate one in 2, past twice the rate one in 4, and so on up to one in 64.
MOST_STEPS = 6


def reason_to_skip(policy: Policy, span_id: uuid.UUID, *, judged_this_hour: int, is_telling: bool) -> str:
    """Return why this one is not judged, or an empty string; `is_telling`: it was retried or rated."""
    if policy.sampling == Sampling.ALL or is_telling:
        return ""
    share = policy.one_in if policy.sampling == Sampling.ONE_IN else share_now(policy, judged_this_hour)
    if share == 1 or _lot(span_id) % share == 0:
        return ""
    return f"Not in the sample: one in {share} calls like this"


def share_now(policy: Policy, judged_this_hour: int) -> int:
    """Return N of the one in N that an adaptive sample has come to."""
    return 1 << min(MOST_STEPS, judged_this_hour // policy.per_hour)


def over_budget(policy: Policy, spent_today_usd: Decimal) -> str:
    """Return why nothing more is judged today, or an empty string."""
    if policy.daily_budget_usd is None or spent_today_usd < policy.daily_budget_usd:
        return ""
    return f"The budget of ${policy.daily_budget_usd.normalize():f} a day is spent"


def _lot(span_id: uuid.UUID) -> int:
    # The first bits of an id of ours are the time.
    return int.from_bytes(blake2b(span_id.bytes, digest_size=8).digest())
