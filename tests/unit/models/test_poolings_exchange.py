"""Any ranker takes any pooling: what a list becomes is the field's word, not the network's."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.catalogue import build
from models.fields import POOLINGS, Field
from models.split import split

RANKERS = ("deepfm", "dcn_v2", "autoint", "dlrm", "final_mlp")
LENGTH = 4
ROWS = {
    "user_id": np.array([1, 2, 3, 4, 5, 6]),
    "item_id": np.array([3, 6, 1, 2, 7, 8]),
    "recent": np.array(
        [[3, 4, 0, 0], [5, 0, 0, 0], [0, 0, 0, 0], [7, 8, 2, 1], [1, 1, 0, 0], [6, 3, 8, 0]]
    ),
    "age": np.array([0.5, -1.0, 2.0, 3.0, 0.1, 0.0], np.float32),
}
LABELS = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])


def fields(pooling, length=LENGTH):
    return [
        Field("user_id", width=4, rows=9),
        Field("item_id", width=4, rows=9),
        Field(
            "recent", width=4, rows=9, length=length, shared_with="item_id", pooling=pooling
        ),
        Field("age", "float"),
    ]  # fmt: skip


@pytest.fixture(params=RANKERS)
def ranker(request):
    def make(pooling, length=LENGTH):
        keras.utils.set_random_seed(3)
        return build(request.param, fields(pooling, length))

    return make


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_ranker_takes_every_pooling(ranker, pooling):
    model = ranker(pooling)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False)
    before = [w.numpy() for w in model.trainable_weights]
    for _ in range(2):  # first-order weights begin at 0
        assert np.isfinite(model.train_on_batch(ROWS, LABELS))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (weight.numpy() != old).any(), weight.path
    scores = np.array(model(ROWS))

    longer = ranker(pooling, length=7)
    longer.set_weights(model.get_weights())
    padded = {**ROWS, "recent": np.pad(ROWS["recent"], ((0, 0), (0, 3)))}
    assert_allclose(longer(padded), scores, atol=1e-6)

    other = np.array(model({**ROWS, "recent": (ROWS["recent"] != 0) * 2}))
    rows = ROWS["recent"].any(axis=1)
    assert (np.abs(other - scores)[rows] > 1e-7).all()
    assert_allclose(other[~rows], scores[~rows], atol=1e-6)

    parts = split(model)
    tables = {layer.table: layer for layer in model.layers if hasattr(layer, "table")}
    vectors = {u.input_name: np.array(tables[u.table](ROWS[u.field])) for u in parts.lookups}
    assert_allclose(parts.body({**ROWS, **vectors}), scores, atol=1e-6)


@pytest.mark.parametrize("pooling", ["din", "transformer"])
def test_attention_looks_at_the_target(pooling):
    keras.utils.set_random_seed(3)
    model = build("dcn_v2", fields(pooling), hidden=(), crosses=0)
    pooled = model.get_layer("pooled.recent")
    inner = keras.Model(model.input, pooled.output)
    rng = np.random.default_rng(0)
    for weight in inner.weights:
        weight.assign(np.abs(rng.normal(size=weight.shape)))
    one, other = (np.array(inner({**ROWS, "item_id": np.full(6, item)}))[0] for item in (1, 2))
    assert not np.allclose(one, other)


def test_attention_has_one_set_of_weights_however_often_a_network_pools():
    names = [w.path for w in build("deepfm", fields("din")).weights]
    assert len(names) == len(set(names))
    assert sum(path == "pooled.recent/weight/kernel" for path in names) == 1
