from itertools import combinations

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.deepfm import deepfm
from tests.support.small_network import FIELDS, ROWS


def mean_of(table, ids):
    return np.array([np.mean([table[i] for i in row if i], axis=0) for row in ids])


def slow(w):
    """Eq. 1 to 4: first order, all pairs, and the DNN on the same vectors."""

    def rows(role):
        user, item = (w[f"{role}.{t}/embeddings"] for t in ("user_id", "item_id"))
        return [user[ROWS["user_id"]], mean_of(item, ROWS["recent"]), item[ROWS["item_id"]]]

    numbers = {"age": ROWS["age"][:, None], "shape": ROWS["shape"]}
    vectors = rows("embedding") + [x @ w[f"vector.{f}/kernel"] for f, x in numbers.items()]
    first = sum(rows("linear") + [x @ w[f"linear.{f}/kernel"] for f, x in numbers.items()])
    second = sum((a * b).sum(axis=1, keepdims=True) for a, b in combinations(vectors, 2))
    deep = np.hstack(vectors)
    for i in range(2):
        deep = np.maximum(deep @ w[f"deep_{i}/kernel"] + w[f"deep_{i}/bias"], 0.0)
    return first + second + deep @ w["logit/kernel"] + w["logit/bias"]


def test_it_is_the_papers_equations():
    keras.utils.set_random_seed(0)
    model = deepfm(FIELDS, hidden=(5, 3))
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    w = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
    assert_allclose(model(ROWS), slow(w), rtol=1e-4, atol=1e-5)


def test_ids_of_different_widths_are_refused():
    with pytest.raises(ConfigurationError, match="Ids must have one `width`"):
        deepfm([Field("user_id", width=4), Field("item_id", width=8)])
