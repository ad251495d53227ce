"""Shown items are gathered, and compared with the offline store once their lists are settled."""

import os
from concurrent.futures import Executor
from pathlib import Path

import pyarrow as pa

from features.skew import Compared
from features.spec import FEATURES, ITEM_STATS
from features.stores.parts import Part, write_part
from online_trainer.evaluation import skew_check
from online_trainer.evaluation.skew_check import SkewCheck, read_newest
from simulation.inline import Inline
from tests.support.feature_rows import feature_rows

NOW_S = 1_700_000_000.0


def shown(time_s: float, count: int = 3) -> pa.Table:
    ids = [f"e{number}" for number in range(count)]
    features = {f.name: pa.array([f.default] * count) for f in FEATURES if f.view == ITEM_STATS}
    times = pa.array([time_s] * count)
    return pa.table({"user_id": ids, "item_id": ids, "event_time": times, **features})


def stored(folder: Path, number: int, ids: list[str], time_s: float) -> Path:
    rows = feature_rows(ITEM_STATS, ids, [time_s] * len(ids), seed=number)
    path = folder / ITEM_STATS.name
    path.mkdir(parents=True, exist_ok=True)
    write_part(path / Part(0, number, number).name, rows, {})
    return path / Part(0, number, number).name


def check(folder: Path, executor: Executor | None = None) -> SkewCheck:
    return SkewCheck(folder, every_s=60.0, rows=5, settled_s=100.0, executor=executor or Inline())


def test_what_is_settled_is_compared_and_what_is_not_waits(tmp_path):
    stored(tmp_path, 1, ["e0", "e1", "e2"], NOW_S - 500)
    own = check(tmp_path)
    assert own.tick(NOW_S) == {}
    own.note(shown(NOW_S - 20.0))
    own.note(None)
    assert own.tick(NOW_S + 61.0) == {} and own.tick(NOW_S + 62.0) == {}
    assert own.tick(NOW_S + 90.0) == {}  # begins
    found = own.tick(NOW_S + 90.1)
    assert {each.rows for each in found.values()} == {3}
    assert found["item_updated_at"] == Compared(3, 3)
    assert own.tick(NOW_S + 300.0) == {}


def test_no_more_rows_are_kept_than_are_compared(tmp_path):
    stored(tmp_path, 1, ["e0", "e1", "e2", "e3"], NOW_S - 500)
    own = check(tmp_path)
    own.tick(NOW_S)
    for _ in range(10):
        own.note(shown(NOW_S - 200.0, 4))
    own.tick(NOW_S + 60.0)
    assert own.tick(NOW_S + 60.0)["item_updated_at"].rows == 5


def test_the_newest_files_are_read_and_only_the_wanted_entities(tmp_path, monkeypatch):
    old, new = (stored(tmp_path, number, ["a", "b"], NOW_S + number) for number in (1, 2))
    os.utime(old, (1.0, 1.0))
    wanted = pa.chunked_array([pa.array(["a"])])
    both = read_newest(tmp_path, ITEM_STATS, wanted)
    assert both is not None and both["item_id"].to_pylist() == ["a", "a"]
    monkeypatch.setattr(skew_check, "_MOST_BYTES", new.stat().st_size)
    one = read_newest(tmp_path, ITEM_STATS, wanted)
    assert one is not None
    assert [moment.timestamp() for moment in one["event_timestamp"].to_pylist()] == [NOW_S + 2]


def test_where_there_is_no_store_nothing_is_compared(tmp_path):
    assert read_newest(tmp_path, ITEM_STATS, pa.array(["a"])) is None
    own = check(tmp_path)
    own.tick(NOW_S)
    own.note(shown(NOW_S - 200.0))
    own.tick(NOW_S + 60.0)
    assert own.tick(NOW_S + 60.0) == {}


def test_a_file_that_cannot_be_read_is_said_and_ends_nothing(tmp_path, caplog):
    stored(tmp_path, 1, ["e0"], NOW_S).write_bytes(b"nonsense")
    own = check(tmp_path)
    own.tick(NOW_S)
    own.note(shown(NOW_S - 200.0))
    own.tick(NOW_S + 60.0)
    assert own.tick(NOW_S + 60.0) == {}
    assert "Logged features were not compared" in caplog.text
