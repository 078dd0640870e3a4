"""A provider on loopback for the tests of calls, and a broker that only remembers for those of batches."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions import batches
from functions.completions import catalogue


@pytest.fixture
def use_upstream(upstream: Any, settings: Any) -> Iterator[Callable[[], None]]:
    """Set up the providers `fake`, which is the scripted upstream, and `gone`, where nobody listens."""

    def use() -> None:
        one = {"kind": "openai", "api_key": "top-secret"}
        settings.PROVIDERS = {
            "fake": {**one, "name": "fake", "base_url": upstream.url},
            "gone": {**one, "name": "gone", "base_url": "http://127.0.0.1:9/v1"},
        }
        catalogue.forget()

    yield use
    catalogue.forget()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The batches that were sent to the broker; a test works them off itself."""
    ids: list[str] = []
    monkeypatch.setattr(batches.batch_job, "delay", ids.append)
    return ids
