"""A Faust transport that hands each source partition's fetch on as one message: a chunk.

Faust's consumer waits on the event loop once per message, which bounds it near 11,000 records/s.
Here a message is a whole fetch: its value the list of records, its offset the last one's. Agents
get lists, and acks, commits and rebalances count in chunks. Changelog topics stay per record, as
the recovery of Faust's tables needs them.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import faust
from aiokafka import ConsumerRecord
from aiokafka.errors import IllegalStateError
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message

from stream.ingest.chunk import Chunk
from stream.ingest.fetch_thread import ChunkThread

log = logging.getLogger(__name__)

Positions = Callable[[Mapping[TP, int]], Coroutine[Any, Any, Mapping[TP, int]]]

# While partitions are held back, how long a fetch waits for the others before it looks again.
HELD_POLL_S = 0.01
# How long a fetch that finds nothing may take: an assignment waits for the one under way.
POLL_S = 0.1


class ChunkConsumer(driver.Consumer):
    """Faust's Kafka consumer, in chunks, reading on from positions that a store may know better."""

    logger = driver.logger

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._held: set[TP] = set()
        self._begins: dict[tuple[TP, int], int] = {}
        self._ends: dict[TP, int] = {}
        self._asked_again: dict[TP, int] = {}
        # A fetch that began before positions were sought may end with records of after it, which no
        # later one would bring again: the two exclude one another.
        self._reading = asyncio.Lock()
        self._is_assigned = self._is_sought = False
        self._asking: asyncio.Task[Mapping[TP, int]] | None = None
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
        if not self._is_sought:
            await self._seek_first()
            return {}
        wanted = None if active_partitions is None else active_partitions - self._held
        if active_partitions and not wanted:
            await asyncio.sleep(HELD_POLL_S)
            return {}
        limit_s = HELD_POLL_S if self._held else min(timeout, POLL_S)
        async with self._reading:
            fetched = await super()._getmany(wanted, limit_s)
            if not self._is_sought:
                return {}  # taken away meanwhile
            found = {tp: records for tp, records in fetched.items() if records}
            if any(r[0].offset < (self._ends.get(tp) or 0) for tp, r in found.items()):
                self._is_sought = False  # a log does not go back: this is another one
                return {}
            await self._ask_again(found)
            return {
                tp: records if self._is_changelog_tp(tp) else [self._chunk(tp, records)]
                for tp, records in found.items()
            }

    async def _seek_first(self) -> None:
        """Seek what Faust has been interrupted at; it would read on whatever came of it."""
        if self._is_assigned and not self._reading.locked():
            with suppress(IllegalStateError):  # taken away meanwhile
                await self.perform_seek()
        else:
            await asyncio.sleep(HELD_POLL_S)

    async def _ask_again(self, found: dict[TP, Sequence[ConsumerRecord]]) -> None:
        """Leave out what does not follow what was read last, and read that once more.

        What the broker does not have then either was compacted, expired, or marks a transaction.
        """
        jumped: dict[TP, int] = {}
        for tp, records in found.items():
            end, first = self._ends.get(tp), records[0].offset
            asked_at = self._asked_again.pop(tp, None)
            if end is not None and first > end and asked_at != end:
                jumped[tp] = end
            elif asked_at == first:
                log.error("A fetch of %s left out what is there from offset %d on.", tp, first)
        self._asked_again.update(jumped)
        for tp in jumped:
            del found[tp]
        if jumped:
            with suppress(IllegalStateError):  # taken away meanwhile
                await self.seek_wait(jumped)

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
        self._is_assigned = self._is_sought = False
        self.era += 1
        if self._asking is not None:
            self._asking.cancel()  # whose they are next has them, however long this one would wait
        await self.transport.revoked()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Read nothing of them before their positions are sought."""
        self._is_assigned, self._is_sought = bool(assigned), False
        await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """The positions that the store knows; of the others the group's committed offsets.

        Sought once for an assignment, and never between two: Faust asks at any time.
        """
        async with self._reading:
            if self._is_sought or not self._is_assigned:
                return {}
            self._held.clear()
            self._begins.clear()
            self._asked_again.clear()
            self.era += 1
            era = self.era
            positions = await self._positions(era)
            if positions is None:
                return {}
            others = self.assignment() - positions.keys()
            committed = await self._thread.seek_committed(others)
            await self.seek_wait(positions)
            self._ends = {**committed, **positions}
            self._is_sought = self.era == era
            return dict(self._ends)

    async def _positions(self, era: int) -> Mapping[TP, int] | None:
        """The positions that the store knows; None if the partitions are taken away meanwhile."""
        ends = await self.highwaters(*self.assignment())
        if self.era != era:
            return None
        self._asking = asking = asyncio.create_task(self.transport.positions(ends))
        try:
            await asyncio.wait({asking})
        finally:
            asking.cancel()
        return None if asking.cancelled() else asking.result()


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
