"""A producer that hashes otherwise: the worker moves its events, and makes of them the same."""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Iterable
from random import Random

import pytest
from kafka.partitioner.default import murmur2
from prometheus_client import CollectorRegistry

from millstream.clock import FakeClock
from millstream.codec import encode
from millstream.events import Event
from millstream.kafka import route
from millstream.partitioning import origin_of
from millstream.topics import BY_USER, ITEMS, TOUCHES
from simulation.store import SimulatedStore
from stream.ingest.records import SourceRecord, TopicPartition
from stream.metrics import StreamMetrics
from stream.outputs.effects import Effects
from stream.outputs.messages import OutputMessage
from stream.state.memory import Rules, empty_memory
from stream.worker import ConsumerControl, StreamWorker
from tests.support.stream_cases import (
    START,
    examples_of,
    feature_rows_of,
    impression,
    interaction,
    item_upsert,
    user_upsert,
)

COUNT = 4
PARTITIONS = {topic.name: COUNT for topic in BY_USER}
PLACE = {"source_partition", "source_offset", "created", "published_at"}


def by_murmur2(key: bytes) -> int:
    return (murmur2(key) & 0x7FFF_FFFF) % COUNT


def by_crc32(key: bytes) -> int:
    return zlib.crc32(key) % COUNT


class World:
    """A worker on a log in memory: what it moves comes back to it."""

    def __init__(self) -> None:
        self.clock, self.store, self.metrics = (
            FakeClock(START + 100),
            SimulatedStore("millstream"),
            StreamMetrics(CollectorRegistry()),
        )
        self.effects: list[Effects] = []
        self.moved: list[OutputMessage] = []
        self.fails = 0  # so many commits, after what they publish
        self.logs: defaultdict[TopicPartition, list[SourceRecord]] = defaultdict(list)
        self.begin()

    def begin(self) -> None:
        """A new worker, with what the last one has committed."""
        rules = Rules(sampled_negatives=0, allowed_lateness_s=1_000.0)
        memory = empty_memory(rules)
        self.read: dict[TopicPartition, int] = {}
        control = ConsumerControl(lambda source, held: None, partitions=lambda: PARTITIONS)
        self.worker = StreamWorker(memory, rules, self, self, self.metrics, self.clock, control)

    async def take(self, memory, sources) -> None:
        """Everything is this one worker's."""

    def close(self) -> None:
        """Everything stays."""

    async def load(self, memory, users, items) -> None:
        await self.store.load(memory, users, items)

    async def commit(self, effects: Effects) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError
        await self.store.commit(effects)
        self.effects.append(effects)

    async def publish(self, messages: Iterable[OutputMessage]) -> None:
        for message in messages:
            if message.partition is not None:
                if message.topic is not TOUCHES:
                    self.moved.append(message)
                self._append(message.topic.name, message.partition, message)

    def _append(self, topic: str, partition: int, message: OutputMessage) -> None:
        source = TopicPartition(topic, partition)
        origin = origin_of(message.headers)
        stamp_s = message.timestamp_s or -1.0
        self.logs[source].append(
            SourceRecord(
                source, len(self.logs[source]), message.key, message.value, stamp_s, origin
            )
        )

    def send(self, event: Event, partition: int, value: bytes | None = None) -> None:
        """Append an event to its topic."""
        topic, key = route(event)
        message = OutputMessage(topic, key, value or encode(event), None, event.event_time)
        self._append(topic.name, 0 if topic is ITEMS else partition, message)

    async def work(self) -> None:
        """Read everything that there is, also what is appended on the way."""
        if not self.read:
            sources = [TopicPartition(t.name, n) for t in BY_USER for n in range(COUNT)]
            sources += [TopicPartition(topic.name, 0) for topic in (ITEMS, TOUCHES)]
            self.read = await self.worker.assign({s: len(self.logs[s]) for s in sources})
        while any(offset < len(self.logs[source]) for source, offset in self.read.items()):
            for source, offset in self.read.items():
                records = self.logs[source][offset:]
                self.read[source] += len(records)
                if records:
                    self.worker.put(source, records, False, lambda: None)
            while await self.worker.turn():
                pass

    def outcome(self) -> dict[str, list]:
        """What all batches made, but for places, and for when it was made."""
        found: dict[str, list] = {}
        for view in ("user_stats", "item_stats", "user_attributes"):
            rows = [row for effects in self.effects for row in feature_rows_of(effects, view)]
            entity = f"{view.partition('_')[0]}_id"
            newest = {row[entity]: row for row in rows}
            found[view] = [_plain(newest[name]) for name in sorted(newest)]
        rows = [row for effects in self.effects for row in examples_of(effects)]
        found["examples"] = sorted(map(_plain, rows), key=lambda row: row["event_id"])
        return found

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"millstream_stream_{name}", labels) or 0.0


def _plain(row: dict) -> dict:
    return {name: value for name, value in row.items() if name not in PLACE}


def day() -> list[Event]:
    """Accounts, lists and clicks, of which some answer the lists; every fifth comes twice."""
    random, events = Random(3), list[Event]()
    users, items = [f"u{n}" for n in range(12)], [f"i{n}" for n in range(6)]
    events += [item_upsert(-5, item, categories=["a"]) for item in items]
    events += [user_upsert(-4, user, age=30 + n) for n, user in enumerate(users)]
    for second in range(32):
        user, shown = random.choice(users), random.sample(items, 3)
        if second % 4 == 0:
            events.append(impression(second, f"r{second}", shown, user=user))
            events.append(interaction(second + 0.5, user, shown[1], request_id=f"r{second}"))
        else:
            events.append(interaction(second, user, shown[0]))
        if second % 5 == 0:
            events.append(events[-1])
    return events


def worked(partition_of, fails: int = 0, live: bool = True) -> World:
    """A world after the day, whose events lie where `partition_of` their key says.

    Args:
        fails: so many commits; then another worker begins.
        live: each event is worked on when it comes, else all are there at first.
    """
    world = World()

    async def run() -> None:
        for n, event in enumerate(day()):
            world.send(event, partition_of(route(event)[1]) if partition_of else n % COUNT)
            if live:
                await world.work()
        world.fails = fails
        if fails:
            with pytest.raises(ConnectionError):
                await world.work()
            world.begin()
        await world.work()

    asyncio.run(run())
    return world


@pytest.fixture(scope="module")
def expected() -> World:
    return worked(by_murmur2)


@pytest.mark.parametrize("partition_of", [by_crc32, None], ids=["crc32", "no keys"])
def test_what_another_partitioner_has_spread_makes_the_same_features_and_examples(
    expected, partition_of
):
    found = worked(partition_of)
    assert found.outcome() == expected.outcome()
    assert len(found.moved) > len(day()) / 4
    assert sum(found.count("moved_total", topic=t.name) for t in BY_USER) == len(found.moved)
    for kind in ("organic", "joined", "duplicate"):
        name = {"kind": "interaction", "outcome": kind}
        assert found.count("events_total", **name) == expected.count("events_total", **name)


def test_what_lies_where_it_belongs_is_not_moved(expected):
    assert not expected.moved


def test_in_a_backlog_features_are_the_same_and_examples_know_nothing_that_comes_later(expected):
    found, wanted = worked(by_crc32, live=False).outcome(), expected.outcome()
    for name in ("user_stats", "item_stats", "user_attributes"):
        assert found[name] == wanted[name]
    for row, full in zip(found["examples"], wanted["examples"], strict=True):
        assert (row["event_id"], row["label"]) == (full["event_id"], full["label"])
        assert row["item_events_30d"] <= full["item_events_30d"]


def test_what_a_crash_makes_be_moved_twice_counts_once(expected):
    found = worked(by_crc32, fails=1, live=False)
    assert found.outcome()["user_stats"] == expected.outcome()["user_stats"]
    assert found.outcome()["item_stats"] == expected.outcome()["item_stats"]
    assert len(found.outcome()["examples"]) == len(expected.outcome()["examples"])
    origins = [origin_of(message.headers) for message in found.moved]
    assert len(set(origins)) < len(origins)
