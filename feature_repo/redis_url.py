"""Feast's Redis store with its address from `REDIS_URL`, like every other process of Millstream.

Feast expands `${VARIABLE}` in `feature_store.yaml`, but knows no default for one that is not set.
"""

import json
import os
from typing import Literal
from urllib.parse import unquote, urlsplit

from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from pydantic import Field

DEFAULT_URL = "redis://127.0.0.1:6379/0"


def connection_string(url: str) -> str:
    """A Redis URL in Feast's notation.

    >>> connection_string("rediss://me:secret@redis.example:6380/2")
    'redis.example:6380,db=2,username="me",password="secret",ssl=true'

    Raises:
        ValueError: Feast cannot express it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or "," in unquote(parts.netloc):
        raise ValueError(
            "`REDIS_URL` must be redis://[user:password@]host:port/db (or rediss://) without a"
            f" comma. Received: {parts.scheme}://…{parts.path}"
        )
    options = {"db": parts.path.strip("/") or "0"}
    if parts.username:
        options["username"] = json.dumps(unquote(parts.username))
    if parts.password:
        options["password"] = json.dumps(unquote(parts.password))
    if parts.scheme == "rediss":
        options["ssl"] = "true"
    address = f"{parts.hostname or '127.0.0.1'}:{parts.port or 6379}"
    return ",".join([address, *(f"{name}={value}" for name, value in options.items())])


def _from_environment() -> str:
    return connection_string(os.environ.get("REDIS_URL") or DEFAULT_URL)


class RedisUrlOnlineStoreConfig(RedisOnlineStoreConfig):
    """`RedisOnlineStoreConfig` whose `connection_string` is by default that of `REDIS_URL`."""

    type: Literal["feature_repo.redis_url.RedisUrlOnlineStore"] = (
        "feature_repo.redis_url.RedisUrlOnlineStore"
    )
    connection_string: str = Field(default_factory=_from_environment)


class RedisUrlOnlineStore(RedisOnlineStore):
    """Feast's `RedisOnlineStore`; Feast finds the configuration above by this name."""
