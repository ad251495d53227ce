import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.ffm import ffm
from models.split import split
from tests.support.small_network import FIELDS, ROWS, field_vectors, first_order, randomised

WIDTH = 3


def slow(w):
    """The equation: of field i the vector for j, of field j the vector for i."""
    parts = [v.reshape(2, len(FIELDS), WIDTH) for v in field_vectors(w)]
    total = np.zeros(2)
    for n in range(2):
        for i in range(len(FIELDS)):
            for j in range(i + 1, len(FIELDS)):
                total[n] += parts[i][n, j] @ parts[j][n, i]
    return total


def test_it_is_the_papers_equation():
    model = ffm(FIELDS, width=WIDTH)
    w = randomised(model)
    assert_allclose(model(ROWS)[:, 0], slow(w), rtol=1e-4, atol=1e-5)


def test_the_first_order_term_is_added_where_it_is_asked_for():
    model = ffm(FIELDS, width=WIDTH, linear=True)
    w = randomised(model)
    expected = w["bias/bias"] + first_order(w) + slow(w)
    assert_allclose(model(ROWS)[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_a_feature_has_a_vector_for_each_field():
    tables = split(ffm(FIELDS, width=WIDTH)).tables
    assert {name: t.width for name, t in tables.items()} == {"user_id": 15, "item_id": 15}


def test_the_vector_for_one_field_plays_no_part_with_the_others():
    """User and item, user and shop: moving the user's vector for shops leaves the item's share."""
    fields = [Field(name, width=4, rows=3) for name in ("user_id", "item_id", "shop_id")]
    model = ffm(fields, width=WIDTH)
    w = randomised(model)
    x = {name: np.array([1]) for name in ("user_id", "item_id", "shop_id")}
    before = float(model(x)[0, 0])
    users, shops = (w[f"embedding.{t}/embeddings"] for t in ("user_id", "shop_id"))
    moved = users.copy()
    moved[1, 2 * WIDTH :] += 1.0
    model.get_layer("embedding.user_id").embeddings.assign(moved)
    change = shops[1, :WIDTH].sum()
    assert float(model(x)[0, 0]) - before == pytest.approx(change, abs=1e-5)


def test_lists_are_pooled_by_attention_where_their_target_comes_after_them():
    recent = Field("recent", width=4, rows=9, length=3, target="item_id", pooling="din")
    model = ffm([recent, Field("item_id", width=4, rows=9)], width=WIDTH)
    assert model({"recent": ROWS["recent"], "item_id": ROWS["item_id"]}).shape == (2, 1)


def test_one_field_is_refused():
    with pytest.raises(ConfigurationError, match="`fields` must be at least two to form pairs"):
        ffm([Field("user_id", width=4, rows=3)])
