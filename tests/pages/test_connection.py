"""Who waits for the first call sees what the server listens to, who works, and what was refused."""

from __future__ import annotations

import pytest

from opperweb.accounts.models import ApiKey
from opperweb.accounts.refused_calls import note_refused
from opperweb.processes.models import Process

LIST = "/projects/acme/traces/"
FRAGMENT = {"HX-Request": "true"}


@pytest.mark.parametrize(("kinds", "words"), [([], "does not answer"), ([Process.Kind.WORKER], "answers")])
def test_the_page_says_whether_a_worker_answers(alice_client, project, kinds, words):
    for kind in kinds:
        Process.objects.create(kind=kind, host="here", pid=1)
    page = alice_client.get(LIST).content.decode()
    assert "listens to http://testserver" in page
    assert words in page


def test_the_page_names_the_key_that_was_used_last(alice_client, project):
    assert "none yet" in alice_client.get(LIST).content.decode()
    ApiKey.objects.make(project, "notebook")[0].touch()
    assert "notebook, " in alice_client.get(LIST).content.decode()


def test_a_refused_call_shows_to_owners_alone(alice_client, bob_client, project):
    note_refused("192.0.2.7", "op-0123456789", "The API key is not known")
    waiting = alice_client.get(f"{LIST}?part=first", headers=FRAGMENT).content.decode()
    assert "401 from 192.0.2.7: The API key is not known" in waiting
    assert "op-01234…" in waiting
    assert "op-0123456789" not in waiting
    assert "192.0.2.7" in alice_client.get(LIST).content.decode()
    assert bob_client.get(f"{LIST}?part=first", headers=FRAGMENT).status_code == 204
    assert "192.0.2.7" not in bob_client.get(LIST).content.decode()
