"""Sample traces are loaded and removed by a button, by those who may write."""

from __future__ import annotations

import pytest

from tests.traces.factories import make_call
from traces.models import Trace

LOAD, REMOVE = "/projects/acme/samples/load/", "/projects/acme/samples/remove/"


def test_samples_are_loaded_from_the_page_before_the_first_trace(alice_client, project):
    page = alice_client.get("/projects/acme/traces/").content.decode()
    assert f'action="{LOAD}"' in page
    answer = alice_client.post(LOAD, follow=True)
    count = Trace.objects.filter(project=project, is_sample=True).count()
    assert count > 0
    assert f"Loaded {count} sample traces" in answer.content.decode()


def test_removing_samples_keeps_what_is_no_sample(alice_client, project):
    alice_client.post(LOAD)
    mine = make_call(project)
    assert f'action="{REMOVE}"' in alice_client.get("/projects/acme/traces/").content.decode()
    page = alice_client.post(REMOVE, follow=True).content.decode()
    assert list(Trace.objects.filter(project=project)) == [mine]
    assert f'action="{REMOVE}"' not in page


@pytest.mark.parametrize("address", [LOAD, REMOVE])
def test_a_reader_a_stranger_and_a_mere_link_change_nothing(alice_client, bob_client, charlie_client, address):
    alice_client.post(LOAD)
    loaded = set(Trace.objects.values_list("key", flat=True))
    assert loaded
    assert bob_client.post(address).status_code == 403
    assert charlie_client.post(address).status_code == 404
    assert alice_client.get(address).status_code == 405
    assert set(Trace.objects.filter(is_sample=True).values_list("key", flat=True)) == loaded
