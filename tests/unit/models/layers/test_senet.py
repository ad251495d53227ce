import keras
import numpy as np
from numpy.testing import assert_allclose

from models.layers.senet import SqueezeExcitation

RNG = np.random.default_rng(0)
E = RNG.normal(size=(4, 5, 3)).astype(np.float32)


def with_random_weights(layer):
    layer(E)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in layer.weights}


def relu(x):
    return max(x, 0.0)


def slow(w, e):
    """Squeeze, excite and weigh, a number at a time."""
    W1, b1 = w["squeeze/kernel"], w["squeeze/bias"]
    W2, b2 = w["excite/kernel"], w["excite/bias"]
    out = np.zeros_like(e)
    for n, row in enumerate(e):
        z = [sum(v) / len(v) for v in row]
        h = [relu(sum(z[i] * W1[i, u] for i in range(5)) + b1[u]) for u in range(len(b1))]
        for i in range(5):
            a = relu(sum(h[u] * W2[u, i] for u in range(len(b1))) + b2[i])
            out[n, i] = [a * x for x in row[i]]
    return out


def test_each_field_has_one_weight_from_the_means_of_all():
    layer = SqueezeExcitation(reduction=2)
    w = with_random_weights(layer)
    assert w["squeeze/kernel"].shape == (5, 2)
    assert_allclose(layer(E), slow(w, E), rtol=1e-4, atol=1e-5)


def test_weights_differ_between_rows_and_between_fields():
    keras.utils.set_random_seed(0)
    weights = keras.ops.convert_to_numpy(SqueezeExcitation(reduction=1)(E) / E)
    assert_allclose(weights, weights[..., :1] * np.ones(3), rtol=1e-4)
    assert weights[..., 0].std(axis=0).min() > 0
    assert weights[..., 0].std(axis=1).min() > 0


def test_there_is_at_least_one_unit_in_between():
    layer = SqueezeExcitation(reduction=99)
    assert with_random_weights(layer)["squeeze/kernel"].shape == (5, 1)


def test_its_config_makes_it_again():
    again = SqueezeExcitation.from_config(SqueezeExcitation(4, name="s").get_config())
    assert (again.reduction, again.name) == (4, "s")
