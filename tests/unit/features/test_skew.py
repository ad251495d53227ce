"""Logged values beside recomputed ones: what differs is counted, by feature, and nothing else."""

import numpy as np
import pyarrow as pa
import pytest

from features.skew import compare
from features.spec import FEATURES, VIEWS
from tests.support.feature_rows import feature_rows

NOW_S = 1_700_000_000.0
AGE_S = 600.0
IDS = [f"e{number}" for number in range(6)]
BY_HALF_LIFE = [f for f in FEATURES if f.half_life_s and f.dtype == "float32"]


@pytest.fixture
def history() -> dict:
    """One row of each entity, stored ten minutes before the lists."""
    rows = {
        view: feature_rows(view, IDS, [NOW_S - AGE_S] * len(IDS), seed)
        for seed, view in enumerate(VIEWS)
    }
    return {view: _updated(table, view.entity) for view, table in rows.items()}


def _updated(table: pa.Table, entity: str) -> pa.Table:
    name = f"{entity}_updated_at"
    if name not in table.column_names:
        return table
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array([NOW_S - AGE_S] * len(table), pa.float64()))


@pytest.fixture
def logged(history) -> pa.Table:
    """The values as a server with the same rows has them: decayed by hand."""
    columns = {"user_id": pa.array(IDS), "item_id": pa.array(IDS[::-1])}
    columns["event_time"] = pa.array([NOW_S] * len(IDS))
    for feature in FEATURES:
        column = history[feature.view][feature.name]
        if feature.half_life_s:
            left = 0.5 ** (AGE_S / feature.half_life_s)
            values = [_scaled(value, left) for value in column.to_pylist()]
            column = pa.chunked_array([pa.array(values, column.type)])
        columns[feature.name] = column if feature.entity == "user" else column.take(_REVERSED)
    return pa.table(columns)


_REVERSED = pa.array(range(len(IDS) - 1, -1, -1))


def _scaled(value, by: float):
    return [entry * by for entry in value] if isinstance(value, list) else value * by


def replaced(table: pa.Table, name: str, values: list) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(values, table[name].type))


def test_a_server_with_the_same_rows_and_rules_has_no_skew(history, logged):
    found = compare(logged, history)
    assert set(found) == {feature.name for feature in FEATURES}
    assert {each.unequal for each in found.values()} == {0}
    assert {each.rows for each in found.values()} == {len(IDS)}


def test_a_feature_that_is_computed_otherwise_is_named_with_its_share(history, logged):
    name = BY_HALF_LIFE[0].name
    values = logged[name].to_pylist()
    wrong = replaced(logged, name, [values[0] * 1.1, values[1] + 5.0, *values[2:]])
    found = compare(wrong, history)
    assert found.pop(name) == (len(IDS), 2)
    assert {each.unequal for each in found.values()} == {0}


def test_values_that_were_not_decayed_differ(history, logged):
    feature = BY_HALF_LIFE[0]
    raw = history[feature.view][feature.name].to_pylist()
    assert min(raw) > 0
    stale = replaced(logged, feature.name, raw if feature.entity == "user" else raw[::-1])
    assert compare(stale, history)[feature.name].unequal == len(IDS)


def test_rows_of_after_the_list_are_no_part_of_it(history, logged):
    later = {
        view: pa.concat_tables([table, feature_rows(view, IDS, [NOW_S + 1.0] * len(IDS), seed=77)])
        for view, table in history.items()
    }
    assert {each.unequal for each in compare(logged, later).values()} == {0}


def test_an_entity_without_a_row_and_a_feature_that_was_not_logged_are_not_compared(
    history, logged
):
    some = {view: table.slice(0, 4) for view, table in history.items()}
    name = next(f.name for f in FEATURES if f.entity == "user")
    found = compare(logged.drop_columns([name]), some)
    assert name not in found
    assert {each.rows for each in found.values()} == {4}
    assert {each.unequal for each in found.values()} == {0}
    assert compare(logged, {}) == {}


def test_a_list_is_equal_where_all_of_it_is(history, logged):
    name = next(f.name for f in FEATURES if f.dtype == "string_list")
    values = logged[name].to_pylist()
    longest = int(np.argmax([len(value) for value in values]))
    values[longest] = [*values[longest][:-1], "another"]
    assert compare(replaced(logged, name, values), history)[name].unequal == 1
