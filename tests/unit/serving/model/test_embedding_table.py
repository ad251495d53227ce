"""The embedding tables of serving against a dictionary."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.snapshots.layout import TableRows
from serving.model.embedding_table import EmbeddingTable


def rows(ids, seed, removed=()):
    vectors = np.random.default_rng(seed).normal(size=(len(ids), 3)).astype(np.float32)
    return TableRows(np.array(ids, np.int64), vectors, np.array(removed, np.int64))


some_ids = st.lists(st.integers(0, 12), unique=True, max_size=10)


@given(st.lists(st.tuples(some_ids, some_ids), max_size=5), st.integers(0, 1000))
def test_a_chain_of_changes_gives_what_a_dictionary_would_hold(changes, seed):
    table, expected, shared = EmbeddingTable.empty(3), {}, np.zeros(3, np.float32)
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
    one_by_one = np.concatenate([table.lookup(asked[i : i + 1]) for i in asked])
    assert one_by_one.tobytes() == table.lookup(asked).tobytes()
    assert len(table) == len(expected)


@given(st.lists(st.tuples(st.integers(0, 9), some_ids, some_ids, st.booleans()), max_size=12))
@settings(max_examples=300)
def test_every_version_that_is_held_stays_what_it_was_whatever_is_made_from_which(steps):
    """Versions are made from any that is alive, some are dropped, and some come to nothing."""
    alive = [(EmbeddingTable.empty(3), {0: np.zeros(3, np.float32)})]
    asked = list(range(1, 15))
    for seed, (which, ids, removed, is_kept) in enumerate(steps):
        table, expected = alive[which % len(alive)]
        change = rows(ids, seed, removed)
        newer = table.updated(change)
        if is_kept:
            found = {k: v for k, v in expected.items() if k not in removed or k == 0}
            alive.append((newer, found | dict(zip(ids, change.vectors, strict=True))))
        del newer, table
        if seed % 3 == 2:
            del alive[which % len(alive) : which % len(alive) + len(alive) // 2]
        for each, expected in alive:
            wanted = np.array([expected.get(id_, expected[0]) for id_ in asked])
            assert np.array_equal(each.lookup(np.array(asked)), wanted)
            one_by_one = [each.lookup(np.array([[id_]])) for id_ in asked]
            assert np.array_equal(np.concatenate(one_by_one, axis=1)[0], wanted)
            own = [id_ in expected for id_ in asked]
            assert len(each) == sum(own)


def test_a_table_with_many_ids_takes_new_ones_and_gives_up_removed_ones():
    ids = np.random.default_rng(3).permutation(np.arange(1, 200_001))
    table = EmbeddingTable.empty(3).updated(rows(ids[:190_000], seed=1))
    for number, part in enumerate(np.split(ids[190_000:], 10)):
        table = table.updated(rows(part, seed=number, removed=ids[number * 5 : number * 5 + 5]))
    gone = ids[:50]
    assert len(table) == 200_000 - 50
    assert table.has(ids).sum() == 200_000 - 50
    assert not table.has(gone).any()
    last = rows(ids[199_000:], seed=9)
    assert np.array_equal(table.lookup(last.ids), last.vectors)


def test_memory_does_not_grow_with_the_number_of_versions():
    table = EmbeddingTable.empty(3).updated(rows(range(1, 10_001), seed=0))
    before = table.updated(rows(range(1, 5_001), seed=1))
    sizes = set()
    for seed in range(30):
        before, table = table, table.updated(rows(range(1, 5_001), seed=seed))
        sizes.add(len(table._slots.values))
    assert max(sizes) <= 40_000
    assert len(before) == len(table) == 10_000


def test_a_reader_never_sees_half_a_change():
    """A thread makes versions in which all vectors are one number; readers see but one."""
    ids = np.arange(1, 30_001)

    def all_of(number: int) -> TableRows:
        return TableRows(ids, np.full((len(ids), 3), number, np.float32), ids[:0])

    current = [EmbeddingTable.empty(3).updated(all_of(0))]

    def change() -> None:
        for number in range(1, 60):
            current[0] = current[0].updated(all_of(number))

    thread = threading.Thread(target=change)
    thread.start()
    seen = []
    while thread.is_alive():
        found = current[0].lookup(ids)
        assert found.min() == found.max()
        seen.append(found.min())
    thread.join()
    assert seen == sorted(seen)


def test_lists_keep_their_shape_and_their_padding_is_zeros():
    table = EmbeddingTable.empty(3).updated(rows([0, 5, 9], seed=1))
    found = table.lookup(np.array([[5, 0], [7, 9]]))
    assert found.shape == (2, 2, 3)
    assert not found[0, 1].any()
    assert np.array_equal(found[1, 0], table.shared)


def test_an_update_leaves_the_table_before_it_as_it_was():
    table = EmbeddingTable.empty(3).updated(rows([5], seed=1))
    before = table.lookup(np.array([5])).copy()
    table.updated(rows([5], seed=2))
    assert np.array_equal(table.lookup(np.array([5])), before)


def test_vectors_of_another_width_are_refused():
    change = TableRows(np.array([1]), np.ones((1, 4), np.float32), np.array([], np.int64))
    with pytest.raises(ValueError, match=r"must have shape \(1, 3\). Received: \(1, 4\)"):
        EmbeddingTable.empty(3).updated(change)
