import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.ranking.deep_crossing import deep_crossing
from tests.support.networks import FIELDS, ROWS, columns, with_random_weights


def slow(w, units):
    """Eq. 1 for ids, stacking, then the residual units of figure 2."""
    stacked = []
    for field, column in zip(FIELDS, columns(w), strict=True):
        embedded = np.maximum(column + w[f"bias.{field.name}/bias"], 0.0) if field.is_id else column
        stacked.append(embedded)
    x = np.hstack(stacked)
    for i in range(units):
        W0, b0 = w[f"deep_{i}/first/kernel"], w[f"deep_{i}/first/bias"]
        W1, b1 = w[f"deep_{i}/second/kernel"], w[f"deep_{i}/second/bias"]
        x = np.maximum(x + np.maximum(x @ W0 + b0, 0.0) @ W1 + b1, 0.0)
    return x @ w["logit/kernel"] + w["logit/bias"]


@pytest.mark.parametrize("hidden", [(), (6,), (5, 3, 7)])
def test_it_is_the_papers_equations(hidden):
    model = deep_crossing(FIELDS, hidden=hidden)
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, len(hidden)), rtol=1e-4, atol=1e-5)


def test_fields_of_one_table_have_biases_of_their_own():
    paths = [w.path for w in deep_crossing(FIELDS, hidden=()).weights]
    assert {"bias.recent/bias", "bias.item_id/bias"} <= set(paths)
