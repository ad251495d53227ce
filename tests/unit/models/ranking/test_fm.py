from itertools import combinations

import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.fm import fm
from tests.support.small_network import FIELDS, ROWS, field_vectors, first_order, randomised


def slow(w):
    """Eq. 1: every pair on its own."""
    total = w["bias/bias"] + first_order(w)
    for n in range(2):
        for v_i, v_j in combinations(field_vectors(w), 2):
            total[n] += sum(v_i[n, f] * v_j[n, f] for f in range(4))
    return total


def test_it_is_the_papers_equation():
    model = fm(FIELDS)
    w = randomised(model)
    assert_allclose(model(ROWS)[:, 0], slow(w), rtol=1e-4, atol=1e-5)


def test_ids_of_different_widths_are_refused():
    with pytest.raises(ConfigurationError, match="Ids must have one `width`"):
        fm([Field("user_id", width=4), Field("item_id", width=8)])
