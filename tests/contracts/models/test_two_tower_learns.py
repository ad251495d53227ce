"""The corrected softmax finds what it should: true popularity, whatever negatives are drawn."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.catalogue import build, find
from models.fields import Field
from models.losses.sampled_softmax import mixture_log_q, sampled_softmax
from models.losses.streaming_frequency import StreamingFrequency

CLUSTERS, ITEMS, BATCH, TEMPERATURE = 4, 80, 64, 0.2
PLACE = np.arange(ITEMS) // CLUSTERS  # of each item within its cluster
POPULAR = 2  # places that are shown 16 times as often as the others
FIELDS = (
    Field("user_id", width=8, rows=41, belongs_to="user"),
    Field("item_id", width=8, rows=ITEMS + 1, belongs_to="item"),
)


def positives(rng, n):
    """A user takes items of the user's own cluster, the popular ones 16 times as often."""
    users = rng.integers(1, 41, n)
    shown = np.where(np.arange(ITEMS // CLUSTERS) < POPULAR, 16.0, 1.0)
    place = rng.choice(ITEMS // CLUSTERS, n, p=shown / shown.sum())
    return users, 1 + users % CLUSTERS + CLUSTERS * place


def trained(entry, *, uniform, corrected=True, steps=300):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    towers = build(entry.name, FIELDS, dim=8, hidden=())
    optimizer = keras.optimizers.Adam(0.03)
    frequency = StreamingFrequency(slots=1024, alpha=0.05)

    @tf.function
    def step(users, ids, log_q):
        with tf.GradientTape() as tape:
            queries = towers.query({"user_id": users}, training=True)
            candidates = towers.candidate({"item_id": ids}, training=True)
            loss = sampled_softmax(queries, candidates, ids, log_q, temperature=TEMPERATURE)
        weights = towers.model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    losses = []
    for _ in range(steps):
        users, items = positives(rng, BATCH)
        ids = np.r_[items, rng.integers(1, ITEMS + 1, uniform)]
        frequency.update(items)
        log_q = mixture_log_q(frequency.probability(ids), uniform_draws=uniform, items=ITEMS)
        losses.append(float(step(users, ids, log_q if corrected else np.zeros_like(log_q))))
    return towers, losses


def logits_of(towers):
    """(users, items): s / tau, and whether an item is of the user's cluster."""
    users, items = np.arange(1, 41), np.arange(1, ITEMS + 1)
    queries = keras.ops.convert_to_numpy(towers.query({"user_id": users}))
    candidates = keras.ops.convert_to_numpy(towers.candidate({"item_id": items}))
    own = (items - 1) % CLUSTERS == users[:, None] % CLUSTERS
    return queries @ candidates.T / TEMPERATURE, own


def popularity_gap(towers):
    """Mean logit of the popular items of the own cluster over that of the others in it."""
    logits, own = logits_of(towers)
    return logits[own & (PLACE < POPULAR)].mean() - logits[own & (PLACE >= POPULAR)].mean()


@pytest.fixture
def entry():
    return find("two_tower")


def test_it_finds_the_items_that_a_user_takes(entry):
    towers, losses = trained(entry, uniform=32)
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) - 0.5
    logits, own = logits_of(towers)
    nearest = np.argsort(-logits, axis=1)[:, :10]
    assert np.take_along_axis(own, nearest, axis=1).mean() > 0.95


@pytest.mark.parametrize("uniform", [0, 32])
def test_corrected_scores_hold_the_true_popularity_of_items(entry, uniform):
    towers, _ = trained(entry, uniform=uniform)
    assert popularity_gap(towers) == pytest.approx(np.log(16.0), abs=0.25)


def test_without_the_correction_popular_items_are_held_down(entry):
    towers, _ = trained(entry, uniform=0, corrected=False)
    assert popularity_gap(towers) < 0.7 * np.log(16.0)
