"""The cache that all processes share, and what takes its place while Redis is away: this process's own memory.

Nothing stands in it that may not be lost. A limit counts in each process by itself until Redis is back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

from opperweb.absence import Absence

absence = Absence(logging.getLogger(__name__), "the cache", "until it does, each process remembers for itself")
OWN = "opperweb-while-redis-is-away"


def _shared_or_own(name: str) -> Callable[..., Any]:
    """Return the method of this name: Redis's, or that of the own memory while Redis does not answer."""

    def method(self: Cache, *args: Any, **kwargs: Any) -> Any:
        if not absence.is_on:
            try:
                answer = getattr(RedisCache, name)(self, *args, **kwargs)
            except (redis.ConnectionError, redis.TimeoutError) as problem:
                absence.begin(problem)
            else:
                if absence.end():
                    # Of the next time that Redis is away it knows nothing.
                    self.own.clear()
                return answer
        return getattr(self.own, name)(*args, **kwargs)

    method.__name__ = name
    return method


class Cache(RedisCache):
    """Django's cache in Redis, whose methods raise nothing when Redis is away."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.own = LocMemCache(OWN, params)

    add = _shared_or_own("add")
    get = _shared_or_own("get")
    set = _shared_or_own("set")
    touch = _shared_or_own("touch")
    delete = _shared_or_own("delete")
    get_many = _shared_or_own("get_many")
    has_key = _shared_or_own("has_key")
    incr = _shared_or_own("incr")
    set_many = _shared_or_own("set_many")
    delete_many = _shared_or_own("delete_many")
    clear = _shared_or_own("clear")
