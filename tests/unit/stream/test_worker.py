"""The worker's shell with a store and a log that only note what they are given."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from millstream.clock import FakeClock
from millstream.topics import IMPRESSIONS, TOUCHES
from stream import worker as module
from stream.ingest.records import SourceRecord, TopicPartition
from stream.metrics import StreamMetrics
from stream.outputs.effects import Effects
from stream.outputs.messages import OutputMessage
from stream.state.entities import Item, User
from stream.state.memory import Memory, Rules, empty_memory
from stream.state.watermark import CLOCK
from stream.worker import ConsumerControl, StreamWorker
from tests.support.stream_cases import START, impression, interaction, record

A, B = TopicPartition("interactions", 0), TopicPartition("interactions", 1)
TOUCHED = TopicPartition("touches", 0)


class Notes:
    """A store and a log: everything is known to be new, everything succeeds, in this order."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.effects: list[Effects] = []
        self.touches: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None

    async def take(self, memory: Memory, sources) -> None:
        if self.fault is not None:
            raise self.fault
        self.taken = set(sources)

    def close(self) -> None:
        self.steps.append("close")

    async def load(self, memory: Memory, users, items) -> None:
        for user in users:
            memory.users.put(user, User())
        for item in items:
            memory.items.put(item, Item())

    async def publish(self, messages: Sequence[OutputMessage]) -> None:
        self.touches += [m.value for m in messages if m.topic is TOUCHES]
        self.steps.append(f"publish {len(messages)}")
        await self.gate.wait()

    async def commit(self, effects: Effects) -> None:
        self.steps.append("commit")
        self.effects.append(effects)


class Bench:
    """A worker at work."""

    def __init__(self, **rules) -> None:
        self.clock = FakeClock(START)
        self.notes = Notes()
        self.held: dict[TopicPartition, bool] = {}
        self.metrics = StreamMetrics(CollectorRegistry())
        self.rules = Rules(**rules)
        self.memory = empty_memory(self.rules)
        self.worker = StreamWorker(
            self.memory,
            self.rules,
            self.notes,
            self.notes,
            self.metrics,
            self.clock,
            ConsumerControl(self.held.__setitem__),
        )
        self.acked: list[str] = []

    def put(
        self, source: TopicPartition, *records: SourceRecord, behind: bool = False, name: str = ""
    ) -> None:
        self.worker.put(source, list(records), behind, lambda: self.acked.append(name))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what it waits for has no event
                await asyncio.sleep(0.005)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"millstream_stream_{name}", labels) or 0.0


@pytest.fixture
async def bench():
    made = Bench(join_window_s=60.0, join_grace_s=5.0)
    await made.worker.assign({A: 0, B: 0, TOUCHED: 0, TopicPartition("impressions", 0): 0})
    running = asyncio.create_task(made.worker.run())
    yield made
    made.notes.gate.set()
    made.worker.stop()
    await running


def click(offset: int, partition: int = 0) -> SourceRecord:
    return record(interaction(offset, event_id=f"{partition}-{offset}"), partition, offset)


async def test_what_is_published_is_acknowledged_before_the_store_moves_on(bench):
    bench.notes.gate.clear()
    bench.put(A, click(0), name="first")
    await bench.until(lambda: bench.notes.steps)
    assert bench.notes.steps == ["publish 2"]
    bench.notes.gate.set()
    await bench.until(lambda: bench.acked)
    assert bench.notes.steps == ["publish 2", "commit"]
    assert bench.acked == ["first"]


async def test_an_assignment_that_fails_leaves_nothing_to_go_on_with(bench):
    bench.notes.fault = ConnectionError("gone")
    with pytest.raises(ConnectionError):
        await bench.worker.assign({A: 0})
    assert bench.notes.steps == ["close"]
    bench.put(A, click(0))
    assert await bench.worker.turn() == 0
    bench.notes.fault = None
    await bench.worker.assign({A: 0})
    bench.put(A, click(0))
    await bench.until(lambda: bench.notes.effects)


async def test_what_comes_during_a_batch_is_the_next_one(bench):
    bench.notes.gate.clear()
    bench.put(A, click(0))
    await bench.until(lambda: bench.notes.steps)
    bench.put(A, click(1), click(2))
    bench.put(B, click(0, 1))
    bench.notes.gate.set()
    await bench.until(lambda: len(bench.notes.effects) == 2)
    assert sum(map(len, bench.notes.effects[1].touches)) == 3
    assert bench.notes.effects[1].state.positions == {A: 3, B: 1}


async def test_a_chunk_is_acknowledged_only_when_all_of_it_is_stored(bench, monkeypatch):
    monkeypatch.setattr(module, "BATCH_EVENTS", 2)
    bench.put(A, click(0), click(1), click(2), name="long")
    await bench.until(lambda: len(bench.notes.effects) == 2)
    await bench.until(lambda: bench.acked)
    assert bench.acked == ["long"]


async def test_a_partition_with_enough_buffered_is_held_and_then_released(bench, monkeypatch):
    monkeypatch.setattr(module, "HOLD_AT", 3)
    bench.notes.gate.clear()
    bench.put(A, *(click(n) for n in range(3)))
    assert bench.held[A]
    bench.notes.gate.set()
    await bench.until(lambda: bench.held[A] is False)


async def test_a_new_assignment_goes_on_from_the_positions_in_memory_or_from_the_beginning(bench):
    bench.put(A, click(0), click(1))
    await bench.until(lambda: bench.notes.effects)
    assert await bench.worker.assign({A: 2, B: 7}) == {A: 2, B: 0}


async def test_windows_close_by_the_clock_when_nothing_comes(bench):
    lists = TopicPartition("impressions", 0)
    bench.put(lists, record(impression(0), 0, 0))
    await bench.until(lambda: bench.notes.effects)
    await bench.until(lambda: bench.clock.advance(1.0) or len(bench.notes.effects) == 3)
    _, ticked, closed = bench.notes.effects
    assert not ticked.examples  # what the clock says is committed before it decides anything
    assert ticked.state.max_event_times[CLOCK] >= START + 65.0
    ((topic, table),) = closed.examples
    assert (topic.name, table.num_rows) == ("impressions", 2)


async def test_probes_do_not_keep_windows_open(bench):
    bench.put(TopicPartition("impressions", 0), record(impression(0), 0, 0))
    await bench.until(lambda: bench.notes.effects)

    def second_with_a_probe() -> bool:
        bench.clock.advance(1.0)
        second = bench.clock.now() - START
        probe = interaction(second, user="__probe", item="__probe", is_probe=True)
        bench.put(A, record(probe, 0, int(second)))
        made = [topic for effects in bench.notes.effects for topic, _ in effects.examples]
        return IMPRESSIONS in made

    await bench.until(second_with_a_probe)


async def test_what_was_done_is_counted(bench):
    bench.put(A, click(0), record(b"{", 0, 1))
    await bench.until(lambda: bench.acked)
    assert bench.value("events_total", kind="interaction", outcome="organic") == 0
    again = [SourceRecord(TOUCHED, n, None, bench.notes.touches[0]) for n in range(2)]
    bench.put(TOUCHED, *again, name="touches")
    await bench.until(lambda: bench.acked[1:])
    assert bench.value("events_total", kind="interaction", outcome="organic") == 1
    assert bench.value("events_total", kind="interaction", outcome="refused") == 1
    assert bench.value("dead_letters_total", topic="interactions") == 1
    assert bench.value("feature_rows_total", view="user_stats") == 1
    assert bench.value("feature_rows_total", view="item_stats") == 1
    assert bench.value("examples_total", origin="organic") == 1
    assert [bench.value("touches_total", outcome=each) for each in ("new", "again")] == [1, 1]


async def test_what_was_released_is_not_worked_on_and_what_waits_is_forgotten(bench):
    await bench.worker.release()
    bench.put(A, click(0))
    await asyncio.sleep(0.05)
    assert not bench.notes.effects
    assert await bench.worker.assign({A: 1}) == {A: 0}
    bench.put(A, click(0))
    await bench.until(lambda: bench.notes.effects)
    assert bench.notes.taken == {A}


async def test_a_batch_in_work_ends_before_its_partitions_are_released(bench):
    bench.notes.gate.clear()
    bench.put(A, click(0))
    await bench.until(lambda: bench.notes.steps)
    releasing = asyncio.create_task(bench.worker.release())
    await asyncio.sleep(0.02)
    assert not releasing.done()
    bench.notes.gate.set()
    await releasing
    assert bench.notes.steps[-1] == "commit"
