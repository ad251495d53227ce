import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.ranking.autoint import autoint
from tests.support.networks import FIELDS, ROWS, mlp, vectors, with_random_weights


def attended(w, name, e, heads, head_width):
    """Eq. 5 to 8 for one row: e is (fields, width)."""
    out = np.zeros((len(e), heads * head_width))
    for m in range(len(e)):
        for h in range(heads):
            own = slice(h * head_width, (h + 1) * head_width)
            Q, K, V = (w[f"{name}/{part}/kernel"][:, own] for part in ("query", "key", "value"))
            weights = np.array([np.exp((e[m] @ Q) @ (e[k] @ K)) for k in range(len(e))])
            weights /= weights.sum()
            out[m, own] = sum(weights[k] * (e[k] @ V) for k in range(len(e)))
        out[m] += e[m] @ w[f"{name}/residual/kernel"]
    return np.maximum(out, 0.0)


def slow(w, layers, heads, head_width):
    """Attention upon attention, a row at a time, and eq. 9."""
    logits = []
    for e in np.stack(vectors(w), axis=1):
        for i in range(layers):
            e = attended(w, f"attention_{i}", e, heads, head_width)
        logits.append(e.ravel() @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


@pytest.mark.parametrize(("layers", "heads"), [(0, 1), (1, 1), (1, 3), (3, 2)])
def test_it_is_the_papers_equations(layers, heads):
    model = autoint(FIELDS, layers=layers, heads=heads, head_width=3)
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, layers, heads, 3), rtol=1e-4, atol=1e-5)


def test_with_hidden_layers_a_dnn_adds_its_logit():
    model = autoint(FIELDS, layers=1, heads=2, head_width=3, hidden=(5, 3))
    w = with_random_weights(model)
    deep = mlp(w, np.hstack(vectors(w)), "deep") @ w["deep_logit/kernel"]
    assert_allclose(model(ROWS), slow(w, 1, 2, 3) + deep, rtol=1e-4, atol=1e-5)
