"""The shell around the core: takes chunks from the agents and carries the effects out.

One batch at a time: load what it needs, process, publish, commit, acknowledge. Whatever has come in
the meantime is the next batch, so that batches grow with the load and stay small without it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from features.topic_events import STRICT, Door
from millstream.clock import Clock
from millstream.topics import INTERACTIONS, TOUCHES
from stream.gc import ManualGc
from stream.ingest.alignment import Alignment, DecodedRecord, is_probe
from stream.ingest.arrival import bounded
from stream.ingest.decode import entries_of, touches_record
from stream.ingest.records import SourceRecord, TopicPartition
from stream.ingest.silence import PartitionActivity, Silence
from stream.ingest.strays import Strays
from stream.ingest.touches_merge import TouchesMerge
from stream.metrics import StreamMetrics
from stream.outputs.effects import Effects
from stream.outputs.messages import OutputMessage, messages
from stream.processing.batch import process
from stream.processing.prefetch import prefetch
from stream.state.memory import Memory, Rules
from stream.state.shards import shards_of

log = logging.getLogger(__name__)

BATCH_EVENTS = 8_000
# Batches begin no closer than this to one another, unless they are full: each costs the stream,
# Kafka, Redis and the trainer something, however small it is. An event that comes alone does not
# wait.
BATCH_EVERY_S = 0.1
# A worker with as many events left after a batch has a backlog: the others' touches wait for it.
BACKLOG_EVENTS = 500
HOLD_AT, RELEASE_AT = 2 * BATCH_EVENTS, BATCH_EVENTS // 2
# How long a partition that cannot be read holds back the others.
MAX_IDLE_S = 30.0
# How often windows are looked at when nothing comes.
TICK_S = 0.25
# How old the attributes of items may be that another worker writes.
COPY_S = 5.0

Ack = Callable[[], object]


class BatchStore(Protocol):
    """Store of the state, written batch by batch."""

    async def load(self, memory: Memory, users: Sequence[str], items: Sequence[str]) -> None:
        """Bring entities into memory."""
        ...

    async def commit(self, effects: Effects) -> None:
        """Write what a batch changed, all or nothing."""
        ...


class AssignedBatchStore(BatchStore, Protocol):
    """The same for the partitions that are assigned."""

    async def take(self, memory: Memory, sources: Collection[TopicPartition]) -> None:
        """Begin to write for these partitions alone, and bring their state into memory.

        Nobody else writes for them from now on.
        """
        ...

    def close(self) -> None:
        """Let what is taken next be taken anew."""
        ...


class MessagePublisher(Protocol):
    """Publisher of a batch's messages."""

    async def publish(self, messages: Sequence[OutputMessage]) -> None:
        """Return when all are acknowledged."""
        ...


async def _nothing_to_settle(_: Collection[TopicPartition]) -> None:
    return


@dataclass(frozen=True)
class ConsumerControl:
    """The consumer that feeds the worker: its controls and checks.

    Args:
        hold: called with (source, True) to stop reading a partition that has enough buffered, and
            with (source, False) to go on.
        door: what is let in.
        is_polled: whether the broker was asked for a partition, and answered, just now.
        settle: called at every assignment with its partitions, before positions are given out,
            while no batch is under way.
        partitions: how many each topic has, by its name; asked after `settle`.
    """

    hold: Callable[[TopicPartition, bool], None]
    door: Door = STRICT
    is_polled: Callable[[TopicPartition], bool] = lambda _: True
    settle: Callable[[Collection[TopicPartition]], Awaitable[None]] = _nothing_to_settle
    partitions: Callable[[], Mapping[str, int]] = dict


class StreamWorker:
    """Processing of batches, one at a time.

    Args:
        memory: for what `store` has.
    """

    def __init__(
        self,
        memory: Memory,
        rules: Rules,
        store: AssignedBatchStore,
        publisher: MessagePublisher,
        metrics: StreamMetrics,
        clock: Clock,
        consumer: ConsumerControl,
    ) -> None:
        self._memory, self._rules = memory, rules
        self._store, self._publisher = store, publisher
        self._metrics, self._clock, self._consumer = metrics, clock, consumer
        self._alignment = Alignment(MAX_IDLE_S)
        self._merge, self._by = TouchesMerge(), list[int]()
        self._silence = Silence(rules.idle_s)
        self._strays = Strays(consumer.partitions)
        self._acks: dict[TopicPartition, deque[tuple[int, Ack]]] = {}
        self._arrived = asyncio.Event()
        self._working = asyncio.Lock()
        self._stopping = False
        self._is_assigned = False
        self._copied_at = 0.0

    async def assign(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Begin with these partitions; the positions to read on from.

        What the store knows nothing of is read from its beginning, wherever the group has been: the
        state is that of the store.

        Args:
            ends: one past the last offset of each.
        """
        async with self._working:
            memory, self._is_assigned = self._memory, False
            try:
                await self._store.take(memory, ends.keys())
                await self._consumer.settle(ends.keys())
            except BaseException:  # half a state is none to go on with
                self._store.close()
                raise
            now_s, positions = self._clock.now(), memory.positions
            self._metrics.observe_memory(memory)
            self._metrics.shards.set(len(shards_of(ends)))
            memory.watermark.expect(ends)
            self._begin({s: end > positions.get(s, 0) for s, end in ends.items()}, now_s)
            self._is_assigned = True
            return {source: positions.get(source, 0) for source in ends}

    async def release(self) -> None:
        """Finish the batch in work, and begin none until `assign`."""
        async with self._working:
            self._begin({}, self._clock.now())
            self._is_assigned = False
            self._metrics.lag.clear()
            self._metrics.shards.set(0)

    def _begin(self, behind: Mapping[TopicPartition, bool], now_s: float) -> None:
        """Buffer these partitions, and nothing of what was buffered."""
        self._silence.assign(behind)
        self._alignment.assign(behind, now_s)
        partitions = self._consumer.partitions().get(INTERACTIONS.name, 0)
        own = sorted(source.partition for source in behind if source.topic == INTERACTIONS.name)
        self._by = own if len(own) < partitions else []
        self._merge.begin(partitions)
        self._acks = {source: deque() for source in behind}

    def put(
        self, source: TopicPartition, records: list[SourceRecord], behind: bool, ack: Ack
    ) -> None:
        """Take a chunk of one partition; `ack` is called when all of it is in the store.

        Args:
            behind: there is more on the broker.
        """
        now_s = self._clock.now()
        self._alignment.put(source, self._decoded(source, records, now_s), behind, now_s)
        if source in self._acks:
            self._acks[source].append((records[-1].offset, ack))
        if self._alignment.depth(source) >= HOLD_AT:
            self._consumer.hold(source, True)
        self._arrived.set()

    def _decoded(
        self, source: TopicPartition, records: list[SourceRecord], now_s: float
    ) -> Sequence[DecodedRecord]:
        if source.topic == TOUCHES.name:
            return [touches_record(record) for record in records]
        decoded = entries_of(records, now_s, self._consumer.door)
        decoded = bounded(decoded, records, now_s, self._rules.max_clock_skew_s)
        return self._strays.told_apart(source, decoded, records)

    async def run(self) -> None:
        """Work until `stop`."""
        with ManualGc() as manual_gc:
            while not self._stopping:
                began_s = time.monotonic()
                async with self._working:
                    worked = await self.turn()
                manual_gc.collect(began_s)
                if not worked:
                    await self._wait()
                elif worked < BATCH_EVENTS:
                    await asyncio.sleep(max(began_s + BATCH_EVERY_S - time.monotonic(), 0.0))

    def stop(self) -> None:
        """End `run` after the batch that is being worked on."""
        self._stopping = True
        self._arrived.set()

    async def _wait(self) -> None:
        """Until something comes, or it is time to look at the windows."""
        try:
            async with asyncio.timeout(TICK_S):
                await self._arrived.wait()
        except TimeoutError:
            pass
        self._arrived.clear()

    async def turn(self) -> int:
        """One batch, if there is one or a window is over; how many events it had."""
        if not self._is_assigned:
            return 0
        now_s = self._clock.now()
        taken = self._alignment.take(BATCH_EVENTS, now_s)
        entries = self._merge.through(taken, now_s)
        ticks, watermark = self._ticks(entries, now_s), self._memory.watermark
        # What the ticks would close is closed in the next turn, when they are committed.
        is_due = self._memory.known_items.schedule.is_due(now_s)
        if entries or is_due or self._memory.join.has_over(watermark.after(ticks)):
            with self._metrics.batch_seconds.time():
                await self._work(entries, ticks)
            self._metrics.batch_events.observe(len(entries))
            self._after()
        elif taken:
            self._after()
        return max(len(taken), len(entries))

    def _ticks(self, entries: list[DecodedRecord], now_s: float) -> dict[TopicPartition, float]:
        """Event times that the clock proposes for silent partitions."""
        silence, taken = self._silence, {entry.source for entry in entries if not is_probe(entry)}
        for source in silence.sources:
            if not self._consumer.is_polled(source):
                activity = PartitionActivity.AWAY
            elif source in taken or not self._alignment.is_read_out(source):
                activity = PartitionActivity.BUSY
            else:
                activity = PartitionActivity.QUIET
            silence.note(source, activity, now_s)
        return silence.ticks(self._memory.watermark, now_s)

    async def _work(
        self, entries: list[DecodedRecord], ticks: Mapping[TopicPartition, float]
    ) -> None:
        memory, metrics = self._memory, self._metrics
        needs = prefetch(entries, memory, self._rules)
        await self._store.load(
            memory, memory.users.missing(needs.users), memory.items.missing(needs.items)
        )
        effects = process(needs, memory, self._rules, self._clock.now(), ticks)
        effects.by, effects.has_more = self._by, self._alignment.has_backlog(BACKLOG_EVENTS)
        with metrics.publish_seconds.time():
            await self._publisher.publish(messages(effects))
        with metrics.commit_seconds.time():
            await self._store.commit(effects)
        metrics.observe(effects, memory, self._clock.now())

    def _after(self) -> None:
        """Acknowledge chunks that are done, and read on where there is room."""
        self._memory.shrink()
        if not self._memory.has_items and self._clock.now() - self._copied_at >= COPY_S:
            self._memory.items.clear()
            self._copied_at = self._clock.now()
        for source, acks in self._acks.items():
            while acks and acks[0][0] < self._memory.positions.get(source, 0):
                acks.popleft()[1]()
            if self._alignment.depth(source) <= RELEASE_AT:
                self._consumer.hold(source, False)
