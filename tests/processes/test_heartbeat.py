"""A living process can be told from one that is gone."""

import os
import subprocess
import sys
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from opperweb.processes import heartbeat
from opperweb.processes.models import Process


def make_process(**fields):
    values = {"kind": "worker", "host": heartbeat.host(), "pid": os.getpid(), "started_at": timezone.now()}
    return Process.objects.create(**values | fields)


@pytest.fixture
def pid_of_the_dead():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.django_db(transaction=True)
def test_a_process_is_there_from_start_to_stop():
    own_id = heartbeat.start("web")
    try:
        assert Process.objects.alive().get(pk=own_id).pid == os.getpid()
        assert heartbeat.current_id() == own_id
    finally:
        heartbeat.stop()
    assert not Process.objects.filter(pk=own_id).exists()


@pytest.mark.django_db
def test_who_asks_for_the_own_id_without_a_beat_gives_a_sign_of_life():
    own_id = heartbeat.current_id()
    Process.objects.filter(pk=own_id).update(seen_at=timezone.now() - timedelta(hours=1))
    assert heartbeat.current_id() == own_id
    assert Process.objects.alive().filter(pk=own_id).exists()


@pytest.mark.django_db
def test_the_silent_are_not_alive():
    make_process(seen_at=timezone.now() - Process.SILENT_AFTER - timedelta(seconds=1), host="elsewhere")
    assert not Process.objects.alive().exists()
    assert Process.objects.silent().count() == 1


@pytest.mark.django_db
def test_a_start_forgets_the_dead_of_this_machine_at_once(pid_of_the_dead):
    dead = make_process(pid=pid_of_the_dead)
    elsewhere = make_process(pid=pid_of_the_dead, host="elsewhere")
    heartbeat.forget_the_dead()
    assert set(Process.objects.values_list("pk", flat=True)) == {elsewhere.pk}
    assert not Process.objects.filter(pk=dead.pk).exists()


@pytest.mark.django_db
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells when a process began")
def test_a_process_number_given_out_again_does_not_keep_the_dead_alive():
    make_process(started_at=timezone.now() - timedelta(days=3))
    heartbeat.forget_the_dead()
    assert not Process.objects.exists()


@pytest.mark.django_db
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells when a process began")
def test_a_living_neighbour_is_left_alone():
    own = Process.objects.get(pk=heartbeat.current_id())
    neighbour = make_process(started_at=own.started_at)
    heartbeat.forget_the_dead()
    assert Process.objects.filter(pk=neighbour.pk).exists()


@pytest.mark.django_db
def test_the_oldest_living_worker_runs_the_periodic_jobs():
    own_id = heartbeat.current_id()
    Process.objects.filter(pk=own_id).update(kind="worker")
    assert heartbeat.is_first_worker()
    # Ids grow with time: this one was made before all others.
    older = make_process(id=UUID(int=own_id.int - 2**80), host="elsewhere")
    assert not heartbeat.is_first_worker()
    Process.objects.filter(pk=older.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    assert heartbeat.is_first_worker()
