"""Trials of a model on a dataset: the validation rows decide, the test rows are not looked at."""

import numpy as np
import pytest

from models.catalogue import find
from models.evaluation.dataset import TEST, TRAIN, VALID, Dataset
from models.evaluation.settings import Training
from models.fields import Field
from models.tuning.offline import OfflineTrials


@pytest.fixture(scope="module")
def trials():
    """Rows whose label is the item's parity, which the labels of the test rows deny."""
    rng = np.random.default_rng(0)
    item = rng.integers(1, 21, 900)
    parts = np.repeat([TRAIN, VALID, TEST], 300)
    labels = np.where(parts == TEST, item % 2 == 0, item % 2 == 1).astype(float)
    dataset = Dataset(
        "parity", (Field("item", belongs_to="item"),), {"item": item}, labels, parts=parts
    )
    training = Training(width=2, batch_size=50, epochs=4, learning_rate=0.05, l2=0.0)
    return OfflineTrials(find("lr"), dataset, "given", training, {})


def test_a_trial_is_worth_the_auc_of_its_validation_rows(trials):
    told = []
    value = trials.value({"learning_rate": 0.1}, lambda step, reached: told.append((step, reached)))
    assert value == 1.0  # the test rows would say 0
    steps = [step for step, _ in told]
    assert steps == sorted(set(steps)) and all(0.5 < reached <= 1 for _, reached in told)


def test_values_go_to_training_and_to_the_builder(trials):
    deepfm = OfflineTrials(
        find("deepfm"), trials.dataset, "given", Training(l2=0.5), {"hidden": (4,)}
    )
    values = {"l2": 0.25, "hidden": (8, 8)}
    run = deepfm.run(values)
    assert run.training.l2 == 0.25 and run.resolved["hidden"] == (8, 8)
    assert deepfm.run({}).training.l2 == 0.5 and deepfm.run({}).resolved["hidden"] == (4,)
    assert deepfm.flags(values) == ["--l2 0.25", "--option 'hidden=(8, 8)'"]
    assert {"hidden", "learning_rate", "dropout"} <= deepfm.known.keys()
    assert deepfm.purpose != trials.purpose
