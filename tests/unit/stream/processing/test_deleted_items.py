"""Deleted items in the core: what holds is the newest by event time, and places stay in order."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.interner import ITEMS
from features.spec import ITEM_STATS
from features.stores.redis_online import Layouts
from features.tombstones import WINDOW_S
from features.upserts import UpsertVersion
from stream.ingest.decode import event_of
from stream.ingest.records import EventRecord, SourceRecord, TopicPartition
from stream.state import known_items
from stream.state.known_items import KnownItems
from tests.support.stream_cases import (
    START,
    MemoryStream,
    event_entry,
    examples_of,
    feature_rows_of,
    interaction,
    item_upsert,
    state_commands,
)

PLACES = itertools.count(1_000)


def deletion(second: float, item: str = "i1") -> EventRecord:
    source = TopicPartition("items", 0)
    key, at_s = item.encode(), START + second
    found = event_of(SourceRecord(source, next(PLACES), key, None, at_s), START + 1e6)
    assert isinstance(found, EventRecord)
    return found


def upserted(second: float, item: str = "i1", **fields) -> EventRecord:
    return event_entry(item_upsert(second, item, **fields), offset=next(PLACES))


def clicked(second: float, item: str = "i1", user: str = "u1") -> EventRecord:
    return event_entry(interaction(second, user, item), offset=next(PLACES))


def test_a_deleted_item_leaves_nothing_but_its_version():
    stream = MemoryStream()
    stream.run_entries([upserted(0, title="Alpha"), clicked(1)])
    effects = stream.run_entries([deletion(10)])
    assert effects.counts == {("items", "deleted"): 1}
    known = stream.memory.known_items
    assert "i1" in known.deleted and "i1" not in known.eligible | known.hidden
    assert effects.state.removed == ["i1"]
    assert (effects.state.items, list(effects.state.gone)) == ({}, ["i1"])
    (row,) = feature_rows_of(effects, "item_attributes")
    assert (row["item_id"], row["item_title"]) == ("i1", "")
    assert effects.features[0].last == []
    first, *rest = state_commands().commit(effects)
    layouts = Layouts("millstream")
    assert first == ("DEL", "test.stream:item:i1", layouts.entity_key(ITEM_STATS, "i1"))
    stored = [each for each in rest if not isinstance(each, tuple) and each.count]
    assert any(f"{WINDOW_S:g}".encode() in each.data for each in stored)


@settings(max_examples=20)
@given(st.permutations([("up", 1), ("gone", 2), ("up", 3), ("gone", 0.5)]), st.booleans())
def test_upserts_and_deletions_give_the_same_in_any_order_and_batches(steps, is_one_batch):
    for rest, holds in (([], True), ([("gone", 4)], False), ([("gone", 4), ("up", 5)], True)):
        stream = MemoryStream()
        entries = [
            upserted(second, title=str(second)) if kind == "up" else deletion(second)
            for kind, second in [*rest[1:], *steps, *rest[:1]]
        ]
        for part in [entries] if is_one_batch else [[entry] for entry in entries]:
            stream.run_entries(part)
        known, version = stream.memory.known_items, stream.memory.items["i1"].versions[-1]
        assert ("i1" in known.eligible) == holds
        assert ("i1" in known.deleted) != holds
        assert version.deleted != holds
        newest = max(second for kind, second in [*steps, *rest] if kind == "up")
        assert not holds or version.values["item_title"] == str(newest)


def test_what_people_do_with_a_deleted_item_makes_it_no_candidate_and_no_row_online():
    stream = MemoryStream()
    stream.run_entries([upserted(0), deletion(10)])
    effects = stream.run_entries([clicked(20)])
    assert "i1" not in stream.memory.known_items.eligible
    (rows,) = [rows for rows in effects.features if rows.view.name == "item_stats"]
    assert (rows.rows.num_rows, rows.last) == (1, [])
    assert (effects.state.items, list(effects.state.gone)) == ({}, ["i1"])
    assert [row["item_id"] for row in examples_of(effects)] == ["i1"]


def test_what_people_do_after_a_deletion_is_forgotten_makes_it_no_candidate_either():
    stream = MemoryStream()
    stream.run_entries([upserted(0), deletion(10)])
    known = stream.memory.known_items
    assert known.forget(START + 1e6 + 2 * WINDOW_S) == ["i1"]
    assert "i1" not in known
    effects = stream.run_entries([clicked(20), upserted(5)])
    assert "i1" in known.deleted and "i1" not in known.eligible
    assert (effects.state.items, list(effects.state.gone)) == ({}, ["i1"])
    assert list(effects.state.deleted) == ["i1"]


def test_an_item_that_comes_back_is_counted_anew_and_is_a_candidate_again():
    stream = MemoryStream()
    stream.run_entries([upserted(0), clicked(1), deletion(10)])
    effects = stream.run_entries([upserted(20, title="Again"), clicked(21)])
    assert "i1" in stream.memory.known_items.eligible
    assert (list(effects.state.items), effects.state.gone) == (["i1"], {})
    assert effects.state.undeleted == ["i1"]
    (stats,) = feature_rows_of(effects, "item_stats")
    assert stats["item_popularity"] == pytest.approx(1.0)


def test_negatives_are_drawn_alike_wherever_batches_begin_and_never_deleted_ones():
    def negatives(cuts: tuple[int, ...]) -> list[tuple[str, str, str]]:
        places = itertools.count()
        stream = MemoryStream(sampled_negatives=2)
        events = [item_upsert(n, f"n{n}") for n in range(6)]
        entries = [event_entry(e, offset=next(places)) for e in events]
        for n in range(40):
            click = interaction(100 + n, f"u{n}", f"n{n % 6}")
            entries.append(event_entry(click, offset=next(places)))
            if n == 10:
                entries += [deletion(100 + n, "n2"), deletion(100 + n, "new")]
            if n == 20:
                entries.append(upserted(100 + n, "n2"))
            if n == 25:
                entries.append(upserted(100 + n, "new"))
        rows = []
        for start, stop in itertools.pairwise((0, *cuts, len(entries))):
            found = examples_of(stream.run_entries(entries[start:stop]))
            rows += [(row["event_id"], row["item_id"], row["origin"]) for row in found]
        return sorted(rows)

    whole = negatives(())
    assert whole == negatives((16, 18, 19, 30, 33)) == negatives((17, 29))
    during = {f"click-u{n}-n{n % 6}-{100.0 + n:g}" for n in range(11, 20)}
    drawn = Counter(item for event, item, origin in whole if origin == "sampled")
    assert drawn["n2"] and drawn["new"]
    assert not [row for row in whole if row[0] in during and row[2] == "sampled" and row[1] == "n2"]


def test_places_are_emptied_and_taken_out_when_deletions_are_forgotten(monkeypatch):
    monkeypatch.setattr(known_items, "MIN_HOLES", 4)
    found, now_s = KnownItems(), START
    for turn in range(30):
        now_s += WINDOW_S / 2
        for n in range(10):
            found.add(f"{turn}-{n}")
            found.delete(f"{turn}-{n}", UpsertVersion(now_s, "d"), now_s)
        found.forget(now_s)
        found.compact()
        found.add(f"stays-{turn}")
        there, gone = len(found.eligible), len(found.deleted)
        assert len(found.items) - found.holes == there + gone
        assert found.holes <= max(4, len(found.items) // 4)
        assert gone <= min(max(4, there), 30)  # of three half days
    numbers = found.numbers_at(np.arange(len(found.items)), len(found.items), [])
    kept = [item for item in found.items if item in found.eligible]
    assert kept == [f"stays-{turn}" for turn in range(30)]
    drawable = numbers[found.eligible_numbers()[numbers]]
    assert ITEMS.texts(drawable.tolist()) == tuple(kept)


def test_what_is_restored_is_what_was_known():
    found = KnownItems()
    for item in "abcd":
        found.add(item)
    found.hide("b", hidden=True)
    found.delete("a", UpsertVersion(1.0, "x"), START)
    found.delete("c", UpsertVersion(2.0, "y"), START + WINDOW_S)
    assert found.forget(START + WINDOW_S + 1) == ["a"]
    again = KnownItems()
    deleted = {"c": (UpsertVersion(2.0, "y"), START + WINDOW_S)}
    again.restore("abcd", ["b"], deleted, found.take_holes())
    for name in ("items", "hidden", "eligible", "holes"):
        assert getattr(again, name) == getattr(found, name), name
    assert again.deleted.version("c") == UpsertVersion(2.0, "y")
