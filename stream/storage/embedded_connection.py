"""A connection of the stream's state to the embedded store: pipelines as Redis takes them."""

from collections.abc import Iterable, Iterator
from typing import Any

import hiredis

from features.stores.resp import Packed
from millstream.embedded.commands import is_read
from millstream.embedded.store import EmbeddedStore
from millstream.errors import StoreUnavailable
from stream.storage.redis_connection import Command, Commands


class EmbeddedConnection:
    """`Connection` to a store in a file; `MULTI` to `EXEC` is one transaction of it."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self._watched: dict[bytes, Any] = {}

    @property
    def is_open(self) -> bool:
        """See `Connection.is_open`."""
        return True

    async def call(self, commands: Iterable[Commands]) -> list[Any]:
        """See `Connection.call`."""
        try:
            return list(self._replies(_single(commands)))
        except StoreUnavailable as error:  # a full disk passes, and is tried again as Redis is
            raise ConnectionError(str(error)) from error

    def close(self) -> None:
        """See `Connection.close`; the store is not its own."""

    def _replies(self, commands: Iterator[Command]) -> Iterator[Any]:
        for command in commands:
            name = command[0]
            if name == "WATCH":
                yield self._watch(command[1:])
            elif name == "MULTI":
                queued = list(iter(commands.__next__, ("EXEC",)))
                yield b"OK"
                yield from (b"QUEUED" for _ in queued)
                yield self._store.write(queued, self._watched)
                self._watched = {}
            elif is_read(command):
                yield from self._store.read([command])
            else:
                yield from self._store.write([command]) or ()

    def _watch(self, keys: Command) -> bytes:
        (values,) = self._store.read([("MGET", *keys)])
        named = (key if isinstance(key, bytes) else str(key).encode() for key in keys)
        self._watched.update(zip(named, values, strict=True))
        return b"OK"


def _single(commands: Iterable[Commands]) -> Iterator[Command]:
    """The commands one by one, also those that were packed together."""
    for command in commands:
        if isinstance(command, Packed):
            reader = hiredis.Reader()
            reader.feed(command.data)
            for _ in range(command.count):
                yield tuple(reader.gets())
        else:
            yield command
