"""Positions of several workers belong to logs, partition by partition."""

from prometheus_client import CollectorRegistry

from millstream.log_identity import TopicLog
from millstream.settings import Settings
from millstream.topics import INTERACTIONS
from stream.ingest.log_guard import LogGuard
from stream.ingest.records import TopicPartition
from stream.metrics import StreamMetrics
from stream.state.memory import Memory, Rules, empty_memory

A, B, C = (TopicPartition(INTERACTIONS.name, n) for n in range(3))


class Noted:
    """A store that only notes."""

    def __init__(self) -> None:
        self.logs: dict[TopicPartition, str] = {}
        self.gone: list[TopicPartition] = []

    async def begin_logs(self, logs, gone, open_windows) -> None:
        self.logs |= logs
        self.gone += gone


def guarded(memory: Memory, identity: str) -> tuple[LogGuard, Noted]:
    store, ends = Noted(), dict.fromkeys(range(3), 100)
    now = TopicLog(identity, dict.fromkeys(ends, 0), ends)
    guard = LogGuard(
        Settings(_env_file=None),
        [INTERACTIONS],
        memory,
        store,
        StreamMetrics(CollectorRegistry()),
        lambda settings, topics: {INTERACTIONS: now},
    )
    return guard, store


def memory_at(positions: dict[TopicPartition, int], logs: dict[TopicPartition, str]) -> Memory:
    memory = empty_memory(Rules())
    memory.positions, memory.source_logs = dict(positions), dict(logs)
    return memory


async def test_partitions_of_the_same_log_go_on_where_they_were():
    memory = memory_at({A: 5, B: 7}, {A: "one", B: "one"})
    guard, store = guarded(memory, "one")
    await guard.settle([A, B])
    assert (memory.positions, store.logs, store.gone) == ({A: 5, B: 7}, {}, [])
    assert memory.logs == {INTERACTIONS.name: "one"}
    assert guard.partitions == {INTERACTIONS.name: 3}


async def test_only_partitions_that_have_not_seen_it_begin_a_new_log():
    """One came from a worker that has read the new log already, one was of the old log."""
    memory = memory_at({A: 5, B: 50}, {A: "two", B: "one", C: ""})
    guard, store = guarded(memory, "two")
    await guard.settle([A, B, C])
    assert memory.positions == {A: 5}
    assert (store.logs, store.gone) == ({B: "two", C: "two"}, [B])
    assert memory.source_logs == {A: "two", B: "two", C: "two"}
