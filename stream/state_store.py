"""The shell around the stream's state in Redis: loads, commits, outlives a Redis that is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import hiredis
import msgspec

from features.dedup import unpack
from millstream.errors import StoreUnavailable
from stream.effects import Effects
from stream.entities import item_from, user_from
from stream.joins import Waiting
from stream.lease import LeaseLost
from stream.memory import Memory
from stream.redis_link import Command, Commands, RedisLink, connected
from stream.state_commands import StateCommands, sources_from

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
# Replies that say "not now": the server loads its data, is a replica for the moment, is full.
_NOT_NOW = (
    "LOADING",
    "READONLY",
    "BUSY",
    "OOM",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "EXECABORT",
)
_WAITING = msgspec.msgpack.Decoder(Waiting)
_ANSWERED = msgspec.msgpack.Decoder(list[str])

R = TypeVar("R")


class StateStore:
    """The state in Redis, written under one epoch of the lease.

    Args:
        on_trouble: called at every failed attempt, for the metrics.
    """

    def __init__(
        self,
        url: str,
        commands: StateCommands,
        epoch: int,
        on_trouble: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._commands = commands
        self._epoch = epoch
        self._on_trouble = on_trouble
        self._link: RedisLink | None = None
        self._batch = 0

    async def restore(self, memory: Memory, now_s: float) -> None:
        """Fill an empty memory with what Redis has."""
        replies = await self._until_done(lambda link: _call(link, self._commands.restore()))
        positions, reached, dedupe, known, hidden, waiting, answered = replies
        memory.positions = {s: int(offset) for s, offset in sources_from(positions).items()}
        memory.watermark.reached = sources_from(reached)
        memory.catalogue.restore(map(bytes.decode, known), map(bytes.decode, hidden))
        memory.joins.restore(
            {request.decode(): _WAITING.decode(value) for request, value in _pairs(waiting)},
            {request.decode(): _ANSWERED.decode(value) for request, value in _pairs(answered)},
            now_s,
        )
        await self._restore_marks(memory, dict(_pairs(dedupe)))

    async def load(self, memory: Memory, users: Sequence[str], items: Sequence[str]) -> None:
        """Bring users and items into memory; those that Redis does not have are new."""
        commands = []
        if users:
            commands.append(self._commands.entities("user", users))
        if items:
            commands.append(self._commands.entities("item", items))
        if not commands:
            return
        replies = iter(await self._until_done(lambda link: _call(link, commands)))
        if users:
            for user, stored in zip(users, next(replies), strict=True):
                memory.users.put(user, user_from(stored))
        if items:
            for item, stored in zip(items, next(replies), strict=True):
                memory.items.put(item, item_from(stored))

    async def commit(self, effects: Effects) -> None:
        """Write everything that a batch changed, and its positions, all or nothing.

        Raises:
            LeaseLost: another worker writes now.
            StoreUnavailable: Redis refuses a command for good.
        """
        self._batch += 1
        name = f"{self._epoch}:{self._batch}"
        batch_key = self._commands.key("batch")
        writes: list[Commands] = [
            ("MULTI",),
            *self._commands.commit(effects),
            ("SET", batch_key, name),
            ("EXEC",),
            *self._guard(),
        ]
        attempts = 0

        async def attempt(link: RedisLink) -> None:
            nonlocal attempts
            attempts += 1
            if attempts > 1 and await _call(link, [("GET", batch_key)]) == [name.encode()]:
                return  # it was carried out, only the reply was lost
            self._check(await _call(link, writes))

        await self._until_done(attempt)

    def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close()

    def _guard(self) -> tuple[Command, Command]:
        """From here on, transactions fail if the epoch changes; and what it is now."""
        epoch_key = self._commands.key("epoch")
        return ("WATCH", epoch_key), ("GET", epoch_key)

    def _check(self, replies: list[Any]) -> None:
        executed, _, epoch = replies[-3:]
        if executed is None or int(epoch or 0) != self._epoch:
            raise LeaseLost("Another stream worker has taken over, or Redis lost its data.")
        for reply in executed:
            if isinstance(reply, hiredis.ReplyError):
                raise StoreUnavailable(f"Redis refuses: {reply}")

    async def _restore_marks(self, memory: Memory, dedupe: dict[bytes, bytes]) -> None:
        if not dedupe:
            return
        seen = memory.seen
        seen.generation = int(dedupe[b"generation"])
        seen.started_at = float(dedupe[b"started_at"])
        generations = (seen.generation - 1, seen.generation)
        commands = [self._commands.marks(generation) for generation in generations]
        old, young = await self._until_done(lambda link: _call(link, commands))
        seen.old, seen.young = unpack(old or b""), unpack(young or b"")

    async def _until_done(self, action: Callable[[RedisLink], Awaitable[R]]) -> R:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await action(await self._connected())
            except OSError as error:  # ConnectionError, TimeoutError
                self._on_trouble()
                log.warning("Redis does not answer, trying again: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _connected(self) -> RedisLink:
        if self._link is None or not self._link.is_open:
            link = await connected(self._url)
            _, epoch = await _call(link, self._guard())
            if int(epoch or 0) != self._epoch:
                link.close()
                raise LeaseLost("Another stream worker has taken over, or Redis lost its data.")
            self._link = link
        return self._link


async def _call(link: RedisLink, commands: Sequence[Commands]) -> list[Any]:
    """The replies; one that says "not now" is a connection that has to be tried again."""
    replies = await link.call(commands)
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            link.close()
            if str(reply).startswith(_NOT_NOW):
                raise ConnectionError(f"Redis: {reply}")
            raise StoreUnavailable(f"Redis refuses: {reply}")
    return replies


def _pairs(reply: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(reply[::2], reply[1::2], strict=True))
