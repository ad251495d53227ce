from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Side
from models.ranking.final_mlp import dual_mlp, final_mlp
from tests.support.networks import FIELDS, ROWS, columns, mlp, with_random_weights

SIDES: dict[str, Side] = {"user_id": "user", "recent": "user", "item_id": "item"}
SMALL: dict[str, Any] = {"hidden": (5, 4), "hidden_2": None, "gate_hidden": (3,), "heads": 2}
SIDED = tuple(replace(f, belongs_to=SIDES.get(f.name)) for f in FIELDS)


def gated(w, stream, context):
    """2 sigmoid(Gate(x)) * e."""
    x = mlp(w, context, f"{stream}_gate", layers=1)
    g = x @ w[f"{stream}_gate_scale/kernel"] + w[f"{stream}_gate_scale/bias"]
    return 2.0 / (1.0 + np.exp(-g)) * np.hstack(columns(w))


def slow(w, first, second, heads):
    """Gates, MLPs and fusion, given the contexts of both gates."""
    a = mlp(w, gated(w, "first", first), "first")
    b = mlp(w, gated(w, "second", second), "second")
    out = a @ w["logit/first/kernel"] + w["logit/first/bias"] + b @ w["logit/second/kernel"]
    for k, (x, y) in enumerate(zip(np.split(a, heads, 1), np.split(b, heads, 1), strict=True)):
        for n in range(len(x)):
            out[n] += x[n] @ w[f"logit/kernel_{k}"] @ y[n]
    return out


def test_dual_mlp_is_two_mlps_under_one_logit():
    model = dual_mlp(FIELDS, hidden=(5, 3), hidden_2=(6, 2))
    w = with_random_weights(model)
    e = np.hstack(columns(w))
    x = np.hstack([mlp(w, e, "first"), mlp(w, e, "second")])
    assert_allclose(model(ROWS), x @ w["logit/kernel"] + w["logit/bias"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2])
def test_gates_read_the_users_and_the_items_side(heads):
    model = final_mlp(SIDED, hidden=(5, 4), hidden_2=(6, 2), gate_hidden=(3,), heads=heads)
    w = with_random_weights(model)
    user_id, recent, item_id, *_ = columns(w)
    expected = slow(w, np.hstack([user_id, recent]), item_id, heads)
    assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


def test_gates_read_the_fields_that_they_are_told():
    model = final_mlp(SIDED, gate_1=["shape"], gate_2=["user_id", "age"], **SMALL)
    w = with_random_weights(model)
    user_id, _, _, age, shape = columns(w)
    expected = slow(w, shape, np.hstack([user_id, age]), 2)
    assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


def test_a_gate_without_fields_reads_a_learnt_vector():
    model = final_mlp(FIELDS, **SMALL)
    w = with_random_weights(model)
    first, second = (
        np.repeat(w[f"{stream}_gate_context/vector"], 3, axis=0) for stream in ("first", "second")
    )
    assert_allclose(model(ROWS), slow(w, first, second, 2), rtol=1e-4, atol=1e-5)


def test_a_gate_of_an_unknown_field_is_refused():
    with pytest.raises(ConfigurationError, match="`gate_2` must name fields"):
        final_mlp(FIELDS, gate_2=["nobody"])
