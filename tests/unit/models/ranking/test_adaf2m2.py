from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.ranking.adaf2m2 import adaf2m2
from tests.support.networks import FIELDS, ROWS, mlp, vectors, with_random_weights


def base(w, x0):
    x = x0
    for i in range(2):
        x = x0 * (x @ w[f"cross_{i}/kernel/kernel"] + w[f"cross_{i}/kernel/bias"]) + x
    return np.hstack([x, mlp(w, x0, "deep")]) @ w["logit/kernel"] + w["logit/bias"]


def slow(w, state):
    """Section 3: the adapter's weights on the fields of the row, then the base model."""
    v = vectors(w)
    norms = [np.sqrt((x**2).sum(axis=1, keepdims=True)) for x in v[:3]]
    numbers = [np.reshape(ROWS[name], (3, -1)) for name in state]
    x = mlp(w, np.hstack([*norms, *numbers]), "adapter", layers=1)
    s = 2 / (1 + np.exp(-(x @ w["adapter_scale/kernel"] + w["adapter_scale/bias"])))
    return base(w, np.hstack([s[:, i : i + 1] * v[i] for i in range(5)]))


@pytest.mark.parametrize("copies", [0, 3])
@pytest.mark.parametrize("state", [(), ("shape", "age")])
def test_rows_are_scored_with_the_adapter_and_without_masks(copies, state):
    model = adaf2m2(FIELDS, state=state, copies=copies, adapter_hidden=(3,), hidden=(5, 3))
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, state), rtol=1e-4, atol=1e-5)


def test_the_floats_of_user_and_item_are_the_state_where_none_is_named():
    fields = [replace(f, belongs_to="item") if f.name == "age" else f for f in FIELDS]
    model = adaf2m2(fields, copies=0, adapter_hidden=(3,), hidden=(5, 3))
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, ("age",)), rtol=1e-4, atol=1e-5)


def test_copies_are_learnt_without_the_adapter_and_with_the_labels_slope():
    """Where all or nothing is hidden, the copies' loss is known: that of the plain vectors."""
    y = tf.constant([[1.0], [0.0], [1.0]])
    for bound in (0.0, 1.0):
        model = adaf2m2(FIELDS, copies=2, low=bound, high=bound, copies_weight=0.5, hidden=(5, 3))
        w = with_random_weights(model)
        plain = adaf2m2(FIELDS, copies=0, hidden=(5, 3))
        plain.set_weights([w[v.path] for v in plain.weights])
        a = base(w, np.hstack(vectors(w)) * (1.0 - bound))
        with tf.GradientTape(persistent=True) as tape:
            z = model({k: tf.constant(x) for k, x in ROWS.items()}, training=True)
            bce = tf.nn.sigmoid_cross_entropy_with_logits(y, z)
            loss = tf.reduce_mean(bce) + tf.add_n(model.losses)
            alone = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, plain(ROWS)))
        assert_allclose(z, slow(w, ()), rtol=1e-4, atol=1e-5)
        bias, other = (net.get_layer("logit").bias for net in (model, plain))
        expected = tape.gradient(alone, other.value) + 0.5 * np.mean(1 / (1 + np.exp(-a)) - y)
        assert_allclose(tape.gradient(loss, bias.value), expected, rtol=1e-4, atol=1e-5)


def test_fields_hidden_in_training_change_from_step_to_step():
    model = adaf2m2(FIELDS, hidden=(5, 3))
    with_random_weights(model)
    losses = []
    for _ in range(2):
        model({k: keras.ops.convert_to_tensor(x) for k, x in ROWS.items()}, training=True)
        losses.append(float(sum(model.losses)))
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": ["user_id"]}, "`state` must name floats"),
        ({"low": 0.6, "high": 0.5}, "`low` and `high` must be in order"),
    ],
)
def test_what_cannot_work_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        adaf2m2(FIELDS, **options)
