"""Work off the event loop, on few threads, each giving its connection back."""

import asyncio
import threading

import pytest
from django.db import connection

from opperweb import database
from opperweb.accounts.models import Project
from opperweb.database import db


@pytest.fixture
def _threads_end():
    yield
    database.close()


@pytest.mark.django_db(transaction=True)
async def test_a_test_shares_its_thread_of_work():
    await db(Project.objects.create, slug="a", name="A")
    assert await db(Project.objects.count) == 1


@pytest.mark.network_threads
@pytest.mark.usefixtures("_threads_end")
@pytest.mark.django_db(transaction=True)
async def test_work_runs_on_at_most_so_many_threads_at_once(settings):
    at_work, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def work(number):
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
            if at_work == settings.DB_THREADS:
                full.set()
        full.wait(5)
        Project.objects.filter(slug=str(number)).exists()
        with lock:
            at_work -= 1

    await asyncio.gather(*(db(work, number) for number in range(4 * settings.DB_THREADS)))
    assert most == settings.DB_THREADS


@pytest.mark.network_threads
@pytest.mark.usefixtures("_threads_end")
@pytest.mark.django_db(transaction=True)
async def test_a_connection_goes_back_when_the_work_is_done():
    def is_open_after():
        return connection.connection is not None

    await db(Project.objects.count)
    # SQLite's file stays open, for it keeps nobody waiting; a connection to a server is given back.
    assert await db(is_open_after) is (connection.vendor == "sqlite")


@pytest.mark.network_threads
@pytest.mark.usefixtures("_threads_end")
@pytest.mark.django_db(transaction=True)
async def test_what_the_work_raises_is_raised():
    with pytest.raises(Project.DoesNotExist):
        await db(Project.objects.get, slug="nowhere")
