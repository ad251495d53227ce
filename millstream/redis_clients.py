"""Redis clients of every process: one URL, every option of it honoured, sentinels asked."""

from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel

from millstream.redis_address import parse


def redis_client(url: str, **options: Any) -> Redis:
    """A blocking client; `options` as redis-py has them."""
    address = parse(url)
    if not address.service:
        return Redis.from_url(url, **options)
    sentinel = Sentinel(address.sentinels, sentinel_kwargs=address.sentinel_options)
    return sentinel.master_for(address.service, **{**address.options, **options})


def async_redis_client(url: str, **options: Any) -> AsyncRedis:
    """The same for asyncio."""
    address = parse(url)
    if not address.service:
        return AsyncRedis.from_url(url, **options)
    return async_sentinel(url).master_for(address.service, **{**address.options, **options})


def async_sentinel(url: str) -> AsyncSentinel:
    """The sentinels of a URL that names some."""
    address = parse(url)
    return _AsyncSentinel(address.sentinels, sentinel_kwargs=address.sentinel_options)


class _AsyncSentinel(AsyncSentinel):
    """Keeps no connection to the sentinels: they are asked once in a long while."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        try:
            host, port = await super().discover_master(service_name)
            return host, port
        finally:
            for client in self.sentinels:
                await client.aclose()
