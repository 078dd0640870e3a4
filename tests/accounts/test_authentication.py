"""A program is let in by its key, and by nothing that only looks like one."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync
from django.test import RequestFactory
from rest_framework.request import Request

from opperweb.accounts import authentication
from opperweb.accounts.authentication import BearerAuthentication, authenticate
from opperweb.accounts.models import ApiKey
from opperweb.accounts.recent_keys import RecentKeys
from opperweb.api.errors import Forbidden, Unauthorized

pytestmark = pytest.mark.django_db

# Run from a plain test, so that the database work shares its transaction.
let_in = async_to_sync(authenticate)


def asked(header: str | None, method: str = "POST"):
    headers = {} if header is None else {"Authorization": header}
    return RequestFactory().generic(method, "/v2/call", headers=headers)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_key_opens_its_project_whatever_the_case_of_the_scheme(project, key, scheme):
    found = let_in(asked(scheme + key))
    assert found.project == project


@pytest.mark.parametrize(
    "header",
    [
        None, "", " ", "Bearer", "Bearer ", "Basic abc", "op-0123", "Bearer op-unknown", "Bearer \0", "Bearer \udcff",
        "Bearer clé", "Bearer " + "x" * 100_000, "Bearer a b c",
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_never_fails(project, header):
    with pytest.raises(Unauthorized):
        let_in(asked(header))


def test_a_revoked_key_is_refused(project, key):
    found = let_in(asked(f"Bearer {key}"))
    found.revoke()
    with pytest.raises(Unauthorized):
        let_in(asked(f"Bearer {key}"))


def test_a_reading_key_may_read_and_not_write(read_key):
    assert let_in(asked(f"Bearer {read_key}", "GET"))
    with pytest.raises(Forbidden):
        let_in(asked(f"Bearer {read_key}", "POST"))


def test_the_views_of_drf_see_the_same_key(project, key):
    nobody, found = BearerAuthentication().authenticate(Request(asked(f"Bearer {key}")))
    assert (nobody, found.project) == (None, project)


def test_a_use_is_written_down_once_a_minute(key, django_assert_num_queries):
    authentication = BearerAuthentication()
    with django_assert_num_queries(2):
        authentication.authenticate(Request(asked(f"Bearer {key}")))
    with django_assert_num_queries(1):
        authentication.authenticate(Request(asked(f"Bearer {key}")))
    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.network_threads
@pytest.mark.django_db(transaction=True)
async def test_of_many_requests_that_come_at_once_one_looks_the_key_up(monkeypatch):
    looked_up, may_end = [], threading.Event()

    def find(secret, address):
        looked_up.append(secret)
        assert may_end.wait(20)
        return ApiKey(name="found")

    monkeypatch.setattr(authentication, "_find", find)
    monkeypatch.setattr(authentication, "recent_keys", RecentKeys())
    waiting = [asyncio.ensure_future(authenticate(asked("Bearer one"))) for _ in range(20)]
    await asyncio.sleep(0)
    # One that leaves takes nobody with it.
    waiting[0].cancel()
    may_end.set()
    found = await asyncio.gather(*waiting[1:])
    assert {key.name for key in found} == {"found"}
    assert looked_up == ["one"]
    assert not authentication._looking
