import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.ranking.xdeepfm import xdeepfm
from tests.support.networks import FIELDS, ROWS, first_order, mlp, vectors, with_random_weights


def cin(w, x0, maps):
    """Eq. 6 and 7 for one row: x0 is (fields, width)."""
    x, pooled = x0, []
    for k, count in enumerate(maps):
        kernel = w[f"cin/kernel_{k}"].reshape(len(x), len(x0), count)
        new = np.zeros((count, x0.shape[1]))
        for h in range(count):
            for i in range(len(x)):
                for j in range(len(x0)):
                    new[h] += kernel[i, j, h] * x[i] * x0[j]
        x = new
        pooled += [row.sum() for row in x]
    return np.array(pooled)


@pytest.mark.parametrize("maps", [(3,), (3, 2), (2, 4, 3)])
def test_it_is_the_papers_equations(maps):
    model = xdeepfm(FIELDS, maps=maps, hidden=(5, 3))
    w = with_random_weights(model)
    v = vectors(w)
    p = np.array([cin(w, x0, maps) for x0 in np.stack(v, axis=1)])
    deep = mlp(w, np.hstack(v), "deep") @ w["logit/kernel"] + w["logit/bias"]
    expected = first_order(w) + p @ w["cin_logit/kernel"] + deep
    assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


def test_a_cin_without_layers_is_refused():
    with pytest.raises(ConfigurationError, match="`maps` must have at least one number"):
        xdeepfm(FIELDS, maps=())
