"""What one worker has, and what it restores of what all have stored."""

import dataclasses
from collections.abc import Sequence

from stream.ingest.records import TopicPartition
from stream.state.changes import Changes, reached, state_writes
from stream.state.memory import Rules, empty_memory
from stream.state.shards import shards_of
from stream.state.watermark import CLOCK
from stream.storage.stored_state import StoredState

ITEM_SIDE = [TopicPartition("items", 0), TopicPartition("touches", 0)]
LISTS, CLICKS = ([TopicPartition(t, n) for n in range(3)] for t in ("impressions", "interactions"))


def stored(**hashes: dict) -> StoredState:
    names = [each.name for each in dataclasses.fields(StoredState)]
    flat = {n: [part for pair in hashes.get(n, {}).items() for part in pair] for n in names}
    return StoredState(**flat)


def fields(values: dict[TopicPartition, float]) -> dict[bytes, bytes]:
    return {f"{s.topic}:{s.partition}".encode(): repr(v).encode() for s, v in values.items()}


def test_shards_are_partitions_of_users_and_the_items():
    sources = [*LISTS[:2], *CLICKS[:2], TopicPartition("items", 0), TopicPartition("touches", 0)]
    assert shards_of(sources) == ["items", "u0", "u1"]


def test_the_clock_is_that_of_the_partition_that_was_silent_last():
    ours, theirs = empty_memory(Rules()), empty_memory(Rules())
    ours.positions, theirs.positions = {LISTS[0]: 4}, {LISTS[1]: 4, LISTS[2]: 1}
    ours.watermark.max_event_times = {CLOCK: 70.0, CLICKS[0]: 5.0}
    theirs.watermark.max_event_times = {CLOCK: 50.0}
    theirs.item_clock.max_event_times = {CLICKS[2]: 9.0}
    times = fields({**reached(ours), **reached(theirs)})
    positions = {f"impressions:{n}".encode(): b"4" for n in range(3)}
    state = stored(positions=positions, reached=times)

    def restored(*partitions: int, further: Sequence[TopicPartition] = ()):
        memory = empty_memory(Rules())
        own = [s for n in partitions for s in (LISTS[n], CLICKS[n])]
        state.fill(memory, 0.0, [*own, *further])
        return memory

    assert restored(0).watermark.max_event_times == {CLOCK: 70.0, CLICKS[0]: 5.0}
    assert restored(1).watermark.max_event_times == {CLOCK: 50.0}
    assert restored(0, 2).watermark.clock_s == 50.0
    assert restored(1, further=ITEM_SIDE).item_clock.max_event_times == {CLICKS[2]: 9.0}


def test_what_the_items_side_has_reached_is_written_by_the_worker_that_has_it_alone():
    touches = {b"interactions-log:2": b"7"}
    times = {b"touches:2": b"9.0", b"interactions:0": b"5.0"}
    state = stored(touched=touches, reached=times)

    def written(sources: Sequence[TopicPartition] | None):
        memory = empty_memory(Rules())
        state.fill(memory, 0.0, sources)
        writes = state_writes(memory, Changes(), rotated=False, now_s=0.0)
        return writes.touched, writes.max_event_times

    theirs = {TopicPartition("touches", 2): 9.0}
    own = {CLICKS[0]: 5.0}
    # Its own memory of it is as old as the assignment: written back, it would count events again.
    assert written(CLICKS[:1]) == ({}, own)
    assert written(ITEM_SIDE) == ({("interactions-log", 2): 7}, theirs)
    assert written([*CLICKS[:1], *ITEM_SIDE]) == ({("interactions-log", 2): 7}, theirs | own)
    assert written(None) == ({("interactions-log", 2): 7}, theirs | own)


def test_a_partition_that_was_never_silent_leaves_no_clock():
    positions = {b"impressions:0": b"4", b"impressions:1": b"4"}
    state = stored(positions=positions, reached={b"clock:0": b"70.0"})
    memory = empty_memory(Rules())
    state.fill(memory, 0.0, LISTS[:2])
    assert memory.watermark.max_event_times == {}


def test_logs_are_those_of_each_partition_or_of_the_topic_as_an_earlier_version_stored_them():
    state = stored(logs={b"interactions": b"two", b"interactions:1": b"one"})
    memory = empty_memory(Rules())
    state.fill(memory, 0.0, CLICKS)
    assert memory.source_logs == {CLICKS[0]: "two", CLICKS[1]: "one", CLICKS[2]: "two"}
    assert memory.logs == {"interactions": "two"}
