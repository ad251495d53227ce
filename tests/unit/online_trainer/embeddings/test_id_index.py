import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_trainer.embeddings.id_index import IdIndex
from online_trainer.embeddings.keys import RowKeys

EXTREMES = [1, -1, 2**63 - 1, -(2**63), 2**62, 0]


def keys(pairs):
    ids, tags = zip(*pairs, strict=True) if pairs else ((), ())
    return RowKeys(np.array(ids, np.int64), np.array(tags, np.int64))


@given(st.lists(st.tuples(st.sampled_from(["insert", "remove"]), st.integers(0, 60)), max_size=200))
def test_it_answers_as_a_dict_does_whatever_is_inserted_and_removed(operations):
    index = IdIndex()
    oracle: dict[tuple[int, int], int] = {}
    universe = [(id_, tag) for id_ in (*EXTREMES, *range(2, 16)) for tag in range(3)]
    for number, (operation, choice) in enumerate(operations, start=1):
        pair = universe[choice % len(universe)]
        if operation == "remove":
            index.remove(keys([pair]))
            oracle.pop(pair, None)
        elif pair not in oracle:
            index.insert(keys([pair]), np.array([number]))
            oracle[pair] = number
    assert index.find(keys(universe)).tolist() == [oracle.get(pair, 0) for pair in universe]
    assert len(index) == len(oracle)


def test_a_million_ids_that_differ_in_few_bits_all_keep_their_own_value():
    count = 1_000_000
    families = [np.arange(count // 4) << shift for shift in (0, 17, 32, 44)]
    ids = np.unique(np.concatenate(families))[1:]
    index = IdIndex()
    both = RowKeys(np.concatenate([ids, ids]), np.repeat([0, 1], len(ids)))
    values = np.arange(1, len(both.ids) + 1)
    for part in np.array_split(np.arange(len(values)), 7):
        index.insert(both.take(part), values[part])
    assert (index.find(both) == values).all()


def test_ids_that_are_not_there_are_not_found():
    index = IdIndex()
    index.insert(keys([(5, 0)]), np.array([9]))
    assert index.find(keys([(5, 1), (6, 0), (5, 0)])).tolist() == [0, 0, 9]


def test_ids_that_come_and_go_do_not_fill_the_index():
    index = IdIndex()
    for turn in range(300):
        pairs = keys([(turn * 100 + i, 0) for i in range(1, 101)])
        index.insert(pairs, np.arange(1, 101))
        index.remove(pairs)
    assert len(index) == 0
    assert index.memory_bytes < 200_000


@pytest.mark.parametrize("size", [0, 1, 4096])
def test_a_whole_batch_may_be_new_and_of_any_size(size):
    index = IdIndex()
    ids = np.arange(1, size + 1)
    index.insert(RowKeys(ids, np.zeros(size, np.int64)), ids)
    assert (index.find(RowKeys(ids, np.zeros(size, np.int64))) == ids).all()
