"""The embedded store for asyncio: `features.stores.commands.CommandClient` on a file."""

import asyncio
from collections.abc import Sequence

from millstream.embedded.store import EmbeddedStore
from millstream.embedded.transaction import Argument, Reply

READS = frozenset(
    ("GET", "MGET", "EXISTS", "HGET", "HMGET", "HGETALL", "LRANGE", "SMEMBERS"),
)
# More commands than these are carried out in a thread, beside the event loop.
_AT_ONCE = 8


class EmbeddedCommands:
    """Executor of commands: what only reads does not wait for what is written.

    Args:
        store: is closed with it.
    """

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store

    async def execute(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """The replies, in the order of the commands.

        Raises:
            StoreUnavailable: the disk, or the file, is in trouble.
        """
        if all(map(is_read, commands)):
            if len(commands) <= _AT_ONCE:
                return self._store.read(commands)
            return await asyncio.to_thread(self._store.read, commands)
        return await asyncio.to_thread(self._store.write, commands) or []

    async def aclose(self) -> None:
        """Close the store."""
        self._store.close()


def is_read(command: Sequence[Argument]) -> bool:
    """Return whether a command changes nothing."""
    name = command[0]
    return (name.decode() if isinstance(name, bytes) else str(name)).upper() in READS
