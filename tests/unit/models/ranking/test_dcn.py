import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.ranking.dcn import dcn
from tests.support.networks import FIELDS, ROWS, columns, mlp, with_random_weights


def slow(w, crosses):
    """Eq. 3, a row at a time, and the join of eq. 5."""
    joined = []
    for x0 in np.hstack(columns(w)):
        x = x0
        for i in range(crosses):
            weight = w[f"cross_{i}/weight/kernel"][:, 0]
            x = np.outer(x0, x) @ weight + w[f"cross_{i}/bias"] + x
        joined.append(np.concatenate([x, mlp(w, x0, "deep")]))
    return np.array(joined) @ w["logit/kernel"] + w["logit/bias"]


@pytest.mark.parametrize("crosses", [0, 1, 3])
def test_it_is_the_papers_equations(crosses):
    model = dcn(FIELDS, crosses=crosses, hidden=(5, 3))
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, crosses), rtol=1e-4, atol=1e-5)
