"""Refused calls are remembered for a while, a few of them, without a write to the database."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from opperweb.accounts.refused_calls import MOST, PACE, note_refused, refused_calls

SECRET = "op-0123456789abcdef"


def test_only_the_start_of_the_key_is_kept():
    note_refused("127.0.0.1", SECRET, "The API key is not known, or was revoked")
    [call] = refused_calls()
    assert (call.address, call.key_start) == ("127.0.0.1", "op-01234")
    assert SECRET not in repr(call)


def test_a_flood_is_remembered_once_a_second():
    for _ in range(100):
        note_refused("127.0.0.1", SECRET, "not known")
    assert len(refused_calls()) == 1


def test_only_the_last_are_kept_the_newest_first():
    for number in range(MOST + 5):
        cache.delete(PACE)
        note_refused("127.0.0.1", SECRET, f"reason {number}")
    assert len(refused_calls()) == MOST
    assert refused_calls()[0].reason == f"reason {MOST + 4}"


@pytest.mark.django_db
def test_remembering_touches_no_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        note_refused("127.0.0.1", SECRET, "not known")
