"""What events ask of items: over the wire, twice, from several workers, and by another version."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from features.spec import ITEM_STATS, features_of
from millstream.batches import decode_table, encode_table, metadata_of
from millstream.topics import INTERACTIONS
from stream.ingest.decode import touches_record
from stream.ingest.records import EventRecord, InvalidRecord, SourceRecord, TopicPartition
from stream.outputs.effects import Effects
from stream.outputs.messages import touches_messages
from stream.processing.touches import current, in_step
from stream.state.entities import items_bytes
from tests.support.stream_cases import (
    MemoryStream,
    event_entry,
    examples_of,
    feature_rows_of,
    impression,
    interaction,
    item_upsert,
    merged,
    user_upsert,
)

TOUCHED = TopicPartition("touches", 0)
ITEMS = [f"i{n}" for n in range(9)]
PARTITIONS = 4
COUNTED = [feature.name for feature in features_of(ITEM_STATS)]
RULES = {"sampled_negatives": 0, "allowed_lateness_s": 1_000.0}


def day(seed: int, count: int = 160) -> list[EventRecord]:
    """Clicks of users in several partitions, some of them feedback on a list."""
    random, found, offsets = Random(seed), list[EventRecord](), [0] * PARTITIONS
    for n in range(count):
        user = random.randrange(8)
        partition = user % PARTITIONS
        event: Any = interaction(n, f"u{user}", random.choice(ITEMS), event_id=f"e{n}")
        if n % 20 == 0:
            event = impression(n, f"r{n}", random.sample(ITEMS, 3), user=f"u{user}")
        elif n % 20 < 4:
            event = interaction(
                n, f"u{user}", random.choice(ITEMS), event_id=f"e{n}", request_id=f"r{n - n % 20}"
            )
        found.append(event_entry(event, partition, offsets[partition]))
        offsets[partition] += 1
    return found


def messages_of(users: MemoryStream, entries: Sequence[Any]) -> list[bytes]:
    """What the users' side alone asks of items."""
    return [message.value for message in touches_messages(users.batch(entries))]


def worked(items: MemoryStream, values: Sequence[bytes], first: int) -> Effects:
    """One batch of the items' side."""
    return items.batch(
        [touches_record(SourceRecord(TOUCHED, first + n, None, v)) for n, v in enumerate(values)]
    )


def examples(effects: Effects) -> list[dict[str, Any]]:
    """Examples without their moments, and without what their items were when they were made."""
    rows = sorted(examples_of(effects), key=lambda row: (row["event_id"], row["row"]))
    apart = {"published_at", *COUNTED}
    return [{k: v for k, v in row.items() if k not in apart} for row in rows]


def counted(effects: Effects) -> dict[tuple[str, int], float]:
    """How many events each example's item had had."""
    return {(r["event_id"], r["row"]): r["item_events_30d"] for r in examples_of(effects)}


def newest(effects: Effects) -> dict[str, list[Any]]:
    """The features of items after all."""
    last = {row["item_id"]: row for row in feature_rows_of(effects, ITEM_STATS.name)}
    return {item: [row[name] for name in COUNTED] for item, row in last.items()}


def whole(records: Sequence[EventRecord]) -> tuple[MemoryStream, Effects]:
    stream = MemoryStream(**RULES)
    return stream, stream.run_entries(records)


@pytest.mark.parametrize("seed", range(3))
def test_sides_apart_with_parts_sent_again_come_to_what_they_come_to_together(seed):
    """Two workers have the users; one is killed after it has published, and another does its work
    once more in other batches; the items' side gets all of it."""
    records, random = day(seed), Random(seed)
    mine = [r for r in records if r.source.partition % 2 == 0]
    theirs = [r for r in records if r.source.partition % 2 == 1]
    first, second, successor = (MemoryStream(**RULES) for _ in range(3))
    half = len(theirs) // 2
    sent = messages_of(first, mine[:40])
    sent += messages_of(second, theirs[: half - 10])
    kept = second.memory.positions.copy()
    messages_of(successor, theirs[: half - 10])  # as it restores it
    lost = messages_of(second, theirs[half - 10 : half + 5])  # published, never committed
    assert successor.memory.positions == kept
    again = messages_of(successor, theirs[half - 10 : half - 4])
    again += messages_of(successor, theirs[half - 4 :])
    sent += [again[0], *lost, *again[1:], *messages_of(first, mine[40:])]

    items, effects, place = MemoryStream(**RULES), Effects(), 0
    while place < len(sent):
        size = random.randint(1, 3)
        effects = merged(effects, worked(items, sent[place : place + size], place))
        place += size
    stream, expected = whole(records)
    assert examples(effects) == examples(expected)
    assert newest(effects) == newest(expected)
    # An item may lack what is on its way; it never has what comes later.
    known = counted(expected)
    assert all(count <= known[place] for place, count in counted(effects).items())
    assert effects.touched["again"] == 15
    for item in ITEMS:
        ours, theirs_ = items.memory.items[item], stream.memory.items[item]
        assert items_bytes([ours]) == items_bytes([theirs_])
    assert items.memory.touched == stream.memory.touched


def test_positions_of_examples_only_grow_within_a_partition():
    for _, table in whole(day(5))[1].examples:
        if metadata_of(table).get("source_topic", "interactions") == "interactions":
            last: dict[int, int] = {}
            for row in table.select(["source_partition", "source_offset"]).to_pylist():
                assert row["source_offset"] >= last.get(row["source_partition"], -1)
                last[row["source_partition"]] = row["source_offset"]


def test_examples_are_under_the_log_of_their_events():
    users = MemoryStream(**RULES)
    users.memory.logs = {INTERACTIONS.name: "old"}
    entries = [event_entry(interaction(n, event_id=f"{n}"), offset=n) for n in range(4)]
    effects = users.batch(entries[:2])
    effects.logs = {INTERACTIONS.name: "old"}
    values = [message.value for message in touches_messages(effects)]
    effects = users.batch(entries[2:])
    effects.logs = {INTERACTIONS.name: "new"}
    values += [message.value for message in touches_messages(effects)]
    found = worked(MemoryStream(**RULES), values, 0)
    assert [
        (metadata_of(table)["source_log"], table["event_id"].to_pylist())
        for _, table in found.examples
    ] == [("old", ["0", "1"]), ("new", ["2", "3"])]
    assert found.state.touched == {("old", 0): 1, ("new", 0): 3}


def test_rows_of_another_version_get_its_columns():
    stream = MemoryStream(**RULES)
    stream.run(user_upsert(0, "u1", age=31))
    effects = stream.batch([event_entry(interaction(1), offset=0)])
    (table,) = effects.touches
    older = table.drop_columns(["user_age", "user_positives_1h"]).append_column(
        "user_of_then", pa.array([1.0])
    )
    again = current(decode_table(encode_table(older)))
    assert again.schema == current(table).schema
    assert (again["user_age"].to_pylist(), again["user_positives_1h"].to_pylist()) == ([0.0], [0.0])
    assert current(table)["user_age"].to_pylist() == [31.0]


def test_what_is_no_touches_is_refused():
    found = touches_record(SourceRecord(TOUCHED, 3, None, b"{}"))
    assert isinstance(found, InvalidRecord)
    assert "Arrow IPC" in found.reason
    effects = MemoryStream().batch([found])
    assert [letter.topic for letter in effects.dead_letters] == ["touches"]
    assert effects.state.positions[TOUCHED] == 4
    assert not effects.counts


def test_the_catalogue_of_a_batch_comes_before_what_its_users_ask():
    stream = MemoryStream(**RULES)
    first = stream.batch([event_entry(interaction(5, item="a"), offset=0)])
    asked = stream.asked(first)
    upsert = event_entry(item_upsert(0, "a", categories=["drama"]))
    (example,) = examples_of(stream.batch([*asked, upsert]))
    assert example["item_categories"] == ["drama"]


def test_what_several_workers_ask_is_put_in_step_and_each_partition_keeps_its_order():
    parts = [
        pa.table({"source_partition": [n] * 3, "source_offset": [0, 1, 2], "event_time": times})
        for n, times in enumerate(([1.0, 6.0, 4.0], [2.0, 3.0, 7.0]))
    ]
    (found,) = in_step(parts)
    rows = zip(
        found["source_partition"].to_pylist(), found["source_offset"].to_pylist(), strict=True
    )
    assert list(rows) == [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2), (1, 2)]
    assert in_step(parts[:1] * 2) == parts[:1] * 2
