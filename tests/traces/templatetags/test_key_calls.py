"""The list of keys says how often each was used of late."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from opperweb.accounts.models import ApiKey
from tests.traces.factories import make_call, make_span, make_trace
from traces.templatetags.key_calls import with_calls


def test_calls_of_the_last_day_are_counted_for_each_key(project):
    busy, idle = (ApiKey.objects.make(project, name)[0] for name in ("busy", "idle"))
    for _ in range(3):
        make_call(project, api_key=busy)
    make_call(project, api_key=busy, started_at=timezone.now() - timedelta(hours=25))
    make_span(make_trace(project), "step", kind="tool", api_key=busy)
    assert with_calls([busy, idle]) == [(busy, 3), (idle, 0)]


def test_one_query_answers_for_all_keys(project, django_assert_num_queries):
    keys = [ApiKey.objects.make(project, f"key {number}")[0] for number in range(5)]
    with django_assert_num_queries(1):
        with_calls(keys)
