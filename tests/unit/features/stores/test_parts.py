import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.stores.compaction import compact
from features.stores.parts import (
    SCHEMA_FILE,
    Part,
    append_part,
    merged,
    open_folder,
    parts_in,
    read_newest_offsets,
    write_part,
)
from millstream.errors import WriterReplaced

SCHEMA = pa.schema([("item_id", pa.string()), ("n", pa.int64())])


def rows(*numbers):
    return pa.table({"item_id": [str(n) for n in numbers], "n": list(numbers)}, SCHEMA)


def put(folder, part, table, newest_offsets=None):
    write_part(folder / part.name, table, newest_offsets or {})


def numbers(folder):
    return sorted(pq.read_table(folder)["n"].to_pylist())


def test_a_name_says_what_is_in_the_file():
    part = Part(2, 5, 17)
    assert Part.parse(part.name) == part
    assert Part.parse(SCHEMA_FILE) is None
    assert Part.parse(f".{part.name}.tmp") is None


def test_names_sort_by_offset():
    assert Part(0, 9, 9).name < Part(0, 10, 10).name


def test_marks_are_kept_with_the_rows(tmp_path):
    put(tmp_path, Part(0, 0, 1), rows(1), {"0": 7, "3": 2})
    put(tmp_path, Part(0, 2, 2), rows(2), {"0": 9})
    assert read_newest_offsets(tmp_path / Part(0, 0, 1).name) == {"0": 7, "3": 2}
    assert open_folder(tmp_path, SCHEMA) == {"0": 9, "3": 2}


def test_the_newest_mark_wins_whatever_the_order():
    assert merged([{"0": 5}, {"0": 3}]) == merged([{"0": 3}, {"0": 5}]) == {"0": 5}


def test_what_a_crash_left_half_written_is_removed_and_never_read(tmp_path):
    put(tmp_path, Part(0, 0, 0), rows(1))
    leftover = tmp_path / f".{Part(0, 1, 1).name}.tmp"
    leftover.write_bytes(b"PAR1 half")
    assert numbers(tmp_path) == [1]
    open_folder(tmp_path, SCHEMA)
    assert not leftover.exists()


class Killed(BaseException):
    """The process ends here."""


def test_a_part_whose_writer_was_killed_before_it_was_put_in_is_put_in_by_the_next(
    tmp_path, monkeypatch
):
    put(tmp_path, Part(0, 0, 3), rows(1), {"0": 3})

    def killed(path, target):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            append_part(tmp_path, Part(0, 4, 6), rows(2), {"0": 6}, after=3)
    assert parts_in(tmp_path) == [Part(0, 0, 3)]
    assert open_folder(tmp_path, SCHEMA) == {"0": 6}
    assert parts_in(tmp_path) == [Part(0, 0, 3), Part(0, 4, 6)]
    assert numbers(tmp_path) == [1, 2]


@pytest.mark.parametrize("moment", ["before its claim", "after its claim"])
def test_a_writer_that_was_paused_at_any_moment_adds_nothing_to_what_its_successor_wrote(
    tmp_path, monkeypatch, moment
):
    link = os.link

    def successor():
        monkeypatch.setattr(os, "link", link)
        open_folder(tmp_path, SCHEMA)
        after = max((part.last for part in parts_in(tmp_path)), default=-1)
        append_part(tmp_path, Part(0, after + 1, after + 5), rows(2), {}, after)

    def paused(source, target):
        if moment == "after its claim":
            link(source, target)
        successor()
        if moment == "before its claim":
            link(source, target)

    monkeypatch.setattr(os, "link", paused)
    with pytest.raises(WriterReplaced):
        append_part(tmp_path, Part(0, 0, 3), rows(1), {}, after=-1)
    written_by_the_first = {"before its claim": [], "after its claim": [1]}[moment]
    assert numbers(tmp_path) == [*written_by_the_first, 2]
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".tmp", ".claim")]


def test_a_file_of_the_same_name_is_replaced(tmp_path):
    put(tmp_path, Part(0, 0, 3), rows(1, 2))
    put(tmp_path, Part(0, 0, 3), rows(3))
    assert numbers(tmp_path) == [3]


def test_files_whose_messages_are_in_a_larger_one_are_removed(tmp_path):
    put(tmp_path, Part(0, 0, 4), rows(1))
    put(tmp_path, Part(0, 5, 9), rows(2))
    put(tmp_path, Part(1, 5, 9), rows(3))
    put(tmp_path, Part(0, 0, 9), rows(1, 2))
    open_folder(tmp_path, SCHEMA)
    assert parts_in(tmp_path) == [Part(0, 0, 9), Part(1, 5, 9)]
    assert numbers(tmp_path) == [1, 2, 3]


def test_a_new_column_is_null_in_files_from_before_it(tmp_path):
    open_folder(tmp_path, SCHEMA)
    put(tmp_path, Part(0, 0, 0), rows(1), {"0": 4})
    wider = SCHEMA.append(pa.field("note", pa.string()))
    assert open_folder(tmp_path, wider) == {"0": 4}
    put(tmp_path, Part(0, 1, 1), pa.table({"item_id": ["2"], "n": [2], "note": ["new"]}, wider))
    assert pq.read_table(tmp_path)["note"].to_pylist() == [None, "new"]


def test_compaction_keeps_every_row_and_mark_in_fewer_files(tmp_path):
    open_folder(tmp_path, SCHEMA)
    for n in range(6):
        put(tmp_path, Part(n % 2, 10 * n, 10 * n + 9), rows(n), {n % 2: n})
    before = open_folder(tmp_path, SCHEMA)
    compact(tmp_path)
    assert parts_in(tmp_path) == [Part(0, 0, 49), Part(1, 10, 59)]
    assert numbers(tmp_path) == list(range(6))
    assert open_folder(tmp_path, SCHEMA) == before


def test_compaction_stops_at_the_target_size(tmp_path):
    open_folder(tmp_path, SCHEMA)
    for n in range(4):
        put(tmp_path, Part(0, n, n), rows(n))
    size = (tmp_path / Part(0, 0, 0).name).stat().st_size
    compact(tmp_path, target_bytes=2 * size)
    assert parts_in(tmp_path) == [Part(0, 0, 1), Part(0, 2, 3)]
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_compacting_nothing_is_nothing(tmp_path):
    open_folder(tmp_path, SCHEMA)
    assert compact(tmp_path) == []


def test_a_compaction_that_crashed_leaves_every_row_once(tmp_path):
    open_folder(tmp_path, SCHEMA)
    for n in range(3):
        put(tmp_path, Part(0, n, n), rows(n), {"0": n})
    survivors = [(tmp_path / Part(0, n, n).name) for n in (1, 2)]
    kept = [path.read_bytes() for path in survivors]
    compact(tmp_path)
    for path, data in zip(survivors, kept, strict=True):
        path.write_bytes(data)
    assert open_folder(tmp_path, SCHEMA) == {"0": 2}
    assert numbers(tmp_path) == [0, 1, 2]
