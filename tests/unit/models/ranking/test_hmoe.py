from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.ranking.hmoe import hmoe
from tests.support.networks import FIELDS, ROWS, mlp, vectors, with_random_weights

GROUPED = tuple(replace(f, group="g" if f.name in ("user_id", "age") else "h") for f in FIELDS)
GROUP = [0, 1, 1, 0, 1]
ALL = (("flat", "fm"), ("inner",), ("cross",), ("gwpfm",))


def in_role(w, role):
    """The vectors of one group of experts: the same lookups in tables of their own."""
    renamed = {
        key.replace(f"{role}.", "vector." if key.endswith("kernel") else "embedding."): value
        for key, value in w.items()
        if key.startswith(f"{role}.")
    }
    return vectors(renamed)


def interaction(w, kind, v, name):
    v_pairs = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    flat = np.hstack(v)
    if kind == "flat":
        return flat
    if kind == "fm":
        return sum(v[i] * v[j] for i, j in v_pairs)
    if kind == "inner":
        return np.hstack([flat, *((v[i] * v[j]).sum(1, keepdims=True) for i, j in v_pairs)])
    if kind == "cross":
        x = flat
        for n in range(2):
            key = f"{name}_cross_{n}/kernel"
            x = flat * (x @ w[f"{key}/kernel"] + w[f"{key}/bias"]) + x
        return x
    total, strength = 0.0, w[f"{name}_gwpfm/strength"]
    for i, j in v_pairs:
        place = GROUP[i] + GROUP[j]  # (0, 0), (0, 1), (1, 1) in order
        a, b = (v[m][:, 4 * g : 4 * g + 4] for m, g in ((i, GROUP[j]), (j, GROUP[i])))
        total = total + a * b * strength[place]
    return total


def slow(w, combine, experts=ALL):
    tables = [vectors(w), *(in_role(w, f"experts_{g}") for g in range(1, len(experts)))]
    outputs = []
    for v, kinds in zip(tables, experts, strict=True):
        for kind in kinds:
            name = f"expert_{len(outputs)}"
            x = mlp(w, interaction(w, kind, v, name), name, layers=1)
            outputs.append(x @ w[f"{name}_output/kernel"] + w[f"{name}_output/bias"])
    share = np.ones((3, len(outputs)))
    if combine == "weighted":
        share = np.repeat(w["weights/kernel"].T, 3, axis=0)
    if combine == "gate":
        x = np.hstack([x for v in tables for x in v])
        share = np.exp(x @ w["gate/kernel"] + w["gate/bias"])
        share /= share.sum(axis=1, keepdims=True)
    mixed = sum(share[:, k : k + 1] * o for k, o in enumerate(outputs))
    return mixed @ w["logit/kernel"] + w["logit/bias"]


@pytest.mark.parametrize("combine", ["gate", "weighted", "sum"])
def test_experts_of_every_kind_are_combined(combine):
    model = hmoe(GROUPED, experts=ALL, combine=combine, hidden=(5,), units=3)
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, combine), rtol=1e-4, atol=1e-5)


def test_each_group_has_tables_of_its_own():
    w = with_random_weights(hmoe(GROUPED, experts=(("flat", "cross"), ("flat",), ("gwpfm",))))
    assert w["embedding.user_id/embeddings"].shape == (9, 4)
    assert w["experts_1.user_id/embeddings"].shape == (9, 4)
    assert w["experts_2.user_id/embeddings"].shape == (9, 8)


def test_the_gate_shares_differently_among_experts_and_rows():
    model = hmoe(FIELDS, units=1, hidden=(3,))
    w = with_random_weights(model)
    for k in range(4):  # each expert's output is its own number
        model.get_layer(f"expert_{k}_output").set_weights([np.zeros((3, 1)), np.array([10.0**k])])
    model.get_layer("logit").set_weights([np.ones((1, 1)), np.zeros(1)])
    mixed = np.ravel(model(ROWS))
    assert w["gate/kernel"].shape[1] == 4
    assert ((mixed > 1.0) & (mixed < 1000.0)).all()
    assert len(set(mixed.round(3))) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experts": (("flat", "deep"),)}, "`experts` must be among"),
        ({"experts": (("flat",),)}, "`experts` must be at least two"),
        ({"experts": (("flat", "gwpfm"),)}, "`gwpfm` must be alone"),
        ({"combine": "mean"}, "`combine` must be one of"),
    ],
)
def test_what_cannot_work_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        hmoe(FIELDS, **options)
