import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.layers.mlp import mlp


def network(*hidden, **options):
    keras.utils.set_random_seed(0)
    x = keras.Input((3,))
    return keras.Model(x, mlp(x, hidden, name="deep", **options))


@pytest.mark.parametrize("depth", [1, 3])
def test_each_layer_is_an_affine_map_and_a_relu(depth):
    model = network(*[4] * depth)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = x
    for i in range(depth):
        kernel, bias = model.get_layer(f"deep_{i}").get_weights()
        expected = np.maximum(expected @ kernel + bias, 0.0)
    assert_allclose(model(x), expected, atol=1e-5)


def test_no_layers_are_the_identity():
    x = np.ones((2, 3), np.float32)
    assert_allclose(network()(x), x)


def test_dropout_drops_in_training_alone():
    model, x = network(64, dropout=0.5), np.ones((2, 3), np.float32)
    zeros = keras.ops.convert_to_numpy(model(x, training=False)) == 0
    dropped = keras.ops.convert_to_numpy(model(x, training=True)) == 0
    assert dropped.sum() > zeros.sum()


def test_batch_norm_stands_between_the_affine_map_and_the_relu():
    model = network(4, batch_norm=True)
    assert [type(layer).__name__ for layer in model.layers[1:]] == [
        "Dense",
        "BatchNormalization",
        "Activation",
    ]
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(np.abs(rng.normal(size=weight.shape)))
    x = rng.normal(size=(5, 3)).astype(np.float32)
    kernel, bias = model.get_layer("deep_0").get_weights()
    gamma, beta, mean, variance = model.get_layer("deep_0_norm").get_weights()
    z = (x @ kernel + bias - mean) / np.sqrt(variance + 1e-3)
    assert_allclose(model(x), np.maximum(gamma * z + beta, 0.0), rtol=1e-4, atol=1e-5)
