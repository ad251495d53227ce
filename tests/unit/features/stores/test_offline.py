from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.feature import View
from features.spec import ITEM_STATS, USER_STATS
from features.stores import offline, parts
from features.stores.offline import OfflineAppender, Rotation
from features.stores.schema import view_schema
from millstream.clock import FakeClock
from millstream.errors import WriterReplaced
from tests.support.feature_rows import feature_rows

NEVER = Rotation(rows=10**9, size_bytes=10**12, age_s=1e9)


def message(view: View, first: int, count: int = 2) -> pa.Table:
    """Rows that the events `first` and following caused."""
    ids = [f"{view.entity}-{n}" for n in range(first, first + count)]
    return feature_rows(view, ids, [1e9 + n for n in range(count)], first, first_source=first)


def stored(root, view=ITEM_STATS):
    """The source offsets in a view's folder, as any reader of Parquet sees them."""
    return sorted(pq.read_table(root / view.name)["source_offset"].to_pylist())


def files(root, view=ITEM_STATS):
    return [part.name for part in parts.parts_in(root / view.name)]


def test_rows_are_read_as_they_were_appended(tmp_path):
    appender = OfflineAppender(tmp_path)
    rows = message(ITEM_STATS, 0)
    assert appender.append(ITEM_STATS, 0, rows) == 2
    appender.flush()
    assert pq.read_table(tmp_path / "item_stats").replace_schema_metadata().equals(rows)


def test_a_file_is_named_by_the_messages_in_it_and_no_file_is_written_twice(tmp_path):
    appender = OfflineAppender(tmp_path, partition=3)
    for offset in (5, 6):
        appender.append(ITEM_STATS, offset, message(ITEM_STATS, 2 * offset))
    assert appender.flush() == 7
    (first,) = files(tmp_path)
    before = (tmp_path / "item_stats" / first).stat().st_mtime_ns
    appender.append(ITEM_STATS, 9, message(ITEM_STATS, 40))
    assert appender.flush() == 10
    assert first == f"part-p3-{5:020d}-{6:020d}.parquet"
    assert files(tmp_path) == [first, f"part-p3-{9:020d}-{9:020d}.parquet"]
    assert (tmp_path / "item_stats" / first).stat().st_mtime_ns == before


def test_a_view_without_rows_is_a_table_without_rows(tmp_path):
    OfflineAppender(tmp_path)
    empty = pq.read_table(tmp_path / "user_stats")
    assert empty.num_rows == 0
    assert empty.schema.equals(view_schema(USER_STATS))


def test_nothing_gathered_is_nothing_written(tmp_path):
    appender = OfflineAppender(tmp_path)
    assert appender.flush() is None
    assert not appender.is_due()
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "rotation", [Rotation(4, 10**12, 1e9), Rotation(10**9, 100, 1e9), Rotation(10**9, 10**12, 8.0)]
)
def test_rows_are_due_when_they_are_many_or_large_or_old(tmp_path, rotation):
    clock = FakeClock()
    appender = OfflineAppender(tmp_path, rotation=rotation, clock=clock)
    assert not appender.is_due()
    for offset in (0, 1):
        appender.append(ITEM_STATS, offset, message(ITEM_STATS, 2 * offset))
        clock.advance(4.0)
    assert appender.is_due()
    appender.flush()
    assert not appender.is_due()


def test_young_few_rows_are_not_due(tmp_path):
    appender = OfflineAppender(tmp_path, rotation=NEVER)
    appender.append(ITEM_STATS, 0, message(ITEM_STATS, 0))
    assert not appender.is_due()


def test_messages_without_new_rows_are_moved_past_in_time(tmp_path):
    clock = FakeClock()
    appender = OfflineAppender(tmp_path, rotation=Rotation(age_s=8.0), clock=clock)
    appender.append(ITEM_STATS, 0, message(ITEM_STATS, 0))
    appender.flush()
    appender.append(ITEM_STATS, 1, message(ITEM_STATS, 0))
    assert not appender.is_due()
    clock.advance(8.0)
    assert appender.is_due()
    assert appender.flush() == 2
    assert len(files(tmp_path)) == 1


def test_what_a_crash_loses_is_appended_when_it_is_read_again(tmp_path):
    before = OfflineAppender(tmp_path)
    before.append(ITEM_STATS, 0, message(ITEM_STATS, 0))
    committed = before.flush()
    before.append(ITEM_STATS, 1, message(ITEM_STATS, 2))  # gathered, and lost
    assert committed == 1

    after = OfflineAppender(tmp_path)
    assert after.append(ITEM_STATS, 1, message(ITEM_STATS, 2)) == 2
    after.flush()
    assert stored(tmp_path) == [0, 1, 2, 3]


def test_a_crash_between_two_views_or_before_the_commit_doubles_nothing(tmp_path, monkeypatch):
    def crash_at_items(folder, *arguments):
        if folder.name == "item_stats":
            raise OSError("planted")
        return parts.append_part(folder, *arguments)

    def feed(appender):
        for offset in range(3):
            appender.append(USER_STATS, 2 * offset, message(USER_STATS, 2 * offset))
            appender.append(ITEM_STATS, 2 * offset + 1, message(ITEM_STATS, 2 * offset))

    before = OfflineAppender(tmp_path)
    feed(before)
    with monkeypatch.context() as patch:
        patch.setattr(offline, "append_part", crash_at_items)
        with pytest.raises(OSError, match="planted"):
            before.flush()

    after = OfflineAppender(tmp_path)
    feed(after)
    after.flush()
    for view in (USER_STATS, ITEM_STATS):
        assert stored(tmp_path, view) == [0, 1, 2, 3, 4, 5]


def test_a_flush_that_failed_can_be_repeated(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError("disk full")

    appender = OfflineAppender(tmp_path)
    appender.append(ITEM_STATS, 0, message(ITEM_STATS, 0))
    with monkeypatch.context() as patch:
        patch.setattr(offline, "append_part", fail)
        with pytest.raises(OSError, match="disk full"):
            appender.flush()
    assert appender.flush() == 1
    assert stored(tmp_path) == [0, 1]


def test_rows_that_the_stream_published_again_are_dropped(tmp_path):
    appender = OfflineAppender(tmp_path)
    appender.append(ITEM_STATS, 0, message(ITEM_STATS, 0, count=4))
    appender.flush()
    again = OfflineAppender(tmp_path)
    assert again.append(ITEM_STATS, 1, message(ITEM_STATS, 2, count=4)) == 2
    assert again.append(ITEM_STATS, 2, message(ITEM_STATS, 0, count=6)) == 0
    assert again.flush() == 3
    assert stored(tmp_path) == [0, 1, 2, 3, 4, 5]


def test_source_partitions_are_told_apart(tmp_path):
    other = message(ITEM_STATS, 0)
    place = other.schema.get_field_index("source_partition")
    other = other.set_column(place, other.schema.field(place), pa.array([1, 1], pa.int32()))
    appender = OfflineAppender(tmp_path)
    assert appender.append(ITEM_STATS, 0, message(ITEM_STATS, 5)) == 2
    assert appender.append(ITEM_STATS, 1, other) == 2


def of_log(rows: pa.Table, log: str) -> pa.Table:
    """The same, with positions of that log."""
    return rows.replace_schema_metadata({"source_log": log})


def test_a_topic_that_begins_anew_is_written_after_the_history(tmp_path):
    for log, offsets in (("a", (8, 9)), ("b", (0, 3)), ("b", (4, 5))):  # a restart between them
        appender = OfflineAppender(tmp_path)
        for offset in offsets:
            appender.append(ITEM_STATS, offset, of_log(message(ITEM_STATS, 2 * offset), log))
        appender.flush()
    numbers = [(part.first, part.last) for part in parts.parts_in(tmp_path / "item_stats")]
    assert numbers == [(8, 9), (10, 13), (14, 15)], "no file seems to hold another's messages"


def test_a_first_message_that_has_the_number_of_the_last_one_does_not_replace_it(tmp_path):
    for log in ("a", "b"):
        appender = OfflineAppender(tmp_path)
        appender.append(ITEM_STATS, 0, of_log(message(ITEM_STATS, 5), log))
        appender.flush()
    assert stored(tmp_path) == [5, 5, 6, 6]


def test_rows_of_another_log_are_new_whatever_their_positions_are(tmp_path):
    appender = OfflineAppender(tmp_path)
    assert appender.append(ITEM_STATS, 5, of_log(message(ITEM_STATS, 7), "a")) == 2
    assert appender.append(ITEM_STATS, 0, of_log(message(ITEM_STATS, 0), "b")) == 2
    appender.flush()
    again = OfflineAppender(tmp_path)
    assert again.append(ITEM_STATS, 1, of_log(message(ITEM_STATS, 0, count=3), "b")) == 1
    assert again.append(ITEM_STATS, 2, of_log(message(ITEM_STATS, 7), "a")) == 0
    again.flush()
    assert stored(tmp_path) == [0, 1, 2, 7, 8]
    OfflineAppender(tmp_path)
    assert stored(tmp_path) == [0, 1, 2, 7, 8], "opening the folder takes nothing away"


def test_rows_that_did_not_say_their_log_are_of_the_first_that_is_named(tmp_path):
    appender = OfflineAppender(tmp_path)
    appender.append(ITEM_STATS, 0, message(ITEM_STATS, 3))
    appender.flush()
    again = OfflineAppender(tmp_path)
    assert again.append(ITEM_STATS, 1, of_log(message(ITEM_STATS, 3), "a")) == 0
    assert again.append(ITEM_STATS, 2, of_log(message(ITEM_STATS, 3), "b")) == 2


def test_times_are_utc_microseconds(tmp_path):
    appender = OfflineAppender(tmp_path)
    appender.append(ITEM_STATS, 0, feature_rows(ITEM_STATS, ["a"], [1e9 + 0.25]))
    appender.flush()
    (moment,) = pq.read_table(tmp_path / "item_stats")["event_timestamp"].to_pylist()
    assert moment == datetime.fromtimestamp(1e9 + 0.25, UTC)


def test_a_writer_that_wakes_beside_its_successor_doubles_nothing(tmp_path):
    """Whichever of them writes first: the other one ends, and whoever begins anew goes on."""
    for first in ("paused", "successor"):
        root = tmp_path / first
        writers = {"paused": OfflineAppender(root), "successor": OfflineAppender(root)}
        for offset, writer in enumerate(writers.values()):  # the successor published them again
            writer.append(ITEM_STATS, offset, message(ITEM_STATS, 0))
        writers.pop(first).flush()
        (other,) = writers.values()
        with pytest.raises(WriterReplaced, match="partition 0"):
            other.flush()
        again = OfflineAppender(root)
        again.append(ITEM_STATS, 1, message(ITEM_STATS, 0, 4))
        again.flush()
        assert stored(root) == [0, 1, 2, 3]
