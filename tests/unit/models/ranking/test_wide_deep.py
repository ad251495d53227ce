from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.wide_deep import wide_deep
from tests.support.networks import FIELDS, ROWS, columns, first_order, mlp, with_random_weights

CROSS = Field("user_x_item", rows=9, belongs_to="cross", group="wide")
PRODUCTS = np.array([7, 0, 2])


def test_it_is_the_papers_equation():
    model = wide_deep(FIELDS, hidden=(5, 3))
    w = with_random_weights(model)
    deep = mlp(w, np.hstack(columns(w)), "deep")
    expected = first_order(w) + deep @ w["logit/kernel"] + w["logit/bias"]
    assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


def test_a_field_of_the_group_wide_is_in_the_wide_part_alone():
    model = wide_deep([*FIELDS, CROSS], hidden=(5, 3))
    w = with_random_weights(model)
    assert "embedding.user_x_item/embeddings" not in w
    deep = mlp(w, np.hstack(columns(w)), "deep")
    wide = first_order(w) + w["linear.user_x_item/embeddings"][PRODUCTS] * (PRODUCTS > 0)[:, None]
    expected = wide + deep @ w["logit/kernel"] + w["logit/bias"]
    assert_allclose(model({**ROWS, "user_x_item": PRODUCTS}), expected, rtol=1e-4, atol=1e-5)


def test_the_wide_weights_can_be_told_by_their_names():
    model = wide_deep([*FIELDS, CROSS], hidden=(5,))
    linear = {w.path.split("/")[0] for w in model.weights if w.path.startswith("linear.")}
    names = ("user_id", "item_id", "age", "shape", "user_x_item")
    assert linear == {f"linear.{name}" for name in names}


def test_fields_that_are_all_wide_are_refused():
    with pytest.raises(ConfigurationError, match="`fields` must have one that is not of the group"):
        wide_deep([CROSS, replace(FIELDS[0], group="wide")])
