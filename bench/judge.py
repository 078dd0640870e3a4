"""How far a judge agrees with labels that are known: 60 outputs, in half of which an error was planted by hand.

    ./run bench judge                          the scripted judge on loopback, whose verdicts are in the set
    ./run bench judge --model openai/gpt-4.1   a real judge, by its provider's key in the environment
    ./run bench judge --repeats 3              each output so many times more, for the spread

The set, judge.jsonl, was written by hand for this: four everyday tasks (questions on planets answered from facts,
support tickets, recipes for more or fewer people, translations) with 30 inputs in all. Each input has an output that is
right, and the same with one error: a made-up fact (9), a missed instruction (7), a wrong field (7) or a wrong number
(7). Nobody but its author has labelled it, and the errors are plain ones: a judge that does well here may still do
badly on your own outputs, and only people's ratings of those tell.

The outputs are given by a model on loopback, called and judged as any other; the labels are put in as the ratings of
one person. The verdicts of the scripted judge are made up too, right in 49 of 60: they check the way and the numbers,
and say nothing of any model.
"""

# ruff: noqa: E402
import argparse
import asyncio
import atexit
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

# Never the data of whoever runs this.
FOLDER = Path(tempfile.mkdtemp(prefix="opperweb-bench-judge-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ |= {"DATA_DIR": str(FOLDER), "DJANGO_SETTINGS_MODULE": "opperweb.settings"}
for name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)

import django

django.setup()

from django.conf import settings
from django.core.management import call_command

from functions import calls, feedback
from functions.completions.catalogue import forget
from functions.evaluations import judge, queue
from functions.evaluations.agreement import Agreement, Share
from functions.evaluations.trust import Trust, is_good, trust_of
from functions.feedback import Rater
from functions.models import Function
from functions.opening import Asked
from opperweb import celery
from opperweb.accounts.models import Project, User
from opperweb.database import db
from tests.functions.labelled import ANSWERS, JUDGE, Case, cases, serving
from traces.evaluation_models import Evaluation
from traces.models import Span

SCRIPTED = f"bench/{JUDGE}"


def main() -> int:
    options = read_options()
    labelled = cases()
    celery.make_folders()
    call_command("migrate", verbosity=0)
    settings.DB_THREAD_SENSITIVE = False
    with serving(labelled) as upstream:
        account = {"kind": "openai", "api_key": "x", "name": "bench", "base_url": upstream.url}
        settings.PROVIDERS = {**settings.PROVIDERS, "bench": account}
        settings.EVALUATION_MODEL = options.model
        forget()
        project = Project.objects.create(slug="bench", name="Bench")
        person = User.objects.create_user("bench@example.com", None, name="The label")
        spans = asyncio.run(judged(project, labelled, options.repeats))
    for case, span in zip(labelled, spans, strict=True):
        feedback.give(span, Rater(user=person), score=1.0 if case.is_good else 0.0, comment=case.wrong, saves=False)
    report(project, labelled, spans, options.model)
    return 1 if print_missing(spans) else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=SCRIPTED, help="the judge, provider/name")
    parser.add_argument("--repeats", type=int, default=0, help="judge each output so many times more")
    return parser.parse_args()


async def judged(project: Project, labelled: list[Case], repeats: int) -> list[Span]:
    """Call each function of the set, have all of it judged, and return the spans of the calls."""
    spans = []
    for case in labelled:
        asked = case.request(case.task, f"bench/{ANSWERS}")
        definition = {key: asked[key] for key in ("instructions", "output_schema", "model")}
        begun, result = await calls.call(project, Asked(name=case.task, input=case.input, definition=definition))
        if result.value != case.output:
            sys.exit(f"a call of {case.task} answered something else: {result.error or result.value}")
        spans.append(await Span.objects.aget(id=begun.span_id))
    await judge.work_off()
    if repeats:
        await db(queue.ask, [span for span in spans for _ in range(repeats)], is_repeat=True)
        await judge.work_off()
    return spans


# --- what came of it --------------------------------------------------------------------------------------------------


def report(project: Project, labelled: list[Case], spans: list[Span], model: str) -> None:
    tasks = dict.fromkeys(case.task for case in labelled)
    trusts = {task: trust_of(Function.objects.get(project=project, name=task), version=0) for task in tasks}
    print(f"{len(labelled)} outputs, judged by {model}\n")
    print(f"{'':14}{'good, good':>12}{'good, bad':>12}{'bad, good':>12}{'bad, bad':>12}   (judge, label)")
    for task, trust in [*trusts.items(), ("all", None)]:
        counts = trust.agreement if trust else together(trusts.values())
        cells = (counts.good_good, counts.good_bad, counts.bad_good, counts.bad_bad)
        print(f"{task:14}" + "".join(f"{count:>12}" for count in cells))
    print_shares(together(trusts.values()))
    print_kinds(labelled, spans)
    for task, trust in trusts.items():
        if trust.spread:
            low, high = trust.spread.interval
            changed = f"{trust.spread.changed_sides} of {trust.spread.outputs} changed sides"
            print(f"spread, {task:14}± {trust.spread.deviation:.1f} ({low:.1f} to {high:.1f}), {changed}")


def together(trusts: Iterable[Trust]) -> Agreement:
    """Return the counts of all functions as those of one."""
    found = [trust.agreement for trust in trusts]
    names = ("good_good", "good_bad", "bad_good", "bad_bad")
    return Agreement(**{name: sum(getattr(each, name) for each in found) for name in names})


def print_shares(counts: Agreement) -> None:
    shares: list[tuple[str, Share]] = [
        ("agrees with the labels", counts.agreement),
        ("false alarms (good, marked bad)", counts.false_alarms),
        ("misses (bad, marked good)", counts.misses),
    ]
    print()
    for words, share in shares:
        if share.value is None or share.interval is None:
            print(f"{words:34}nothing to tell from")
            continue
        low, high = share.interval
        print(f"{words:34}{share.value:>7.1%}   ({low:.1%} to {high:.1%}), {share.part} of {share.whole}")
    if counts.kappa is not None and counts.kappa_interval is not None:
        low, high = counts.kappa_interval
        print(f"{'kappa':34}{counts.kappa:>7.2f}   ({low:.2f} to {high:.2f})")
    print()


def print_kinds(labelled: list[Case], spans: list[Span]) -> None:
    """Print how many errors of each kind were seen."""
    verdicts = {each.span_id: is_good(each) for each in evaluations(spans)}
    bad = [(case.kind, verdicts.get(span.pk)) for case, span in zip(labelled, spans, strict=True) if not case.is_good]
    seen = Counter(kind for kind, said_good in bad if said_good is False)
    for kind, count in Counter(kind for kind, _ in bad).items():
        print(f"found: {kind:27}{seen[kind]:>4} of {count}")


def print_missing(spans: list[Span]) -> int:
    """Print what was not judged and why; return how many those are."""
    open_ones = Evaluation.objects.filter(span__in=spans).exclude(state=Evaluation.State.DONE)
    reasons = Counter(f"{each.get_state_display()}: {each.reason}" for each in open_ones)
    for reason, count in reasons.items():
        print(f"NOT judged: {count}, {reason}")
    return sum(reasons.values())


def evaluations(spans: list[Span]) -> list[Evaluation]:
    done = Evaluation.objects.filter(span__in=spans, state=Evaluation.State.DONE, is_repeat=False)
    return list(done.order_by("created_at"))


if __name__ == "__main__":
    sys.exit(main())
