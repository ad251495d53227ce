"""A factorisation machine's vectors order items as its scores do."""

import keras
import numpy as np
from numpy.testing import assert_allclose

from models.fields import Field
from models.ranking.fm import fm
from models.retrieval.fm_vectors import fm_vectors

FIELDS = [
    Field("user_id", width=4, rows=9, belongs_to="user"),
    Field("recent", width=4, rows=9, length=3, shared_with="item_id", belongs_to="user"),
    Field("age", "float", belongs_to="user"),
    Field("item_id", width=4, rows=9, belongs_to="item"),
    Field("year", "float", belongs_to="item"),
]


def test_the_inner_product_is_the_score_up_to_a_constant_of_the_user():
    ranker, ours = fm(FIELDS), fm_vectors(FIELDS)
    rng = np.random.default_rng(0)
    by_path = {}
    for weight in ranker.weights:
        weight.assign(rng.normal(size=weight.shape))
        by_path[weight.path] = weight
    for weight in ours.model.weights:
        weight.assign(by_path[weight.path])
    n = 8
    items = {"item_id": np.arange(1, n + 1), "year": rng.random(n).astype(np.float32)}
    for _ in range(2):
        user: dict[str, np.ndarray] = {
            "user_id": rng.integers(1, 9, 1),
            "recent": rng.integers(0, 9, (1, 3)),
            "age": rng.random(1).astype(np.float32),
        }
        same = {name: np.repeat(column, n, axis=0) for name, column in user.items()}
        scores = keras.ops.convert_to_numpy(ranker({**same, **items}))[:, 0]
        query = keras.ops.convert_to_numpy(ours.query(user))[0]
        products = keras.ops.convert_to_numpy(ours.candidate(items)) @ query
        assert_allclose(products - products[0], scores - scores[0], rtol=1e-3, atol=1e-4)
        assert np.ptp(scores) > 0.1
