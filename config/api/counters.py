"""Where requests are counted when several web processes share a Redis or Valkey (`REDIS_URL`)."""

import logging
import time
from functools import cache
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
ASK_AGAIN_SECONDS = 5.0
KEPT_SECONDS = 3600
OWN_COUNTERS = "counters-without-redis"  # the memory's name; one for the process


class _Client(RedisCacheClient):
    """Redis as one process knows it: its connections, and until when it is taken to be away."""

    away_until = 0.0


@cache
def _client(address: str, **options: Any) -> _Client:
    """One for a whole process: Django makes a cache object for every thread, and every request has its own."""
    return _Client([address], **options)


class SharedCounters(RedisCache):
    """Redis' counters; while it is away this process's own, so that people are served and guesses stay limited.

    Both are exact: Redis adds by one command, the memory under a lock. It takes what django-ratelimit calls.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._redis = self._cache = _client(server, **params.get("OPTIONS", {}))
        self._own = LocMemCache(OWN_COUNTERS, {"max_entries": 100_000})

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        if self._is_asked():
            try:
                return bool(super().add(key, value, timeout, version))
            except (RedisError, OSError) as error:
                self._note_absence(error)
        return self._own.add(key, value, timeout, version)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        if self._is_asked():
            try:
                return int(super().incr(key, delta, version))
            except (RedisError, OSError) as error:
                self._note_absence(error)
        # Redis may have gone just before this call: then the key is not here yet.
        return delta if self._own.add(key, delta, KEPT_SECONDS, version) else self._own.incr(key, delta, version)

    def is_reachable(self) -> bool:
        """Asks Redis now, whatever was seen before."""
        try:
            return bool(self._redis.get_client(write=True).ping())
        except (RedisError, OSError):
            return False

    def _is_asked(self) -> bool:
        return time.monotonic() >= self._redis.away_until

    def _note_absence(self, error: Exception) -> None:
        self._redis.away_until = time.monotonic() + ASK_AGAIN_SECONDS
        reason = type(error).__name__  # its text may hold the address with its password
        logger.error("REDIS_URL cannot be reached (%s): each web process counts requests for itself.", reason)
