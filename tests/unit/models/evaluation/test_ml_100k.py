"""MovieLens-100K as a dataset for evaluation, from a few made-up ratings."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from millstream.datasets import ml_100k as source
from millstream.datasets.ml_100k_sources import Film, Person, Rating, Tables
from models.evaluation import ml_100k

TABLES = Tables(
    ratings=[
        Rating(1000, 1, 10, 5),
        Rating(1060, 2, 10, 3),
        Rating(1060, 1, 20, 4),
        Rating(2000, 1, 10, 1),
    ],
    films=[Film(10, "A", 1990, ("Comedy", "Drama")), Film(20, "B", 0, ())],
    people=[Person(1, 30, "F", "writer"), Person(2, 50, "M", "artist")],
)


@pytest.fixture(autouse=True)
def _made_up(monkeypatch):
    monkeypatch.setattr(source, "load", lambda: source.MovieLens(TABLES))


def test_four_stars_and_more_are_positive_within_users():
    dataset = ml_100k.load()
    assert_array_equal(dataset.labels, [1, 0, 1, 0])
    assert_array_equal(dataset.times, [1000, 1060, 1060, 2000])
    assert_array_equal(dataset.groups, [1, 2, 1, 1])
    assert "recent" not in dataset.columns


def test_attributes_are_those_of_the_user_and_the_film():
    columns = ml_100k.load().columns
    assert_array_equal(columns["age"], [30, 50, 30, 30])
    assert_array_equal(columns["release_year"], [1990, 1990, 0, 1990])
    assert_array_equal(columns["occupation"], [2, 1, 2, 2])
    assert_array_equal((columns["genres"] > 0).sum(axis=1), [2, 2, 0, 2])


def test_history_is_what_the_user_rated_before_newest_first():
    dataset = ml_100k.load(history=True)
    recent, times = dataset.columns["recent"], dataset.columns["recent_times"]
    assert_array_equal(recent[:, :3], [[0, 0, 0], [0, 0, 0], [10, 0, 0], [20, 10, 0]])
    assert_array_equal(times[:, :3], [[0, 0, 0], [0, 0, 0], [1, 0, 0], [61, 1, 0]])


def test_history_is_cut_to_its_newest():
    items, rows = ml_100k.rated_before(np.ones(5, int), np.arange(1, 6), 2)
    assert_array_equal(items[-1], [4, 3])
    assert_array_equal(rows[-1], [3, 2])
