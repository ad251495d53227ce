import numpy as np
import pytest

from models.evaluation.lists.protocols import (
    Interactions,
    leave_one_out,
    random_split,
    strong_generalisation,
    time_split,
)
from models.evaluation.lists.ragged import Ragged


@pytest.fixture
def log():
    """User 0: items 5 3 1 4 by time; user 1: 2 2 0; user 2: 1 0 (too few to be asked)."""
    return Interactions(
        users=np.array([0, 1, 0, 2, 0, 1, 1, 0, 2]),
        items=np.array([3, 2, 1, 1, 5, 2, 0, 4, 0]),
        times_s=np.array([20.0, 1, 30, 5, 10, 2, 3, 30, 6]),
        user_count=3,
        item_count=6,
    )


def lists(ragged):
    return [ragged[i].tolist() for i in range(len(ragged))]


def test_leave_one_out_asks_for_the_last_and_the_last_but_one(log):
    found = leave_one_out(log)
    assert lists(found.train) == [[5, 3], [2], [1, 0]]
    assert found.test.users.tolist() == [0, 1]
    assert lists(found.test.history) == [[5, 3, 1], [2, 2]]
    assert lists(found.test.relevant) == [[4], [0]]
    assert found.test.times_s.tolist() == [30, 3]
    # User 1 had the item before: no list may hold it, so there is no question.
    assert (found.valid.users.tolist(), lists(found.valid.relevant)) == ([0], [[1]])
    kept = leave_one_out(log, seen_removed=False).valid
    assert (lists(kept.relevant), lists(kept.seen)) == ([[1], [2]], [[], []])


def test_strong_generalisation_never_learns_from_those_it_asks():
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(30), 10)
    items = np.concatenate([rng.permutation(40)[:10] for _ in range(30)])
    log = Interactions(users, items, None, 30, 40)
    found = strong_generalisation(log, held_out=5, seed=1)
    assert len(found.train) == 20
    everything = []
    for part in (found.valid, found.test):
        assert part.users.tolist() == [-1] * 5
        assert part.history.sizes.tolist() == [8] * 5
        assert part.relevant.sizes.tolist() == [2] * 5
        everything += [
            sorted(part.history[q].tolist() + part.relevant[q].tolist()) for q in range(5)
        ]
    everything += [sorted(each) for each in lists(found.train)]
    whole = [sorted(each) for each in lists(log.by_user())]
    assert sorted(everything) == sorted(whole)
    with pytest.raises(ValueError, match="`held_out` must be above 0, and below half of 30"):
        strong_generalisation(log, held_out=15)


def test_a_split_by_time_learns_nothing_of_what_comes_after(log):
    found = time_split(log, test_share=2 / 9)
    assert found.train.sizes.sum() == 5
    assert found.test.users.tolist() == [0]
    assert lists(found.test.relevant) == [[1, 4]]
    assert lists(found.test.history) == [[5, 3]]
    assert found.test.times_s.tolist() == [30]
    with pytest.raises(ValueError, match="`times_s` must be given"):
        time_split(log._replace(times_s=None))
    with pytest.raises(ValueError, match=r"`test_share` must be in \(0, 0.5\)"):
        time_split(log, test_share=0.5)


def test_a_random_split_asks_for_each_row(log):
    found = random_split(log, test_share=0.34, seed=2)
    assert len(found.test) == 3
    assert found.train.sizes.sum() == 6
    for q in range(3):
        user = found.test.users[q]
        assert lists(found.test.history)[q] == lists(found.train)[user]
        assert found.test.relevant[q][0] in log.items[log.users == user]


def test_lists_in_two_arrays_are_taken_and_padded():
    ragged = Ragged.of(np.array([0, 2, 0, 2, 2]), np.array([9, 5, 8, 6, 7]), 3)
    assert lists(ragged.take(np.array([2, 1, 2]))) == [[5, 6, 7], [], [5, 6, 7]]
    assert ragged.padded(2).tolist() == [[10, 9], [0, 0], [7, 8]]
    assert ragged.mask(np.array([1, 0]), 10).nonzero()[1].tolist() == [8, 9]
    assert Ragged.empty(2).padded(3).tolist() == [[0, 0, 0], [0, 0, 0]]
    with pytest.raises(ValueError, match="`starts` must rise from 0 to 1"):
        Ragged(np.array([0, 2]), np.array([1]))
