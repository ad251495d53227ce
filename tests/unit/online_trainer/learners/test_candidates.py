"""The candidates of autoencoders: the items of the batch's lists, each once, and whose they are."""

import numpy as np
from numpy.testing import assert_array_equal

from online_trainer.learners.batch import Batch
from online_trainer.learners.candidates import ListsOfBatch, memberships


def batch(items, recent):
    rows = np.ones(len(items), np.float32)
    inputs = {"item_id": np.array(items), "recent": np.array(recent)}
    return Batch(inputs, rows, rows, np.ones(len(items), bool))


def test_positives_come_first_then_what_else_is_in_a_list_but_no_padding():
    given = batch([5, 9, 5], [[9, 0, 0], [2, 5, 0], [7, 2, 7]])
    columns, whose = ListsOfBatch("recent").of(given, ["item_id"], step=1)
    assert columns["item_id"].tolist() == [5, 9, 5, 2, 7]
    assert whose.tolist() == [[1, 1, -1, 0, 0], [1, 1, -1, 1, 0], [1, 0, -1, 1, 1]]


def test_without_a_history_a_list_is_its_new_item():
    columns, whose = ListsOfBatch(None).of(batch([5, 9], [[1], [2]]), ["item_id"], step=1)
    assert columns["item_id"].tolist() == [5, 9]
    assert_array_equal(whose, np.eye(2))


def test_of_many_items_some_are_drawn_anew_at_each_step():
    given = batch([1], [np.arange(2, 100)])
    candidates = ListsOfBatch("recent", most=10)
    one, again, next_one = (
        candidates.of(given, ["item_id"], step)[0]["item_id"] for step in (1, 1, 2)
    )
    assert_array_equal(one, again)
    assert len(one) == len(np.unique(one)) == 11
    assert one[0] == 1
    assert not np.array_equal(one, next_one)


def test_memberships_are_those_of_a_loop():
    rng = np.random.default_rng(3)
    lists, candidates = rng.integers(0, 20, (6, 8)), rng.integers(1, 20, 12)
    for row, found in zip(lists, memberships(lists, candidates), strict=True):
        for place, item in enumerate(candidates):
            is_repeat = item in candidates[:place]
            assert found[place] == (-1 if is_repeat else item in row)
