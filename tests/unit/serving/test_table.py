"""The embedding tables of serving against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.snapshots.layout import TableRows
from serving.model.table import Table


def rows(ids, seed, removed=()):
    vectors = np.random.default_rng(seed).normal(size=(len(ids), 3)).astype(np.float32)
    return TableRows(np.array(ids, np.int64), vectors, np.array(removed, np.int64))


some_ids = st.lists(st.integers(0, 12), unique=True, max_size=10)


@given(st.lists(st.tuples(some_ids, some_ids), max_size=5), st.integers(0, 1000))
def test_a_chain_of_changes_gives_what_a_dictionary_would_hold(changes, seed):
    table, expected, shared = Table.empty(3), {}, np.zeros(3, np.float32)
    for number, (ids, removed) in enumerate(changes):
        change = rows(ids, seed + number, removed)
        table = table.updated(change)
        expected = {key: v for key, v in expected.items() if key not in removed}
        found = dict(zip(ids, change.vectors, strict=True))
        shared = found.pop(0, shared)
        expected |= found
    asked = np.arange(15)
    wanted = np.array([np.zeros(3) if i == 0 else expected.get(i, shared) for i in asked])
    assert np.array_equal(table.lookup(asked), wanted.astype(np.float32))
    assert len(table) == len(expected)


def test_lists_keep_their_shape_and_their_padding_is_zeros():
    table = Table.empty(3).updated(rows([0, 5, 9], seed=1))
    found = table.lookup(np.array([[5, 0], [7, 9]]))
    assert found.shape == (2, 2, 3)
    assert not found[0, 1].any()
    assert np.array_equal(found[1, 0], table.shared)


def test_an_update_leaves_the_table_before_it_as_it_was():
    table = Table.empty(3).updated(rows([5], seed=1))
    before = table.lookup(np.array([5])).copy()
    table.updated(rows([5], seed=2))
    assert np.array_equal(table.lookup(np.array([5])), before)


def test_vectors_of_another_width_are_refused():
    change = TableRows(np.array([1]), np.ones((1, 4), np.float32), np.array([], np.int64))
    with pytest.raises(ValueError, match=r"must have shape \(1, 3\). Received: \(1, 4\)"):
        Table.empty(3).updated(change)
