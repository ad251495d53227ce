import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError
from models.fields import Field
from models.optimisers import ByPrefix, longest_prefix
from models.ranking.deepfm import deepfm

FIELDS = [Field("user_id", width=4, rows=9), Field("item_id", width=4, rows=9)]
ROWS = {"user_id": np.array([1, 2, 3, 1]), "item_id": np.array([4, 5, 4, 6])}
LABELS = np.array([1.0, 0.0, 1.0, 0.0])


def network(optimizer):
    keras.utils.set_random_seed(0)
    model = deepfm(FIELDS, hidden=(3,))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=False)
    return model


def weights_after(optimizer, steps=3):
    model = network(optimizer)
    for _ in range(steps):
        model.train_on_batch(ROWS, LABELS)
    return {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}


def several():
    return ByPrefix(
        {
            "": keras.optimizers.Adam(0.01),
            "embedding.": keras.optimizers.Adagrad(0.1),
            "linear.": keras.optimizers.Ftrl(0.05),
        }
    )


def test_the_longest_prefix_decides():
    assert longest_prefix("linear.item_id/embeddings", ["", "linear", "linear.item"]) == (
        "linear.item"
    )
    assert longest_prefix("deep_0/kernel", ["linear."]) is None


def test_the_first_step_of_each_weight_is_that_of_its_optimiser():
    found = weights_after(several(), steps=1)
    alone = {
        "embedding.": weights_after(keras.optimizers.Adagrad(0.1), steps=1),
        "linear.": weights_after(keras.optimizers.Ftrl(0.05), steps=1),
        "": weights_after(keras.optimizers.Adam(0.01), steps=1),
    }
    for path, value in found.items():
        prefix = longest_prefix(path, alone)
        assert prefix is not None
        assert_allclose(value, alone[prefix][path], atol=1e-7)


def test_one_for_all_is_what_it_is_alone():
    alone, within = (weights_after(o) for o in ("adam", ByPrefix({"": "adam"})))
    for path, value in within.items():
        assert_allclose(value, alone[path], atol=1e-7)


def test_fit_counts_steps():
    model = network(several())
    model.fit(ROWS, LABELS, batch_size=2, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 4


def test_a_saved_model_goes_on_with_its_optimisers(tmp_path):
    model = network(several())
    model.train_on_batch(ROWS, LABELS)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [type(o).__name__ for o in loaded.optimizer.optimizers.values()] == [
        "Adam",
        "Adagrad",
        "Ftrl",
    ]
    for one in (model, loaded):
        one.train_on_batch(ROWS, LABELS)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert_array_equal(ours, theirs)


def test_a_weight_without_an_optimiser_is_refused():
    with pytest.raises(ConfigurationError, match="must have a prefix for weight 'deep_0/kernel'"):
        network(ByPrefix({"embedding.": "adam", "linear.": "sgd"})).train_on_batch(ROWS, LABELS)
