from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.ffm import ffm
from models.ranking.gwpfm import gwpfm
from models.split import split
from tests.support.small_network import FIELDS, ROWS, field_vectors, randomised

WIDTH = 3
GROUPS = ("user", "user", None, "user", "shape")
GROUPED = tuple(replace(f, group=g) for f, g in zip(FIELDS, GROUPS, strict=True))
NUMBER = [0, 0, 1, 0, 2]  # user_id, recent, item_id on its own, age, shape
STRENGTH = {(0, 0): 0, (0, 1): 1, (0, 2): 2, (1, 2): 3}  # the pairs of groups that meet


def slow_h(w):
    """sum_{i<j} (v_{i,G(j)} * v_{j,G(i)}) r_{G(i),G(j)}, a component at a time."""
    parts = [v.reshape(2, 3, WIDTH) for v in field_vectors(w)]
    h = np.zeros((2, WIDTH))
    for n in range(2):
        for i in range(len(FIELDS)):
            for j in range(i + 1, len(FIELDS)):
                low, high = sorted((NUMBER[i], NUMBER[j]))
                r = w["pairs/strength"][STRENGTH[low, high]]
                for f in range(WIDTH):
                    h[n, f] += parts[i][n, NUMBER[j], f] * parts[j][n, NUMBER[i], f] * r
    return h


def test_it_is_the_papers_equation_under_an_mlp():
    model = gwpfm(GROUPED, width=WIDTH, hidden=(5,))
    w = randomised(model)
    assert w["pairs/strength"].shape == (4,)
    deep = np.maximum(slow_h(w) @ w["deep_0/kernel"] + w["deep_0/bias"], 0.0)
    expected = deep @ w["logit/kernel"] + w["logit/bias"]
    assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


def test_a_feature_has_a_part_for_each_group_and_fields_stay_as_they_are():
    tables = split(gwpfm(GROUPED, width=WIDTH)).tables
    assert {name: t.width for name, t in tables.items()} == {"user_id": 9, "item_id": 9}
    assert [f.width for f in GROUPED] == [4, 4, 4, 1, 2]


def test_with_a_group_for_each_field_its_sum_is_a_field_aware_machine():
    ours, machine = gwpfm(FIELDS, width=WIDTH, hidden=()), ffm(FIELDS, width=WIDTH)
    values = randomised(machine)
    for weight in ours.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    ours.get_layer("logit").kernel.assign(np.ones((WIDTH, 1)))
    assert_allclose(ours(ROWS), machine(ROWS), rtol=1e-5)


def test_a_group_named_as_a_field_without_one_is_another_group():
    fields = [Field("a", width=4, group="b"), Field("b", width=4), Field("c", width=4, group="b")]
    assert split(gwpfm(fields, width=WIDTH)).tables["a"].width == 2 * WIDTH


def test_one_field_is_refused():
    with pytest.raises(ConfigurationError, match="`fields` must be at least two to form pairs"):
        gwpfm([Field("user_id", width=4, rows=3)])
