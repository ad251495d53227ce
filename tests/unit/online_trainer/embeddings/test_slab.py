"""Rows of dynamic tables: whose they are, what moves them, when they come and go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rows import RowInit
from models.tables import TableSpec
from online_trainer.embeddings.keyed_rows import NO_ROW
from online_trainer.embeddings.keys import RowKeys
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import VECTORS, EmbeddingSlab, Policy

WIDTH = 3
TABLES = [TableSpec("user", WIDTH, RowInit()), TableSpec("item", WIDTH, RowInit())]
USER, ITEM = range(2)


def slab(admit_after: int = 1, **policy) -> EmbeddingSlab:
    return EmbeddingSlab(TABLES, RowAdagrad(0.1), Policy(admit_after=admit_after, **policy))


def keys(*ids: int, tag: int = USER) -> RowKeys:
    return RowKeys(np.array(ids, np.int64), np.full(len(ids), tag, np.int64))


def learn(
    table: EmbeddingSlab, given_keys: RowKeys, step: int, gradient: float = 1.0
) -> np.ndarray:
    rows = table.locate(given_keys, step)
    vectors = table.gather(rows)
    table.learn(rows, vectors, np.full_like(vectors, gradient), step)
    return rows


def vectors(table: EmbeddingSlab, given_keys: RowKeys) -> np.ndarray:
    return table.gather(table.find(given_keys))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1, max_size=60))
def test_no_two_ids_share_a_row_whatever_they_are(ids):
    table = slab()
    ids = [id_ for id_ in ids if id_ != 0]
    both = RowKeys(np.array(ids * 2, np.int64), np.repeat([USER, ITEM], len(ids)))
    rows = table.locate(both, step=1)
    assert len(set(rows.tolist())) == 2 * len(ids)
    assert (rows > len(TABLES)).all()
    assert (table.find(both) == rows).all()


def test_a_row_moves_the_same_in_a_large_batch_and_in_a_small_one():
    large, small = slab(), slab()
    rng = np.random.default_rng(0)
    for step in (1, 2):
        gradient = rng.normal(size=(40_000, WIDTH)).astype(np.float32)
        for table, size in ((large, 40_000), (small, 1_000)):
            for start in range(0, 40_000, size):
                part = slice(start, start + size)
                rows = table.locate(keys(*range(1 + start, 1 + start + size)), step)
                table.learn(rows, table.gather(rows), gradient[part], step)
    everything = keys(*range(1, 40_001))
    np.testing.assert_array_equal(vectors(large, everything), vectors(small, everything))


def test_one_step_moves_the_rows_of_its_batch_and_no_other():
    table = slab()
    learn(table, keys(*range(1, 2_000)), 1)
    before = {name: column.copy() for name, column in table.rows.columns.items()}
    used = table.rows.last_used(table.rows.all())
    rows = set(learn(table, keys(5, 700, 5), 2).tolist())
    for name, column in table.rows.columns.items():
        moved = np.flatnonzero((column != before[name]).any(axis=1))
        assert set(moved.tolist()) == rows, name
    assert set(table.rows.used_after(1).tolist()) == rows
    assert (table.rows.last_used(table.rows.all()) != used).sum() == len(rows)


def test_an_id_that_is_twice_in_a_batch_takes_the_sum_of_its_gradients_once():
    twice, once = slab(), slab()
    rows = twice.locate(keys(4, 9, 4), 1)
    gradient = np.arange(9, dtype=np.float32).reshape(3, 3)
    twice.learn(rows, twice.gather(rows), gradient, 1)
    rows = once.locate(keys(4, 9), 1)
    once.learn(rows, once.gather(rows), np.stack([gradient[0] + gradient[2], gradient[1]]), 1)
    assert np.array_equal(vectors(twice, keys(4, 9)), vectors(once, keys(4, 9)))


def test_padding_is_zeros_and_stays_so():
    table = slab()
    for step in range(1, 4):
        rows = learn(table, keys(0, 8, 0), step)
        assert rows[0] == rows[2] == NO_ROW
    assert not vectors(table, keys(0)).any()
    assert not table.rows.columns[VECTORS][NO_ROW].any()


def test_an_id_starts_at_the_same_vector_in_any_order_of_arrival():
    one, other = slab(), slab()
    one.locate(keys(3, 1, 2), 1)
    for id_ in (2, 3, 1):
        other.locate(keys(id_), 1)
    assert np.array_equal(vectors(one, keys(1, 2, 3)), vectors(other, keys(1, 2, 3)))


def test_what_is_learnt_does_not_depend_on_how_rows_are_numbered():
    one, other = slab(), slab()
    one.locate(keys(*range(1, 50)), 1)
    other.locate(keys(*range(49, 0, -1)), 1)
    rng = np.random.default_rng(0)
    for step in range(2, 12):
        batch = keys(*rng.integers(1, 50, 200).tolist())
        gradient = rng.normal(size=(200, WIDTH)).astype(np.float32)
        for table in (one, other):
            rows = table.locate(batch, step)
            table.learn(rows, table.gather(rows), gradient, step)
    everything = keys(*range(1, 50))
    assert np.array_equal(vectors(one, everything), vectors(other, everything))


def test_rare_ids_share_one_row_until_they_have_recurred():
    table = slab(admit_after=3)
    shared = learn(table, keys(11, 12, 11), 1)
    assert len(set(shared.tolist())) == 1
    assert len(table) == 0
    assert vectors(table, keys(999)).any(), "an unknown id has what rare ids have learnt"
    assert learn(table, keys(12), 2)[0] == shared[0]
    assert learn(table, keys(11), 3)[0] != shared[0]
    assert learn(table, keys(12), 4)[0] != shared[0]
    assert len(table) == 2
    assert len(table.admission.rows) == 0


def test_tables_do_not_share_the_row_of_their_rare_ids():
    table = slab(admit_after=2)
    user, item = learn(table, RowKeys(np.array([7, 7]), np.array([USER, ITEM])), 1)
    assert user != item


def test_an_id_that_is_frequent_at_once_is_admitted_at_once():
    table = slab(admit_after=3)
    learn(table, keys(5, 5, 5, 6), 1)
    assert len(table) == 1
    assert len(table.admission.rows) == 1


def test_dead_ids_give_their_rows_back_and_live_ones_stay():
    table = slab(expire_after=5, sweep_every=1)
    learn(table, keys(*range(1, 101)), 1)
    for step in range(2, 9):
        learn(table, keys(1, 2), step)
        table.expire(step)
    assert len(table) == 2
    end = table.rows.columns[VECTORS].shape[0]
    for step in range(9, 30):
        learn(table, keys(*range(1_000 * step, 1_000 * step + 90)), step)
        table.expire(step)
    assert table.rows.columns[VECTORS].shape[0] == end, "freed rows are used again"
    fresh = slab()
    fresh.locate(keys(1), 1)
    table.locate(keys(1), 40)
    assert np.array_equal(vectors(table, keys(1)), vectors(fresh, keys(1))), "it starts anew"


def test_a_row_that_is_used_again_starts_with_fresh_slots():
    table = slab(expire_after=1, sweep_every=1)
    for step in range(1, 5):
        learn(table, keys(1), step, gradient=9.0)
    table.expire(6)
    reused = table.locate(keys(2), 7)
    assert table.rows.columns["sum"][reused, 0] == pytest.approx(0.1)


def test_counts_of_rare_ids_expire_too_and_shared_rows_never():
    table = slab(admit_after=2, expire_after=3, sweep_every=1)
    shared = learn(table, keys(1), 1)
    for step in range(2, 8):
        table.expire(step)
    assert len(table.admission.rows) == 0
    assert learn(table, keys(1), 8)[0] == shared[0], "its first occurrence is forgotten"


def test_a_sweep_takes_place_only_when_it_is_due():
    table = slab(expire_after=1, sweep_every=10)
    learn(table, keys(1), 1)
    assert [step for step in range(2, 25) if table.expire(step)] == [10]


def test_admission_needs_a_count():
    with pytest.raises(ValueError, match=r"`admit_after` must be at least 1. Received: 0."):
        slab(admit_after=0)


def test_an_erased_id_counts_as_never_seen_and_the_next_delta_says_so():
    table = slab(admit_after=2)
    for step in (1, 2):
        learn(table, keys(5, 6), step)
    learn(table, keys(7), 2)  # counted once
    before = vectors(table, keys(6))
    table.erase(keys(5, 7, 8), step=2)
    assert table.rows.find(keys(5, 6)).tolist()[0] == NO_ROW
    assert (vectors(table, keys(6)) == before).all()
    assert table.rows.tombstones_after(2).ids.tolist() == [5]
    for step in (3, 4):
        rows = table.locate(keys(5, 7), step)
        assert (rows > len(TABLES)).all() == (step == 4)  # each must recur once more
