"""A task's parts are read from any of their forms, and complained about by name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from functions.providers.chat import Usage
from functions.task import (
    AttemptRecord,
    Configuration,
    InvalidConfiguration,
    InvalidModel,
    LanguageModelChoice,
    Result,
    choices_of,
)


def attempt(**changes):
    values = {"number": 1, "outcome": "accepted", "requested_model": "a/b", "provider": "a"}
    return AttemptRecord(started_at=datetime.now(UTC), **{**values, **changes})


def test_no_model_leaves_the_choice_to_the_server():
    assert choices_of(None) == ()


def test_a_model_is_a_name_an_object_or_a_list_of_both():
    with_options = LanguageModelChoice("a/c", {"temperature": 0.1}, {"X-Trace": "1"})
    entry = {"name": "a/c", "options": {"temperature": 0.1}, "extra_headers": {"X-Trace": "1"}}
    assert choices_of(" a/b ") == (LanguageModelChoice("a/b"),)
    assert choices_of(entry) == (with_options,)
    assert choices_of(["a/b", entry]) == (LanguageModelChoice("a/b"), with_options)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (3, ()),
        ("", ()),
        ("a\x00b", ()),
        ([], ()),
        (["a/b"] * 51, ()),
        (["a/b", 3], (1,)),
        ({}, ("name",)),
        ({"name": "a/b", "options": [1]}, ("options",)),
        ({"name": "a/b", "extra_headers": {"X-Bad": "one\r\ntwo"}}, ("extra_headers", "X-Bad")),
    ],
)
def test_a_model_that_makes_no_sense_is_refused_where_it_stands(model, path):
    with pytest.raises(InvalidModel) as refusal:
        choices_of(model)
    assert refusal.value.path == path


def test_absent_and_null_settings_mean_the_default_and_unknown_ones_are_ignored():
    assert Configuration.from_dict(None) == Configuration()
    values = {"invocation.few_shot.count": None, "something.else": 3, "invocation.cache.ttl": 60}
    assert Configuration.from_dict(values) == Configuration(cache_ttl_seconds=60)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("invocation.few_shot.count", "3"),
        ("invocation.few_shot.count", True),
        ("invocation.structured_generation.max_attempts", 0),
        ("invocation.cache.ttl", -1),
        ("beta.invocation.input_validation.enabled", "yes"),
    ],
)
def test_a_setting_of_the_wrong_type_is_named(key, value):
    with pytest.raises(InvalidConfiguration, match=key.replace(".", r"\.")):
        Configuration.from_dict({key: value})


def test_a_result_adds_up_its_attempts():
    first = attempt(outcome="rejected", usage=Usage(10, None, None, 5), cost_usd=Decimal("0.1"))
    second = attempt(number=2, usage=Usage(20, 4, None, 6), cost_usd=Decimal("0.2"))
    result = Result(attempts=(first, second))
    assert result.usage == Usage(30, 4, None, 11)
    assert result.cost_usd == Decimal("0.3")
    assert result.is_priced


def test_a_cost_nobody_knows_is_not_nothing():
    assert Result(attempts=(attempt(),)).cost_usd is None
    assert not Result(attempts=(attempt(cost_usd=Decimal(1)), attempt())).is_priced
    assert Result(attempts=(attempt(cost_usd=Decimal(1)), attempt(outcome="failed"))).is_priced
