"""A deleted user, and lists that an earlier version let in, in the core."""

import msgspec
import pyarrow as pa

from features.spec import USER_ATTRIBUTES, USER_STATS
from features.stores.redis_online import Layouts
from millstream import erasures
from millstream.batches import decode_table, metadata_of
from millstream.topics import EXAMPLES
from stream.ingest.decode import event_of
from stream.ingest.records import EventRecord, SourceRecord, TopicPartition
from stream.outputs.messages import messages
from stream.state.entities import User
from tests.support.stream_cases import (
    START,
    MemoryStream,
    event_entry,
    examples_of,
    impression,
    interaction,
    state_commands,
    user_upsert,
)


def forgotten(user: str = "u1", offset: int = 0) -> EventRecord:
    found = event_of(
        SourceRecord(TopicPartition("users", 1), offset, user.encode(), None, START + 50), START
    )
    assert isinstance(found, EventRecord)
    return found


def test_a_deleted_user_is_forgotten_and_nothing_of_them_goes_online():
    stream = MemoryStream()
    stream.run(user_upsert(0, "u1", age=30.0), user_upsert(0, "u2", age=40.0))
    stream.run(*(interaction(1 + n, "u1", f"i{n}") for n in range(3)))
    effects = stream.run_entries([forgotten()])
    assert effects.counts == {("users", "erased"): 1}
    assert effects.dead_letters == []
    assert effects.state.erased == ["u1"]
    assert "u1" not in effects.state.users
    assert stream.memory.users["u1"] == User()
    assert stream.memory.users["u2"].versions
    (rows,) = effects.features
    assert (rows.view.name, rows.last) == ("user_attributes", [])
    (row,) = rows.rows.to_pylist()
    assert (row["user_id"], row["user_age"]) == ("u1", 0.0)


def test_what_a_batch_knew_of_a_deleted_user_is_forgotten_and_what_comes_later_is_new():
    stream = MemoryStream()
    clicks = [event_entry(interaction(1 + n, "u1", f"i{n}"), offset=n) for n in range(3)]
    account = event_entry(user_upsert(0, "u1", age=30.0))
    again = event_entry(interaction(60, "u1", "i9"), offset=3)
    effects = stream.run_entries([account, *clicks, forgotten(), again])
    assert effects.state.erased == ["u1"]
    assert list(effects.state.users) == ["u1"]
    online = {r.view.name: r.rows.take(pa.array(r.last, pa.int64())) for r in effects.features}
    assert online["user_attributes"].num_rows == 0
    (stats,) = online["user_stats"].to_pylist()
    assert (stats["user_recent_items"], stats["user_events_30d"]) == (["i9"], 1.0)
    (example,) = [row for row in examples_of(effects) if row["item_id"] == "i9"]
    assert (example["user_age"], example["user_recent_items"]) == (0.0, [])


def test_everything_of_a_deleted_user_is_deleted_before_anything_is_written():
    stream = MemoryStream()
    effects = stream.run_entries(
        [event_entry(interaction(0, "u1")), forgotten(), event_entry(interaction(60, "u1"), 0, 1)]
    )
    first, *_ = state_commands().commit(effects)
    assert isinstance(first, tuple) and first[0] == "DEL"
    layouts = Layouts("millstream")
    assert set(first[1:]) == {
        "test.stream:user:u1",
        layouts.entity_key(USER_STATS, "u1"),
        "test.merged:u1",
        "test.seen:0:u1",
        "test.seen:1:u1",
    }
    assert layouts.entity_key(USER_STATS, "u1") == layouts.entity_key(USER_ATTRIBUTES, "u1")


def test_a_list_that_an_earlier_version_let_in_and_this_one_refuses_closes_without_examples():
    stream = MemoryStream()
    stream.run(impression(0, "r1"), impression(0, "r2"))
    waiting = stream.memory.join.open_windows
    for request, old in (("r1", b'"position":0,"old":1'), ("r2", b'"position":-7')):
        message = waiting[request].message.replace(b'"position":0', old)
        waiting[request] = msgspec.structs.replace(waiting[request], message=message)
    effects = stream.fall_silent(now=2e6)
    assert [row["item_id"] for row in examples_of(effects, "impressions")] == ["i1", "i2"]


def test_a_value_that_no_column_holds_costs_an_old_list_only_that_value():
    stream = MemoryStream()
    stream.run(impression(0, "r1", ["i1"]))
    waiting = stream.memory.join.open_windows
    message = waiting["r1"].message.replace(b"7.0", b'"nan"')
    waiting["r1"] = msgspec.structs.replace(waiting["r1"], message=message)
    effects = stream.fall_silent(now=2e6)
    (row,) = examples_of(effects, "impressions")
    assert (row["item_id"], row["item_popularity"]) == ("i1", 0.0)


def test_lists_and_early_feedback_of_a_deleted_user_make_no_examples():
    stream = MemoryStream()
    stream.run(impression(0, "r1"), impression(0, "r2", user="u2"))
    stream.run(interaction(1, "u1", "i9", request_id="r3"))
    effects = stream.run_entries([forgotten()])
    assert sorted(effects.state.closed) == ["r1", "r3"]
    assert list(stream.memory.join.open_windows) == ["r2"]
    assert (stream.memory.join.early, stream.memory.join.attributed) == ({}, {})
    closed = stream.fall_silent(now=2e6)
    assert {row["user_id"] for row in examples_of(closed, "impressions")} == {"u2"}
    assert stream.memory.join.size_bytes == 0


def test_the_trainer_is_told_of_an_erasure_after_the_examples_of_before_it():
    stream = MemoryStream()
    effects = stream.run_entries([event_entry(interaction(0, "u1")), forgotten(offset=7)])
    told = [m for m in messages(effects) if m.topic is EXAMPLES]
    tables = [decode_table(message.value) for message in told]
    assert [table.num_rows for table in tables] == [1, 0]
    assert erasures.erased_of(metadata_of(tables[0])) == ([], 0.0)
    assert erasures.erased_of(metadata_of(tables[1])) == (["u1"], effects.made_at)
    noted = erasures.decoded(effects.state.erasures["u1"])
    assert (noted.source, noted.offset, noted.erased_at) == ("1", 7, effects.made_at)
    commands = list(state_commands().commit(effects))
    assert ("HSET", "test.stream:erasures", "u1", effects.state.erasures["u1"]) in commands
