"""Whether a call can be judged, by whom, and why it was not: what the tab of an evaluation says beside the verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from functions import feedback
from functions.completions.candidates import candidates_for
from functions.completions.catalogue import catalogue_of
from functions.evaluations.judge import NO_MODEL
from functions.evaluations.policy import NO_JUDGE, Policy, Sampling, policy_of
from functions.models import EvaluationPolicy, Function
from functions.providers import UnknownModel
from functions.task import LanguageModelChoice, Task, TaskError
from opperweb.accounts.models import Project
from traces.models import Origin, Span, Status


@dataclass(frozen=True)
class Judging:
    """`obstacle` is why the call cannot be judged now, `absence` why nobody has judged it; both may be empty."""

    function: Function | None
    obstacle: str = ""
    absence: str = ""


def judging_of(span: Span, project: Project) -> Judging:
    """Return how it stands with the judging of a span; a fixed number of queries."""
    function = feedback.function_of(span)
    if function is None:
        reason = _("It is no call of a function that is still there: only those are judged.")
        return Judging(None, obstacle=reason, absence=reason)
    function.project = project
    policy = policy_of(function)
    obstacle = _obstacle_of_span(span) or _obstacle_of_judge(project, policy)
    return Judging(function, obstacle, _absence(function, policy))


def _obstacle_of_span(span: Span) -> str:
    if span.origin == Origin.EVALUATION:
        return _("It is the call of a judge, which nobody judges.")
    if span.status == Status.RUNNING:
        return _("The call is still running.")
    if span.status not in (Status.OK, Status.RECOVERED):
        return _("The call did not complete: there is no output to judge.")
    return ""


def _obstacle_of_judge(project: Project, policy: Policy) -> str:
    if policy.model == NO_JUDGE:
        return _("No model judges here: the judge's model is “none”.")
    task = Task("", choices=(LanguageModelChoice(policy.model),))
    try:
        candidates = candidates_for(task, catalogue_of(project), policy.model)
    except (UnknownModel, TaskError) as problem:
        return _("The judge cannot be asked: %(problem)s") % {"problem": problem}
    return NO_MODEL if all(each.provider.name == "rehearsal" for each in candidates) else ""


def _absence(function: Function, policy: Policy) -> str:
    """Return why a call got no evaluation of its own, as far as it can still be told."""
    if not function.observer_enabled:
        return _("Evaluation is off for this function.")
    if policy.model == NO_JUDGE:
        return _("No model judges here: the judge's model is “none”.")
    if not policy.is_on:
        none = EvaluationPolicy.objects.filter(function=function, sampling=Sampling.NONE).exists()
        return _("No calls of this function are judged.") if none else _("Evaluation is off in this project.")
    return _("When it was made, calls like it were not judged.")
