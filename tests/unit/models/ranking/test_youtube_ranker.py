from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.fields import Field
from models.losses.watch_time import watch_time_weights
from models.ranking.youtube_ranker import youtube_ranker
from tests.support.networks import FIELDS, ROWS, columns, mlp, with_random_weights


def quantile(x, points):
    """Share of the distribution below x, linear between its points, each in the middle of 1/n."""
    return np.interp(x, points, (np.arange(len(points)) + 0.5) / len(points))


def slow(w, normaliser="quantile"):
    x = columns(w)[:3]
    for field in FIELDS[3:]:
        grid = w[f"{normaliser}.{field.name}/quantiles"]
        values = np.reshape(ROWS[field.name], (3, -1))
        q = np.array([[quantile(v, grid[:, k]) for k, v in enumerate(row)] for row in values])
        x += [q, q**2, np.sqrt(q)]
    return mlp(w, np.hstack(x), "deep") @ w["logit/kernel"] + w["logit/bias"]


def built(fields):
    model = youtube_ranker(fields, hidden=(5, 3))
    w = with_random_weights(model)
    for weight in model.weights:
        if weight.path.endswith("quantiles"):
            w[weight.path] = np.sort(w[weight.path], axis=0)
            weight.assign(w[weight.path])
    return model, w


def test_floats_become_quantiles_their_squares_and_roots():
    model, w = built(FIELDS)
    assert_allclose(model(ROWS), slow(w), rtol=1e-4, atol=1e-5)


def test_floats_that_are_quantiles_already_are_not_normalised_twice():
    fields = [f if f.is_id else replace(f, normalise="quantile") for f in FIELDS]
    model, w = built(fields)
    assert_allclose(model(ROWS), slow(w, "normalise"), rtol=1e-4, atol=1e-5)


def test_odds_learn_the_time_watched_per_impression():
    """Item 1 is clicked by 5 % for 40 s, item 2 by 20 % for 2 s: about 2 s against 0.5 s."""
    keras.utils.set_random_seed(0)
    items = np.repeat([1, 2], 400)
    clicked = np.concatenate([np.arange(400) < 20, np.arange(400) < 80]).astype(np.float32)
    weights = watch_time_weights(clicked, np.where(items == 1, 40.0, 2.0))
    model = youtube_ranker([Field("item_id", width=2, rows=3)], hidden=())
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.1), loss, jit_compile=False)
    for _ in range(150):
        model.train_on_batch({"item_id": items}, clicked, sample_weight=weights)
    logits = keras.ops.convert_to_numpy(model({"item_id": np.array([1, 2])}))
    watched = np.exp(logits).ravel()
    # Odds are sum T / (N - k), a little above sum T / N.
    assert watched == pytest.approx([800 / 380, 160 / 320], rel=0.05)
