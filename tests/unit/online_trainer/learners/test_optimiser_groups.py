"""Weights of different layers may have different optimisers."""

import keras
import numpy as np
import pytest

from millstream.settings import Settings
from models.adam import Adam
from models.optimisers import ByPrefix
from online_trainer.embeddings.optimisers import Ftrl, RowAdagrad
from online_trainer.learners.batch import Batch
from online_trainer.wiring import Wiring

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def ranker():
    settings = Settings(
        ranker="deepfm",
        embedding_width=4,
        admit_after=1,
        ranker_options={"hidden": [4]},
        optimisers={"linear.": "ftrl"},
        ftrl_learning_rate=0.3,
    )
    return Wiring(settings).ranker()


def batch(ranker, rows=16):
    def column(spec):
        shape = (rows, *spec.shape[1:])
        if spec.dtype == "int64":
            return RNG.integers(1, 50, shape)
        return RNG.random(shape, dtype=np.float32)

    inputs = {name: column(x) for name, x in ranker.network.input.items()}
    labels = RNG.integers(0, 2, rows).astype(np.float32)
    return Batch(inputs, labels, np.ones(rows, np.float32), np.zeros(rows, bool))


def test_tables_of_one_width_and_one_optimiser_are_one_arena(ranker):
    found = {group: type(slab.optimiser) for group, slab in ranker.tables.slabs.items()}
    assert found == {"4": RowAdagrad, "1:linear.": Ftrl}
    assert ranker.tables.groups["item_id:linear"] == "1:linear."


def test_each_optimiser_has_its_own_rate(ranker):
    own = Settings()
    assert ranker.tables.slabs["4"].optimiser.rate == own.embedding_learning_rate
    assert ranker.tables.slabs["1:linear."].optimiser.rate == 0.3
    rates = {p: float(o.learning_rate) for p, o in ranker.dense.optimiser.optimizers.items()}
    assert rates == pytest.approx({"": own.dense_learning_rate, "linear.": 0.3})


def test_weights_outside_of_tables_follow_the_same_prefixes(ranker):
    assert isinstance(ranker.dense.optimiser, ByPrefix)
    assert {p: type(o) for p, o in ranker.dense.optimiser.optimizers.items()} == {
        "": Adam,
        "linear.": keras.optimizers.Ftrl,
    }


def test_all_groups_learn(ranker):
    given = batch(ranker)
    losses = [ranker.learn(given).loss for _ in range(30)]
    assert losses[-1] < 0.8 * losses[0]
    for slab in ranker.tables.slabs.values():
        assert len(slab) > 0
        assert np.abs(slab.rows.columns["vectors"]).max() > 0


def test_a_manifest_gives_back_the_options_that_it_was_given():
    settings = Settings(ranker="deepfm", ranker_options={"hidden": (8, 4)})
    assert Wiring(settings).models()["ranker"]["options"] == {"hidden": [8, 4]}
    assert "options" not in Wiring(Settings()).models()["ranker"]
