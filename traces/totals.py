"""A trace's duration, tokens, cost and status, from its spans.

A span that starts, changes or ends adds the difference to its trace, so that the thousandth span costs what the
first did; `recount` adds all of them up anew and must come to the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Max, Min

from traces.models import Kind, Span, Status, Trace

COUNTED = ("span", "call", "error", "recovered", "running", "stopped", "attempt", "cached", "unpriced", "scored")
# Agents and workflows often repeat the sum of their children: only these kinds were billed.
BILLED = frozenset({Kind.LLM, Kind.EMBEDDING, Kind.RERANK})


@dataclass(frozen=True)
class Share:
    """What one span adds to the totals of its trace."""

    counts: dict[str, int]
    score_sum: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    model: str
    model_tokens: int


def share_of(span: Span) -> Share:
    billed = span.kind in BILLED
    is_call = span.kind == Kind.LLM
    return Share(
        counts={
            "span": 1,
            "call": int(is_call),
            "error": int(span.status == Status.ERROR),
            "recovered": int(span.status == Status.RECOVERED),
            "running": int(span.status == Status.RUNNING),
            "stopped": int(span.status == Status.STOPPED),
            "attempt": span.attempt_count,
            "cached": int(span.is_cached),
            "unpriced": int(billed and not span.is_priced),
            "scored": int(span.score is not None),
        },
        score_sum=span.score or 0,
        input_tokens=span.input_tokens if billed else None,
        output_tokens=span.output_tokens if billed else None,
        cost_usd=span.cost_usd if billed else None,
        model=(span.model or span.requested_model) if billed else "",
        model_tokens=(span.total_tokens or 0) if billed else 0,
    )


def add(trace: Trace, share: Share, *, sign: int = 1) -> None:
    """Add a span's share to its trace; with sign -1 take it away."""
    for name in COUNTED:
        setattr(trace, f"{name}_count", getattr(trace, f"{name}_count") + sign * share.counts[name])
    trace.score_sum += sign * share.score_sum
    trace.input_tokens = _sum(trace.input_tokens, share.input_tokens, sign)
    trace.output_tokens = _sum(trace.output_tokens, share.output_tokens, sign)
    if share.cost_usd is not None:
        trace.cost_usd = (trace.cost_usd or Decimal(0)) + sign * share.cost_usd
    if share.model:
        calls, tokens = trace.model_usage.get(share.model, (0, 0))
        usage = {**trace.model_usage, share.model: [calls + sign, tokens + sign * share.model_tokens]}
        trace.model_usage = {name: pair for name, pair in usage.items() if pair[0]}


def widen(trace: Trace, span: Span) -> None:
    """Stretch the trace so that it holds the span."""
    trace.started_at = min(trace.started_at, span.started_at)
    if span.ended_at is not None and (trace.ended_at is None or span.ended_at > trace.ended_at):
        trace.ended_at = span.ended_at


def bound(trace: Trace) -> None:
    """Set the trace's beginning and end anew from its spans."""
    ends = Span.objects.filter(trace=trace).aggregate(first=Min("started_at"), last=Max("ended_at"))
    trace.started_at, trace.ended_at = ends["first"] or trace.started_at, ends["last"]


def settle(trace: Trace, root: Span | None) -> None:
    """Set what follows from the totals and from the root: name, texts, status, duration, score."""
    if root is not None:
        trace.root_key = root.key
        trace.name = root.name
        trace.input_preview = root.input_preview
        trace.output_preview = root.output_preview
        trace.error_preview = root.error_message[:300] if root.status in (Status.ERROR, Status.STOPPED) else ""
    trace.status = status_of(trace, root)
    running = trace.status == Status.RUNNING
    trace.duration_ms = None if running or trace.ended_at is None else _milliseconds(trace)
    trace.score = _score_of(trace, root)


def status_of(trace: Trace, root: Span | None) -> str:
    """Return the root's status; a root that is good over something that failed inside has recovered."""
    if root is None:
        return Status.RUNNING if trace.running_count else Status.OK
    if root.status == Status.OK and trace.error_count + trace.recovered_count + trace.stopped_count:
        return Status.RECOVERED
    return root.status


def root_of(trace: Trace) -> Span | None:
    """Return the span that stands for the trace: the earliest without a parent, else the earliest of all."""
    spans = Span.objects.filter(trace=trace).order_by("started_at", "key")
    return spans.filter(parent_id=None).first() or spans.first()


def recount(trace: Trace) -> None:
    """Set every total of a trace anew from its spans; the caller saves it."""
    for name in COUNTED:
        setattr(trace, f"{name}_count", 0)
    trace.score_sum = 0
    trace.input_tokens = trace.output_tokens = trace.cost_usd = trace.ended_at = trace.root_key = None
    trace.model_usage = {}
    spans = list(Span.objects.filter(trace=trace))
    if spans:
        trace.started_at = min(span.started_at for span in spans)
    for span in spans:
        add(trace, share_of(span))
        widen(trace, span)
    settle(trace, root_of(trace))


def _sum(total: int | None, part: int | None, sign: int) -> int | None:
    return total if part is None else (total or 0) + sign * part


def _milliseconds(trace: Trace) -> float | None:
    if trace.ended_at is None:
        return None
    return max(0.0, (trace.ended_at - trace.started_at).total_seconds() * 1000)


def _score_of(trace: Trace, root: Span | None) -> int | None:
    if root is not None and root.score is not None:
        return root.score
    return round(trace.score_sum / trace.scored_count) if trace.scored_count else None
