"""The clock of the periodic jobs strikes in one worker only."""

from datetime import timedelta
from uuid import UUID

import pytest
from celery import shared_task
from django.utils import timezone

from opperweb import celery
from opperweb.processes import heartbeat
from opperweb.processes.models import Process
from opperweb.worker import FirstWorkersScheduler

strikes: list[str] = []


@shared_task(name="tests.strike")
def strike():
    strikes.append("now")


@pytest.fixture
def clock(monkeypatch):
    strikes.clear()
    monkeypatch.setitem(celery.app.conf, "beat_schedule", {"strike": {"task": "tests.strike", "schedule": 0.001}})
    # A connection closed in the middle of a test would end its transaction.
    monkeypatch.setattr("opperweb.worker.connection.close", lambda: None)
    return FirstWorkersScheduler(app=celery.app, max_interval=1)


@pytest.fixture
def own_row(db):
    own_id = heartbeat.current_id()
    Process.objects.filter(pk=own_id).update(kind="worker")
    return Process.objects.get(pk=own_id)


def tick_until_due(clock):
    for _ in range(1000):
        clock.tick()


@pytest.mark.usefixtures("own_row")
def test_the_first_worker_runs_the_periodic_jobs(clock):
    tick_until_due(clock)
    assert strikes


def test_another_worker_leaves_them_to_the_first(clock, own_row):
    Process.objects.create(
        id=UUID(int=own_row.pk.int - 2**80),
        kind="worker",
        host="elsewhere",
        pid=1,
        seen_at=timezone.now() + timedelta(minutes=1),
    )
    tick_until_due(clock)
    assert strikes == []
