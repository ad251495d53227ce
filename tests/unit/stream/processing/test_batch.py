"""The whole core in memory: events in, effects out."""

import gc
from math import inf

import pytest

from features.bloom import CAPACITY
from features.spec import BY_NAME, RECENT
from stream.ingest.records import TopicPartition
from tests.support.stream_cases import (
    START,
    MemoryStream,
    entry,
    examples_of,
    feature_rows_of,
    impression,
    interaction,
    item_upsert,
    user_upsert,
)

RECENT_ITEMS = BY_NAME[RECENT].length or 0


def one(rows):
    (row,) = rows
    return row


# Organic examples


def test_an_example_has_the_features_from_before_its_own_event():
    stream = MemoryStream(sampled_negatives=0)
    stream.run(interaction(0))
    row = one(examples_of(stream.run(interaction(3600))))
    assert row["user_events_1h"] == row["item_events_1h"] == pytest.approx(0.5)
    assert row["user_updated_at"] == START
    assert row["user_recent_items"] == ["i1"]


def test_the_first_event_of_all_sees_nothing():
    row = one(examples_of(MemoryStream(sampled_negatives=0).run(interaction(0))))
    assert row["user_events_30d"] == row["item_popularity"] == 0.0
    assert (row["user_recent_items"], row["user_categories"]) == ([], [])
    assert (row["label"], row["origin"], row["sampled_probability"]) == (1.0, "organic", 1.0)


@pytest.mark.parametrize(("kind", "labels"), [("view", []), ("skip", [0.0]), ("like", [1.0])])
def test_a_kind_decides_the_label(kind, labels):
    effects = MemoryStream().run(interaction(0, kind=kind))
    assert [row["label"] for row in examples_of(effects)] == labels


def test_events_of_one_batch_do_not_see_later_ones():
    stream = MemoryStream(sampled_negatives=0)
    rows = examples_of(stream.run(interaction(5), interaction(3, item="i2"), interaction(4)))
    assert [row["user_recent_items"] for row in rows] == [[], [], ["i2"]]


def items_but_for_predecessors(effects):
    """The newest features of items; what people had met before is what was known by then."""
    others = [name for name in BY_NAME if not name.startswith("item_met_before")]
    rows = feature_rows_of(effects, "item_stats")
    return {row["item_id"]: [row.get(name) for name in others] for row in rows}


def test_the_state_does_not_depend_on_the_order_within_the_lateness():
    events = [interaction(second, item=f"i{second % 3}") for second in (1, 2, 3, 4, 5)]
    forward, backward = MemoryStream(), MemoryStream(sampled_negatives=0)
    in_order = forward.run(*events)
    turned = backward.run(*reversed(events))
    rows = examples_of(turned)
    assert forward.memory.users["u1"] == backward.memory.users["u1"]
    assert items_but_for_predecessors(in_order) == items_but_for_predecessors(turned)
    assert [row["user_recent_items"] for row in rows] == [[]] * 5


def test_an_event_that_is_too_late_counts_but_makes_no_example():
    stream = MemoryStream(allowed_lateness_s=10.0)
    stream.run(*(interaction(second) for second in (0, 50, 100)))
    effects = stream.run(interaction(20))
    assert effects.counts == {("interactions", "late"): 1}
    assert examples_of(effects) == []
    assert one(feature_rows_of(effects, "user_stats"))["user_events_30d"] == pytest.approx(4, 0.01)


def test_what_a_slower_partition_brings_is_not_late_while_they_are_out_of_step():
    """After an outage the backlog of one partition comes 17 s before that of the other."""
    stream = MemoryStream(allowed_lateness_s=10.0, sampled_negatives=0)
    stream.run(interaction(0, "u1"), partition=0)
    stream.run(interaction(0, "u2"), partition=1)
    ahead = [interaction(10 + n, "u1") for n in range(17)]
    stream.run(*ahead[:9], partition=0)
    stream.run(*ahead[9:], partition=0)
    effects = stream.run(*(interaction(5 + n, "u2") for n in range(3)), partition=1)
    assert effects.counts == {("interactions", "organic"): 3}

    in_step = MemoryStream(allowed_lateness_s=10.0, sampled_negatives=0)
    in_step.run(interaction(0, "u1"), interaction(0, "u2"))
    expected = in_step.run(*(interaction(5 + n, "u2") for n in range(3)))
    logged = [row["item_events_1h"] for row in examples_of(effects)]
    assert logged == [row["item_events_1h"] for row in examples_of(expected)]


def test_nor_is_it_late_when_it_comes_in_one_batch_with_what_puts_them_in_step():
    stream = MemoryStream(allowed_lateness_s=10.0, sampled_negatives=0)
    stream.run(interaction(0, "u1"), partition=0)
    stream.run(interaction(0, "u2"), partition=1)
    stream.run(*(interaction(1 + n, "u1") for n in range(20)), partition=0)
    backlog = [interaction(0.5 + n, "u2") for n in range(20)]
    effects = stream.run(*backlog, partition=1)
    assert effects.counts == {("interactions", "organic"): len(backlog)}


# Sampled negatives


def test_a_positive_gets_negatives_with_their_probability():
    stream = MemoryStream(sampled_negatives=2)
    stream.run(*(item_upsert(0, f"i{n}") for n in range(50)))
    rows = examples_of(stream.run(interaction(1)))
    assert [row["row"] for row in rows] == [0, 1, 2]
    assert [row["origin"] for row in rows] == ["organic", "sampled", "sampled"]
    assert "i1" not in [row["item_id"] for row in rows[1:]]
    assert rows[1]["sampled_probability"] == pytest.approx(1 / 49)
    assert {row["event_time"] for row in rows} == {START + 1}


def test_an_event_that_is_read_again_draws_the_same():
    def drawn():
        stream = MemoryStream(sampled_negatives=3)
        stream.run(*(item_upsert(0, f"i{n}") for n in range(50)))
        return [row["item_id"] for row in examples_of(stream.run(interaction(1)))]

    assert drawn() == drawn()


def test_a_dislike_gets_no_negatives_and_hidden_items_are_none():
    stream = MemoryStream(sampled_negatives=5)
    stream.run(item_upsert(0, "i1"), item_upsert(0, "i2", hidden=True))
    effects = stream.run(interaction(1, kind="dislike"), interaction(2, "u2"))
    assert [row["item_id"] for row in examples_of(effects)] == ["i1", "i1"]


def test_a_negative_has_the_features_of_its_own_item():
    stream = MemoryStream(sampled_negatives=1)
    stream.run(item_upsert(0, "i1", title="One"), item_upsert(0, "i2", title="Two"))
    rows = examples_of(stream.run(interaction(1)))
    titles = {row["item_id"]: row["item_title"] for row in rows}
    assert titles == {"i1": "One", "i2": "Two"}


# Lists


def test_feedback_on_a_list_has_the_features_that_the_list_was_scored_with():
    stream = MemoryStream()
    stream.run(impression(0, user_features={"user_age": 31}))
    effects = stream.run(interaction(5, item="i2", request_id="r1"))
    row = one(examples_of(effects))
    assert (row["item_popularity"], row["user_age"], row["item_title"]) == (8.0, 31.0, "")
    assert (row["origin"], row["position"], row["propensity"]) == ("impression", 1, 0.5)
    assert (row["event_time"], row["label"]) == (START, 1.0)
    assert (row["source_offset"], effects.joined) == (0, 1)


def test_each_shown_item_makes_exactly_one_example():
    stream = MemoryStream(join_window_s=60.0, allowed_lateness_s=0.0)
    stream.run(impression(0, items=["i1", "i2", "i3"]), now=0.0)
    early = stream.run(
        interaction(1, item="i2", request_id="r1"),
        interaction(2, item="i2", kind="like", request_id="r1"),
        now=2.0,
    )
    late = stream.fall_silent(now=100.0)
    rows = examples_of(early) + examples_of(late, "impressions")
    assert [(row["item_id"], row["label"]) for row in rows] == [
        ("i2", 1.0),
        ("i1", 0.0),
        ("i3", 0.0),
    ]
    assert {row["row"] for row in rows[1:]} == {0, 1}


def test_organic_and_joined_examples_of_a_batch_keep_their_order():
    stream = MemoryStream(sampled_negatives=0)
    stream.run(impression(0))
    effects = stream.run(
        interaction(1, item="i9"),
        interaction(2, item="i2", request_id="r1"),
        interaction(3, item="i8"),
    )
    rows = examples_of(effects)
    assert [row["item_id"] for row in rows] == ["i9", "i2", "i8"]
    assert [row["origin"] for row in rows] == ["organic", "impression", "organic"]
    assert [row["item_popularity"] for row in rows] == [0.0, 8.0, 0.0]
    assert rows[2]["user_recent_items"] == ["i2", "i9"]


# Features


def test_a_feature_row_holds_the_values_after_its_event():
    effects = MemoryStream().run(interaction(0))
    user = one(feature_rows_of(effects, "user_stats"))
    assert (user["user_id"], user["user_events_1h"], user["user_recent_items"]) == (
        "u1",
        1.0,
        ["i1"],
    )
    assert user["event_timestamp"].timestamp() == user["user_updated_at"] == START
    item = one(feature_rows_of(effects, "item_stats"))
    assert (item["item_id"], item["item_popularity"], item["source_offset"]) == ("i1", 1.0, 0)


def test_only_the_last_row_of_an_entity_goes_online():
    effects = MemoryStream().run(interaction(0), interaction(1, item="i2"), interaction(2, "u2"))
    users = effects.features[0]
    assert users.rows.take(users.last)["user_id"].to_pylist() == ["u1", "u2"]
    assert users.last == [1, 2]


def test_attributes_hold_from_their_own_time_on():
    stream = MemoryStream(sampled_negatives=0)
    stream.run(user_upsert(10, age=31.0), item_upsert(10, title="New"))
    rows = examples_of(stream.run(interaction(9), interaction(10)))
    assert [(row["user_age"], row["item_title"]) for row in rows] == [(0.0, ""), (31.0, "New")]


def test_affinity_counts_the_categories_of_the_item():
    stream = MemoryStream()
    stream.run(item_upsert(0, "i1", categories=["drama", "war"]))
    row = one(feature_rows_of(stream.run(interaction(1)), "user_stats"))
    assert row["user_categories"] == ["drama", "war"]
    assert row["user_category_events"] == row["user_category_positives"] == [1.0, 1.0]


def test_what_falls_out_of_the_recent_items_goes_to_the_seen_filter():
    stream = MemoryStream()
    clicks = [interaction(n, item=f"i{n}") for n in range(RECENT_ITEMS + 2)]
    assert stream.run(*clicks[:RECENT_ITEMS]).state.filters == {}
    (entries,) = stream.run(*clicks[RECENT_ITEMS:]).state.filters["u1"]
    assert (entries.entries, entries.slot, entries.clear) == (["i0", "i1"], 0, False)


def test_a_full_seen_filter_gives_way_to_a_cleared_one():
    stream = MemoryStream(allowed_lateness_s=0.0)
    clicks = [interaction(n, item=f"i{n}") for n in range(RECENT_ITEMS + CAPACITY + 1)]
    first, second = stream.run(*clicks).state.filters["u1"]
    assert (first.slot, first.clear, len(first.entries)) == (0, False, CAPACITY)
    assert (second.slot, second.clear, len(second.entries)) == (1, True, 1)


def test_a_batch_leaves_no_cycles_to_the_garbage_collector():
    stream = MemoryStream()
    stream.run(interaction(0))
    gc.collect()
    gc.disable()
    try:
        stream.run(interaction(1), impression(2), item_upsert(3), b"{")
        assert gc.collect() == 0
    finally:
        gc.enable()


# Once and only once


def test_an_event_that_comes_again_has_no_effect():
    stream = MemoryStream()
    stream.run(interaction(0))
    effects = stream.run(interaction(0), partition=1)
    assert effects.counts == {("interactions", "duplicate"): 1}
    assert not effects.examples
    assert not effects.features


def test_what_is_below_the_position_is_not_even_looked_at():
    stream = MemoryStream()
    stream.run(interaction(0), interaction(1))
    effects = stream.run_entries([entry(interaction(5), 0, 1), entry(interaction(6), 0, 2)])
    assert effects.counts == {("interactions", "organic"): 1}
    assert effects.state.positions[TopicPartition("interactions", 0)] == 3


def test_what_is_refused_becomes_a_dead_letter_and_moves_the_position():
    effects = MemoryStream().run(b"{", interaction(0))
    assert one(effects.dead_letters).original == b"{"
    assert effects.state.positions[TopicPartition("interactions", 0)] == 2


def test_an_attribute_of_the_wrong_type_becomes_a_dead_letter():
    letter = one(MemoryStream().run(user_upsert(0, age="old")).dead_letters)
    assert (letter.path, letter.topic) == ("$.attributes.age", "users")


# Probes


def test_a_probe_is_marked_and_is_no_item_to_draw():
    stream = MemoryStream()
    probe = interaction(0, "__probe_user__", "__probe_item__", is_probe=True)
    effects = stream.run(probe)
    assert effects.probes == [START]
    assert one(examples_of(effects))["is_probe"]
    assert stream.memory.known_items.items == []


def test_the_watermark_is_the_newest_time_less_the_lateness():
    stream = MemoryStream(allowed_lateness_s=10.0)
    assert stream.run(item_upsert(0)).watermark == -inf
    assert stream.run(interaction(100)).watermark == START + 90
