import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.layers.interest_extractor import InterestExtractor

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(4, 3, 2)).astype(np.float32)
IDS = np.array([[1, 2, 3], [4, 5, 0], [1, 6, 3], [7, 0, 0]])


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def auxiliary(layer, vectors, ids):
    layer(vectors, ids, training=True)
    return [float(loss) for loss in layer.losses]


def test_the_auxiliary_loss_is_the_papers_equation():
    layer = InterestExtractor(alpha=0.3)
    (loss,) = auxiliary(layer, VECTORS, IDS)
    h = np.array(layer.gru(VECTORS, IDS))
    total = 0.0
    for row in range(4):
        other = (row + 2) % 4
        for t in (2, 1):  # places of behaviours; the next one is at t - 1
            positive, negative = IDS[row, t - 1], IDS[other, t - 1]
            if IDS[row, t] and positive and negative and positive != negative:
                total += log_sigmoid(h[row, t] @ VECTORS[row, t - 1])
                total += log_sigmoid(-(h[row, t] @ VECTORS[other, t - 1]))
    assert loss == pytest.approx(-0.3 * total / 4, rel=1e-4)
    assert loss > 0


def test_there_is_none_when_not_training_or_when_alpha_is_0():
    layer = InterestExtractor()
    assert_allclose(layer(VECTORS, IDS), layer(VECTORS, IDS, training=True))
    layer(VECTORS, IDS, training=False)
    assert layer.losses == []
    assert auxiliary(InterestExtractor(alpha=0.0), VECTORS, IDS) == []


@pytest.mark.parametrize(
    "ids", [IDS[:1], np.zeros_like(IDS), np.array([[1, 0, 0], [2, 0, 0]]), np.array([[5], [6]])]
)
def test_without_a_pair_the_loss_is_0(ids):
    vectors = VECTORS[: len(ids), : ids.shape[1]]
    assert auxiliary(InterestExtractor(), vectors, ids) == [0.0]


def test_an_odd_batch_has_negatives_for_every_row():
    layer = InterestExtractor()
    ids = np.arange(1, 10).reshape(3, 3)
    loss = auxiliary(layer, np.zeros((3, 3, 2), np.float32), ids)
    assert loss == pytest.approx([2 * 2 * np.log(2.0)])  # two steps a row, two terms a step


def test_large_vectors_leave_it_finite():
    assert np.isfinite(auxiliary(InterestExtractor(), 1e6 * VECTORS, IDS)).all()
