import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.tin import tin

FIELDS = [
    Field("recent", width=4, rows=9, length=3, shared_with="item_id"),
    Field("item_id", width=4, rows=9),
    Field("user_id", width=2, rows=9),
    Field("age", "float"),
]
ROWS = {
    "recent": np.array([[3, 4, 5], [5, 0, 0], [0, 0, 0]]),
    "item_id": np.array([3, 6, 1]),
    "user_id": np.array([1, 2, 1]),
    "age": np.array([0.5, -1.0, 2.0], np.float32),
}


def filled(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    w = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.weights}
    w["embedding.item_id/embeddings"][0] = 0.0
    return w


def slow(w):
    item, p = w["embedding.item_id/embeddings"], w["attention.recent/encoding"]
    logits = []
    for row in range(3):
        target = item[ROWS["item_id"][row]]
        v = target + p[0]
        e = [item[i] + p[j + 1] for j, i in enumerate(ROWS["recent"][row]) if i != 0]
        scores = np.array([np.exp(e_j @ v / 2.0) for e_j in e])  # the root of width 4
        u = sum((a / scores.sum() * e_j * v for a, e_j in zip(scores, e, strict=True)), np.zeros(4))
        user = w["embedding.user_id/embeddings"][ROWS["user_id"][row]]
        x = np.concatenate([u, target, user, [ROWS["age"][row]]])
        x = np.maximum(x @ w["deep_0/kernel"] + w["deep_0/bias"], 0.0)
        logits.append(x @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


def test_it_is_the_papers_equations():
    model = tin(FIELDS, hidden=(5,))
    w = filled(model)
    assert_allclose(model(ROWS), slow(w), rtol=1e-4, atol=1e-5)


def test_it_tells_when_something_happened():
    model = tin(FIELDS, hidden=(5,))
    filled(model)
    turned = {**ROWS, "recent": np.array([[5, 4, 3], [5, 0, 0], [0, 0, 0]])}
    before, after = np.array(model(ROWS)), np.array(model(turned))
    assert not np.allclose(before[0], after[0])
    assert_allclose(before[1:], after[1:])


def test_without_a_list_of_behaviours_the_error_says_what_was_expected():
    with pytest.raises(ConfigurationError, match="`fields` must have a list of ids whose `target`"):
        tin([Field("item_id", width=4), Field("age", "float")])
