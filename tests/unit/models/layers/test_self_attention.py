import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.cloze import ClozeToken
from models.layers.newest_state import NewestState, WithOne
from models.layers.positions import Positions
from models.layers.self_attention import SelfAttentionBlock

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 3, 4)).astype(np.float32)
SEEN = np.array([[1, 2, 3], [4, 5, 0], [0, 5, 0]])


def filled(layer, *args):
    layer(*args)
    rng = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return {v.path.partition("/")[2]: keras.ops.convert_to_numpy(v) for v in layer.weights}


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def norm(x, w, name):
    z = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-8)
    return z * w[f"{name}/gamma"] + w[f"{name}/beta"]


def dense(x, w, name):
    return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0.0)


def mixed(x, there, w, heads, causal):
    """Entry by entry and head by head."""
    length, width = x.shape
    q, k, v = (dense(x, w, name) for name in ("query", "key", "value"))
    out = np.zeros_like(x)
    for m in range(length):
        visible = [j for j in range(m if causal else 0, length) if there[j]]
        for h in range(heads):
            own = slice(h * width // heads, (h + 1) * width // heads)
            if visible:
                scores = [q[m, own] @ k[j, own] / np.sqrt(width / heads) for j in visible]
                weights = np.exp(scores) / np.exp(scores).sum()
                out[m, own] = weights @ v[visible, own]
    return dense(out, w, "joined")


@pytest.mark.parametrize(("heads", "causal", "norm_first"), [(1, True, True), (2, False, False)])
def test_a_block_is_the_papers_equation(heads, causal, norm_first):
    layer = SelfAttentionBlock(heads, causal=causal, norm_first=norm_first, inner=2)
    w = filled(layer, X, SEEN)
    found = numbers(layer(X, SEEN))
    for row, (x, seen) in enumerate(zip(X.astype(np.float64), SEEN, strict=True)):
        there = seen != 0

        def transformed(x):
            return dense(np.maximum(dense(x, w, "inner"), 0.0), w, "outer")

        if norm_first:
            y = x + mixed(norm(x, w, "attention_norm"), there, w, heads, causal)
            y = y + transformed(norm(y, w, "norm"))
        else:
            y = norm(x + mixed(x, there, w, heads, causal), w, "attention_norm")
            y = norm(y + transformed(y), w, "norm")
        assert_allclose(found[row][there], y[there], rtol=1e-4, atol=1e-5)
        assert_array_equal(found[row][~there], 0.0)


def test_dropout_is_for_training_alone_and_is_told():
    layer = SelfAttentionBlock(dropout=0.5)
    once = numbers(layer(X, SEEN))
    assert_array_equal(numbers(layer(X, SEEN, training=False)), once)
    assert not np.allclose(numbers(layer(X, SEEN, training=True)), once)
    assert layer.differs_in_training
    assert not SelfAttentionBlock().differs_in_training


def test_positions_count_from_the_newest_entry_and_those_past_the_last_share_it():
    layer = Positions(positions=2, scale=3.0)
    encoding = filled(layer, X, SEEN)["encoding"]
    expected = (3.0 * X + encoding[[0, 1, 1]]) * (SEEN != 0)[..., None]
    assert_allclose(numbers(layer(X, SEEN)), expected, rtol=1e-6)


def test_the_newest_state_is_the_first_that_is_not_padding():
    layer = NewestState()
    ids = np.vstack([SEEN[1:], [[0, 0, 0]]])
    start = filled(layer, X, ids)["start"]
    assert_allclose(numbers(layer(X, ids)), np.stack([X[0, 0], X[1, 1], start[0]]), rtol=1e-6)


def test_a_one_comes_after_the_values():
    assert_array_equal(numbers(WithOne()(X))[..., -1], 1.0)
    assert_array_equal(numbers(WithOne()(X))[..., :-1], X)


def test_the_token_stands_before_the_newest_entry_or_for_those_that_are_hidden():
    layer = ClozeToken()
    token = filled(layer, X, SEEN)["token"][0, 0]
    vectors, shown = map(numbers, layer(X, SEEN))
    assert_allclose(vectors[:, 0], np.tile(token, (3, 1)))
    assert_array_equal(vectors[:, 1:], X)
    assert_array_equal(shown, np.c_[np.ones(3), SEEN != 0])
    masked = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], np.float32)
    vectors, shown = map(numbers, layer(X, SEEN, masked))
    assert_allclose(vectors, np.where(masked[..., None] > 0, token, X), rtol=1e-6)
    assert_array_equal(shown, np.maximum(SEEN != 0, masked))
