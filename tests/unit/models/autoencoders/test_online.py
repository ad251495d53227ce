"""Reconstruction of lists over the items of a batch, against loops."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.autoencoders.online import Reconstruction
from models.fields import Field
from models.layers.gaussian_code import GaussianCode
from models.retrievers import retrieval_model

RNG = np.random.default_rng(0)
QUERIES, ITEMS = RNG.normal(size=(3, 4)), RNG.normal(size=(5, 4))
TARGETS = np.array([[1, 0, 1, -1, 0], [0, 1, 0, -1, 0], [1, 1, 0, -1, 1]], np.float32)
WEIGHTS = np.array([1.0, 0.0, 3.0], np.float32)
FIELDS = (
    Field("user_id", width=8, rows=5, belongs_to="user"),
    Field("recent", width=8, rows=9, length=3, belongs_to="user", shared_with="item_id"),
    Field("item_id", width=8, rows=9, belongs_to="item"),
)


def slow(loss, confidence):
    """The fourth candidate stands twice, and does not count; the second list weighs nothing."""
    losses = []
    for query, target in zip(QUERIES, TARGETS, strict=True):
        counted = [j for j in range(5) if target[j] >= 0]
        total = sum(np.exp(query @ ITEMS[j]) for j in counted)
        found = 0.0
        for j in counted:
            z, t = query @ ITEMS[j], target[j]
            if loss == "multinomial":
                each = -t * (z - np.log(total))
            elif loss == "logistic":
                each = np.log1p(np.exp(-z if t else z))
            else:
                each = (t - z) ** 2
            found += (1 + confidence * t) * each
        losses.append(found)
    return np.average(losses, weights=WEIGHTS)


@pytest.mark.parametrize("loss", ["multinomial", "logistic", "squared"])
def test_the_loss_is_that_of_a_loop_over_what_counts(loss):
    objective = Reconstruction(loss, confidence=2.0)
    sides = {"query": QUERIES.astype("f4")}, {"candidate": ITEMS.astype("f4")}
    found = objective(*sides, np.arange(5), TARGETS, WEIGHTS)
    assert_allclose(float(found), slow(loss, 2.0), rtol=1e-5)
    unweighted = objective(*sides, np.arange(5), TARGETS)
    evenly = objective(*sides, np.arange(5), TARGETS, np.ones(3, np.float32))
    assert_allclose(float(unweighted), float(evenly), rtol=1e-6)


def test_the_divergence_of_a_code_grows_over_the_steps_and_counts():
    keras.utils.set_random_seed(1)
    options = {"dim": 2, "hidden": [4], "divergence": 0.4, "annealing_steps": 10}
    model = retrieval_model({"name": "mult_vae", "options": options}, FIELDS)
    body = next(layer for layer in model.model.layers if layer.name == "body")
    (code,) = [layer for layer in body.layers if isinstance(layer, GaussianCode)]
    assert model.before_step is not None
    weights = []
    for step in (1, 5, 30):
        model.before_step(step)
        weights.append(float(code.beta.value))
    assert_allclose(weights, [0.04, 0.2, 0.4], rtol=1e-6)
    model.learning[0]({"recent": np.array([[3, 4, 0]])}, training=True)
    assert len(model.learning[0].losses) == 1
    assert float(model.learning[0].losses[0]) > 0


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"loss": "hinge"}, "`loss` must be one of .*Received: 'hinge'"),
        ({"confidence": -1.0}, "`confidence` must be at least 0. Received: -1.0"),
        ({"annealing_steps": 0}, "`annealing_steps` must be at least 1. Received: 0"),
    ],
)
def test_what_cannot_be_is_refused(wrong, text):
    with pytest.raises(ConfigurationError, match=text):
        Reconstruction(**wrong)


def test_a_factorisation_needs_no_list_and_an_autoencoder_does():
    fields = [FIELDS[0], FIELDS[2]]
    objective = retrieval_model({"name": "minibatch_mf"}, fields).objective
    assert isinstance(objective, Reconstruction)
    assert objective.history is None
    with pytest.raises(ConfigurationError, match="one list of the user"):
        retrieval_model({"name": "mult_dae"}, fields)
