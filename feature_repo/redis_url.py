"""Feast's Redis store with its client from `REDIS_URL`, like every other process of Millstream.

Feast's own `connection_string` has no default, and cannot express every Redis URL.
"""

from typing import Any, Literal

from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from pydantic import Field

from feature_repo.project import own_settings
from millstream.redis_clients import async_redis_client, redis_client


class RedisUrlOnlineStoreConfig(RedisOnlineStoreConfig):
    """`RedisOnlineStoreConfig` whose server is that of `REDIS_URL`.

    Args:
        url: that of `REDIS_URL`.
        connection_string: in Feast's notation; where it is given, it wins.
    """

    type: Literal["feature_repo.redis_url.RedisUrlOnlineStore"] = (
        "feature_repo.redis_url.RedisUrlOnlineStore"
    )
    url: str = Field(default_factory=lambda: own_settings().redis_url, repr=False)
    connection_string: str = ""


class RedisUrlOnlineStore(RedisOnlineStore):
    """Feast's `RedisOnlineStore`; Feast finds the configuration above by this name."""

    _client: Any = None
    _client_async: Any = None

    def _get_client(self, online_store_config: Any) -> Any:
        if not self._client and not online_store_config.connection_string:
            self._client = redis_client(online_store_config.url)
        return super()._get_client(online_store_config)

    async def _get_client_async(self, online_store_config: Any) -> Any:
        if not self._client_async and not online_store_config.connection_string:
            self._client_async = async_redis_client(online_store_config.url)
        return await super()._get_client_async(online_store_config)
