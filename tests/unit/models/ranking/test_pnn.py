from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.ranking.pnn import pnn
from tests.support.networks import FIELDS, ROWS, mlp, vectors, with_random_weights

PAIRS = list(combinations(range(len(FIELDS)), 2))


def inner(w, e):
    return [[e[i] @ e[j] for i, j in PAIRS]]


def outer(w, e):
    total = sum(e)
    return [[a * b for a in total for b in total]]


def kernel(w, e):
    return [[e[i] @ w["products/kernel"][p] @ e[j] for p, (i, j) in enumerate(PAIRS)]]


def micro(w, e):
    outputs = []
    for p, (i, j) in enumerate(PAIRS):
        x = np.concatenate([e[i], e[j], e[i] * e[j]])
        x = np.maximum(x @ w["products/kernel_0"][p] + w["products/bias_0"][p], 0.0)
        outputs.append(x @ w["products/kernel_1"][p] + w["products/bias_1"][p])
    return outputs


def slow(w, products, with_vectors):
    """l_1 = ReLU(l_z + l_p + b) and the layer above it, a row at a time."""
    logits = []
    for e in np.stack(vectors(w), axis=1):
        z = [e.ravel()] if with_vectors else []
        x = np.concatenate([*z, *products(w, e)])
        logits.append(mlp(w, x, "deep") @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


@pytest.mark.parametrize("products", [inner, outer, kernel])
def test_vectors_and_products_are_side_by_side(products):
    model = pnn(FIELDS, product=products.__name__, hidden=(5, 3))
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, products, True), rtol=1e-4, atol=1e-5)


def test_micro_networks_stand_alone():
    model = pnn(FIELDS, product="micro", micro=(6, 2), hidden=(5, 3))
    w = with_random_weights(model)
    assert w["products/kernel_0"].shape == (10, 12, 6)
    assert w["deep_0/kernel"].shape == (20, 5)
    assert_allclose(model(ROWS), slow(w, micro, False), rtol=1e-4, atol=1e-5)


def test_a_product_that_is_unknown_is_refused():
    with pytest.raises(ConfigurationError) as error:
        pnn(FIELDS, product="cross")  # type: ignore[arg-type]
    assert str(error.value) == (
        "`product` must be one of ('inner', 'outer', 'kernel', 'micro'). Received: 'cross'."
    )


@pytest.mark.parametrize("product", ["inner", "kernel", "micro"])
def test_one_field_alone_has_no_pairs(product):
    with pytest.raises(ConfigurationError, match="at least two"):
        pnn(FIELDS[:1], product=product)
