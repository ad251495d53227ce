import numpy as np
from numpy.testing import assert_allclose

from models.layers.cin import CompressedInteraction
from tests.support.networks import with_random_weights

VECTORS = list(np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32))


def test_it_is_the_equation():
    layer = CompressedInteraction((2, 3))
    layer(VECTORS)
    w = with_random_weights(layer)
    for n, row in enumerate(np.stack(VECTORS, axis=1)):
        x, pooled = row, []
        for k, count in enumerate((2, 3)):
            kernel = w[f"kernel_{k}"].reshape(len(x), 3, count)
            x = np.array([
                sum(kernel[i, j, h] * x[i] * row[j] for i in range(len(x)) for j in range(3))
                for h in range(count)
            ])  # fmt: skip
            pooled += [each.sum() for each in x]
        assert_allclose(layer(VECTORS)[n], pooled, rtol=1e-4, atol=1e-5)


def test_its_degree_grows_with_its_layers():
    layer = CompressedInteraction((2, 2, 2))
    once = np.array(layer(VECTORS))
    twice = np.array(layer([2 * v for v in VECTORS]))
    assert_allclose(twice, once * np.repeat([4, 8, 16], 2), rtol=1e-4)


def test_its_config_makes_it_again():
    again = CompressedInteraction.from_config(CompressedInteraction([4, 2]).get_config())
    assert again.maps == (4, 2)
