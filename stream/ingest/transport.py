"""A Faust transport that hands each source partition's fetch on as one message: a chunk.

Faust's consumer waits on the event loop once per message, which bounds it near 11,000 records/s.
Here a message is a whole fetch: its value the list of records, its offset the last one's. Agents
get lists, and acks, commits and rebalances count in chunks. Changelog topics stay per record, as
the recovery of Faust's tables needs them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import faust
from aiokafka import ConsumerRecord
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message

Positions = Callable[[Mapping[TP, int]], Awaitable[Mapping[TP, int]]]

# While partitions are held back, how long a fetch waits for the others before it looks again.
HELD_POLL_S = 0.01
# How long a fetch that finds nothing may take: an assignment waits for the one under way.
POLL_S = 0.1

# How long a broker keeps a fetch that finds nothing. aiokafka has one fetch under way per broker: a
# partition that has just been read out waits for that of the others. Faust's 1.5 s would be the
# latency of a busy partition among idle ones.
FETCH_WAIT_MS = 50


class Chunk(list[ConsumerRecord]):
    """A whole fetch of one partition.

    Args:
        records: in the order of their offsets.
        after: one past the last offset of the chunk before it, or where its partition was last
            sought to; None where neither is known.
        era: how often the consumer's partitions had been assigned when it was fetched.
    """

    def __init__(self, records: Sequence[ConsumerRecord], after: int | None, era: int) -> None:
        super().__init__(records)
        self.after, self.era = after, era


class ChunkSchema(faust.Schema):
    """Leaves keys and values as they came: a chunk's records are decoded by the agent."""

    def loads_key(self, app: Any, message: Any, **options: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **options: Any) -> Any:
        return message.value


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    logger = driver.logger

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class ChunkConsumer(driver.Consumer):
    """Faust's Kafka consumer, in chunks, reading on from positions that a store may know better."""

    logger = driver.logger

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._held: set[TP] = set()
        self._begins: dict[tuple[TP, int], int] = {}
        self._ends: dict[TP, int] = {}
        # A fetch that began before positions were sought may end with records of after it, which no
        # later one would bring again: the two exclude one another.
        self._reading = asyncio.Lock()
        self.era = 0

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    def hold(self, tp: TP) -> None:
        """Fetch no more of a partition until it is released.

        Unlike Faust's own pausing this never leaves the consumer without any partition, for which
        it would sleep a second.
        """
        self._held.add(tp)

    def release(self, tp: TP) -> None:
        """Fetch a partition that was held."""
        self._held.discard(tp)

    def is_polled(self, tp: TP, within_s: float) -> bool:
        """Return whether the broker answered a fetch of the partition in the last `within_s`."""
        try:
            polled_ms = self._thread._ensure_consumer().last_poll_timestamp(tp)
        except (AssertionError, AttributeError, ConsumerNotStarted):
            return False  # it is being assigned anew
        return polled_ms is not None and time.time() - polled_ms / 1000.0 <= within_s

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109
    ) -> Any:
        wanted = None if active_partitions is None else active_partitions - self._held
        if active_partitions and not wanted:
            await asyncio.sleep(HELD_POLL_S)
            return {}
        limit_s = HELD_POLL_S if self._held else min(timeout, POLL_S)
        async with self._reading:
            fetched = await super()._getmany(wanted, limit_s)
            found = {tp: records for tp, records in fetched.items() if records}
            if not any(r[0].offset < (self._ends.get(tp) or 0) for tp, r in found.items()):
                return {
                    tp: records if self._is_changelog_tp(tp) else [self._chunk(tp, records)]
                    for tp, records in found.items()
                }
            # A log does not go back: this is another one. Its positions are asked for anew.
            self._ends.clear()
        await self.perform_seek()
        return {}

    def _chunk(self, tp: TP, records: Sequence[ConsumerRecord]) -> Chunk:
        """Number a fetch, so that none is missed and none of before an assignment is taken."""
        after = self._ends.get(tp)
        self._ends[tp] = records[-1].offset + 1
        return Chunk(records, after, self.era)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, list):
            return super()._to_message(tp, record)
        message = super()._to_message(tp, record[-1])
        message.key, message.value, message.headers = None, record, None
        return message

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Note where a chunk begins: the offsets before its last one are done when the chunk is.

        Faust takes them, `offset_to` included, as done at once, which would commit a chunk that
        still waits as soon as a later one of its partition is acknowledged.
        """
        self._begins[tp, offset_to] = offset_from

    def ack(self, message: Message) -> bool:
        """A chunk is done, with all of its offsets."""
        begin = self._begins.pop((message.tp, message.offset), message.offset)
        if begin < message.offset:
            self._gap[message.tp].addi(begin, message.offset)
        return super().ack(message)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the work on them end before others can have them."""
        await self.transport.revoked()
        await super().on_partitions_revoked(revoked)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """The group's committed offsets, overruled by the positions that the store knows."""
        async with self._reading:
            committed = dict(await super().seek_to_committed())
            self._held.clear()
            self._begins.clear()
            self.era += 1
            positions = await self.transport.positions(await self.highwaters(*self.assignment()))
            for tp, offset in positions.items():
                await self._seek(tp, offset)
            self._ends = {**committed, **positions}
            return dict(self._ends)


class ChunkTransport(driver.Transport):
    """Kafka in chunks.

    Args:
        url: of the brokers, as Faust gives it.
        app: the Faust app.
        positions: async {partition: one past its last offset} -> {partition: next offset to read}
            for those that a store has a position of. Asked at every assignment.
        revoked: called when partitions are taken away, and awaited before others get them.
    """

    Consumer = ChunkConsumer

    def __init__(
        self,
        url: list[Any],
        app: faust.App,
        positions: Positions,
        revoked: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(url, app)
        self.positions, self.revoked = positions, revoked
