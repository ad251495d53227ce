"""The loss of a batch of sequences is that of NumPy, of every kind of negatives and any length."""

import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose

from models.catalogue import find
from models.sequences.losses import sequence_loss
from models.sequences.network import NextItemNetwork, built

ITEMS = 30


@pytest.fixture(scope="module")
def model():
    return built(find("sasrec"), ITEMS, 4, 5, {"blocks": 1}, has_times=False)


def log_loss(x):
    return np.log1p(np.exp(-x))


@pytest.mark.parametrize("count", [0, 2, 12])
def test_the_loss_is_the_mean_over_entries_with_a_target(model, count):
    name = "bce" if count else "softmax"
    network = NextItemNetwork(model, sequence_loss(name, count or None, ITEMS), ITEMS)
    rng = np.random.default_rng(count)
    history, target = np.array([[3, 9, 1], [7, 0, 0]]), np.array([[5, 3, 9], [8, 0, 0]])
    shape = (2, 12) if network.loss_of.is_shared else (2, 3, count)
    negatives = rng.integers(1, ITEMS + 1, shape)
    given = {"history": history, "target": target, "negatives": negatives}
    whole = {"history": np.pad(history, [(0, 0), (0, 2)])}
    states = ops.convert_to_numpy(model.sequence(whole))
    rows = ops.convert_to_numpy(model.candidate({"item_id": np.arange(1, ITEMS + 1)}))
    logits, losses = states @ rows.T, []
    for u, k in [(0, 0), (0, 1), (0, 2), (1, 0)]:
        own, positive = logits[u, k], logits[u, k, target[u, k] - 1]
        if not count:
            losses.append(np.log(np.exp(own).sum()) - positive)
            continue
        others = own[(negatives[u] if network.loss_of.is_shared else negatives[u, k]) - 1]
        losses.append((log_loss(positive) + log_loss(-others).sum()) / (count + 1))
    assert_allclose(float(network(given)), np.mean(losses), rtol=1e-5)
