import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.din import din

FIELDS = [
    Field("user_id", width=3, rows=9),
    Field("recent", width=4, rows=9, length=3, shared_with="item_id"),
    Field("tags", width=2, rows=5, length=2, pooling="sum"),
    Field("item_id", width=4, rows=9),
    Field("age", "float"),
]
ROWS = {
    "user_id": np.array([1, 2, 5]),
    "recent": np.array([[3, 4, 0], [5, 0, 0], [0, 0, 0]]),
    "tags": np.array([[1, 2], [3, 0], [0, 0]]),
    "item_id": np.array([3, 6, 1]),
    "age": np.array([0.5, -1.0, 2.0], np.float32),
}


def filled(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.abs(rng.normal(size=weight.shape)) * 0.5)
    w = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.weights}
    for path in w:
        if path.startswith("embedding."):
            w[path][0] = 0.0
    return w


def dice(s, w, name):
    p = 1.0 / (1.0 + np.exp(-(s - w[f"{name}/mean"]) / np.sqrt(w[f"{name}/variance"] + 1e-8)))
    return p * s + (1.0 - p) * w[f"{name}/alpha"] * s


def slow(w):
    user, item, tags = (w[f"embedding.{t}/embeddings"] for t in ("user_id", "item_id", "tags"))
    logits = []
    for row in range(3):
        v = item[ROWS["item_id"][row]]
        interest = np.zeros(4)
        for id_ in ROWS["recent"][row]:
            e = item[id_]
            x = np.concatenate([e, v, e - v, e * v])
            s = x @ w["attention.recent/unit_0/kernel"] + w["attention.recent/unit_0/bias"]
            a = dice(s, w, "attention.recent/dice_0") @ w["attention.recent/weight/kernel"]
            if id_ != 0:
                interest += (a + w["attention.recent/weight/bias"]) * e
        summed = sum(tags[i] for i in ROWS["tags"][row])
        x = np.concatenate([user[ROWS["user_id"][row]], interest, summed, v, [ROWS["age"][row]]])
        for i in range(2):
            x = dice(x @ w[f"deep_{i}/kernel"] + w[f"deep_{i}/bias"], w, f"deep_{i}_dice")
        logits.append(x @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


def test_it_is_the_papers_equations():
    model = din(FIELDS, attention_hidden=(6,), hidden=(5, 3))
    w = filled(model)
    assert_allclose(model(ROWS), slow(w), rtol=1e-4, atol=1e-5)


def test_the_rows_of_a_batch_are_regularised_table_by_table():
    model = din(FIELDS, hidden=(5,), l2=0.1)
    w = filled(model)
    model(ROWS, training=True)
    used = {"user_id": [1, 2, 5], "item_id": [3, 4, 5, 6, 1], "tags": [1, 2, 3]}
    squares = {t: (w[f"embedding.{t}/embeddings"][rows] ** 2).sum() for t, rows in used.items()}
    assert sorted(map(float, model.losses)) == pytest.approx(
        sorted(0.05 * s for s in squares.values()), rel=1e-5
    )
    assert not din(FIELDS, hidden=(5,)).losses


def test_a_list_may_have_a_target_of_another_table():
    fields = [
        Field("seen", width=4, rows=9, length=3, target="item_id"),
        Field("item_id", width=4, rows=9),
    ]
    model = din(fields, hidden=(5,))
    filled(model)
    seen = np.array([[1, 2, 0]])
    one, other = (model({"seen": seen, "item_id": np.array([i])}) for i in (1, 2))
    assert not np.allclose(one, other)
    assert {layer.name for layer in model.layers} >= {"embedding.seen", "attention.seen"}


@pytest.mark.parametrize(
    "fields",
    [
        [Field("user_id", width=4), Field("item_id", width=4)],
        [Field("recent", width=4, length=3), Field("item_id", width=4)],
        [Field("recent", width=4, length=3, shared_with="item_id"), Field("user_id", width=4)],
    ],
)
def test_without_a_list_of_behaviours_the_error_says_what_was_expected(fields):
    with pytest.raises(ConfigurationError) as error:
        din(fields)
    assert "`fields` must have a list of ids whose `target`, or whose table, is a single id" in str(
        error.value
    )
    assert f"Received: {[f.name for f in fields]}." in str(error.value)
