"""A small dataset with a planted rule: a user likes an item where both are even, or both odd."""

import numpy as np
import pytest

from models.evaluation.dataset import Dataset
from models.fields import Field

FIELDS = (
    Field("user", belongs_to="user"),
    Field("item", belongs_to="item"),
    Field("recent", length=3, belongs_to="user", shared_with="item"),
    Field("price", "float", belongs_to="item"),
)


def planted(n=6000, seed=0, **others):
    rng = np.random.default_rng(seed)
    user, item = rng.integers(1, 21, n), rng.integers(1, 31, n)
    columns = {
        "user": user,
        "item": item,
        "recent": rng.integers(0, 31, (n, 3)),
        "price": rng.random(n),
    }
    given = {"times": np.arange(n), "groups": user, **others}
    return Dataset("planted", FIELDS, columns, (user % 2 == item % 2).astype(float), **given)


@pytest.fixture
def dataset():
    return planted()


@pytest.fixture
def make():
    return planted
