import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.adam import Adam
from models.fields import Field
from models.ranking.dcn_v2 import dcn_v2

RNG = np.random.default_rng(0)
ROWS = {"user_id": RNG.integers(0, 9, 64), "item_id": RNG.integers(0, 9, 64)}
LABELS = (RNG.random(64) < 0.5).astype(np.float32)


def network(optimizer):
    keras.utils.set_random_seed(1)
    model = dcn_v2([Field(name, width=4, rows=9) for name in ROWS], hidden=(8,))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=False)
    return model


def after(model, steps):
    for _ in range(steps):
        model.train_on_batch(ROWS, LABELS)
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


@pytest.mark.parametrize(
    "options", [{}, {"amsgrad": True}, {"weight_decay": 0.01}, {"clipnorm": 0.1}]
)
def test_its_steps_are_those_of_keras(options):
    ours = after(network(Adam(0.01, **options)), steps=5)
    theirs = after(network(keras.optimizers.Adam(0.01, **options)), steps=5)
    for mine, other in zip(ours, theirs, strict=True):
        assert_allclose(mine, other, atol=1e-6)


def test_its_moments_are_saved_with_the_network(tmp_path):
    model = network(Adam(0.01))
    after(model, steps=3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.optimizer, Adam)
    for weight, expected in zip(after(again, 2), after(model, 2), strict=True):
        assert_allclose(weight, expected, atol=1e-6)
