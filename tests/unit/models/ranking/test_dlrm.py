from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.dlrm import dlrm
from tests.support.networks import FIELDS, ROWS, columns, mlp, with_random_weights

IDS = [f for f in FIELDS if f.is_id]


def slow(w, with_numbers):
    """Bottom MLP, all dot products, top MLP; a row at a time."""
    logits = []
    for n in range(3):
        row = [column[n] for column in columns(w)]
        ids = [x for x, f in zip(row, FIELDS, strict=True) if f.is_id]
        numbers = [x for x, f in zip(row, FIELDS, strict=True) if not f.is_id]
        dense = [mlp(w, np.concatenate(numbers), "bottom")] if with_numbers else []
        dots = [a @ b for a, b in combinations([*dense, *ids], 2)]
        x = mlp(w, np.concatenate([*dense, dots]), "top")
        logits.append(x @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


def test_it_is_the_papers_equations():
    model = dlrm(FIELDS, bottom=(6,), hidden=(5, 3))
    w = with_random_weights(model)
    assert w["bottom_1/kernel"].shape == (6, 4)
    assert w["top_0/kernel"].shape == (4 + 6, 5)
    assert_allclose(model(ROWS), slow(w, with_numbers=True), rtol=1e-4, atol=1e-5)


def test_ids_alone_have_their_dot_products_alone():
    model = dlrm(IDS, hidden=(5, 3))
    w = with_random_weights(model)
    x = {f.name: ROWS[f.name] for f in IDS}
    assert_allclose(model(x), slow(w, with_numbers=False), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "fields", [[Field("age", "float")], [*IDS, Field("category", width=8, rows=3)]]
)
def test_ids_must_have_one_width(fields):
    with pytest.raises(ConfigurationError, match="Ids must have one `width` for this network"):
        dlrm(fields)


def test_a_single_vector_has_no_pairs():
    with pytest.raises(ConfigurationError, match="at least two to form pairs"):
        dlrm(IDS[:1])
