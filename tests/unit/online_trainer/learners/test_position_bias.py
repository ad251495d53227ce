"""The place of an item: learnt apart from the item, in training alone."""

import keras
import numpy as np
import pytest

from models.fields import Field
from models.ranking.lr import lr
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.position_bias import PLACES, PositionBias
from online_trainer.learners.ranker import Ranker

RNG = np.random.default_rng(0)
# The better an item is, the further down it is shown.
CHANCES, PLACE_OF = np.array([0.2, 0.3, 0.4]), np.array([0, 4, 9])
SEEN = np.array([1.0, 0.9, 0.8, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15])


def ranker(dropout):
    keras.utils.set_random_seed(3)
    network = lr([Field("item_id", width=1)])
    parts = split(network)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad(0.3)}, Policy(admit_after=1))
    optimiser = keras.optimizers.SGD(0.1)
    return Ranker(network, parts, tables, optimiser, position_dropout=dropout)


def shown(rows):
    """Items, half of the time at a place of chance, and whether somebody who looked took them."""
    items = RNG.integers(0, 3, rows)
    places = np.where(RNG.random(rows) < 0.5, RNG.integers(0, 10, rows), PLACE_OF[items])
    labels = (RNG.random(rows) < CHANCES[items] * SEEN[places]).astype(np.float32)
    return batch(items, places, labels)


def batch(items, places, labels):
    count = len(items)
    return Batch(
        {"item_id": items.astype(np.int64) + 1},
        labels,
        np.ones(count, np.float32),
        labels > 0.5,
        is_shown=np.ones(count, bool),
        positions=np.asarray(places, np.int32),
    )


def scores(ours):
    return ours.score(batch(np.arange(3), [0, 0, 0], np.zeros(3, np.float32)))


@pytest.mark.parametrize(("dropout", "order"), [(0.1, [0, 1, 2]), (None, [2, 1, 0])])
def test_items_are_ordered_by_what_they_are_worth_only_where_places_are_known(dropout, order):
    ours = ranker(dropout)
    for _ in range(300):
        ours.learn(shown(256))
    assert np.argsort(scores(ours)).tolist() == order


def test_a_place_moves_no_score():
    ours = ranker(0.0)
    for _ in range(20):
        ours.learn(shown(256))
    first, last = (ours.score(batch(np.arange(3), [n] * 3, np.zeros(3))) for n in (0, 9))
    assert first.tolist() == last.tolist()
    labels = np.ones(3, np.float32)
    assert ours.learn(batch(np.arange(3), [9] * 3, labels)).scores == pytest.approx(first, abs=1e-6)


def test_the_share_of_hidden_places_is_that_of_dropout_and_the_same_at_the_same_step():
    bias, places = PositionBias(1, 0.3), np.full(10_000, 5)
    hidden = bias.visible(places, 7)
    assert (hidden == -1).mean() == pytest.approx(0.3, abs=0.02)
    assert hidden.tolist() == bias.visible(places, 7).tolist()
    assert hidden.tolist() != bias.visible(places, 8).tolist()
    assert PositionBias(1, 0.0).visible(np.array([-1, 500]), 1).tolist() == [-1, PLACES - 1]


def test_biases_of_tasks_and_places_are_looked_up_and_unknown_ones_are_0():
    bias = PositionBias(2, 0.0)
    bias.tensor.assign(np.arange(2 * PLACES, dtype=np.float32).reshape(2, PLACES))
    found = bias.of(np.array([3, -1, 0], np.int32), np.array([1, 1, 0], np.int32))
    assert found.numpy().tolist() == [PLACES + 3.0, 0.0, 0.0]


def test_biases_are_state_of_the_ranker():
    ours, other = ranker(0.1), ranker(0.1)
    ours.learn(shown(64))
    assert np.abs(ours.memory()["position_bias"]).max() > 0.0
    other.restore_memory(ours.memory())
    assert other.memory()["position_bias"].tolist() == ours.memory()["position_bias"].tolist()
    assert ranker(None).memory() == {}
