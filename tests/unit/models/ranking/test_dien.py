import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.layers.augru import GATES
from models.ranking.dien import dien

FIELDS = [
    Field("recent", width=3, rows=9, length=4, shared_with="item_id"),
    Field("item_id", width=3, rows=9),
    Field("age", "float"),
]
ROWS = {
    "recent": np.array([[3, 4, 5, 1], [5, 7, 0, 0], [0, 0, 0, 0]]),
    "item_id": np.array([3, 6, 1]),
    "age": np.array([0.5, -1.0, 2.0], np.float32),
}


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def filled(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.abs(rng.normal(size=weight.shape)) * 0.7)
    w = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.weights}
    w["embedding.item_id/embeddings"][0] = 0.0
    return w


def gru(xs, w, name, attention):
    """The states over xs, the oldest first."""
    h, states = np.zeros(3), []
    U_u, U_r, U_h = (w[f"{name}/state_{gate}"] for gate in GATES)
    for x, a in zip(xs, attention, strict=True):
        i_u, i_r, i_h = (
            x @ w[f"{name}/input_{gate}/kernel"] + w[f"{name}/input_{gate}/bias"] for gate in GATES
        )
        u, r = a * sigmoid(i_u + h @ U_u), sigmoid(i_r + h @ U_r)
        h = (1.0 - u) * h + u * np.tanh(i_h + r * (h @ U_h))
        states.append(h)
    return states


def slow(w):
    item, logits = w["embedding.item_id/embeddings"], []
    for row in range(3):
        v = item[ROWS["item_id"][row]]
        behaviours = [item[i] for i in reversed(ROWS["recent"][row]) if i != 0]
        last = np.zeros(3)
        if behaviours:
            h = gru(behaviours, w, "extractor.recent/gru", np.ones(len(behaviours)))
            scores = np.array([h_t @ w["attention.recent/kernel"] @ v for h_t in h])
            a = np.exp(scores) / np.exp(scores).sum()
            last = gru(h, w, "evolution.recent", a)[-1]
        s = np.concatenate([last, v, [ROWS["age"][row]]]) @ w["deep_0/kernel"] + w["deep_0/bias"]
        d = {k: w[f"deep_0_dice/{k}"] for k in ("mean", "variance", "alpha")}
        p = sigmoid((s - d["mean"]) / np.sqrt(d["variance"] + 1e-8))
        logits.append((p * s + (1 - p) * d["alpha"] * s) @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


def test_it_is_the_papers_equations():
    model = dien(FIELDS, hidden=(5,))
    w = filled(model)
    assert_allclose(model(ROWS), slow(w), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [3, 1])
@pytest.mark.parametrize("empty", [False, True])
def test_a_step_on_few_rows_or_empty_lists_stays_finite(rows, empty):
    model = dien(FIELDS, hidden=(5,))
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    x = {k: v[:rows] * (not (empty and k == "recent")) for k, v in ROWS.items()}
    assert np.isfinite(model.train_on_batch(x, np.ones(rows)))
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_alpha_weighs_the_auxiliary_loss():
    losses = []
    for alpha in (1.0, 2.0):
        model = dien(FIELDS, alpha=alpha, hidden=(5,))
        filled(model)
        model(ROWS, training=True)
        losses.append(float(sum(model.losses)))
    assert losses[1] == pytest.approx(2.0 * losses[0])
    assert losses[0] > 0
    model = dien(FIELDS, alpha=0.0, hidden=(5,))
    model(ROWS, training=True)
    assert model.losses == []


def test_without_a_list_of_behaviours_the_error_says_what_was_expected():
    with pytest.raises(ConfigurationError, match="`fields` must have a list of ids whose `target`"):
        dien([Field("item_id", width=4), Field("age", "float")])
