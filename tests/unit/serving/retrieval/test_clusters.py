"""Searches in clusters against searches of everything, and what is said of the difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.clock import FakeClock
from serving.metrics import Metrics
from serving.retrieval.clusters import Clusters, centres_of, sample
from serving.retrieval.item_index import ItemIndex
from serving.retrieval.recall import RecallProbe

DIM = 4
CORNERS = 10.0 * np.eye(DIM, dtype=np.float32)


def around(corners: np.ndarray, each: int, seed: int = 1) -> np.ndarray:
    """So many vectors near each corner, corner by corner."""
    rng = np.random.default_rng(seed)
    vectors = np.repeat(corners, each, axis=0)
    return (vectors + rng.normal(scale=0.1, size=vectors.shape)).astype(np.float32)


def cornered(each: int = 200, share: float = 0.01) -> ItemIndex:
    """An index of four clusters, one around each corner."""
    index, vectors = ItemIndex(DIM, share), around(CORNERS, each)
    index._clusters = Clusters(CORNERS)
    index.put(np.arange(len(vectors)), vectors)
    return index


def test_centres_are_the_means_of_what_is_apart():
    centres = centres_of(around(CORNERS, 40))
    assert len(centres) == DIM
    means = around(CORNERS, 40).reshape(DIM, 40, DIM).mean(axis=1)
    near = np.linalg.norm(centres[:, None] - means[None], axis=2).min(axis=1)
    assert near.max() < 5.0  # each lies where something is, at the least between two corners


def test_a_sample_is_of_what_is_there_and_no_larger_than_it_needs_to_be():
    rows = np.arange(7, 90_007, 3)
    chosen = sample(rows)
    assert len(np.unique(chosen)) == len(chosen) == 40 * round(30_000**0.5)
    assert np.isin(chosen, rows).all()
    assert len(sample(rows[:0])) == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_looking_at_every_cluster_finds_what_looking_at_everything_does(seed, k):
    rng = np.random.default_rng(seed)
    index = ItemIndex(DIM, share=1.0)
    index.cluster(rng.normal(size=(160, DIM)))
    present: set[int] = set()
    for _ in range(5):  # additions, replacements, vectors that are none and deletions, in any order
        rows = np.unique(rng.integers(0, 900, size=200))
        vectors = rng.normal(size=(len(rows), DIM)).astype(np.float32)
        vectors[rng.random(len(rows)) < 0.1] = np.nan
        index.put(rows, vectors)
        gone = np.unique(rng.integers(0, 900, size=20))
        index.drop(gone)
        is_there = np.isfinite(vectors).all(axis=1)
        present = (present - set(rows[~is_there].tolist())) | set(rows[is_there].tolist())
        present -= set(gone.tolist())
    assert sorted(index._clusters.near(np.zeros(DIM), 10_000).tolist()) == sorted(present)
    query, allowed = rng.normal(size=(2, DIM)), rng.random(700) < 0.9
    for one in (query, query[0]):
        rows, scores = index.search(one, k, allowed)
        expected, best = index.exact(one, k, allowed)
        assert rows.tolist() == expected.tolist()
        assert scores == pytest.approx(best, abs=1e-5)


def test_only_the_nearest_clusters_are_looked_at():
    index = cornered()
    near = index._clusters.near(CORNERS[2], 10)
    assert sorted(near.tolist()) == list(range(400, 600))
    two = index._clusters.near(CORNERS[[0, 2]] * [[1.0], [2.0]], 201)
    assert sorted(two.tolist()) == [*range(200), *range(400, 600)]
    rows, _ = index.search(CORNERS[2], 20)
    assert rows.tolist() == index.exact(CORNERS[2], 20)[0].tolist()


def test_a_row_is_found_where_its_newest_vector_is():
    index = cornered()
    index.put(np.array([0]), 2 * CORNERS[[3]])
    assert index.search(CORNERS[3], 1)[0].tolist() == [0]
    assert 0 not in index._clusters.near(CORNERS[0], 10)
    index.put(np.array([5_000]), 3 * CORNERS[[3]])  # a new item
    assert index.search(CORNERS[3], 2)[0].tolist() == [5_000, 0]
    index.drop(np.array([5_000]))
    assert index.search(CORNERS[3], 1)[0].tolist() == [0]


@pytest.mark.parametrize("few", [3, 150, 250])
def test_what_few_are_allowed_is_found_wherever_it_is(few):
    index = cornered()
    allowed = np.zeros(800, bool)
    allowed[:few] = True  # all far from the query
    rows, _ = index.search(CORNERS[3], 40, allowed)
    assert rows.tolist() == index.exact(CORNERS[3], 40, allowed)[0].tolist()
    assert len(rows) == min(few, 40)


def test_recall_is_what_the_search_finds_of_the_best_and_is_said_where_it_is_low(caplog):
    vectors = np.concatenate([around(CORNERS, 2_000), np.zeros((8_000, DIM), np.float32)])
    index = ItemIndex(DIM, share=0.01)
    index._clusters = Clusters(np.concatenate([CORNERS, np.zeros((1, DIM), np.float32)]))
    index.put(np.arange(len(vectors)), vectors)
    metrics = Metrics()
    probe = RecallProbe(lambda: index, metrics, FakeClock(0.0))
    probe.measure()
    assert probe.recall is None  # nobody has asked
    index.search(CORNERS[0], 5)
    probe.measure()
    assert probe.recall == 1.0
    index._vectors.put(np.arange(2_000), np.zeros(DIM))  # the cluster says what is no more
    index.search(CORNERS[0], 5)
    probe.measure()
    assert probe.recall == pytest.approx(0.5)
    assert "finds 0.500 of the best 400 items" in caplog.text
    probe.measure()  # the same search says nothing new
    value = metrics.registry.get_sample_value("millstream_serving_index_recall")
    assert value == pytest.approx(0.5)


def test_recall_of_an_exact_index_is_one():
    index = ItemIndex(DIM)
    probe = RecallProbe(lambda: index, Metrics(), FakeClock(0.0))
    probe.measure()
    assert probe.recall == 1.0
