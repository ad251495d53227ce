from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.afm import afm
from tests.support.small_network import FIELDS, ROWS, field_vectors, first_order, randomised


def slow(w):
    """Eq. 2 to 6, a row at a time."""
    W, b = w["attention/hidden/kernel"], w["attention/hidden/bias"]
    h, p = w["attention/score/kernel"][:, 0], w["logit/kernel"][:, 0]
    total = w["logit/bias"] + first_order(w)
    for n in range(2):
        products = [v_i[n] * v_j[n] for v_i, v_j in combinations(field_vectors(w), 2)]
        scores = [h @ np.maximum(product @ W + b, 0.0) for product in products]
        shares = np.exp(scores) / sum(np.exp(scores))
        total[n] += p @ sum(a * product for a, product in zip(shares, products, strict=True))
    return total


def test_it_is_the_papers_equations():
    model = afm(FIELDS, attention=6)
    w = randomised(model)
    assert_allclose(model(ROWS)[:, 0], slow(w), rtol=1e-4, atol=1e-5)


def test_dropout_takes_the_products_of_the_pairs():
    model = afm(FIELDS, dropout=0.5)
    assert model.get_layer("pairs_dropout").rate == 0.5
    assert model.get_layer("pairs_dropout").output.shape == (None, 10, 4)


def test_one_field_is_refused():
    with pytest.raises(ConfigurationError, match="`fields` must be at least two to form pairs"):
        afm([Field("user_id", width=4, rows=3)])
