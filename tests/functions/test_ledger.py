"""What the writer of calls does where a transaction fails only at its end."""

import time
from typing import Any

import pytest
from django.db import OperationalError

from functions import ledger
from functions.models import Completion
from opperweb.accounts.models import Project
from traces import drafts
from traces.models import Kind, Span, Status

pytestmark = pytest.mark.django_db(transaction=True)


def entry_of(project: Project, name: str, **values: Any) -> ledger.Entry:
    draft = drafts.draft(project, name, body={"input": "x"}, kind=Kind.LLM, status=Status.RUNNING)
    completion = Completion(project=project, state=Completion.State.RUNNING, **values)
    return ledger.Entry(draft, completion, time.monotonic())


def test_a_call_whose_function_was_deleted_meanwhile_is_kept_and_so_are_those_beside_it(project: Project) -> None:
    # That the function is gone is seen when the transaction ends, after every row has its key.
    entries = [entry_of(project, "gone", function_id=987654321), entry_of(project, "beside")]
    assert ledger._settled(entries) == {}
    assert set(Span.objects.values_list("name", flat=True)) == {"gone", "beside"}
    assert Completion.objects.filter(function=None).count() == 2
    assert all(entry.draft.is_written for entry in entries)


def test_a_call_that_is_being_written_is_not_taken_for_written(project: Project) -> None:
    entry = entry_of(project, "busy")
    entry.is_busy, entry.draft.span.pk = True, 1
    assert not ledger.ledger._stands(entry)
    entry.is_busy = False
    assert ledger.ledger._stands(entry)


@pytest.mark.parametrize(("failures", "is_kept"), [(1, True), (2, False)])
def test_a_call_that_gives_way_in_a_deadlock_is_written_once_more(
    project: Project, monkeypatch: pytest.MonkeyPatch, failures: int, is_kept: bool
) -> None:
    write, left = ledger._write, iter(range(failures))

    def give_way(entries: Any) -> None:
        if next(left, None) is not None:
            raise OperationalError("deadlock detected")
        write(entries)

    monkeypatch.setattr(ledger, "_write", give_way)
    entry = entry_of(project, "slow")
    problems = ledger._settled([entry])
    assert (problems == {}) is is_kept
    assert Span.objects.filter(name="slow").exists() is is_kept
