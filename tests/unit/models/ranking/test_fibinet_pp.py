import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.ranking.fibinet_pp import fibinet_pp
from tests.support.networks import FIELDS, ROWS, mlp, vectors, with_random_weights


def built(**options):
    model = fibinet_pp(FIELDS, hidden=(5, 3), rank=4, reduction=2, **options)
    w = with_random_weights(model)
    for weight in model.weights:
        if weight.path.endswith("moving_variance"):
            w[weight.path] = np.abs(w[weight.path])
            weight.assign(w[weight.path])
    return model, w


def layer_normalised(w, name, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    return x * w[f"{name}/gamma"] + w[f"{name}/beta"]


def normalised(w):
    """Eq. 7 and 8: ids over rows, by what training has seen; floats over their own numbers."""
    out = []
    for field, v in zip(FIELDS, vectors(w), strict=True):
        name = f"norm.{field.name}"
        if field.is_id:
            v = (v - w[f"{name}/moving_mean"]) / np.sqrt(w[f"{name}/moving_variance"] + 1e-3)
            out.append(v * w[f"{name}/gamma"] + w[f"{name}/beta"])
        else:
            out.append(layer_normalised(w, name, v + w[f"bias.{field.name}/bias"]))
    return np.stack(out, axis=1)


def slow(w, kind, groups):
    rows = []
    for e in normalised(w):
        places = {"all": lambda i, n: 0, "each": lambda i, n: i, "interaction": lambda i, n: n}
        p = []
        for i in range(5):
            for j in range(i + 1, 5):
                W = w["pairs/kernel"][places[kind](i, len(p))]
                p.append(sum((e[i] @ W)[d] * e[j][d] for d in range(4)))
        parts = [part for v in e for part in np.split(v, groups)]
        z = np.array([x.mean() for x in parts] + [x.max() for x in parts])
        h = np.maximum(z @ w["senet/squeeze/kernel"] + w["senet/squeeze/bias"], 0.0)
        a = (h @ w["senet/excite/kernel"] + w["senet/excite/bias"]).reshape(5, 4)
        v = layer_normalised(w, "senet/normalise", e * a + e)
        rows.append(np.concatenate([v.ravel(), np.array(p) @ w["low_rank/kernel"]]))
    deep = mlp(w, np.array(rows), "deep")
    return deep @ w["logit/kernel"] + w["logit/bias"]


@pytest.mark.parametrize(("kind", "groups"), [("all", 2), ("each", 1), ("interaction", 4)])
def test_it_is_the_papers_equations(kind, groups):
    model, w = built(kind=kind, groups=groups)
    assert_allclose(model(ROWS), slow(w, kind, groups), rtol=1e-4, atol=1e-5)


def test_pairs_are_single_numbers_under_a_layer_of_low_rank():
    _, w = built()
    assert w["low_rank/kernel"].shape == (10, 4)
    assert not any(name.startswith("linear.") for name in w)


def test_how_large_a_number_is_can_be_seen_through_the_normalisation():
    keras.utils.set_random_seed(0)
    model = fibinet_pp(FIELDS, hidden=())
    model.get_layer("bias.age").set_weights([np.array([1.0, -1.0, 0.5, 0.0])])
    larger = {**ROWS, "age": 3.0 * ROWS["age"]}
    scores = [keras.ops.convert_to_numpy(model(x)) for x in (ROWS, larger)]
    assert np.abs(scores[0] - scores[1]).min() > 1e-3
