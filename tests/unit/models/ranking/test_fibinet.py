import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.ranking.fibinet import fibinet
from tests.support.networks import FIELDS, ROWS, first_order, mlp, vectors, with_random_weights


def pairs(e, kernel, kind):
    """e_i W * e_j for one row, a pair at a time."""
    out = []
    for i in range(5):
        for j in range(i + 1, 5):
            place = {"all": 0, "each": i, "interaction": len(out)}[kind]
            out.append((e[i] @ kernel[place]) * e[j])
    return np.concatenate(out)


def slow(w, kind):
    """Pairs of plain and of weighted vectors, DNN and first order, a row at a time."""
    rows = []
    for e in np.stack(vectors(w), axis=1):
        h = np.maximum(e.mean(axis=1) @ w["senet/squeeze/kernel"] + w["senet/squeeze/bias"], 0.0)
        a = np.maximum(h @ w["senet/excite/kernel"] + w["senet/excite/bias"], 0.0)
        v = [a[i] * e[i] for i in range(5)]
        p = pairs(e, w["pairs/kernel"], kind)
        q = pairs(v, w["weighted_pairs/kernel"], kind)
        rows.append(np.concatenate([p, q]))
    deep = mlp(w, np.array(rows), "deep")
    return first_order(w) + deep @ w["logit/kernel"] + w["logit/bias"]


@pytest.mark.parametrize("kind", ["all", "each", "interaction"])
def test_it_is_the_papers_equations(kind):
    model = fibinet(FIELDS, kind=kind, reduction=2, hidden=(5, 3))
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, kind), rtol=1e-4, atol=1e-5)


def test_a_kind_that_is_unknown_is_refused():
    with pytest.raises(ConfigurationError, match="`kind` must be one of"):
        fibinet(FIELDS, kind="some")  # type: ignore[arg-type]


def test_a_single_field_has_no_pairs():
    with pytest.raises(ConfigurationError, match="at least two"):
        fibinet(FIELDS[:1])
