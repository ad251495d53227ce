import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from models.layers.augru import AUGRU, GATES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5, 2)).astype(np.float32)
IDS = np.array([[1, 2, 3, 4, 5], [4, 6, 0, 0, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 0]])
ATTENTION = RNG.random((4, 5), dtype=np.float32)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def filled():
    layer = AUGRU(name="gru")
    layer.build(X.shape, IDS.shape)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer, {v.path.partition("gru/")[2]: v.numpy() for v in layer.weights}


def slow(w, attention):
    """Eq. 2 to 5 and 14 to 16, one entry after another, the oldest first."""
    W_u, W_r, W_h = (w[f"input_{gate}/kernel"] for gate in GATES)
    b_u, b_r, b_h = (w[f"input_{gate}/bias"] for gate in GATES)
    U_u, U_r, U_h = (w[f"state_{gate}"] for gate in GATES)
    states = np.zeros_like(X)
    for row in range(len(X)):
        h = np.zeros(X.shape[-1])
        for t in reversed(range(X.shape[1])):
            if IDS[row, t] != 0:
                i = X[row, t]
                u = sigmoid(i @ W_u + b_u + h @ U_u) * attention[row, t]
                r = sigmoid(i @ W_r + b_r + h @ U_r)
                h = (1.0 - u) * h + u * np.tanh(i @ W_h + r * (h @ U_h) + b_h)
            states[row, t] = h
    return states


def test_without_attention_it_is_a_gru():
    layer, w = filled()
    assert_allclose(layer(X, IDS), slow(w, np.ones((4, 5))), rtol=1e-4, atol=1e-5)


def test_attention_scales_the_update_gate():
    layer, w = filled()
    assert_allclose(layer(X, IDS, ATTENTION), slow(w, ATTENTION), rtol=1e-4, atol=1e-5)


def test_without_attention_it_is_the_gru_of_keras_up_to_the_sign_of_its_gate():
    layer, w = filled()
    gru = keras.layers.GRU(2, return_sequences=True, go_backwards=True, use_cudnn=False)
    gru.build(X.shape)
    flip = np.repeat([-1.0, 1.0, 1.0], 2)  # Keras keeps z = 1 - u of the old state
    kernel, bias, state = (
        np.concatenate([w[name.format(gate)] for gate in GATES], axis=-1) * flip
        for name in ("input_{}/kernel", "input_{}/bias", "state_{}")
    )
    gru.set_weights([kernel, state, np.stack([bias, np.zeros(6)])])
    theirs = np.array(gru(X, mask=IDS != 0))[:, ::-1]
    assert_allclose(layer(X, IDS), theirs, rtol=1e-4, atol=1e-5)


def test_padding_has_no_part():
    layer, _ = filled()
    longer = np.concatenate([X, np.full((4, 3, 2), 50.0, np.float32)], axis=1)
    states = layer(longer, np.pad(IDS, ((0, 0), (0, 3))))
    assert_allclose(states[:, :5], layer(X, IDS), atol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_go_through_all_entries_in_a_compiled_step(compiled):
    layer, _ = filled()

    @tf.function(
        input_signature=[tf.TensorSpec((None, 5, 2)), tf.TensorSpec((None, 5), tf.int64)],
        jit_compile=compiled,
    )
    def slope(x, ids):
        with tf.GradientTape() as tape:
            tape.watch(x)
            last = tf.reduce_sum(layer(x, ids)[:, 0])
        return tape.gradient(last, x)

    for rows in (4, 1):
        found = slope(X[:rows], IDS[:rows]).numpy()
        assert_allclose((found != 0).any(axis=-1), IDS[:rows] != 0)
