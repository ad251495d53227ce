"""A run over history makes what the stream makes of the same log, bit by bit."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.feature import View
from features.spec import VIEWS
from features.stores.parts import parts_in
from features.topic_events import STRICT
from millstream.codec import encode
from millstream.errors import ConfigurationError, DatasetError
from millstream.events import Event
from stream.history.engine import Engine
from stream.history.log_files import LogFile
from stream.history.outcome import Outcome
from stream.history.rows import ITEM_LISTS
from stream.history.sources import FileEvents
from stream.ingest.records import EventRecord, ItemDeletion, TopicPartition, UserDeletion
from stream.outputs.effects import Effects
from stream.state.entities import Item, items_bytes, users_bytes
from stream.state.memory import Rules
from tests.golden.test_stream_day import afternoon, morning
from tests.support.stream_cases import (
    START,
    MemoryStream,
    event_entry,
    interaction,
    item_upsert,
    user_upsert,
)

KINDS = ("click", "view", "rating")


def log(seed: int, events: int = 120) -> list[EventRecord]:
    """A log in which events come late, twice and in the same instant, and attributes change."""
    rng = np.random.default_rng(seed)
    found: list[Event] = []
    for second in np.cumsum(rng.exponential(2.0, events)).round(1).tolist():
        user, item = f"u{rng.integers(6)}", f"i{rng.integers(8)}"
        match rng.integers(12):
            case 0:
                found.append(item_upsert(second, item, categories=["a", f"c{rng.integers(3)}"]))
            case 1:
                found.append(user_upsert(second, user, age=int(rng.integers(20, 60))))
            case 2 if found:
                found.append(found[rng.integers(len(found))])
            case _:
                kind = KINDS[rng.integers(3)]
                late = second - float(rng.choice([0.0, 0.0, 0.0, 3.0, 30.0]))
                value = float(rng.integers(1, 6)) if kind == "rating" else None
                found.append(interaction(late, user, item, kind=kind, value=value))
    return [event_entry(event, offset=n) for n, event in enumerate(found)]


def streamed(records: Sequence[Any], size: int) -> tuple[MemoryStream, list[Effects]]:
    """The live core's view of the log, batch by batch."""
    stream = MemoryStream(sampled_negatives=1, negative_shares={"uniform": 0.5, "popular": 0.5})
    batches = [records[n : n + size] for n in range(0, len(records), size)]
    return stream, [stream.run_entries(batch) for batch in batches]


def run(folder: Path, records: Sequence[EventRecord], buckets: int = 3) -> Outcome:
    return Engine(folder, Rules(), "test", buckets=buckets).run(lambda: records)


def rows(tables: Iterator[pa.Table], view: View) -> list[dict[str, Any]]:
    """Rows of a view by source and moment, without when they were made."""
    found = [row for table in tables for row in table.to_pylist()]
    for row in found:
        row.pop("created")
    order = (view.key, "source_partition", "source_offset", "event_timestamp")
    return sorted(found, key=lambda row: [row[name] for name in order])


def live_rows(effects: Sequence[Effects], view: View) -> list[dict[str, Any]]:
    return rows((r.rows for e in effects for r in e.features if r.view == view), view)


def offline_rows(outcome: Outcome, view: View) -> list[dict[str, Any]]:
    folder = outcome.work.offline / view.name
    return rows((pq.read_table(folder / part.name) for part in parts_in(folder)), view)


def last_of(effects: Sequence[Effects], view: View) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in (r for e in effects for r in e.features if r.view == view):
        found |= {row[view.key]: row for row in each.rows.take(each.last).to_pylist()}
    return {key: _plain(row) for key, row in found.items()}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    apart = ("created", "source_partition", "source_offset")
    return {name: value for name, value in row.items() if name not in apart}


def _without_lists(item: Item) -> Item:
    """The item without what its events tell of users that no rule of items asks for."""
    history = item.history
    updates = [
        msgspec.structs.replace(u, lists=u.lists[: len(ITEM_LISTS)]) for u in history.updates
    ]
    return replace(item, history=replace(history, updates=updates))


def assert_same(outcome: Outcome, stream: MemoryStream, effects: Sequence[Effects]) -> None:
    memory, scanned = stream.memory, outcome.scanned
    for view in VIEWS:
        assert offline_rows(outcome, view) == live_rows(effects, view)
        online = [row for table in outcome.online(view) for row in table.to_pylist()]
        assert {row[view.key]: _plain(row) for row in online} == last_of(effects, view)
    users, items = dict(outcome.entities("user")), dict(outcome.entities("item"))
    assert users == dict(
        zip(users, users_bytes([memory.users[user] for user in users]), strict=True)
    )
    kept = [_without_lists(memory.items[item]) for item in items]
    assert items == dict(zip(items, items_bytes(kept), strict=True))
    assert set(users) == {user for e in effects for user in e.state.users}
    assert set(items) == {item for e in effects for item in e.state.items}
    assert scanned.known == memory.known_items.items
    assert set(scanned.hidden) == memory.known_items.hidden
    assert outcome.recent_positives() == [b for e in effects for b in e.state.recent_positives]
    assert outcome.reached() == memory.watermark.max_event_times
    positions = {s: n for s, n in memory.positions.items() if s.topic != "touches"}
    assert outcome.positions() == positions


@pytest.mark.parametrize(("seed", "size", "buckets"), [(1, 9, 1), (2, 40, 3), (3, 120, 4)])
def test_a_run_over_a_log_equals_the_stream_bit_by_bit(
    tmp_path: Path, seed: int, size: int, buckets: int
) -> None:
    records = log(seed)
    assert_same(run(tmp_path / "out", records, buckets), *streamed(records, size))


def test_the_golden_day_is_the_same_by_bucket(tmp_path: Path) -> None:
    day = [e for e in [*morning(), *afternoon()] if isinstance(e, Event)]
    records = [event_entry(event, offset=n) for n, event in enumerate(day)]
    assert_same(run(tmp_path / "out", records), *streamed(records, 4))


def test_a_killed_run_is_gone_on_with_and_reads_nothing_twice(tmp_path: Path) -> None:
    records, folder = log(4), tmp_path / "out"

    def watch(name: str, done: int, total: int) -> None:
        if name == "items" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Engine(folder, Rules(), "test", buckets=3, on_progress=watch).run(lambda: records)
    engine = Engine(folder, Rules(), "test", buckets=3)
    outcome = engine.run(lambda: pytest.fail("the log is read again"))
    assert_same(outcome, *streamed(records, 50))


def test_another_log_does_not_go_on_in_the_folder_of_one(tmp_path: Path) -> None:
    run(tmp_path / "out", log(4, 5))
    with pytest.raises(ConfigurationError, match="differs in source"):
        Engine(tmp_path / "out", Rules(), "another", buckets=3).run(list)
    with pytest.raises(ConfigurationError, match="must be empty"):
        Engine(tmp_path, Rules(), "test", buckets=3).run(list)


def test_a_deleted_item_and_a_deleted_user_begin_anew(tmp_path: Path) -> None:
    day = [
        item_upsert(0, "i1", title="Heat"),
        *[interaction(n, "u1", "i1") for n in range(1, 4)],
        *[interaction(n, "u2", "i2") for n in range(4, 6)],
    ]
    records: list[EventRecord] = [event_entry(event, offset=n) for n, event in enumerate(day)]
    gone = [
        ItemDeletion(event_id="d1", event_time=START + 10, item_id="i1"),
        UserDeletion(event_id="d2", event_time=START + 11, user_id="u1"),
    ]
    records += [
        EventRecord(TopicPartition(topic, 0), 50 + n, event, 2 + n, b"")
        for n, (topic, event) in enumerate(zip(("items", "users"), gone, strict=True))
    ]
    records.append(event_entry(interaction(20, "u1", "i2"), offset=60))
    outcome = run(tmp_path / "out", records)
    stream, effects = streamed(records, 3)
    for view in VIEWS:
        assert offline_rows(outcome, view) == live_rows(effects, view)
    users, items = dict(outcome.entities("user")), dict(outcome.entities("item"))
    assert users["u1"] == users_bytes([stream.memory.users["u1"]])[0]
    assert list(items) == ["i2"]
    assert list(outcome.scanned.deleted) == ["i1"]
    (state,) = [e.state for e in outcome.effects(START) if e.state.known]
    assert list(state.erasures) == ["u1"]
    assert list(state.gone) == ["i1"]


def test_log_files_are_merged_by_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.csv"
    events = [interaction(n, "u1", f"i{n}") for n in (0, 2, 4)]
    first.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    second.write_text(
        f"user_id,item_id,kind,event_time\nu2,i1,click,{START + 1}\nu2,i3,click,{START + 3}\n"
    )
    found = list(FileEvents([LogFile(first), LogFile(second)], STRICT))
    assert [each.event.item_id for each in found] == ["i0", "i1", "i2", "i3", "i4"]
    assert [each.offset for each in found] == [0, 1, 2, 3, 4]


def test_a_record_that_is_no_event_says_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode(interaction(0)) + b"\n{}\n")
    with pytest.raises(DatasetError, match=r"a\.jsonl: .*line 2"):
        list(FileEvents([LogFile(path)], STRICT))
    skipping = FileEvents([LogFile(path)], STRICT, skips_invalid=True)
    assert len(list(skipping)) == 1
    assert skipping.skipped == 1
