"""Parts of a dataset: whole, apart, and in time."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from millstream.errors import ConfigurationError
from models.evaluation.splits import default_split, in_time_order, split


@pytest.mark.parametrize("kind", ["random", "time"])
def test_every_row_is_in_one_part(dataset, kind):
    parts = split(dataset, kind)
    assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(dataset)))
    assert [len(part) for part in parts] == [4320, 480, 1200]


def test_a_random_split_goes_by_its_seed(dataset):
    assert_array_equal(split(dataset, "random", 3).test, split(dataset, "random", 3).test)
    assert set(split(dataset, "random", 3).test) != set(split(dataset, "random", 4).test)


def test_in_time_nothing_that_is_learnt_is_newer_than_what_is_scored(make):
    times = np.random.default_rng(0).integers(0, 900, 6000)
    dataset = make(times=times)
    train, valid, test = split(dataset, "time")
    assert times[train].max() <= times[valid].min()
    assert times[valid].max() <= times[test].min()


def test_rows_of_one_time_stay_in_their_order(make):
    assert_array_equal(in_time_order(make(times=np.zeros(6000))), np.arange(6000))


def test_parts_that_the_dataset_gives_are_kept(make):
    given = np.arange(6000) % 3
    parts = split(make(parts=given), "given")
    for part, rows in enumerate(parts):
        assert_array_equal(rows, np.flatnonzero(given == part))


def test_validation_rows_are_drawn_from_the_training_rows_where_none_are_given(make):
    given = np.where(np.arange(6000) < 5000, 0, 2)
    train, valid, test = split(make(parts=given), "given")
    assert (len(train), len(valid), len(test)) == (4500, 500, 1000)
    assert set(train) | set(valid) == set(range(5000))


def test_the_default_is_what_the_dataset_gives(dataset, make):
    assert default_split(dataset) == "random"
    assert default_split(make(parts=np.zeros(6000, int))) == "given"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("given", "dataset 'planted' comes in one part"),
        ("time", "needs a time in each row; dataset 'planted' has none"),
        ("other", r"must be one of \('given', 'random', 'time'\). Received: 'other'"),
    ],
)
def test_a_split_that_cannot_be_is_refused(make, kind, message):
    with pytest.raises(ConfigurationError, match=message):
        split(make(times=None), kind)
