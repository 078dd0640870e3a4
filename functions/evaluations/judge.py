"""Judge completions: take the rows that are due, ask a model about each, keep what it says.

    queued ── taken ──▶ running ──▶ done
                          ├─▶ skipped: not in the sample, the budget is spent, nobody there who could judge
                          ├─▶ queued again: the judge was too busy; after a pause, three times in all
                          └─▶ failed: what the judge said is of no use, or it refused

The judge is asked by the engine that answers calls, so that its prompt, its raw exchange and its cost are a trace like
any other, of the origin `evaluation`: not judged itself, and counted in no figures of functions.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from functions import calls, feedback
from functions.completions.candidates import candidates_for
from functions.completions.catalogue import catalogue_of
from functions.definitions import Definition
from functions.evaluations import queue, rubric, rules, sampling
from functions.evaluations.policy import Policy, Sampling, policy_of
from functions.models import Function, Revision, TestItem
from functions.opening import Asked, Begun
from functions.prompts.media import InvalidMedia
from functions.providers import UnknownModel
from functions.task import LanguageModelChoice, Result, Task, TaskError
from opperweb import loop
from opperweb.accounts.access import zone_of
from opperweb.accounts.models import Project
from opperweb.database import db
from traces import recording
from traces.evaluation_models import Evaluation
from traces.models import Origin, Span, Status

logger = logging.getLogger(__name__)

AT_ONCE = 16
LOOK_SECONDS = 1.0
LONGEST_SECONDS = 240.0
PAUSES_SECONDS = (10.0, 60.0)
# Of the judge's provider: it may pass.
PASSING = frozenset({"rate_limit", "overloaded", "server_error", "timeout", "connection", "bad_reply"})
ATTEMPTS = 2
# What a model answers that does not take pictures or sound.
REFUSED = ("bad_request", "schema_rejected")
NO_MODEL = "No model that could judge is configured: rehearsal/* is no language model. Set EVALUATION_MODEL."
IS_OFF = "Evaluation is off for this function"
GONE = "What was said is no longer kept"
CONFIGURATION: dict[str, Any] = {
    "invocation.few_shot.count": 0,
    "invocation.structured_generation.max_attempts": ATTEMPTS,
}

State = Evaluation.State


@dataclass(frozen=True)
class Case:
    """One completion before its judge."""

    evaluation: Evaluation
    project: Project
    policy: Policy
    asked: Asked
    rules: list[dict[str, Any]]


@shared_task(name="functions.jobs.judge_job", throws=(loop.Stopped,))  # type: ignore[untyped-decorator]
def judge_job() -> None:
    """Judge what is due, some at the same time, until nothing is; one such job a process is enough."""
    loop.run(work_off())


def send_due() -> int:
    """Have workers judge what is due; return how many jobs were sent."""
    due = queue.due_count()
    jobs = min(8, -(-due // AT_ONCE))
    for _ in range(jobs):
        judge_job.delay()
    return jobs


@shared_task(name="functions.jobs.send_due_evaluations_job")  # type: ignore[untyped-decorator]
def send_due_evaluations_job() -> None:
    send_due()


_is_working = False


async def work_off() -> None:
    """Judge until nothing is due any more.

    What comes meanwhile is taken together, once a second, unless more is due than there is room for: work that is done
    together costs less, and calls on the same machine are left alone for the rest of the second.
    """
    global _is_working
    if _is_working:
        return
    _is_working = True
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            room = AT_ONCE - len(running)
            taken = await db(queue.take, room) if room else []
            running |= {asyncio.create_task(_judge(evaluation)) for evaluation in taken}
            if not running:
                return
            if len(taken) == room:
                _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                continue
            _, running = await asyncio.wait(running, timeout=LOOK_SECONDS)
            if not running:
                # The clock looks, too.
                return
    finally:
        _is_working = False
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


async def _judge(evaluation: Evaluation) -> None:
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            case = await db(prepare, evaluation)
            if case is not None:
                begun, result = await _ask(case)
                await db(keep, case, begun, result)
    except TimeoutError:
        await db(_fail, evaluation, f"The judge did not answer within {LONGEST_SECONDS:.0f} s")
    except asyncio.CancelledError:
        await asyncio.shield(db(queue.give_back, evaluation.pk))
        raise
    except (UnknownModel, TaskError, InvalidMedia) as problem:
        await db(_fail, evaluation, f"The judge cannot be asked: {problem}")
    except Exception:
        logger.exception("the evaluation %s failed", evaluation.pk)
        await db(_fail, evaluation, "The server failed while it was judged; what happened is in its log")


async def _ask(case: Case) -> tuple[Begun, Result]:
    begun, result = await calls.call(case.project, case.asked)
    if result.error is not None and result.error.kind in REFUSED and _has_media(case.asked.input):
        # Not every model that judges takes pictures and sound.
        bare = Asked(chosen=case.asked.chosen, input=_without_media(case.asked.input), origin=Origin.EVALUATION)
        begun, result = await calls.call(case.project, bare)
    return begun, result


# --- before the judge -------------------------------------------------------------------------------------------------


def prepare(evaluation: Evaluation) -> Case | None:
    """Check the rules of a completion and return what its judge is asked, or end the evaluation and return None."""
    span = Span.objects.select_related("body", "project", "completion__function__project").get(pk=evaluation.span_id)
    completion = getattr(span, "completion", None)
    function = completion.function if completion is not None else None
    # A function that was deleted, or never was: what goes for any.
    policy = policy_of(function or Function(project=span.project, name=span.name))
    checked = [each.as_dict() for each in rules.run(policy.rules, span.body.output, span.body.input)]
    reason = _reason_to_skip(evaluation, span, policy)
    if reason:
        queue.end(evaluation.pk, State.SKIPPED, reason=reason, rules=checked, judge_version=policy.version)
        return None
    return Case(evaluation, span.project, policy, asked_about(span, policy, expected=_expected(span)), checked)


def _reason_to_skip(evaluation: Evaluation, span: Span, policy: Policy) -> str:
    if span.body.output is None:
        return GONE
    if not policy.is_on and not evaluation.is_asked_for:
        return IS_OFF
    task = Task("", choices=(LanguageModelChoice(policy.model),))
    try:
        candidates = candidates_for(task, catalogue_of(span.project), policy.model)
    except (UnknownModel, TaskError) as problem:
        return f"The judge cannot be asked: {problem}"
    if all(candidate.provider.name == "rehearsal" for candidate in candidates):
        return NO_MODEL
    if evaluation.is_asked_for or span.origin in (Origin.REPLAY, Origin.TEST):
        return ""
    is_telling = span.status == Status.RECOVERED or span.feedback.exists()
    return sampling.reason_to_skip(
        policy, span.id, judged_this_hour=_judged_this_hour(span, policy), is_telling=is_telling
    ) or _over_budget(span.project, policy)


def _over_budget(project: Project, policy: Policy) -> str:
    # Without a budget nothing has to be added up.
    return "" if policy.daily_budget_usd is None else sampling.over_budget(policy, spent_today(project))


def _judged_this_hour(span: Span, policy: Policy) -> int:
    if policy.sampling != Sampling.ADAPTIVE:
        return 0
    hour = timezone.now() - timedelta(hours=1)
    judged = Evaluation.objects.filter(project=span.project_id, created_at__gte=hour, starts__gt=0)
    judged = judged.exclude(state=State.SKIPPED).filter(span__function_name=span.function_name)
    # Past this many the share changes no more.
    return judged.order_by()[: policy.per_hour * sampling.MOST_STEPS].count()


def spent_today(project: Project) -> Decimal:
    """Return what judging has cost since midnight in the project's zone."""
    midnight = timezone.now().astimezone(zone_of(project)).replace(hour=0, minute=0, second=0, microsecond=0)
    judged = Evaluation.objects.filter(project=project, created_at__gte=midnight)
    return judged.aggregate(spent=Sum("cost_usd"))["spent"] or Decimal(0)


def _expected(span: Span) -> Any:
    """Return the right answer where one is known: that of the example which a test run has asked."""
    if span.origin != Origin.TEST:
        return None
    tried = TestItem.objects.filter(run__batch__items__span=span, number=F("run__batch__items__number"))
    item = tried.first()
    return item.expected if item is not None else None


def asked_about(span: Span, policy: Policy, *, expected: Any = None) -> Asked:
    """Return what a judge is asked about a completion; `expected` is the right answer, where it is known."""
    code = secrets.token_hex(6)
    body = span.body
    data = rubric.data_of(
        code,
        {
            "instructions": body.instructions,
            "input_schema": body.input_schema,
            "input": body.input,
            "output_schema": body.output_schema,
            "output": _shown(body.output),
            "expected": expected,
        },
    )
    function = Function(project=span.project, name=f"evaluate {span.function_name or span.name}"[:255])
    definition = Definition(
        function=function,
        revision=Revision(function=function, number=policy.version),
        instructions=rubric.instructions_for(policy.criteria, code, has_expected=expected is not None),
        input_schema=None,
        output_schema=rubric.schema_for(policy.criteria),
        model=policy.model,
        configuration=CONFIGURATION,
        is_draft=True,
    )
    return Asked(chosen=definition, input=data, origin=Origin.EVALUATION, tags={"evaluates": str(span.id)})


def _shown(output: Any) -> Any:
    """Return an output with its pictures and its sound in the form that prompts take them in."""
    if not isinstance(output, dict) or not (output.get("images") or output.get("audio")):
        return output
    images = [{"_opper_media_input": image} for image in output.get("images") or ()]
    return {**output, "images": images, "audio": "(speech, not heard)" if output.get("audio") else None}


def _has_media(value: Any) -> bool:
    if isinstance(value, dict):
        return "_opper_media_input" in value or any(_has_media(each) for each in value.values())
    return isinstance(value, list) and any(_has_media(each) for each in value)


def _without_media(value: Any) -> Any:
    if isinstance(value, dict):
        others = {key: _without_media(each) for key, each in value.items() if key != "_opper_media_input"}
        return {**others, "media": "(not shown to the judge)"} if "_opper_media_input" in value else others
    return [_without_media(each) for each in value] if isinstance(value, list) else value


# --- after it ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def keep(case: Case, begun: Begun, result: Result) -> None:
    """Keep what came of an evaluation, once, and put its score on the span that it is of."""
    evaluation, usage = case.evaluation, result.usage
    judge_span = Span.objects.filter(project=case.project, id=begun.span_id).first()
    facts: dict[str, Any] = {
        "judge_span": judge_span,
        "judge_model": result.attempts[-1].requested_model if result.attempts else case.policy.model,
        "judge_version": case.policy.version,
        "cost_usd": result.cost_usd,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "rules": case.rules,
    }
    if result.error is not None:
        _fail(evaluation, _words_of(result), kind=result.error.kind, **facts)
        return
    verdict = rubric.verdict_of(case.policy.criteria, result.value)
    if queue.end(evaluation.pk, State.DONE, **facts, **verdict) and not evaluation.is_repeat:
        _score(evaluation, verdict["score"])
        _learn(case, verdict["score"])


def _score(evaluation: Evaluation, score: int) -> None:
    """Show the score where lists show it; one that a caller gave stays."""
    span = Span.objects.get(pk=evaluation.span_id)
    earlier = Evaluation.objects.filter(span=span, state=State.DONE, is_repeat=False).exclude(pk=evaluation.pk)
    if span.score is None or earlier.exists():
        recording.change(span, score=score)


def _learn(case: Case, score: int) -> None:
    least = case.policy.examples_from_score
    if least is not None and score >= least:
        span = Span.objects.select_related("body").get(pk=case.evaluation.span_id)
        if span.origin == Origin.LIVE:
            feedback.learn_from(span, case.policy)


def _fail(evaluation: Evaluation, reason: str, *, kind: str = "", **facts: Any) -> None:
    """End an evaluation without a score, or try once more where what stood in its way may pass."""
    tried = evaluation.starts
    if kind in PASSING and tried <= len(PAUSES_SECONDS):
        Evaluation.objects.filter(pk=evaluation.pk).update(rules=facts.get("rules", []))
        queue.later(evaluation.pk, PAUSES_SECONDS[tried - 1], reason=reason)
        return
    queue.end(evaluation.pk, State.FAILED, reason=reason, **facts)


def _words_of(result: Result) -> str:
    assert result.error is not None
    detail = result.error.detail if isinstance(result.error.detail, str) else result.error.message
    if result.error.type == "StructuredGenerationError":
        return f"The judge's answer did not fit its form in {len(result.attempts)} attempts: {detail}"
    return detail
