"""What machines are told about this one."""

import pytest
from django.test import RequestFactory

from opperweb import health
from opperweb.processes import heartbeat
from opperweb.processes.models import Process

ask = RequestFactory()


@pytest.fixture
def _worker(db, settings):
    settings.QUEUE_DIR.mkdir(exist_ok=True)
    Process.objects.filter(pk=heartbeat.current_id()).update(kind="worker")


def test_a_living_process_says_so_without_a_database():
    assert health.healthz(ask.get("/healthz")).status_code == 200


@pytest.mark.usefixtures("_worker")
def test_it_is_ready_when_database_broker_and_a_worker_answer():
    response = health.readyz(ask.get("/readyz"))
    assert response.status_code == 200, response.content


def test_without_a_worker_it_is_not_ready_and_says_why(db):
    response = health.readyz(ask.get("/readyz"))
    assert response.status_code == 503
    assert b'"worker": "none is alive"' in response.content


@pytest.mark.usefixtures("_worker")
def test_without_redis_it_is_not_ready_and_says_why(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"
    response = health.readyz(ask.get("/readyz"))
    assert response.status_code == 503
    assert b'"broker": "does not answer"' in response.content


@pytest.mark.usefixtures("_worker")
def test_metrics_count_processes_calls_and_spans_for_loopback():
    text = health.metrics(ask.get("/metrics")).content.decode()
    assert 'opperweb_processes{kind="worker"} 1' in text
    assert 'opperweb_calls{state="running"} 0' in text
    assert "opperweb_spans_total 0" in text


@pytest.mark.parametrize("headers", [{"REMOTE_ADDR": "10.0.0.8"}, {"HTTP_X_FORWARDED_FOR": "10.0.0.8"}])
def test_metrics_are_refused_to_others_even_behind_a_proxy_on_this_machine(db, headers):
    response = health.metrics(ask.get("/metrics", **headers))
    assert response.status_code == 401
    assert b"UnauthorizedError" in response.content


def test_metrics_are_told_to_who_has_a_key(key):
    response = health.metrics(ask.get("/metrics", REMOTE_ADDR="10.0.0.8", HTTP_AUTHORIZATION=f"bearer {key}"))
    assert response.status_code == 200
