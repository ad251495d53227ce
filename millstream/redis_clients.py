"""Clients of the Redis that a URL names."""

from typing import Any

from redis import Redis


def redis_client(url: str, **options: Any) -> Redis:
    """A client; `options` as redis-py has them."""
    return Redis.from_url(url, **options)
