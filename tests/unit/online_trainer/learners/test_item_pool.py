import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fields import Field
from online_trainer.learners.item_pool import ItemPool

FIELDS = [Field("item_id", width=4), Field("tags", width=4, length=2), Field("year", "float")]


def rows(ids: list[int], year: float = 0.0) -> dict[str, np.ndarray]:
    return {
        "item_id": np.array(ids, np.int64),
        "tags": np.stack([np.array(ids), np.zeros(len(ids))], axis=1).astype(np.int64),
        "year": np.full(len(ids), year, np.float32),
    }


def ids(pool: ItemPool) -> set[int]:
    return set(pool.columns["item_id"][: len(pool)].tolist())


@given(st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=5), min_size=1, max_size=12))
def test_it_holds_distinct_items_the_newest_newcomers_and_their_own_columns(batches):
    pool = ItemPool(FIELDS, capacity=5)
    for number, batch in enumerate(batches):
        pool.update(rows(batch, float(number)))
        held = pool.columns["item_id"][: len(pool)]
        assert len(set(held.tolist())) == len(held) <= 5
        assert (pool.columns["tags"][: len(pool), 0] == held).all()
        here = np.isin(held, batch)
        assert (pool.columns["year"][: len(pool)][here] == number).all()


def test_the_oldest_item_makes_place_for_a_new_one():
    pool = ItemPool(FIELDS, capacity=3)
    for item in (1, 2, 3, 1, 4):
        pool.update(rows([item]))
    assert ids(pool) == {2, 3, 4}


def test_draws_are_uniform_and_the_same_for_the_same_step():
    pool = ItemPool(FIELDS, capacity=10)
    pool.update(rows(list(range(1, 6))))
    drawn = pool.draw(5_000, step=3)
    assert np.array_equal(drawn["item_id"], pool.draw(5_000, step=3)["item_id"])
    assert not np.array_equal(drawn["item_id"], pool.draw(5_000, step=4)["item_id"])
    assert np.bincount(drawn["item_id"])[1:].min() > 900


def test_a_restored_pool_goes_on_as_the_one_it_was_taken_from():
    one = ItemPool(FIELDS, capacity=4)
    one.update(rows([1, 2, 3, 4, 5]))
    other = ItemPool(FIELDS, capacity=4)
    other.restore(one.state())
    for pool in (one, other):
        pool.update(rows([2, 9, 7], year=1.0))
    for name in one.columns:
        assert np.array_equal(one.columns[name], other.columns[name])


def test_it_needs_room():
    with pytest.raises(ValueError, match=r"`capacity` must be at least 1. Received: 0."):
        ItemPool(FIELDS, capacity=0)
