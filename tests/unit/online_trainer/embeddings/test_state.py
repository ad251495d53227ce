"""A full snapshot and the deltas after it give what is there, whatever happened between."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rows import RowInit
from models.tables import TableSpec
from online_trainer.embeddings.optimisers import LazyAdam
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.state import TablesState, drop_tombstones, export, restore
from online_trainer.embeddings.tables import DynamicTables

TABLES = [
    TableSpec("user", 2, RowInit()),
    TableSpec("item", 2, RowInit()),
    TableSpec("item:bias", 1, RowInit()),
]


def tables() -> DynamicTables:
    policy = Policy(admit_after=2, expire_after=4, sweep_every=3)
    return DynamicTables(TABLES, {"": LazyAdam()}, policy)


def learn(into: DynamicTables, ids: np.ndarray, step: int) -> None:
    keys = into.keys([(table.name, ids) for table in TABLES])
    rows = into.locate(keys, step)
    vectors = into.gather(rows)
    rng = np.random.default_rng(step)
    gradients = {w: rng.normal(size=v.shape).astype(np.float32) for w, v in vectors.items()}
    into.learn(rows, vectors, gradients, step)
    into.expire(step)


def in_order(state: TablesState) -> dict[str, np.ndarray]:
    """Every array of a full state; rows by id."""
    found = {}
    for table, rows in state.rows.items():
        order = np.argsort(rows.ids)
        found |= {f"{table}/ids": rows.ids[order], f"{table}/vectors": rows.vectors[order]}
        rare = np.argsort(state.training[f"{table}/rare/ids"])
        for name, array in state.training.items():
            if name.startswith(f"{table}/rare/"):
                found[name] = array[rare] if not name.endswith("removed") else array
            elif name.startswith(f"{table}/"):
                found[name] = array[order]
    return found


def assert_same(one: DynamicTables, other: DynamicTables) -> None:
    a, b = in_order(export(one)), in_order(export(other))
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


batches = st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=6), min_size=1, max_size=25)


@settings(max_examples=60)
@given(batches, st.sets(st.integers(0, 24)))
def test_a_chain_of_deltas_restores_what_is_there(given_batches, snapshots_after):
    live, copy = tables(), tables()
    restore(copy, export(live))
    since = 0
    for step, ids in enumerate(given_batches, start=1):
        learn(live, np.array(ids), step)
        if step in snapshots_after:
            restore(copy, export(live, since))
            drop_tombstones(live, step)
            since = step
    restore(copy, export(live, since))
    assert_same(live, copy)


@settings(max_examples=30)
@given(batches, st.integers(0, 24))
def test_restored_tables_go_on_as_if_they_had_never_stopped(given_batches, stop):
    straight, stopped = tables(), tables()
    for step, ids in enumerate(given_batches, start=1):
        learn(straight, np.array(ids), step)
        learn(stopped, np.array(ids), step)
        if step == stop:
            again = tables()
            restore(again, export(stopped))
            stopped = again
    assert_same(straight, stopped)


def test_a_delta_holds_the_touched_rows_alone():
    live = tables()
    for step in (1, 2):
        learn(live, np.arange(1, 101), step)
    learn(live, np.array([7, 9]), 3)
    delta = export(live, since=2)
    assert sorted(delta.rows["user"].ids.tolist()) == [7, 9]
    assert len(delta.training["user/slot/mean"]) == 2


def test_a_delta_names_what_has_expired_since_its_parent():
    live = tables()
    for step in (1, 2):
        learn(live, np.array([5, 6]), step)
    for step in range(3, 10):
        learn(live, np.array([6]), step)
    assert export(live, since=2).rows["user"].removed.tolist() == [5]
    drop_tombstones(live, 9)
    assert export(live, since=2).rows["user"].removed.tolist() == []
