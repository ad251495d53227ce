"""The shell around the stream's state in Redis: loads, commits, outlives a Redis that is away.

Every batch has a name that no other ever has, and the newest one stands in Redis beside what it
wrote. Each transaction, and each new connection, compares it with what this worker committed last:
a Redis that has gone back in time (a fail-over to a replica that was behind, a restored copy, a
power cut before the log was synced) is noticed before anything is written upon it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import hiredis
import msgspec

from millstream.errors import StoreUnavailable
from stream.ingest.records import TopicPartition
from stream.outputs.effects import Effects
from stream.state.entities import item_copies, items_from, users_from
from stream.state.memory import Memory
from stream.state.open_windows import OpenWindow
from stream.storage.leader_lease import LeaseLost
from stream.storage.redis_connection import (
    Command,
    Commands,
    Connection,
    connected,
    is_temporary,
)
from stream.storage.schema import StateCommands
from stream.storage.stored_state import StoredState

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0

R = TypeVar("R")


class StateStore:
    """The state in Redis, written under one epoch.

    Args:
        epoch: the name of it.
        on_trouble: called at every failed attempt, for the metrics.
        shards: that the epoch is of; without any it is that of the lease, and of everything.
        of_commands: the epoch of the lease when the shards were taken.
        connect: connects to `url`.
    """

    def __init__(
        self,
        url: str,
        commands: StateCommands,
        epoch: str,
        on_trouble: Callable[[], None] = lambda: None,
        shards: Sequence[str] = (),
        of_commands: bytes | None = None,
        connect: Callable[[str], Awaitable[Connection]] = connected,
    ) -> None:
        self._url, self._connect = url, connect
        self._commands = commands
        self._epoch, self._shards = epoch, shards
        name = epoch.encode()
        self._held = [of_commands, *(name for _ in shards)] if shards else [name]
        self._watched = [commands.key(each) for each in ("epoch", *(f"epoch:{s}" for s in shards))]
        self._batch_key = commands.key(f"batch:{shards[0]}" if shards else "batch")
        self._on_trouble = on_trouble
        self._connection: Connection | None = None
        self._count = 0
        self._last: bytes | None = None  # the batch that Redis must hold, once it has been read
        self._next: bytes | None = None  # the one under way: Redis may have it, or not
        self._is_restored = False
        self._is_seeding = False
        self._using = asyncio.Lock()

    async def restore(
        self, memory: Memory, now_s: float, sources: Collection[TopicPartition] | None = None
    ) -> None:
        """Fill an empty memory with what Redis has.

        Args:
            sources: the partitions whose state it is to be; None is all.

        Raises:
            StoreUnavailable: it is not whole yet, and this is not the process that writes it.
        """
        *replies, is_seeding = await self._until_done(self._read_all)
        if is_seeding and not self._is_seeding:
            raise StoreUnavailable(
                "The state in Redis is not whole: `millstream bootstrap` has not come to its end. "
                "Run it again."
            )
        stored = StoredState(*replies)
        stored.fill(memory, now_s, sources)
        await self._restore_fingerprints(memory)

    async def load(self, memory: Memory, users: Sequence[str], items: Sequence[str]) -> None:
        """Bring users and items into memory; those that Redis does not have are new."""
        commands = []
        if users:
            commands.append(self._commands.entities("user", users))
        if items:
            commands.append(self._commands.entities("item", items))
        if not commands:
            return
        replies = iter(await self._until_done(lambda connection: _call(connection, commands)))
        if users:
            for user, entity in zip(users, users_from(next(replies)), strict=True):
                memory.users.put(user, entity)
        if items:
            made = items_from if memory.has_items else item_copies
            for item, known in zip(items, made(next(replies)), strict=True):
                memory.items.put(item, known)

    async def commit(self, effects: Effects) -> None:
        """Write everything that a batch changed, and its positions, all or nothing.

        Raises:
            LeaseLost: another worker writes now, or Redis has gone back in time.
            StoreUnavailable: Redis refuses a command for good.
        """
        await self._write(self._commands.commit(effects))

    async def begin_logs(
        self,
        logs: Mapping[TopicPartition, str],
        gone: Iterable[TopicPartition],
        open_windows: Mapping[str, OpenWindow],
    ) -> None:
        """Note that topics are other logs now: their positions are forgotten.

        Args:
            logs: identities of the topics of partitions.
            gone: partitions whose positions belong to an earlier log.
            open_windows: lists that are to be kept otherwise than they were, by request id.

        Raises:
            LeaseLost: see `commit`.
        """
        await self._write(self._commands.begin_logs(logs, gone, _encoded(open_windows)))

    def begin_seeding(self) -> None:
        """Write a state that is not whole until `finish_seeding`."""
        self._is_seeding = True

    async def finish_seeding(
        self,
        positions: Mapping[TopicPartition, int],
        reached: Mapping[TopicPartition, float],
        logs: Mapping[str, str],
        open_windows: Mapping[str, OpenWindow],
    ) -> None:
        """Let the state be whole, as of these positions and of no others.

        Args:
            positions: the next offset to read of every source partition.
            reached: the newest event time of every one.
            logs: which log they are of, by topic.
            open_windows: lists that are to be kept otherwise than they were, by request id.

        Raises:
            LeaseLost: see `commit`.
        """
        windows = _encoded(open_windows)
        await self._write(self._commands.finish_seeding(positions, reached, logs, windows))

    async def look(self) -> None:
        """Reconnect if the connection was lost while nothing is written.

        Raises:
            LeaseLost: see `commit`.
        """
        if self._connection is None or not self._connection.is_open:
            with suppress(OSError):  # whoever writes next says it
                async with self._using:
                    await self._connected()

    async def is_held(self) -> bool:
        """Return whether nobody else has begun to write what this one writes."""

        async def look(connection: Connection) -> None:
            _, (*epochs, batch) = await _call(connection, self._guard())
            self._check_held(epochs, batch)

        try:
            await self._until_done(look)
        except LeaseLost:
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    async def _write(self, commands: Iterable[Commands]) -> None:
        self._count += 1
        name = f"{self._epoch}:{self._count}".encode()
        writes: list[Commands] = [
            ("MULTI",),
            *commands,
            ("SET", self._batch_key, name),
            ("EXEC",),
            *self._guard(),
        ]
        self._next = name

        async def attempt(connection: Connection) -> None:
            if self._last != name:  # else it was carried out, and only the reply was lost
                self._check(await _call(connection, writes))

        await self._until_done(attempt)

    def _guard(self) -> tuple[Command, Command]:
        """WATCH the epochs and the batch, and read them."""
        keys = *self._watched, self._batch_key
        return ("WATCH", *keys), ("MGET", *keys)

    def _check(self, replies: list[Any]) -> None:
        """See what became of a transaction, from its reply and from what stands there after it."""
        executed, _, (*epochs, batch) = replies[-3:]
        if executed is None:
            self._check_held(epochs, batch)
            raise LeaseLost("Another stream worker has written to Redis.")
        for reply in executed:
            if isinstance(reply, hiredis.ReplyError):
                raise StoreUnavailable(f"Redis refuses: {reply}")
        self._check_held(epochs, batch)

    def _check_held(self, epochs: list[bytes | None], batch: bytes | None) -> None:
        """Check that Redis is as this worker left it, and expect `batch` from now on."""
        if epochs != self._held:
            raise LeaseLost("Another stream worker has taken over, or Redis lost its data.")
        if self._is_restored and batch not in (self._last, self._next):
            raise LeaseLost(
                "Redis has gone back in time: it holds batch"
                f" {_text(batch)}, and {_text(self._last)} was committed. The"
                " next worker restores what Redis holds, and reads on from there."
            )
        self._last = batch

    async def _restore_fingerprints(self, memory: Memory) -> None:
        """Remember the event ids of the shards, and those that were stored for all of them."""
        seen, of_shards = memory.seen, ["", *self._shards]
        commands = [self._commands.dedupe(shard) for shard in of_shards]
        begun = await self._until_done(lambda connection: _call(connection, commands))
        for shard, reply in zip(of_shards, begun, strict=True):
            if not reply:
                continue
            dedupe = dict(_pairs(reply))
            generation, started_at = int(dedupe[b"generation"]), float(dedupe[b"started_at"])
            if shard:
                memory.generations[shard] = generation
            else:
                memory.common_generation = generation
            reads = [self._commands.fingerprints(shard, n) for n in (generation - 1, generation)]
            old, young = await self._until_done(partial(_call, commands=reads))
            seen.restore(old or b"", young or b"", started_at)

    async def _read_all(self, connection: Connection) -> list[Any]:
        """The whole state, and from now on Redis must hold what belongs to it."""
        self._is_restored = True
        return await _call(connection, self._commands.restore())

    async def _until_done(self, action: Callable[[Connection], Awaitable[R]]) -> R:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._using:
                    return await action(await self._connected())
            except OSError as error:  # ConnectionError, TimeoutError
                self._on_trouble()
                log.warning("Redis does not answer, trying again: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _connected(self) -> Connection:
        if self._connection is None or not self._connection.is_open:
            connection = await self._connect(self._url)
            try:
                _, (*epochs, batch) = await _call(connection, self._guard())
                self._check_held(epochs, batch)
            except LeaseLost:
                connection.close()
                raise
            self._connection = connection
        return self._connection


async def _call(connection: Connection, commands: Sequence[Commands]) -> list[Any]:
    """Replies of the commands; ConnectionError on a temporary refusal (LOADING, READONLY, ...)."""
    replies = await connection.call(commands)
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            connection.close()
            if is_temporary(reply):
                raise ConnectionError(f"Redis: {reply}")
            raise StoreUnavailable(f"Redis refuses: {reply}")
    return replies


def _pairs(reply: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(reply[::2], reply[1::2], strict=True))


def _encoded(open_windows: Mapping[str, OpenWindow]) -> dict[str, bytes]:
    return {request: msgspec.msgpack.encode(each) for request, each in open_windows.items()}


def _text(batch: bytes | None) -> str:
    return batch.decode() if batch else "none"
