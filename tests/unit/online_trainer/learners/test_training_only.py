"""What networks do in training alone: other outputs, and losses of their own."""

import keras
import numpy as np
import pytest

from models.catalogue import build
from models.fields import Field
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.dense import differs_in_training
from online_trainer.learners.ranker import Ranker


def fields(pooling="mean"):
    return (
        Field("user_id", width=4),
        Field("recent", width=4, length=3, shared_with="item_id", pooling=pooling),
        Field("item_id", width=4),
    )


@pytest.mark.parametrize(
    ("name", "pooling", "options", "expected"),
    [
        ("deepfm", "mean", {}, False),
        ("deepfm", "mean", {"dropout": 0.5}, True),
        ("deepfm", "din", {}, True),  # Dice takes the mean and the variance of the batch
        ("deepfm", "transformer", {}, False),
        ("din", "mean", {}, True),
    ],
)
def test_a_network_whose_outputs_differ_in_training_is_known(name, pooling, options, expected):
    network = build(name, fields(pooling), hidden=(4,), **options)
    assert differs_in_training(split(network).body) is expected


def learnt(alpha):
    """The loss that is reported, and the GRU's weights after a step of DIEN."""
    keras.utils.set_random_seed(0)
    network = build("dien", fields(), hidden=(4,), alpha=alpha)
    parts = split(network)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad()}, Policy(admit_after=1))
    ranker = Ranker(network, parts, tables, keras.optimizers.SGD(0.1))
    rng = np.random.default_rng(0)
    inputs = {
        "user_id": rng.integers(1, 9, 8),
        "recent": rng.integers(1, 9, (8, 3)),
        "item_id": rng.integers(1, 9, 8),
    }
    labels = rng.integers(0, 2, 8).astype(np.float32)
    step = ranker.learn(Batch(inputs, labels, np.ones(8, np.float32), np.zeros(8, bool)))
    return step.loss, np.concatenate([w.ravel() for w in parts.body.get_weights()])


def test_a_layers_own_loss_is_learnt_but_not_reported():
    (without, plain), (with_it, helped) = learnt(0.0), learnt(1.0)
    assert with_it == pytest.approx(without, rel=1e-6)
    assert not np.allclose(plain, helped, atol=1e-6)
