"""The state of what a worker has been assigned, and the right to write it.

Kafka's consumer group says which worker has which shard (`stream/state/shards.py`). At every
assignment that is another than before, the worker takes each shard: it begins an epoch of it, which
has a name that no two takers ever share, also when Redis has forgotten all earlier ones, and reads
its state. Every write is a transaction that WATCHes these epochs: a worker whose shards were given
away while it hung cannot write any more.

A command that writes the whole state takes the lease (`leader_lease.py`): then nobody takes a
shard, and who had one has lost it.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from millstream.clock import Clock
from stream.ingest.records import TopicPartition
from stream.outputs.effects import Effects
from stream.state.memory import Memory, Rules
from stream.state.open_windows import OpenWindow
from stream.state.shards import shards_of
from stream.storage.leader_lease import REFUSALS, LeaseLost, refused
from stream.storage.schema import StateCommands
from stream.storage.store import StateStore

log = logging.getLogger(__name__)

RETRY_S = 0.25
ALIVE_S = 1.0
ALIVE_TTL_S = 6.0

# KEYS: lease, epoch of commands, epochs of shards. ARGV: the new epoch. The epoch of commands, or
# nothing while one holds the lease.
_TAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for n = 3, #KEYS do redis.call('SET', KEYS[n], ARGV[1]) end
return {redis.call('GET', KEYS[2])}
"""


async def no_worker(client: Redis, commands: StateCommands) -> None:
    """Return when no stream worker has said lately that it is alive; while Redis is away, wait."""
    while True:
        try:
            found = [key async for key in client.scan_iter(match=commands.key("worker:*"))]
        except RedisError as error:
            log.warning("Waiting for Redis: %s", error)
        else:
            if not found:
                return
        await asyncio.sleep(RETRY_S)


class AssignedStore:
    """`StateStore` of the shards that are assigned, another one for each assignment.

    Args:
        rules: of a memory.
        begin: begins an epoch of shards and opens their state; called with them and its name.
        owner: name of this worker, unique.
    """

    def __init__(
        self,
        rules: Rules,
        clock: Clock,
        begin: Callable[[Sequence[str], str], Awaitable[StateStore]],
        owner: str,
    ) -> None:
        self._rules, self._clock, self._begin, self._owner = rules, clock, begin, owner
        self.shards: list[str] = []
        self._store: StateStore | None = None

    async def take(self, memory: Memory, sources: Collection[TopicPartition]) -> None:
        """Begin to write for these partitions alone, and bring their state into memory.

        What is assigned once more is gone on with, unless another worker had it meanwhile.

        Raises:
            StoreUnavailable: Redis refuses the user or the password, or the state is not whole.
        """
        shards = shards_of(sources)
        is_same = self._store is not None and shards == self.shards
        if is_same and await self._current.is_held():
            return
        self.close()
        memory.begin(self._rules)
        self.shards = shards
        log.info("Assigned: %s.", ", ".join(shards) or "nothing")
        if not shards:
            return
        store = await self._begin(shards, f"{self._owner}/{uuid.uuid4().hex}")
        try:
            await store.restore(memory, self._clock.now(), sources)
        except BaseException:
            store.close()
            raise
        self._store = store

    async def load(self, memory: Memory, users: Sequence[str], items: Sequence[str]) -> None:
        """See `StateStore.load`."""
        if users or items:
            await self._current.load(memory, users, items)

    async def commit(self, effects: Effects) -> None:
        """See `StateStore.commit`."""
        await self._current.commit(effects)

    async def begin_logs(
        self,
        logs: Mapping[TopicPartition, str],
        gone: Iterable[TopicPartition],
        open_windows: Mapping[str, OpenWindow],
    ) -> None:
        """See `StateStore.begin_logs`."""
        await self._current.begin_logs(logs, gone, open_windows)

    async def look(self) -> None:
        """See `StateStore.look`."""
        store = self._store
        if store is not None:
            try:
                await store.look()
            except LeaseLost:
                if store is self._store:  # else its shards were taken anew, here, meanwhile
                    raise

    def close(self) -> None:
        """Close the connection; what is assigned next is taken anew."""
        if self._store is not None:
            self._store.close()
        self._store = None

    @property
    def _current(self) -> StateStore:
        assert self._store is not None, "something is assigned while there is a batch"
        return self._store


class RedisShards:
    """Shards in Redis: taking them, and saying who is alive.

    Args:
        client: for taking them.
        owner: name of this worker, unique.
        on_trouble: called at every failed attempt, for the metrics.
    """

    def __init__(
        self,
        url: str,
        client: Redis,
        commands: StateCommands,
        owner: str,
        on_trouble: Callable[[], None] = lambda: None,
    ) -> None:
        self._url, self._client, self._commands = url, client, commands
        self._alive_key, self._on_trouble = commands.key(f"worker:{owner}"), on_trouble
        self._take = client.register_script(_TAKE)

    async def free(self) -> None:
        """Return when no command holds the lease; while Redis is away, wait.

        Raises:
            StoreUnavailable: Redis refuses the user or the password.
        """
        await self._taken((), "")

    async def begin(self, shards: Sequence[str], epoch: str) -> StateStore:
        """Begin an epoch of shards, as soon as no command holds the lease; their state.

        Raises:
            StoreUnavailable: Redis refuses the user or the password.
        """
        of_commands = await self._taken(shards, epoch)
        return StateStore(
            self._url,
            self._commands,
            epoch,
            self._on_trouble,
            shards=shards,
            of_commands=of_commands,
        )

    async def _taken(self, shards: Sequence[str], epoch: str) -> bytes | None:
        """Take the shards in Redis; the epoch of commands."""
        names = ("lease", "epoch", *(f"epoch:{shard}" for shard in shards))
        waited = False
        while True:
            try:
                taken = await self._take([self._commands.key(n) for n in names], [epoch])
            except REFUSALS as error:
                raise refused(error) from error
            except RedisError as error:
                self._on_trouble()
                log.warning("Waiting for Redis: %s", error)
            else:
                if taken:
                    found: bytes | None = taken[0]
                    return found
                if not waited:
                    log.info("Standing by: a command holds the lease.")
                waited = True
            await asyncio.sleep(RETRY_S)

    async def watch(self, store: AssignedStore) -> None:
        """Say that this worker is alive, and see that Redis is as it was left, for ever.

        Raises:
            LeaseLost: see `StateStore.commit`.
        """
        while True:
            with suppress(RedisError):
                shards = ",".join(store.shards)
                await self._client.set(self._alive_key, shards, px=int(ALIVE_TTL_S * 1_000))
            await store.look()
            await asyncio.sleep(ALIVE_S)

    async def leave(self) -> None:
        """Say that this worker ends."""
        with suppress(RedisError):
            await self._client.delete(self._alive_key)
