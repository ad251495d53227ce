import numpy as np
from numpy.testing import assert_allclose

from models.layers.pair_attention import PairAttention
from tests.support.small_network import randomised

PRODUCTS = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


def attention():
    layer = PairAttention(units=4, name="attention")
    layer(PRODUCTS)
    return layer, randomised(layer)


def test_it_is_the_equation():
    layer, w = attention()
    W, b = w["attention/hidden/kernel"], w["attention/hidden/bias"]
    h = w["attention/score/kernel"][:, 0]
    for n in range(2):
        scores = [sum(h[k] * max(x @ W[:, k] + b[k], 0.0) for k in range(4)) for x in PRODUCTS[n]]
        shares = [np.exp(s) / np.exp(scores).sum() for s in scores]
        expected = sum(a * x for a, x in zip(shares, PRODUCTS[n], strict=True))
        assert_allclose(layer(PRODUCTS)[n], expected, rtol=1e-4, atol=1e-5)


def test_shares_sum_to_one_over_the_pairs():
    layer, _ = attention()
    same = np.tile(PRODUCTS[:, :1], (1, 5, 1))
    assert_allclose(layer(same), same[:, 0], rtol=1e-5)


def test_shares_depend_on_the_products():
    layer, _ = attention()
    shares_are_even = np.allclose(layer(PRODUCTS), PRODUCTS.mean(axis=1), atol=1e-3)
    assert not shares_are_even


def test_its_config_makes_it_again():
    again = PairAttention.from_config(PairAttention(units=3, name="attention").get_config())
    assert (again.units, again.name) == (3, "attention")
