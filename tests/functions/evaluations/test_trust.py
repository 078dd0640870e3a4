"""How far to trust a judge: the labelled set judged for real, rated by two people, and counted by scikit-learn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

import numpy as np
import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from scipy import stats
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from functions import feedback
from functions.completions import catalogue
from functions.evaluations import changing, judge, queue
from functions.evaluations.rubric import DEFAULT_CRITERIA
from functions.evaluations.trust import Trust, trust_of
from functions.examples import dataset
from functions.feedback import Rater
from functions.models import DatasetExample, Function
from opperweb.accounts.models import ApiKey, Project, User
from tests.functions import labelled
from tests.functions.judging import JUDGE, judged, make_function, rated
from tests.functions.labelled import Case, LabelledUpstream
from traces.evaluation_models import Evaluation
from traces.models import Origin, Span

PAGE = "/projects/acme/functions/kb/evaluations/"


# --- the labelled set -------------------------------------------------------------------------------------------------


@dataclass
class Judged:
    """The labelled set behind the API: each case with its span."""

    upstream: LabelledUpstream
    spans: list[tuple[Case, Span]] = field(default_factory=list)

    @property
    def function(self) -> Function:
        return Function.objects.get(name="kb")

    def work_off(self) -> None:
        async_to_sync(judge.work_off)()


@pytest.fixture
def labelled_set(api: Any, settings: Any) -> Iterator[Judged]:
    """Have the outputs of the set given by a model and judged by the scripted one."""
    cases = labelled.cases()
    with labelled.serving(cases) as upstream:
        settings.PROVIDERS = {"fake": {"kind": "openai", "api_key": "x", "name": "fake", "base_url": upstream.url}}
        settings.EVALUATION_MODEL = f"fake/{labelled.JUDGE}"
        catalogue.forget()
        found = Judged(upstream)
        for case in cases:
            answer = api.post("/v2/call", case.request("kb", f"fake/{labelled.ANSWERS}"))
            assert answer.status_code == 200, answer.content
            found.spans.append((case, Span.objects.get(id=answer.json()["span_id"])))
        found.work_off()
        yield found
    catalogue.forget()


def rate(found: Judged, alice: User, bob: User) -> list[tuple[bool, bool]]:
    """Have both rate the set, and return what the judge and people say of each, in plain words of the set.

    Alice rates all of it by its label, Bob every third one; on each third of these he is of another mind than Alice,
    and then nobody can tell what people say.
    """
    pairs = []
    for place, (case, span) in enumerate(found.spans):
        feedback.give(span, Rater(user=alice), score=1.0 if case.is_good else 0.0, comment=case.wrong)
        if place % 3 == 0:
            says_good = case.is_good != (place % 9 == 0)
            feedback.give(span, Rater(user=bob), score=0.8 if says_good else 0.2)
        if place % 9:
            pairs.append((case.verdict["correct"], case.is_good))
    return pairs


def test_the_set_is_half_good_and_says_what_is_wrong_with_the_rest() -> None:
    cases = labelled.cases()
    assert len({case.key for case in cases}) == len(cases) == 60
    assert len({case.task for case in cases}) == 4
    assert sum(case.is_good for case in cases) == 30
    assert all(bool(case.wrong) == bool(case.kind) == (not case.is_good) for case in cases)
    assert {case.kind for case in cases} == {"", "made-up fact", "missed instruction", "wrong field", "wrong number"}
    # The judge errs in both directions, now and then.
    missed = sum(case.verdict["correct"] and not case.is_good for case in cases)
    alarmed = sum(not case.verdict["correct"] and case.is_good for case in cases)
    assert (missed, alarmed) == (7, 4)


def test_every_output_of_the_set_is_judged_as_the_script_says(labelled_set: Judged) -> None:
    kept = {each.span_id: each for each in Evaluation.objects.all()}
    assert len(kept) == 60
    for case, span in labelled_set.spans:
        assert span.body.output == case.output
        found = kept[span.pk]
        assert (found.state, found.score, found.is_correct, found.observations) == (
            Evaluation.State.DONE,
            case.verdict["score"],
            case.verdict["correct"],
            case.verdict["observations"],
        )


def part_of(client: Client, name: str = "trust", query: str = "") -> str:
    html = client.get(f"{PAGE}{query}").content.decode()
    start = html.index(f'aria-labelledby="{name}-title"')
    inside = html[html.index(">", start) + 1 : html.index("</section>", start)]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", inside)).replace("\u202f", " ").split())


def interval(part: int, whole: int) -> str:
    """A share with Wilson's interval, as the page writes it."""
    found = stats.binomtest(part, whole).proportion_ci(method="wilson")
    return f"{100 * part / whole:.1f} % {100 * found.low:.1f}–{100 * found.high:.1f} %"


def test_the_page_shows_what_scikit_learn_and_scipy_calculate(
    labelled_set: Judged, alice_client: Client, alice: User, bob: User
) -> None:
    pairs = rate(labelled_set, alice, bob)
    assert len(pairs) == 53
    by_judge, by_people = zip(*pairs, strict=True)
    (good, missed), (alarmed, bad) = confusion_matrix(by_judge, by_people, labels=[True, False]).tolist()
    assert min(missed, alarmed) > 0
    text = part_of(alice_client)
    assert "53 outputs rated by 2 people, judge version 0, last 30 days" in text
    assert f"People good {good} {alarmed} People bad {missed} {bad}" in text
    assert f"Agrees with people {interval(good + bad, 53)}" in text
    assert f"κ {cohen_kappa_score(by_judge, by_people):.2f} (" in text
    assert f"False alarms {interval(alarmed, good + alarmed)} good, marked bad" in text
    assert f"Misses {interval(missed, bad + missed)} bad, marked good" in text
    assert f"Open {missed + alarmed} Settled 0" in part_of(alice_client, "disagreements")


def test_repeats_spread_as_numpy_says_and_change_no_other_number(
    labelled_set: Judged, alice_client: Client, alice: User, bob: User
) -> None:
    rate(labelled_set, alice, bob)
    before = trust_of(labelled_set.function, version=0)
    assert before.spread is None
    sample = labelled_set.spans[::3]
    queue.ask([span for _, span in sample for _ in range(3)], is_repeat=True)
    labelled_set.work_off()
    said = [[case.said(times) for times in range(4)] for case, _ in sample]
    scores = np.array([[each["score"] for each in judged] for judged in said])
    # With as many evaluations of each, the pooled variance is the mean of the variances.
    deviation = np.sqrt(scores.var(axis=1, ddof=1).mean())
    changed = sum(len({each["correct"] for each in judged}) > 1 for judged in said)
    assert changed > 0
    after = trust_of(labelled_set.function, version=0)
    assert after.spread is not None
    assert after.spread.deviation == pytest.approx(deviation)
    assert (after.spread.outputs, after.spread.evaluations, after.spread.changed_sides) == (20, 80, changed)
    assert (after.agreement, after.people) == (before.agreement, before.people)
    text = part_of(alice_client)
    assert f"Spread on repeats ± {deviation:.1f}" in text
    assert f"20 outputs {changed} changed sides" in text


def test_a_new_version_begins_without_the_verdicts_of_the_one_before(
    labelled_set: Judged, alice_client: Client, alice: User, bob: User
) -> None:
    pairs = rate(labelled_set, alice, bob)
    function = labelled_set.function
    criteria = [{"name": each.name, "sentence": "As always.", "weight": 1} for each in DEFAULT_CRITERIA]
    changing.save_rubric(function, criteria, base=0, user=alice)
    assert trust_of(function, version=1).agreement.count == 0
    assert table_of(trust_of(function, version=0)) == confusion(pairs)
    again = [(case, span) for place, (case, span) in enumerate(labelled_set.spans) if place % 9][:31]
    queue.ask([span for _, span in again])
    labelled_set.work_off()
    # Asked for the second time the judge says what the script has it say then.
    second = [(case.said(1)["correct"], case.is_good) for case, _ in again]
    old, new = (trust_of(function, version=version) for version in (0, 1))
    assert table_of(old) == confusion(pairs)
    assert table_of(new) == confusion(second)
    assert "31 outputs rated by 2 people, judge version 1" in part_of(alice_client)
    assert "53 outputs rated by 2 people, judge version 0" in part_of(alice_client, query="?version=0")


def table_of(trust: Trust) -> list[list[int]]:
    counts = trust.agreement
    return [[counts.good_good, counts.good_bad], [counts.bad_good, counts.bad_bad]]


def confusion(pairs: list[tuple[bool, bool]]) -> list[list[int]]:
    found: list[list[int]] = confusion_matrix(*zip(*pairs, strict=True), labels=[True, False]).tolist()
    return found


# --- whose word counts ------------------------------------------------------------------------------------------------


@pytest.fixture
def function(project: Project) -> Function:
    return make_function(project)


def test_people_who_are_divided_evenly_say_nothing(function: Function, alice: User, bob: User) -> None:
    even = judged(function, 90)
    for author, score in ((alice, 1.0), (bob, 0.0)):
        rated(even, author, score)
    alone = judged(function, 90)
    rated(alone, alice, 0.5)
    found = trust_of(function, version=0)
    assert (table_of(found), found.people) == ([[1, 0], [0, 0]], 2)
    assert found.disagreements == []


def test_most_of_the_people_decide_and_a_key_is_one_of_them(
    function: Function, project: Project, alice: User, bob: User
) -> None:
    key, _ = ApiKey.objects.make(project, "app")
    evaluation = judged(function, 90)
    rated(evaluation, alice, 1.0)
    rated(evaluation, bob, 0.0)
    rated(evaluation, None, 0.0, api_key=key)
    found = trust_of(function, version=0)
    assert (table_of(found), found.people) == ([[0, 1], [0, 0]], 3)


def test_a_comment_without_a_rating_counts_nowhere(function: Function, alice: User) -> None:
    evaluation = judged(function, 90)
    rated(evaluation, alice, 1.0)
    evaluation.span.feedback.update(score=None, comment="Hm")
    found = trust_of(function, version=0)
    assert (found.agreement.count, found.people) == (0, 0)


@pytest.mark.parametrize(
    ("score", "is_correct", "is_good"),
    [(90, None, True), (50, None, True), (49, None, False), (90, False, False), (20, True, True)],
)
def test_where_a_judge_says_nothing_of_correctness_its_score_decides(
    function: Function, alice: User, score: int, is_correct: bool | None, is_good: bool
) -> None:
    rated(judged(function, score, is_correct=is_correct), alice, 1.0)
    assert table_of(trust_of(function, version=0)) == ([[1, 0], [0, 0]] if is_good else [[0, 0], [1, 0]])


# --- which verdicts count ---------------------------------------------------------------------------------------------


def test_of_several_verdicts_on_one_output_the_newest_counts_once(function: Function, alice: User) -> None:
    first = judged(function, 20, ago=timedelta(hours=2))
    judged(function, 90, span=first.span, is_asked_for=True, ago=timedelta(hours=1))
    judged(function, 10, span=first.span, is_repeat=True, ago=timedelta(minutes=1))
    rated(first, alice, 1.0)
    found = trust_of(function, version=0)
    assert table_of(found) == [[1, 0], [0, 0]]
    assert found.spread is not None
    assert found.spread.evaluations == 3


def test_other_versions_other_models_older_ones_and_tests_are_left_out(
    function: Function, project: Project, alice: User
) -> None:
    for values in (
        {"judge_version": 1},
        {"judge_model": "other/judge"},
        {"ago": timedelta(days=40)},
        {"state": Evaluation.State.FAILED},
    ):
        rated(judged(function, 90, **values), alice, 0.0)
    replayed = judged(function, 90)
    Span.objects.filter(pk=replayed.span_id).update(origin=Origin.REPLAY)
    rated(replayed, alice, 0.0)
    rated(judged(make_function(project, "other"), 90), alice, 0.0)
    rated(judged(function, 90), alice, 1.0)
    since = timezone.now() - timedelta(days=30)
    assert table_of(trust_of(function, version=0, since=since, model=JUDGE)) == [[1, 0], [0, 0]]


# --- disagreements ----------------------------------------------------------------------------------------------------


def test_where_the_judge_was_right_people_count_as_saying_so(function: Function, alice: User) -> None:
    alarm, miss = judged(function, 20), judged(function, 90)
    rated(alarm, alice, 1.0, judge_is_right=True)
    rated(miss, alice, 0.0)
    found = trust_of(function, version=0)
    assert table_of(found) == [[0, 1], [0, 1]]
    assert [each.evaluation.pk for each in found.settled] == [alarm.pk]
    assert [each.evaluation.pk for each in found.disagreements] == [miss.pk]


def test_one_whose_right_answer_is_an_example_is_settled_and_still_counts(function: Function, alice: User) -> None:
    evaluation = judged(function, 90)
    feedback.give(evaluation.span, Rater(user=alice), score=0.0, correction={"answer": "This one"}, saves=True)
    found = trust_of(function, version=0)
    assert [each.evaluation.pk for each in found.settled] == [evaluation.pk]
    assert table_of(found) == [[0, 1], [0, 0]]


def test_a_bad_one_that_became_an_example_on_its_own_stays_open(function: Function, alice: User) -> None:
    evaluation = judged(function, 97)
    entry = {"input": evaluation.span.body.input, "output": evaluation.span.body.output}
    dataset.add(function, entry, source=DatasetExample.Source.AUTOMATIC, span_id=evaluation.span.id)
    rated(evaluation, alice, 0.0)
    assert [each.evaluation.pk for each in trust_of(function, version=0).disagreements] == [evaluation.pk]
    feedback.give(evaluation.span, Rater(user=alice), score=0.0, correction={"answer": "This one"}, saves=True)
    assert trust_of(function, version=0).disagreements == []


def test_it_asks_the_database_as_often_for_many_as_for_few(function: Function, alice: User, bob: User) -> None:
    def more(number: int) -> None:
        for place in range(number):
            evaluation = judged(function, 90 if place % 2 else 20)
            rated(evaluation, alice, 0.0)
            rated(evaluation, bob, 0.0)
            judged(function, 50, span=evaluation.span, is_repeat=True)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            found = trust_of(function, version=0, model=JUDGE)
            # What the page shows of each.
            for each in found.disagreements:
                assert each.evaluation.span.trace.id
                assert [str(rating.author) for rating in each.ratings]
        return len(queries)

    more(4)
    few = count()
    more(40)
    assert count() == few == 3
