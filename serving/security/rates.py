"""How many requests each caller may send: a sliding window over the library `limits`.

Counts are of one worker, or in Redis those of all workers together. A store that does not answer
limits nobody: the API must not depend on it.
"""

import logging
import math
import time

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from millstream.clock import SystemClock
from millstream.settings import Settings
from serving.limited_log import LimitedLog


class Rates:
    """Counts the requests of callers.

    Args:
        storage: where counts are kept; errors of it are wrapped.
    """

    def __init__(self, storage: Storage) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._log = LimitedLog(logging.getLogger(__name__), SystemClock())

    async def wait_s(self, caller: str, limits: tuple[RateLimitItem, ...]) -> int:
        """Count a request; whole seconds to wait where it is one too many, else 0."""
        try:
            for limit in limits:
                if not await self._limiter.hit(limit, caller):
                    return await self._until(limit, caller)
        except StorageError as error:
            self._log.warn_of("limits", f"Requests are not counted: {error!r}")
        return 0

    async def _until(self, limit: RateLimitItem, caller: str) -> int:
        stats = await self._limiter.get_window_stats(limit, caller)
        return max(math.ceil(stats.reset_time - time.time()), 1)


def rates_from_settings(settings: Settings) -> Rates:
    """The store that the settings name."""
    if settings.limits_in == "memory":
        return Rates(MemoryStorage(wrap_exceptions=True))
    storage = storage_from_string(
        f"async+{settings.redis_url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=f"{settings.topic_prefix}limits",
        socket_connect_timeout=0.5,
        socket_timeout=0.5,
    )
    assert isinstance(storage, Storage)
    return Rates(storage)
