import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.multi_task.joint import joint_loss, joint_rating, sides
from tests.support.networks import mlp, with_random_weights

FIELDS = (
    Field("user_id", width=4, rows=9, belongs_to="user"),
    Field("item_id", width=4, rows=9, belongs_to="item"),
)
X = {"user_id": np.array([1, 2, 3, 4, 5, 6]), "item_id": np.array([1, 2, 3, 4, 5, 6])}


def test_one_pair_of_vectors_retrieves_and_rates():
    model = joint_rating(FIELDS, dim=3, rating_hidden=(5,))
    w = with_random_weights(model)
    unit = {}
    for side, field in (("query", "user_id"), ("candidate", "item_id")):
        x = w[f"embedding.{field}/embeddings"][X[field]]
        x = x @ w[f"{side}_out/kernel"] + w[f"{side}_out/bias"]
        unit[side] = x / np.linalg.norm(x, axis=1, keepdims=True)
    q, c = unit["query"], unit["candidate"]
    h = mlp(w, np.hstack([q, c, q * c]), "rating.tower", 1)
    outputs = model(X)
    assert_allclose(outputs["retrieval"][:, 0], (q * c).sum(axis=1), atol=1e-5)
    assert_allclose(outputs["rating"], h @ w["rating.logit/kernel"] + w["rating.logit/bias"],
                    atol=1e-4)  # fmt: skip
    found = sides(model)(X)
    assert_allclose(found["query"], q, atol=1e-5)
    assert_allclose(found["candidate"], c, atol=1e-5)
    with pytest.raises(ConfigurationError, match="must have one that belongs to item"):
        joint_rating(FIELDS[:1])


def test_the_joint_loss_is_a_weighed_sum_that_trains_both():
    keras.utils.set_random_seed(0)
    model = sides(joint_rating(FIELDS, dim=4, rating_hidden=(8,)))
    ratings = np.array([1.0, 5, 2, np.nan, 4, 3], np.float32)
    log_q = np.zeros(6, np.float32)

    def loss_of(weights):
        return joint_loss(model(X), X["item_id"], ratings, log_q, weights=weights, temperature=0.2)

    alone = [float(loss_of(w)) for w in ((1.0, 0.0), (0.0, 1.0))]
    assert float(loss_of((2.0, 3.0))) == pytest.approx(2 * alone[0] + 3 * alone[1], rel=1e-5)
    gaps = (np.asarray(model(X)["rating"])[:, 0] - ratings)[~np.isnan(ratings)]
    assert alone[1] == pytest.approx(np.mean(gaps**2), rel=1e-5)
    optimizer = keras.optimizers.Adam(0.05)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = loss_of((1.0, 1.0))
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [w.value for w in weights]), weights)

    for _ in range(80):
        step()
    out = model(X)
    scores = np.asarray(out["query"]) @ np.asarray(out["candidate"]).T
    assert (scores.argmax(axis=1) == np.arange(6)).all()
    known = ~np.isnan(ratings)
    assert_allclose(np.asarray(out["rating"])[known, 0], ratings[known], atol=0.5)
