from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.ranking.fm import fm
from models.ranking.nfm import nfm
from tests.support.small_network import FIELDS, ROWS, field_vectors, first_order, randomised


def slow_pooled(w):
    """Eq. 3: the products of all pairs, summed."""
    pooled = np.zeros((2, 4))
    for v_i, v_j in combinations(field_vectors(w), 2):
        for n in range(2):
            for f in range(4):
                pooled[n, f] += v_i[n, f] * v_j[n, f]
    return pooled


def slow(w, x):
    for i in range(2):
        x = np.maximum(x @ w[f"deep_{i}/kernel"] + w[f"deep_{i}/bias"], 0.0)
    return first_order(w) + (x @ w["logit/kernel"] + w["logit/bias"])[:, 0]


def test_it_is_the_papers_equations():
    model = nfm(FIELDS, hidden=(5, 3))
    w = randomised(model)
    assert_allclose(model(ROWS)[:, 0], slow(w, slow_pooled(w)), rtol=1e-4, atol=1e-5)


def test_batch_normalisation_stands_between_the_pooling_and_the_mlp():
    model = nfm(FIELDS, hidden=(5, 3), batch_norm=True)
    w = randomised(model)
    norm = model.get_layer("pairs_norm")
    norm.moving_variance.assign(np.full(4, 2.0))
    mean, gamma, beta = (w[f"pairs_norm/{k}"] for k in ("moving_mean", "gamma", "beta"))
    x = gamma * (slow_pooled(w) - mean) / np.sqrt(2.0 + norm.epsilon) + beta
    assert_allclose(model(ROWS, training=False)[:, 0], slow(w, x), rtol=1e-4, atol=1e-5)


def test_dropout_takes_the_pooled_vector_and_the_mlp():
    model = nfm(FIELDS, hidden=(5, 3), dropout=0.3)
    rates = {layer.name: layer.rate for layer in model.layers if hasattr(layer, "rate")}
    assert rates == {"pairs_dropout": 0.3, "deep_0_dropout": 0.3, "deep_1_dropout": 0.3}


@pytest.mark.parametrize("ones", [True, False])
def test_without_hidden_layers_and_h_of_ones_it_is_a_factorisation_machine(ones):
    ours, machine = nfm(FIELDS, hidden=()), fm(FIELDS)
    values = randomised(machine)
    for weight in ours.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    logit = ours.get_layer("logit")
    logit.kernel.assign(np.full((4, 1), 1.0 if ones else 2.0))
    logit.bias.assign(values["bias/bias"])
    assert np.allclose(ours(ROWS), machine(ROWS), rtol=1e-4) == ones
