import numpy as np
from numpy.testing import assert_allclose

from models.layers.relevance import Relevance

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(3, 4, 2)).astype(np.float32)
IDS = np.array([[1, 2, 3, 4], [4, 0, 6, 0], [0, 0, 0, 0]])
TARGET = RNG.normal(size=(3, 3)).astype(np.float32)


def test_it_is_a_softmax_of_a_bilinear_form_over_what_is_there():
    layer = Relevance()
    found = np.array(layer(STATES, IDS, TARGET))
    W = layer.kernel.numpy()
    for row in range(2):
        there = np.flatnonzero(IDS[row])
        scores = np.array([STATES[row, j] @ W @ TARGET[row] for j in there])
        expected = np.zeros(4)
        expected[there] = np.exp(scores) / np.exp(scores).sum()
        assert_allclose(found[row], expected, rtol=1e-4, atol=1e-6)


def test_an_empty_list_has_no_weights():
    assert_allclose(Relevance()(STATES, IDS, TARGET)[2], np.zeros(4))
