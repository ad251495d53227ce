from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.layers.products import MicroNetworks, OuterProduct
from tests.support.networks import with_random_weights

VECTORS = list(np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32))


def test_the_outer_product_is_the_sum_over_all_pairs():
    expected = [
        sum(np.outer(a[n], b[n]) for a in VECTORS for b in VECTORS).ravel() for n in range(5)
    ]
    assert_allclose(OuterProduct()(VECTORS), expected, rtol=1e-4, atol=1e-5)


def test_each_pair_has_a_network_of_its_own():
    layer = MicroNetworks((6, 3, 2))
    layer(VECTORS)
    w = with_random_weights(layer)
    for n in range(5):
        expected = []
        for p, (a, b) in enumerate(combinations(VECTORS, 2)):
            x = np.concatenate([a[n], b[n], a[n] * b[n]])
            for i in range(3):
                x = x @ w[f"kernel_{i}"][p] + w[f"bias_{i}"][p]
                x = np.maximum(x, 0.0) if i < 2 else x
            expected.append(x)
        assert_allclose(layer(VECTORS)[n], np.concatenate(expected), rtol=1e-4, atol=1e-5)


def test_networks_without_layers_are_refused():
    with pytest.raises(ConfigurationError, match="`hidden` of micro networks must have at least"):
        MicroNetworks(())


def test_its_config_makes_it_again():
    assert MicroNetworks.from_config(MicroNetworks([4, 2]).get_config()).hidden == (4, 2)
