import keras
import numpy as np
from numpy.testing import assert_allclose, assert_array_less
from sklearn.metrics import roc_auc_score

from models.fields import Field
from models.ranking.lr import lr
from tests.support.small_network import FIELDS, ROWS, first_order, randomised


def test_it_is_the_papers_equation():
    model = lr(FIELDS)
    w = randomised(model)
    assert_allclose(model(ROWS)[:, 0], w["bias/bias"] + first_order(w), rtol=1e-4, atol=1e-5)


def test_before_training_every_id_scores_alike():
    scores = lr(FIELDS[:3])({name: ROWS[name] for name in ("user_id", "recent", "item_id")})
    assert_allclose(scores, np.zeros((2, 1)))


def drawn(n, seed):
    """Odd items are liked more than even ones, and all of them the more, the older the user."""
    rng = np.random.default_rng(seed)
    item, age = rng.integers(1, 21, n), rng.normal(size=n).astype(np.float32)
    logit = np.where(item % 2, 2.0, -2.0) + 1.5 * age - 1.0
    return {"item_id": item, "age": age}, (rng.random(n) < 1 / (1 + np.exp(-logit))), logit


def test_it_learns_a_linear_rule():
    keras.utils.set_random_seed(0)
    model = lr([Field("item_id", rows=21), Field("age", "float")])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.1), loss, jit_compile=False)
    x, y, _ = drawn(4000, seed=0)
    model.fit(x, y.astype(np.float32), batch_size=400, epochs=10, verbose=0)

    unseen, truth, logit = drawn(2000, seed=1)
    scores = model.predict(unseen, verbose=0)[:, 0]
    assert roc_auc_score(truth, scores) > roc_auc_score(truth, logit) - 0.01
    w = {v.path: keras.ops.convert_to_numpy(v)[..., 0] for v in model.weights}
    assert_allclose(w["linear.age/kernel"], 1.5, atol=0.25)
    items = w["linear.item_id/embeddings"]
    assert_array_less(items[2::2], 0.0)
    assert_allclose(items[1::2].mean() - items[2::2].mean(), 4.0, atol=0.5)
