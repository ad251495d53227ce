"""`get_historical_features` on the part files that we append: never a value from the future."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.feature import View
from features.point_in_time import point_in_time_join
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, VIEWS, features_of
from features.stores.compaction import compact
from features.stores.offline import OfflineAppender
from tests.support.feature_rows import feature_rows

pytestmark = pytest.mark.filterwarnings(
    "ignore:fetch_arrow_table.* is deprecated:DeprecationWarning:ibis"
)
BEGIN = 1_600_000_000


@dataclass(frozen=True)
class Row:
    """One feature row of a random history; `number` tells which one it is, and its order."""

    number: int
    entity: str
    time: int


def history(rng, view: View, count: int) -> list[Row]:
    """Few entities, coarse times, out of order: ties and late rows everywhere."""
    span = 3 * int(view.ttl_s or 1000)
    times = BEGIN + rng.integers(0, 40, count) * (span // 40)
    return [Row(n, f"e{rng.integers(5)}", int(time)) for n, time in enumerate(times)]


def append(folder, view: View, rows: list[Row], name: str) -> None:
    """Append `rows` in their order, in several files; feature `name` is the row's number."""
    appender = OfflineAppender(folder)
    for offset, chunk in enumerate(np.array_split(np.array(rows, object), 4)):
        table = feature_rows(view, [r.entity for r in chunk], [r.time for r in chunk], 0)
        for column, values in {
            name: [float(r.number) for r in chunk],
            "created": [BEGIN * 1_000_000 + r.number for r in chunk],
            "source_offset": [r.number for r in chunk],
        }.items():
            place = table.schema.get_field_index(column)
            kind = table.schema.field(place).type
            array = pa.array(values).cast(kind)
            table = table.set_column(place, table.schema.field(place), array)
        appender.append(view, offset, table)
        appender.flush()


def expected(view: View, rows: list[Row], entity: str, time: int) -> float | None:
    """The slow way: of the rows that held at `time` the newest; of those the last written."""
    held = [
        row
        for row in rows
        if row.entity == entity
        and row.time <= time
        and (view.ttl_s is None or time <= row.time + view.ttl_s)
    ]
    return float(max(held, key=lambda row: (row.time, row.number)).number) if held else None


def asked(store, view: View, name: str, questions: list[tuple[str, int]]) -> list[float | None]:
    """Feast's answers, in the order of the questions."""
    frame = pd.DataFrame(
        {
            view.key: [entity for entity, _ in questions],
            "event_timestamp": pd.to_datetime([t for _, t in questions], unit="s", utc=True),
            "question": range(len(questions)),
        }
    )
    answer = store.get_historical_features(frame, [f"{view.name}:{name}"]).to_df()
    values = answer.sort_values("question")[name]
    return [None if pd.isna(value) else float(value) for value in values]


def asked_us(folder, view: View, name: str, questions: list[tuple[str, int]]) -> list[float | None]:
    """Our answers to the same questions, from the same files."""
    moments = pa.array([time for _, time in questions], pa.int64()).cast(pa.timestamp("s"))
    table = pa.table({view.key: [entity for entity, _ in questions], "event_timestamp": moments})
    history = pq.read_table(folder / view.name)
    return point_in_time_join(table, history, view)[name].to_pylist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("view", "name"), [(ITEM_STATS, "item_updated_at"), (ITEM_ATTRIBUTES, "item_created_at")]
)
def test_every_value_is_the_newest_that_was_known_then(
    feast_store, offline_folder, view, name, seed
):
    rng = np.random.default_rng(seed)
    rows = history(rng, view, 200)
    append(offline_folder, view, rows, name)
    times = sorted({row.time + shift for row in rows for shift in (-1, 0, 1)})
    questions = [(f"e{n}", time) for n in range(6) for time in times]
    answers = asked(feast_store, view, name, questions)
    assert answers == [expected(view, rows, *question) for question in questions]
    assert asked_us(offline_folder, view, name, questions) == answers
    times_of = {float(row.number): row.time for row in rows}
    for (_, time), answer in zip(questions, answers, strict=True):
        assert answer is None or times_of[answer] <= time


def test_compaction_changes_no_answer(feast_store, offline_folder):
    rows = history(np.random.default_rng(9), ITEM_STATS, 100)
    append(offline_folder, ITEM_STATS, rows, "item_updated_at")
    questions = [(row.entity, row.time) for row in rows]
    before = asked(feast_store, ITEM_STATS, "item_updated_at", questions)
    assert len(compact(offline_folder / ITEM_STATS.name)) == 1
    assert asked(feast_store, ITEM_STATS, "item_updated_at", questions) == before


def test_before_the_first_event_every_value_is_missing(feast_store, offline_folder):
    assert asked(feast_store, ITEM_STATS, "item_updated_at", [("e0", BEGIN)]) == [None]


def test_the_feature_service_gives_whole_rows(feast_store, offline_folder):
    appender = OfflineAppender(offline_folder)
    written = [feature_rows(view, ["7"], [BEGIN]) for view in VIEWS]
    for offset, (view, rows) in enumerate(zip(VIEWS, written, strict=True)):
        appender.append(view, offset, rows)
    appender.flush()
    moment = pd.to_datetime([BEGIN + 60], unit="s", utc=True)
    frame = pd.DataFrame({"user_id": ["7"], "item_id": ["7"], "event_timestamp": moment})
    service = feast_store.get_feature_service("ranking")
    answer = feast_store.get_historical_features(frame, service).to_arrow()
    for view, rows in zip(VIEWS, written, strict=True):
        for feature in features_of(view):
            assert answer[feature.name].to_pylist() == rows[feature.name].to_pylist()
