"""Uses are counted in memory and written later, also when a process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from functions.few_shot import uses as uses_module
from functions.few_shot.uses import Uses
from functions.models import DatasetExample

ROOT = Path(__file__).resolve().parents[3]


def counts():
    return list(DatasetExample.objects.order_by("key").values_list("used_count", flat=True))


def test_what_is_counted_is_written_later_and_once(keep):
    one, two, _ = keep("a", "b", "c")
    uses = Uses()
    uses.count([one.key, two.key])
    uses.count([two.key])
    assert counts() == [0, 0, 0]
    uses.write()
    uses.write()
    assert counts() == [1, 2, 0]


def test_rows_are_changed_in_the_order_of_their_keys(keep, django_assert_num_queries):
    rows = keep(*"abc")
    uses = Uses()
    uses.count([row.key for row in reversed(rows)])
    with django_assert_num_queries(5) as queries:
        uses.write()
    keys = [int(query["sql"].rsplit("=", 1)[1]) for query in queries if query["sql"].startswith("UPDATE")]
    assert keys == sorted(row.key for row in rows)


def test_an_example_that_is_gone_does_not_matter(keep):
    [one] = keep("a")
    uses = Uses()
    uses.count([one.key, one.key + 1_000])
    uses.write()
    assert counts() == [1]


def test_what_cannot_be_written_is_counted_on(keep, monkeypatch):
    [one] = keep("a")
    uses = Uses()
    uses.count([one.key])
    with monkeypatch.context() as patch:
        patch.setattr(uses_module, "_add", _refuse)
        uses.write()
    uses.count([one.key])
    uses.write()
    assert counts() == [2]


def _refuse(counted):
    raise OperationalError("the database is away")


@pytest.mark.network_threads
@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_what_is_left_when_it_is_stopped(keep):
    [one] = keep("a")
    uses = Uses()
    uses.count([one.key])
    uses.stop()
    assert counts() == [1]
    uses.count([one.key])
    uses.stop()
    assert counts() == [2]


COUNT_AND_END = """
import sys

import django
from django.conf import settings

settings.DATABASES["default"]["NAME"] = sys.argv[2]
django.setup()

from functions.few_shot.uses import uses

uses.count([int(sys.argv[1])])
"""


@pytest.mark.network_threads
@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_writes_what_it_has_counted(keep, tmp_path):
    [one] = keep("a")
    name = str(connection.settings_dict["NAME"])
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "opperweb.settings"}
    command = [sys.executable, "-c", COUNT_AND_END, str(one.key), name]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
    assert counts() == [1]
