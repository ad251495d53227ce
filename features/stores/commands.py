"""Commands of an online store: a pipeline goes in, the replies come out, in one round trip.

The feature rows, the stream's state and what serving reads of users are commands in Redis' words,
whoever carries them out: a Redis server, or the embedded store of a small installation
(`millstream.embedded.store`).
"""

from collections.abc import Sequence
from typing import Any, Protocol

from redis import RedisError
from redis.asyncio import Redis

from millstream.errors import StoreUnavailable

AnyCommand = Sequence[bytes | str | int | float]


class CommandClient(Protocol):
    """Executor of commands, for asyncio."""

    async def execute(self, commands: Sequence[AnyCommand]) -> list[Any]:
        """The replies, in the order of the commands.

        Raises:
            StoreUnavailable: the store does not answer, or refuses.
        """
        ...

    async def aclose(self) -> None:
        """Let all connections go."""
        ...


class RedisCommands:
    """`CommandClient` on a Redis server; a pipeline is no transaction.

    Args:
        client: must not decode responses.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def execute(self, commands: Sequence[AnyCommand]) -> list[Any]:
        """See `CommandClient.execute`."""
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = await pipe.execute()
                return replies
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error

    async def aclose(self) -> None:
        """See `CommandClient.aclose`."""
        await self._client.aclose()
