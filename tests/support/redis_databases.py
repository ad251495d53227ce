"""Empty Redis databases for tests, out of one server."""

from itertools import cycle

import redis

from deploy.local.service import Service

COUNT = 16  # what a Redis server has unless it is told otherwise


class RedisDatabases:
    """Hands out one database after the other, emptied.

    A Redis that somebody else runs (`REDIS_URL`) is used with the one database that its address
    names, and only if that holds nothing to begin with.
    """

    def __init__(self, service: Service) -> None:
        if service.kind == "external":
            with redis.Redis.from_url(service.address) as client:
                if keys := client.dbsize():
                    raise RuntimeError(
                        f"REDIS_URL must name an empty database. Received: one with {keys} keys."
                    )
            urls = [service.address]
        else:
            base = service.address.rsplit("/", 1)[0]
            urls = [f"{base}/{number}" for number in range(COUNT)]
        self._urls = cycle(urls)

    def empty_one(self) -> str:
        """The URL of a database with nothing in it."""
        url = next(self._urls)
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url
