"""One connection to Redis for large pipelines: packed ahead or by hiredis, parsed by hiredis.

redis-py's asyncio client awaits every reply by itself, some 10 µs each; a batch has thousands.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Protocol

import hiredis
from redis.asyncio.connection import SSLConnection
from redis.exceptions import RedisError

from features.stores.resp import Packed
from millstream.errors import StoreUnavailable
from millstream.redis_address import parse
from millstream.redis_clients import async_sentinel

Command = tuple[bytes | str | int | float, ...]
Commands = Command | Packed

CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 30.0
DEFAULT_PORT = 6379
_NOT_NOW = (
    "LOADING",
    "READONLY",
    "BUSY",
    "OOM",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "EXECABORT",
    "NOREPLICAS",
)


class Connection(Protocol):
    """A connection to a store that takes whole pipelines, one at a time."""

    @property
    def is_open(self) -> bool:
        """True if a call may be tried."""
        ...

    async def call(self, commands: Iterable[Commands]) -> list[Any]:
        """The replies to all commands, errors among them as `hiredis.ReplyError`.

        Raises:
            OSError: the store is gone; what was sent may have been carried out.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class RedisConnection(asyncio.Protocol):
    """A connection that takes whole pipelines.

    >>> connection = await connected("redis://127.0.0.1:6379/0")  # doctest: +SKIP
    >>> await connection.call([("SET", "a", 1), ("GET", "a")])  # doctest: +SKIP
    [b'OK', b'1']
    """

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[list[Any]] | None = None
        self._replies: list[Any] = []
        self._expected = 0

    @property
    def is_open(self) -> bool:
        """True if a call may be tried."""
        return self._transport is not None and not self._transport.is_closing()

    async def call(self, commands: Iterable[Commands]) -> list[Any]:
        """Send all commands at once; their replies, errors among them as `hiredis.ReplyError`.

        One call at a time.

        Raises:
            ConnectionError: the connection is gone, or no reply came in time. What was sent may
                have been carried out.
        """
        if self._transport is None or not self.is_open:
            raise ConnectionError("Redis: not connected.")
        packed = [each if isinstance(each, Packed) else _packed(each) for each in commands]
        self._replies, self._expected = [], sum(each.count for each in packed)
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(b"".join([each.data for each in packed]))
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                return await self._waiter
        except TimeoutError as error:
            raise ConnectionError(f"Redis: no reply within {REPLY_TIMEOUT_S:g} s.") from error
        finally:
            if not self._waiter.done() or self._waiter.cancelled():
                self.close()  # replies to come would be taken for those of the next call
            self._waiter = None

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self._replies.append(reply)
        if len(self._replies) >= self._expected and self._waiter and not self._waiter.done():
            self._waiter.set_result(self._replies)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(ConnectionError(f"Redis: connection lost ({exc})."))


def _packed(command: Command) -> Packed:
    return Packed(1, hiredis.pack_command(command))  # type: ignore[arg-type]


async def connected(url: str) -> RedisConnection:
    """A link to the server and database of a Redis URL (`millstream.redis_address`).

    Raises:
        OSError: there is no server, or it is not ready.
        StoreUnavailable: it refuses the user, the password or the database.
    """
    address = parse(url)
    options = address.options
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        if address.service:
            host, port = await _master(url, address.service)
        else:
            host, port = options.get("host", "localhost"), options.get("port", DEFAULT_PORT)
        connection = await _opened(host, port, options, address.is_tls)
        await _greet(connection, options)
    return connection


async def _opened(host: str, port: int, options: dict[str, Any], is_tls: bool) -> RedisConnection:
    loop = asyncio.get_running_loop()
    if "path" in options:
        _, connection = await loop.create_unix_connection(RedisConnection, options["path"])
        return connection
    secure = _tls_context(options) if is_tls else None
    _, connection = await loop.create_connection(RedisConnection, host, port, ssl=secure)
    return connection


def _tls_context(options: dict[str, Any]) -> ssl.SSLContext:
    """TLS context of a redis-py connection with the same options, never opened."""
    known = {name: value for name, value in options.items() if name.startswith("ssl_")}
    context: ssl.SSLContext = SSLConnection(**known).ssl_context.get()
    return context


async def _master(url: str, service: str) -> tuple[str, int]:
    """Host and port of the service's master, by the sentinels."""
    try:
        host, port = await async_sentinel(url).discover_master(service)
    except RedisError as error:
        raise ConnectionError(f"Redis: {error}") from error
    return host, port


async def _greet(connection: RedisConnection, options: dict[str, Any]) -> None:
    commands: list[Command] = [("SELECT", options.get("db", 0))]
    if options.get("password"):
        user = (options["username"],) if options.get("username") else ()
        commands.insert(0, ("AUTH", *user, options["password"]))
    for reply in await connection.call(commands):
        if isinstance(reply, hiredis.ReplyError):
            connection.close()
            if is_temporary(reply):
                raise ConnectionError(f"Redis: {reply}")
            raise StoreUnavailable(f"Redis refuses what REDIS_URL says: {reply}")


def is_temporary(reply: hiredis.ReplyError) -> bool:
    """Return whether a refusal is temporary: the server loads its data, is a replica, is full."""
    return str(reply).startswith(_NOT_NOW)
