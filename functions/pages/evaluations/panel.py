"""What stands beside the evaluations: rubric, checks, which calls are judged, by whom, what becomes an example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext

from functions.evaluations import figures, rules
from functions.evaluations.changing import judges_of
from functions.evaluations.figures import Judge, Learning, Spending
from functions.evaluations.judge import NO_MODEL
from functions.evaluations.policy import NO_JUDGE, Policy, Sampling, policy_of
from functions.evaluations.sampling import MOST_STEPS
from functions.models import EvaluationPolicy, ProjectEvaluation
from functions.pages.definition.page import names_of
from functions.pages.evaluations.forms import KINDS, LearningForm, PolicyForm, RuleForm
from functions.pages.evaluations.rubric import RubricForm
from functions.pages.evaluations.view import EvaluationView
from functions.pages.function_page import FunctionHead
from functions.pages.signed import signed
from functions.providers import UnknownModel
from functions.task import InvalidModel
from opperweb.pages import display

# A check that fewer pass is worth a colour.
LEAST_PASSED = 0.98


@dataclass(frozen=True)
class RuleRow:
    """A check in words, whether it is on, and what part of the newest outputs passed it."""

    words: str
    is_on: bool
    passed: int = 0
    checked: int = 0

    @property
    def share(self) -> str:
        return display.share(self.passed, self.checked) if self.checked else display.MISSING

    @property
    def css(self) -> str:
        return "is-warn" if self.checked and self.passed < LEAST_PASSED * self.checked else ""


class Panel:
    """All of it; `sent` are forms with what was typed, which stand in the place of what is kept."""

    def __init__(self, head: FunctionHead, params: QueryDict, **sent: Any) -> None:
        self.head = head
        self.params = params
        self.sent = sent

    # --- the judge ------------------------------------------------------------------------------------------------

    @cached_property
    def policy(self) -> Policy:
        return policy_of(self.head.function)

    @cached_property
    def own(self) -> EvaluationPolicy:
        function = self.head.function
        return EvaluationPolicy.objects.filter(function=function).first() or EvaluationPolicy(function=function)

    @cached_property
    def _judges(self) -> tuple[tuple[str, ...], str]:
        model = self.policy.model
        if model == NO_JUDGE:
            return (), gettext("No model judges here: the judge's model is “none”.")
        try:
            found = judges_of(self.head.project, model)
        except (UnknownModel, InvalidModel) as problem:
            return (), gettext("The judge cannot be asked: %(problem)s") % {"problem": problem}
        return found, "" if found else NO_MODEL

    @property
    def judges(self) -> tuple[str, ...]:
        """The models that judge now."""
        return self._judges[0]

    @property
    def problem(self) -> str:
        """Why nothing can be judged now; empty where it can."""
        return self._judges[1]

    @property
    def judge(self) -> Judge:
        """The judge of now."""
        return Judge(self.policy.version, self.judges[0] if self.judges else self.policy.model)

    @cached_property
    def off(self) -> str:
        """Why calls are not judged of themselves; empty where they are."""
        if not self.head.function.observer_enabled:
            return gettext("Evaluation is off for this function.")
        if self.own.sampling == Sampling.NONE:
            return gettext("No calls of this function are judged.")
        return "" if self.policy.is_on or self.problem else gettext("Evaluation is off in this project.")

    # --- the rubric -----------------------------------------------------------------------------------------------

    @cached_property
    def rubric(self) -> RubricForm:
        return self.sent.get("rubric") or RubricForm.of(self.policy.version, self.policy.criteria)

    @cached_property
    def rated_count(self) -> int:
        return figures.rated_count(self.head.function)

    # --- checks ---------------------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> list[RuleRow]:
        kept = [rule for rule in self.policy.rules if isinstance(rule, Mapping)]
        since = EvaluationView.from_query(self.params).since
        shares = figures.rule_shares(self.head.function, since) if kept else {}
        return [
            RuleRow(words, bool(rule.get("on", True)), *shares.get(words, (0, 0)))
            for rule in kept
            for words in [rules.words_of(rule)]
        ]

    @cached_property
    def rule_form(self) -> RuleForm | None:
        return self.sent.get("rule_form") or RuleForm.of(self.params)

    @property
    def rule_kinds(self) -> list[tuple[str, Any]]:
        return list(KINDS.items())

    # --- which calls, and by whom ---------------------------------------------------------------------------------

    @cached_property
    def policy_form(self) -> PolicyForm:
        own = self.own
        initial = {name: getattr(own, name) for name in ("sampling", "one_in", "per_hour", "model")}
        return self.sent.get("policy_form") or PolicyForm(
            initial=initial, project=self.head.project, usual=self.usual_judge, auto_id="policy-%s"
        )

    @cached_property
    def usual_judge(self) -> str:
        """Who judges where the function does not say."""
        own = ProjectEvaluation.objects.filter(project=self.head.project).first()
        return (own.model if own is not None else "") or str(settings.EVALUATION_MODEL)

    @cached_property
    def offers(self) -> list[str]:
        return names_of(self.head.project) if self.head.may_edit else []

    @cached_property
    def sampling_words(self) -> str:
        """What the choice of calls does now."""
        policy = self.policy
        if policy.sampling == Sampling.ALL:
            return gettext("Every call is judged.")
        if policy.sampling == Sampling.NONE:
            return gettext("Nothing is judged unless somebody asks for it. Rule checks run all the same.")
        if policy.sampling == Sampling.ONE_IN:
            words = gettext("One call in %(count)s is judged, and all that were retried or rated.")
            return words % {"count": f"{policy.one_in:,}"}
        share, count = figures.share_now(self.head.function, policy)
        given = {"rate": f"{policy.per_hour:,}", "count": f"{count:,}", "share": share, "least": 1 << MOST_STEPS}
        words = gettext("All calls up to %(rate)s an hour, then fewer and fewer, down to one in %(least)s.") % given
        if share == 1:
            return words + " " + gettext("Now: all, %(count)s in the last hour.") % given
        return words + " " + gettext("Now: one in %(share)s, %(count)s in the last hour.") % given

    @cached_property
    def spending(self) -> Spending:
        return figures.spending_of(self.head.project)

    # --- examples on their own ------------------------------------------------------------------------------------

    @cached_property
    def learning(self) -> Learning:
        return figures.learning_of(self.head.function, self.judge)

    @cached_property
    def learning_words(self) -> str:
        """Whether scores rose with the first example that was made of a call."""
        before, after = self.learning.before, self.learning.after
        if before is None or after is None:
            return ""
        given = {
            "before": f"{before.value:.0f}",
            "after": f"{after.value:.0f}",
            "change": signed(after.value - before.value, 1),
            "n": f"{before.count:,}",
            "m": f"{after.count:,}",
        }
        said = gettext("Average score %(before)s before the first example of a call (%(n)s), %(after)s after (%(m)s)")
        words = said % given
        if figures.is_clear(before, after):
            return f"{words}: {given['change']}."
        return f"{words}: {gettext('no clear change')}."

    @cached_property
    def learning_form(self) -> LearningForm:
        own = self.own
        initial = {
            "from_score": own.examples_from_score is not None,
            "least_score": own.examples_from_score,
            "from_good": own.examples_from_good,
            "most_examples": own.most_examples,
        }
        return self.sent.get("learning_form") or LearningForm(initial=initial, auto_id="learning-%s")
