"""Who fails several times in a row is asked last for a while; whoever answers is back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from functions.completions import catalogue, standing
from functions.completions.candidates import candidates_for
from functions.models import ProviderState
from functions.task import AttemptRecord, Task, choices_of
from opperweb.accounts.models import Project

NOTHING: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    standing._counts.clear()


def record(outcome: Any = "failed", kind: str = "server_error", provider: str = "fake") -> AttemptRecord:
    return AttemptRecord(
        1, outcome, f"{provider}/a", provider, datetime.now(UTC), error_kind=kind, error_message="HTTP 500",
        http_status=500,
    )  # fmt: skip


def test_five_failures_in_a_row_are_a_pause_and_the_next_one_is_longer() -> None:
    for _ in range(4):
        assert standing.changes_after(1, [record()], NOTHING) == []
    first = standing.changes_after(1, [record()], NOTHING)[0]
    assert first.paused_until is not None
    assert first.paused_until - timezone.now() <= standing.SHORTEST_PAUSE
    second = standing.changes_after(1, [record()] * 5, NOTHING)[0]
    assert second.paused_until is not None
    assert second.paused_until - timezone.now() > standing.SHORTEST_PAUSE


def test_an_answer_in_between_begins_the_count_anew() -> None:
    standing.changes_after(1, [record()] * 4, NOTHING)
    standing.changes_after(1, [record("accepted", "")], NOTHING)
    assert standing.changes_after(1, [record()] * 4, NOTHING) == []


@pytest.mark.parametrize("kind", ["credentials", "quota", "forbidden"])
def test_what_another_question_would_meet_too_is_a_pause_at_once(kind: str) -> None:
    assert standing.changes_after(1, [record(kind=kind)], NOTHING)[0].paused_until is not None


@pytest.mark.parametrize("kind", ["bad_request", "context_length", "content_policy", "schema_rejected", "rate_limit"])
def test_a_fault_of_the_question_is_none_of_the_provider(kind: str) -> None:
    assert standing.changes_after(1, [record(kind=kind)] * 20, NOTHING) == []


def test_projects_and_providers_are_counted_apart() -> None:
    for project_id in (1, 2):
        for provider in ("a", "b"):
            assert standing.changes_after(project_id, [record(provider=provider)] * 4, NOTHING) == []


def test_a_paused_provider_comes_last_and_every_process_learns_of_it(project: Project, use_upstream: Any) -> None:
    use_upstream()
    task = Task("t", choices=choices_of(["gone/a", "fake/b", "rehearsal/echo"]))

    def order() -> list[str]:
        project.refresh_from_db()
        return [one.name for one in candidates_for(task, catalogue.catalogue_of(project), "")]

    assert order() == ["gone/a", "fake/b", "rehearsal/echo"]
    standing.write(project, standing.changes_after(project.pk, [record(provider="gone")] * 5, NOTHING))
    assert order() == ["fake/b", "rehearsal/echo", "gone/a"]
    found = candidates_for(task, catalogue.catalogue_of(project), "")
    assert "paused" in found[-1].notes[0]
    standing.write(project, standing.changes_after(project.pk, [record("accepted", "", "gone")], frozenset({"gone"})))
    assert order() == ["gone/a", "fake/b", "rehearsal/echo"]


def test_a_pause_ends_by_itself_or_by_hand(project: Project, use_upstream: Any) -> None:
    use_upstream()
    standing.write(project, standing.changes_after(project.pk, [record()] * 5, NOTHING))
    project.refresh_from_db()
    assert catalogue.catalogue_of(project).pause_of("fake") is not None
    standing.resume(project, "fake")
    project.refresh_from_db()
    assert catalogue.catalogue_of(project).pause_of("fake") is None
    ProviderState.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
    assert catalogue.catalogue_of(project).pause_of("fake") is None


def test_a_sign_of_life_is_not_written_with_every_call() -> None:
    good = record("accepted", "")
    assert len(standing.changes_after(1, [good], NOTHING)) == 1
    assert standing.changes_after(1, [good] * 10, NOTHING) == []
