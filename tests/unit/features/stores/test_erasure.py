"""Erasure from part files: what is older than it goes, what is newer and others' rows stay."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from features.stores.erasure import erase
from features.stores.parts import Part, parts_in, read_newest_offsets, write_part
from features.stores.schema import TIMESTAMP

SCHEMA = pa.schema([("user_id", pa.string()), ("event_timestamp", TIMESTAMP), ("n", pa.int64())])


def put(folder, part, *rows):
    users, seconds, numbers = zip(*rows, strict=True)
    times = [datetime.fromtimestamp(each, UTC) for each in seconds]
    columns = {"user_id": users, "event_timestamp": times, "n": numbers}
    write_part(folder / part.name, pa.table(columns, SCHEMA), {"0": part.last})


def test_an_erased_person_is_in_no_file_and_all_else_is_as_it_was(tmp_path):
    first, second, other = Part(0, 0, 4), Part(0, 5, 9), Part(0, 10, 12)
    put(tmp_path, first, ("ann", 100, 1), ("bob", 100, 2), ("ann", 200, 3))
    put(tmp_path, second, ("ann", 200.5, 4), (None, 100, 5), ("cid", 50, 6))
    put(tmp_path, other, ("bob", 300, 7))
    untouched = (tmp_path / other.name).stat().st_mtime_ns
    assert erase(tmp_path, "user_id", {"ann": 200.0, "cid": 49.0, "nobody": 1e9}) == 2
    assert sorted(pq.read_table(tmp_path)["n"].to_pylist()) == [2, 4, 5, 6, 7]
    assert read_newest_offsets(tmp_path / first.name) == {"0": 4}
    assert parts_in(tmp_path) == [first, second, other]
    assert (tmp_path / other.name).stat().st_mtime_ns == untouched
    assert erase(tmp_path, "user_id", {"ann": 200.0}) == 0


def test_where_there_is_nothing_nothing_is_erased(tmp_path):
    assert erase(tmp_path / "no_such_view", "user_id", {"ann": 1.0}) == 0
