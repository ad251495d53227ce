import numpy as np
from numpy.testing import assert_allclose

from models.layers.field_attention import FieldAttention
from tests.support.networks import with_random_weights

E = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)


def test_it_is_the_equation():
    layer = FieldAttention(heads=2, head_width=3)
    layer(E)
    w = with_random_weights(layer)
    expected = np.zeros((2, 5, 6))
    for n in range(2):
        for m in range(5):
            for h in range(2):
                own = slice(3 * h, 3 * h + 3)
                q = E[n, m] @ w["query/kernel"][:, own]
                scores = [np.exp(q @ (E[n, k] @ w["key/kernel"][:, own])) for k in range(5)]
                for k in range(5):
                    value = E[n, k] @ w["value/kernel"][:, own]
                    expected[n, m, own] += scores[k] / sum(scores) * value
            expected[n, m] += E[n, m] @ w["residual/kernel"]
    assert_allclose(layer(E), np.maximum(expected, 0.0), rtol=1e-4, atol=1e-5)


def test_fields_in_another_order_give_the_same_in_that_order():
    layer = FieldAttention()
    order = [3, 0, 4, 1, 2]
    assert_allclose(np.array(layer(E))[:, order], layer(E[:, order]), atol=1e-5)


def test_its_config_makes_it_again():
    again = FieldAttention.from_config(FieldAttention(3, 5).get_config())
    assert (again.heads, again.head_width) == (3, 5)
